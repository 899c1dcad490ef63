package main

import (
	"fmt"
	"os"

	"edgec/runtime"
	"edgec/runtime/format"
)

// loadEdgec loads files for edgec's runtime. An inference copies the int8 input, whose
// memory a run uses for other values, and runs. The version is the name of the
// micro-kernels.
func loadEdgec(files []string) (kernels string, runs []inference, err error) {
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", nil, err
		}
		m, err := runtime.Load(data)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", name, err)
		}
		s, err := m.NewSession(runtime.Config{})
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", name, err)
		}
		x := make([]int8, len(s.Input(0)))
		format.SelfTestInput(1, x)
		runs = append(runs, func() error {
			copy(s.Input(0), x)
			s.Run()
			return nil
		})
		kernels = m.Info().Kernels
	}
	return kernels, runs, nil
}
