//go:build linux

// Command guest executes files under qemu-user for bench/arm, which counts instructions:
//
//	guest [-layers] FILE ...
//
// With -layers it counts, in each inference, first an empty interval and then each layer.
//
// Of each file it runs two inferences that do not count, since they touch memory for the
// first time, then Counted or CountedLayers ones, each between two getppid system calls. It prints the name
// of the micro-kernels.
package main

import (
	"os"
	goruntime "runtime"
	"syscall"

	"edgec/bench/arm/guest/marks"
	"edgec/runtime"
)

func main() {
	goruntime.LockOSThread() // the plugin counts by thread
	kernels := ""
	names, counted, of := os.Args[1:], marks.Counted, run
	if len(names) > 0 && names[0] == "-layers" {
		names, counted, of = names[1:], marks.CountedLayers, runEach
	}
	for _, name := range names {
		var err error
		if kernels, err = count(name, counted, of); err != nil {
			os.Stderr.WriteString("guest: " + name + ": " + err.Error() + "\n")
			os.Exit(1)
		}
	}
	os.Stdout.WriteString(kernels + "\n")
}

// run executes an inference and, if it counts, marks it.
func run(s *runtime.Session, counts bool) {
	mark(counts)
	s.Run()
	mark(counts)
}

// runEach marks each layer, and before them nothing.
func runEach(s *runtime.Session, counts bool) {
	mark(counts)
	mark(counts)
	mark(counts)
	s.RunEach(func(int) {
		mark(counts)
		mark(counts)
	})
	mark(counts)
}

func mark(counts bool) {
	if counts {
		syscall.Getppid()
	}
}

// count executes one file and returns the name of the micro-kernels.
func count(name string, counted int, run func(s *runtime.Session, counts bool)) (kernels string, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	m, err := runtime.Load(data)
	if err != nil {
		return "", err
	}
	s, err := m.NewSession(runtime.Unlimited())
	if err != nil {
		return "", err
	}
	for i := range 2 + counted {
		for k := range m.Info().Inputs {
			s.SetTestInput(k, 1+uint32(k))
		}
		goruntime.Gosched() // begins a new time slice
		run(s, i >= 2)
	}
	return m.Info().Kernels, nil
}
