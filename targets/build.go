package targets

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"edgec/internal/disk"
	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// smaller leaves functions of Go's runtime in one place each, instead of copies in their callers:
// programs lose 73 KB, loading takes 3 percent longer, and an inference, which allocates nothing, the same.
const smaller = "-gcflags=runtime=-l"

// Options configure Build. The zero value is the default.
type Options struct {
	// Go is the go command, a name on PATH or a path; "": the one called go on PATH.
	Go string
	// Version is that of edgec, which the program names by --version; "": "devel".
	Version string
	// Pictures says whether the program decodes pictures.
	Pictures Choice
	// Bench says whether the program measures the time of an inference, by --bench. Auto: if it
	// decodes pictures, serves or takes any model; others stay 115 to 140 KB smaller.
	Bench Choice
	// Serve makes a program that serves the model by HTTP.
	Serve bool
	// AnyModel keeps what the model does not use, so that the program takes any other by --model.
	AnyModel bool
}

// Choice is a decision that may be left to Build.
type Choice int

// The choices.
const (
	Auto Choice = iota // as the model asks for
	Yes
	No
)

// Result is a program that Build has made.
type Result struct {
	Board    Board  `json:"board"`            // that it runs on
	Path     string `json:"output"`           // of the program, as given
	Size     int64  `json:"bytes"`            // of the program
	Model    int    `json:"model_bytes"`      // of those, bytes of the model
	Hash     string `json:"model_sha256"`     // of the model, in hexadecimal digits
	Sources  string `json:"sources_sha256"`   // of the sources, names and contents
	Go       string `json:"go"`               // version of the toolchain, "go1.26.8"
	Pictures bool   `json:"decodes_pictures"` // it decodes PNG and JPEG
	Bench    bool   `json:"measures"`         // it has --bench
	Serves   bool   `json:"serves"`           // it serves the model by HTTP
	AnyModel bool   `json:"any_model"`        // it takes any other model
}

// The folders of the main packages in the sources.
const (
	device = "targets/device"
	server = "targets/server"
)

// module is the path that the sources import each other by: that of the module
// that this package belongs to, whatever it is called (scripts/rename-module).
var module = strings.TrimSuffix(reflect.TypeFor[Board]().PkgPath(), "/targets")

// Build makes the program that runs model on board and writes it to out with the
// permissions 0755, whole or not at all. model is a compressed file, which the program
// embeds; src holds the sources of package edgec/runtime and of the device program
// (edgec.Sources). Nothing is downloaded, and neither the current folder nor the user's Go
// settings matter. Equal sources, models, boards, options and toolchains give equal programs.
//
// The program holds what the model uses: its instructions, picture decoding where input 0 is an
// image, text generation where an input takes whole numbers, measurement where it decodes pictures.
// Options say otherwise.
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
	info, err := check(model, board)
	if err != nil {
		return Result{}, err
	}
	dir, done, err := disk.Folder("edgec-build-")
	if err != nil {
		return Result{}, fmt.Errorf("targets: %w; set TMPDIR to a folder that can be written", err)
	}
	defer done()
	r := Result{Board: board, Path: out, Model: len(model), Hash: hashModel(model), Go: version, Pictures: opt.pictures(info), Serves: opt.Serve, AnyModel: opt.AnyModel}
	r.Bench = opt.Bench == Yes || opt.Bench == Auto && (r.Pictures || r.AnyModel || r.Serves)
	if r.Serves && board.GOOS == "js" {
		return Result{}, errors.New("targets: a program for WebAssembly cannot listen at an address; choose another target to serve")
	}
	if err := r.writeModule(dir, src, model, opt); err != nil {
		return Result{}, err
	}
	program := filepath.Join(dir, "program")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", tags(info, r), "-ldflags", strings.TrimSpace("-s -w -buildid= " + board.alignment()), "-o", program}
	if !r.Serves {
		args = append(args, smaller)
	}
	args = append(args, "./"+r.main())
	if err := compile(ctx, tool, version, dir, board, args); err != nil {
		return Result{}, err
	}
	if r.Size, err = install(program, out, 0o755); err != nil {
		return Result{}, fmt.Errorf("targets: %w", err)
	}
	return r, nil
}

// compile runs the go command in dir, with further settings. What the compilers leave when they
// are interrupted lies in dir too.
func compile(ctx context.Context, tool, version, dir string, board Board, args []string, settings ...string) error {
	temp := filepath.Join(dir, ".tmp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		return fmt.Errorf("targets: %w", err)
	}
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir, cmd.Env = dir, append(environment(dir, board), append(settings, "GOTMPDIR="+temp, "TMPDIR="+temp)...)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 5*time.Second
	text, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("targets: building for %s: %w", board.Name, ctx.Err())
	}
	return fmt.Errorf("targets: building for %s with %s: %s; check the toolchain (go env), or report this", board.Name, version, firstLine(text, err))
}

// pictures says whether a program for the model decodes pictures.
func (o Options) pictures(info runtime.Info) bool {
	if o.Pictures != Auto || o.AnyModel {
		return o.Pictures != No
	}
	_, _, _, ok := preprocess.PictureShape(info.Inputs[0])
	return ok && len(info.Inputs[0]) > 1 && !info.Whole[0]
}

// tags returns the build tags that leave out what a program does not need.
func tags(info runtime.Info, r Result) string {
	var list []string
	if !r.Pictures {
		list = append(list, "nopictures")
	}
	if !r.Bench {
		list = append(list, "nobench")
	}
	if !r.AnyModel && !slices.Contains(info.Whole, true) {
		list = append(list, "nogeneration")
	}
	return strings.Join(list, ",")
}

// main returns the folder of the main package.
func (r *Result) main() string {
	if r.Serves {
		return server
	}
	return device
}

// writeModule lays out a module with the runtime, the main package and the
// model as a literal: package embed would add 60 KB to a program without pictures.
func (r *Result) writeModule(dir string, src fs.FS, model []byte, opt Options) error {
	files, err := readSources(src, "runtime", r.main())
	if err != nil {
		return err
	}
	r.Sources = hashSources(files)
	if !opt.AnyModel {
		if err := onlyUsed(files, model); err != nil {
			return err
		}
	}
	files["go.mod"] = goMod(module)
	files[r.main()+"/model.go"] = []byte(`package main

import "` + module + `/runtime/program"

func init() {
	built = program.Program{
		Model:   []byte("` + literal(model) + `"),
		Edgec:   ` + strconv.Quote(cmp.Or(opt.Version, "devel")) + `,
		Hash:    "` + r.Hash + `",
		Sources: "` + r.Sources + `",
		Target:  "` + r.Board.Name + `",
	}
}
`)
	return writeFiles(dir, files)
}

// check refuses a model that the runtime cannot load or the board cannot hold.
func check(model []byte, board Board) (runtime.Info, error) {
	m, err := runtime.Load(model)
	if err != nil {
		return runtime.Info{}, fmt.Errorf("targets: the model cannot be built into a program: %w", err)
	}
	i := m.Info()
	need := (i.Session + int64(i.Memory) + int64(i.Weights)) >> 20
	if board.RAM > 0 && need > int64(board.RAM/2) {
		return i, fmt.Errorf("targets: the model needs %d MB of memory, %s has %d MB; compress it more or choose another board", need, board.Name, board.RAM)
	}
	return i, nil
}

// install copies what was made to out, whole or not at all.
func install(program, out string, mode fs.FileMode) (size int64, err error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return 0, err
	}
	return int64(len(data)), disk.Write(out, data, mode)
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
