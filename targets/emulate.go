package targets

import (
	"context"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
)

// Command returns the words before a program of the board that run it on this machine: none where
// it runs as it is; under Linux otherwise qemu-user, a CPU emulator with the board's very
// instructions; for WebAssembly Node.js with the script of the go command on PATH. ok is false when
// that is not there; words is then the name of what is missing. Cost: it searches PATH, and for
// WebAssembly starts the go command once.
func (b Board) Command() (words []string, ok bool) {
	switch {
	case b.GOOS == "js":
		return nodeCommand()
	case b.System() == goruntime.GOOS && (b.GOARCH == goruntime.GOARCH || b.System() == "linux" && b.GOARCH == "386" && goruntime.GOARCH == "amd64"):
		return nil, true
	case b.System() != "linux":
		return []string{b.Title}, false
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

// nodeCommand returns the words that run a WebAssembly program under Node.js. Go's own script for
// it belongs to the toolchain that built the program.
func nodeCommand() (words []string, ok bool) {
	node, err := exec.LookPath("node")
	if err != nil {
		return []string{"node"}, false
	}
	tool, _, err := Toolchain(context.Background(), "")
	if err != nil {
		return []string{"go"}, false
	}
	root, err := exec.Command(tool, "env", "GOROOT").Output()
	if err != nil {
		return []string{"go"}, false
	}
	// The stack is that of the script go_js_wasm_exec of the toolchain.
	return []string{node, "--stack-size=8192", filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec_node.js")}, true
}

// Missing says why no program of the board runs here, where Command has not found what.
func (b Board) Missing(what string) string {
	switch {
	case b.GOOS == "js":
		return what + " is not installed; install Node.js and Go"
	case b.System() != "linux":
		return "this machine runs no programs for " + b.Title
	}
	return what + " is not installed; install it (apt install qemu-user-static)"
}
