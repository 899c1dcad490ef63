package targets

import (
	"os/exec"
	goruntime "runtime"
)

// Command returns the words before a program of the board that run it on this
// machine: none where it runs as it is, otherwise those of Emulator.
func (b Board) Command() (words []string, ok bool) {
	if goruntime.GOOS == "linux" && (b.GOARCH == goruntime.GOARCH || b.GOARCH == "386" && goruntime.GOARCH == "amd64") {
		return nil, true
	}
	return b.Emulator()
}

// Emulator returns the words before a program of the board that run it under qemu-user, a CPU
// emulator with the board's very instructions. ok is false when that is not installed; words
// is then the name of the missing command. Cost: it searches PATH.
func (b Board) Emulator() (words []string, ok bool) {
	arch := map[string]string{"arm": "arm", "arm64": "aarch64", "riscv64": "riscv64", "386": "i386", "amd64": "x86_64"}[b.GOARCH]
	for _, name := range []string{"qemu-" + arch + "-static", "qemu-" + arch} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		words = []string{path}
		if b.QEMU != "" {
			words = append(words, "-cpu", b.QEMU)
		}
		return words, true
	}
	return []string{"qemu-" + arch + "-static"}, false
}
