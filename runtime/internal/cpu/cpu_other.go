//go:build noasm || (!amd64 && !arm64)

package cpu

func detect() Feature { return 0 }
