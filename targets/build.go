package targets

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"edgec/internal/disk"
	"edgec/runtime"
)

// Options configure Build. The zero value is the default.
type Options struct {
	// Go is the go command, a name on PATH or a path; "": the one called go on PATH.
	Go string
}

// Result is a program that Build has made.
type Result struct {
	Board Board  `json:"board"` // that it runs on
	Path  string `json:"path"`  // of the program, as given
	Size  int64  `json:"size"`  // bytes of the program
	Model int    `json:"model"` // of those, bytes of the model
	Go    string `json:"go"`    // version of the toolchain, "go1.26.8"
}

// device is the folder of the device program in the sources.
const device = "targets/device"

// module is the path that the sources import each other by: that of the module
// that this package belongs to, whatever it is called (scripts/rename-module).
var module = strings.TrimSuffix(reflect.TypeFor[Board]().PkgPath(), "/targets")

// Build makes the program that runs model on board and writes it to out with the
// permissions 0755, whole or not at all. model is a compressed file, which the program
// embeds; src holds the sources of package edgec/runtime and of the device program
// (edgec.Sources). Nothing is downloaded, and neither the current folder nor the user's Go
// settings matter. Equal sources, models, boards and toolchains give equal programs.
//
// Build refuses a model that the runtime cannot load, or that needs more than half of the
// board's memory. Other errors: the go command is missing, the toolchain's first complaint,
// out cannot be written, or the error of ctx, which stops the compiler.
//
// Cost: seconds of the Go compiler, more for the first program of an architecture, whose
// standard library it compiles; and a temporary folder. Those of killed processes are
// removed first.
func Build(ctx context.Context, src fs.FS, model []byte, board Board, out string, opt Options) (Result, error) {
	if err := check(model, board); err != nil {
		return Result{}, err
	}
	tool, version, err := toolchain(ctx, opt.Go)
	if err != nil {
		return Result{}, err
	}
	dir, done, err := disk.Folder("edgec-build-")
	if err != nil {
		return Result{}, fmt.Errorf("targets: %w", err)
	}
	defer done()
	if err := writeModule(dir, src, model); err != nil {
		return Result{}, err
	}
	program := filepath.Join(dir, "program")
	cmd := exec.CommandContext(ctx, tool, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", program, "./"+device)
	cmd.Dir, cmd.Env = dir, environment(dir, board)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 5*time.Second
	if text, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return Result{}, fmt.Errorf("targets: building for %s: %w", board.Name, ctx.Err())
		}
		return Result{}, fmt.Errorf("targets: building for %s with %s: %s", board.Name, version, firstLine(text, err))
	}
	size, err := install(program, out)
	if err != nil {
		return Result{}, fmt.Errorf("targets: %w", err)
	}
	return Result{Board: board, Path: out, Size: size, Model: len(model), Go: version}, nil
}

// check refuses a model that the runtime cannot load or the board cannot hold.
func check(model []byte, board Board) error {
	m, err := runtime.Load(model)
	if err != nil {
		return fmt.Errorf("targets: the model cannot be built into a program: %w", err)
	}
	i := m.Info()
	need := (i.Arena + i.Memory + i.Weights) >> 20
	if board.RAM > 0 && need > board.RAM/2 {
		return fmt.Errorf("targets: the model needs %d MB of memory, %s has %d MB; compress it more or choose another board", need, board.Name, board.RAM)
	}
	return nil
}

// toolchain finds the go command and its version.
func toolchain(ctx context.Context, name string) (path, version string, err error) {
	if name == "" {
		name = "go"
	}
	if path, err = exec.LookPath(name); err != nil {
		return "", "", fmt.Errorf("targets: no %q command on PATH; programs are built by the Go toolchain, install it (apt install golang-go, or go.dev/dl) and try again", name)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", fmt.Errorf("targets: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, "env", "GOVERSION")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off")
	text, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("targets: %s env GOVERSION: %w", path, err)
	}
	return path, strings.TrimSpace(string(text)), nil
}

// environment replaces every setting that could change the program or reach
// for the network.
func environment(dir string, board Board) []string {
	env := append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=on", "GOENV=off", "GOEXPERIMENT=", "GOFLAGS=-mod=mod", "GOPROXY=off",
		"GOSUMDB=off", "GOTOOLCHAIN=local", "GOWORK=off", "PWD="+dir)
	if os.Getenv("GOCACHE") == "" {
		if _, err := os.UserCacheDir(); err != nil { // no home: services, containers
			env = append(env, "GOCACHE="+filepath.Join(dir, "cache"))
		}
	}
	return append(env, board.Env()...)
}

// writeModule lays out a module with the runtime, the device program and the
// model as a file that the program embeds.
func writeModule(dir string, src fs.FS, model []byte) error {
	files := map[string][]byte{
		"go.mod":                []byte("module " + module + "\n\ngo 1.26\n"),
		device + "/model.edgec": model,
		device + "/embed.go":    []byte("package main\n\nimport _ \"embed\"\n\n//go:embed model.edgec\nvar embedded []byte\n\nfunc init() { model = embedded }\n"),
	}
	for _, root := range []string{"runtime", device} {
		err := fs.WalkDir(src, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if ext := path.Ext(name); ext != ".go" && ext != ".s" && ext != ".h" || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			files[name], err = fs.ReadFile(src, name)
			return err
		})
		if err != nil {
			return fmt.Errorf("targets: sources: %w", err)
		}
	}
	for name, data := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("targets: %w", err)
		}
		if err := os.WriteFile(full, data, 0o644); err != nil {
			return fmt.Errorf("targets: %w", err)
		}
	}
	return nil
}

// install copies the program to out, whole or not at all.
func install(program, out string) (size int64, err error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return 0, err
	}
	return int64(len(data)), disk.Write(out, data, 0o755)
}

// firstLine returns the toolchain's first complaint, without its headings.
func firstLine(text []byte, err error) string {
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if s := strings.TrimSpace(string(line)); s != "" && !strings.HasPrefix(s, "#") {
			return s
		}
	}
	return err.Error()
}
