package targets

import (
	"bytes"
	"context"
	"fmt"
	goversion "go/version"
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
	Board Board  `json:"board"`       // that it runs on
	Path  string `json:"output"`      // of the program, as given
	Size  int64  `json:"bytes"`       // of the program
	Model int    `json:"model_bytes"` // of those, bytes of the model
	Go    string `json:"go"`          // version of the toolchain, "go1.26.8"
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
// board's memory. Other errors: those of Toolchain, the compiler's first complaint, out
// cannot be written, or the error of ctx, which stops the compiler.
//
// Cost: seconds of the Go compiler, more for the first program of an architecture, whose
// standard library it compiles; and a temporary folder. Those of killed processes are
// removed first.
func Build(ctx context.Context, src fs.FS, model []byte, board Board, out string, opt Options) (Result, error) {
	tool, version, err := Toolchain(ctx, opt.Go)
	if err != nil {
		return Result{}, err
	}
	if err := check(model, board); err != nil {
		return Result{}, err
	}
	dir, done, err := disk.Folder("edgec-build-")
	if err != nil {
		return Result{}, fmt.Errorf("targets: %w; set TMPDIR to a folder that can be written", err)
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
		return Result{}, fmt.Errorf("targets: building for %s with %s: %s; check the toolchain (go env), or report this", board.Name, version, firstLine(text, err))
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
	need := (i.Session + int64(i.Memory) + int64(i.Weights)) >> 20
	if board.RAM > 0 && need > int64(board.RAM/2) {
		return fmt.Errorf("targets: the model needs %d MB of memory, %s has %d MB; compress it more or choose another board", need, board.Name, board.RAM)
	}
	return nil
}

// GoVersion is the oldest Go toolchain that Build takes: that of the language version of
// the sources.
const GoVersion = "go1.26"

// Toolchain returns the path and the version of the go command called name, "" for the one
// called go on PATH. The error says which version is needed, which was found, and where to
// get it. Cost: it starts the command once.
func Toolchain(ctx context.Context, name string) (path, version string, err error) {
	if name == "" {
		name = "go"
	}
	remedy := "install " + GoVersion + " or later from https://go.dev/dl, and name its command with --go if it is not the one on PATH"
	if path, err = exec.LookPath(name); err != nil {
		return "", "", fmt.Errorf("targets: there is no %q command on PATH, and the Go toolchain builds the programs; %s", name, remedy)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", fmt.Errorf("targets: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, "env", "GOVERSION")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off")
	text, err := cmd.Output()
	if ctx.Err() != nil {
		return "", "", fmt.Errorf("targets: %w", ctx.Err())
	}
	version, _, _ = strings.Cut(strings.TrimSpace(string(text)), " ") // experiments follow
	switch {
	case err != nil || version == "":
		return "", "", fmt.Errorf("targets: %s is no Go toolchain that can build programs: \"%s env GOVERSION\" prints no version; %s", path, name, remedy)
	case strings.HasPrefix(version, "devel"): // built from Go's own repository
	case goversion.Compare(version, GoVersion) < 0:
		return "", "", fmt.Errorf("targets: %s is %s, and %s or later is needed (packages of distributions, such as Debian's golang-go, are often older); %s", path, version, GoVersion, remedy)
	}
	return path, version, nil
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
		"go.mod":                []byte("module " + module + "\n\ngo " + strings.TrimPrefix(GoVersion, "go") + "\n"),
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
