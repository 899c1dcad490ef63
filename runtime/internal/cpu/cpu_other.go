//go:build noasm || (!amd64 && !arm64 && !arm.6)

package cpu

func detect() Feature { return 0 }
