//go:build linux

// Command guest executes files under qemu-user for bench/arm, which counts instructions:
//
//	guest FILE ...
//
// Of each file it runs two inferences that do not count, since they touch memory for the
// first time, then Counted ones, each between two getppid system calls. It prints the name
// of the micro-kernels.
package main

import (
	"os"
	goruntime "runtime"
	"syscall"

	"edgec/bench/arm/guest/marks"
	"edgec/runtime"
	"edgec/runtime/format"
)

func main() {
	goruntime.LockOSThread() // the plugin counts by thread
	kernels := ""
	for _, name := range os.Args[1:] {
		var err error
		if kernels, err = count(name); err != nil {
			os.Stderr.WriteString("guest: " + name + ": " + err.Error() + "\n")
			os.Exit(1)
		}
	}
	os.Stdout.WriteString(kernels + "\n")
}

// count executes one file and returns the name of the micro-kernels.
func count(name string) (kernels string, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	m, err := runtime.Load(data)
	if err != nil {
		return "", err
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		return "", err
	}
	for i := range 2 + marks.Counted {
		format.SelfTestInput(1, s.Input(0))
		goruntime.Gosched() // begins a new time slice
		if i >= 2 {
			syscall.Getppid()
		}
		s.Run()
		if i >= 2 {
			syscall.Getppid()
		}
	}
	return m.Info().Kernels, nil
}
