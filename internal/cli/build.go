package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/targets"
)

// buildFlags are the flags of edgec build.
type buildFlags struct {
	target   boardFlags
	out      string
	pictures string
	bench    string
	anyModel bool
	serve    bool
	pkg      string
	cArchive bool
	selfTest bool
	goTool   string
	fetchGo  bool
}

func buildCommand(a *app) *cobra.Command {
	b := &buildFlags{}
	cmd := &cobra.Command{
		Use:   "build FILE.edgec {--target BOARD | --package DIR}",
		Short: "Build a program with the model inside, for a board",
		Long: `Builds one static program with the model and the runtime inside. The program needs
nothing else on the board. To build it you need Go 1.26 or later, but no network; any
folder will do. Copy the program to the board and give it pictures:

  scp classify pi@raspberrypi: && ssh pi@raspberrypi ./classify seven.png

The program has --json, --selftest, --version and more; see its --help. It contains
only what this model uses: it decodes pictures if the input is an image, and with
pictures it can measure itself by --bench. --pictures and --bench say otherwise, and
--any-model builds a program whose --model takes models with other kinds of layers too.
Equal models, versions and options make equal programs.

edgec targets lists the boards and systems: Linux, Windows, macOS and WebAssembly.
Microcontrollers such as the Raspberry Pi Pico, ESP32 and Arduino are out of reach,
since Go has no runtime for them and its programs need megabytes of memory.

--serve makes a program of about 6 MB that loads the model once and answers HTTP: POST
/predict with a picture or an array, the Open Inference Protocol under /v2, /healthz,
and /metrics for Prometheus. It has limits, timeouts and a bounded queue. When it is
told to stop, it finishes its requests first.

--package DIR writes a Go package instead: the model, the runtime that it needs, and the
functions Predict and PredictFile. It imports the standard library only. Inside a module
it becomes a package of that module; elsewhere it is a module of its own.

--c-archive makes a static library for C and its header: lenet.a has lenet_new,
lenet_set_input, lenet_run and lenet_get_output. It needs a C compiler for the board.

--selftest runs the program here, under qemu-user if the board has another
architecture, and under Node.js for WebAssembly. It fails unless the program computes
exactly what was computed when the model was written, or if this machine cannot run
the program. The program is written in any case.`,
		Example: `  edgec build lenet-5.edgec --target rpi-zero -o classify
  edgec build lenet-5.edgec --target linux-arm64 --selftest
  edgec build lenet-5.edgec --target rpi-4 --serve -o server
  edgec build lenet-5.edgec --package lenet`,
		Args: needs(1, 1, "one .edgec file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.build(cmd, b, args[0]) },
	}
	f := cmd.Flags()
	b.target.register(cmd, "board; edgec targets lists them (required)")
	f.StringVarP(&b.out, "output", "o", "", "program to write (default: MODEL-BOARD, in the current folder)")
	f.StringVar(&b.pictures, "pictures", "auto", "decode PNG and JPEG: yes, no, or auto (yes if the input is an image)")
	f.StringVar(&b.bench, "bench", "auto", "give the program --bench: yes, no, or auto (yes if it decodes pictures; others stay 115 to 140 KB smaller)")
	f.StringVar(&b.pkg, "package", "", "write a Go package with the model inside to this folder instead of a program")
	f.BoolVar(&b.cArchive, "c-archive", false, "make a static library for C, with a header; needs a C compiler for the board")
	f.BoolVar(&b.serve, "serve", false, "make a program that serves the model over HTTP; see its --help")
	f.BoolVar(&b.anyModel, "any-model", false, "keep the parts that this model does not use, so that --model of the program takes any other")
	f.BoolVar(&b.selfTest, "selftest", false, "run the program's self-test here")
	f.StringVar(&b.goTool, "go", "go", "the go command")
	f.BoolVar(&b.fetchGo, "fetch-go", false, "if the go command is too old, let it fetch a newer toolchain through GOPROXY")
	for _, name := range []string{"pictures", "bench"} {
		must(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions([]string{"auto", "yes", "no"}, cobra.ShellCompDirectiveNoFileComp)))
	}
	return cmd
}

// built is the JSON result of edgec build.
type built struct {
	File string `json:"file"` // the model
	targets.Result
	SelfTest string `json:"selftest,omitempty"` // "passed" when it was asked for
}

func (a *app) build(cmd *cobra.Command, b *buildFlags, path string) error {
	opt := targets.Options{Go: b.goTool, Version: readVersion().Version, AnyModel: b.anyModel, Serve: b.serve}
	for _, c := range []struct {
		flag, value string
		to          *targets.Choice
	}{{"pictures", b.pictures, &opt.Pictures}, {"bench", b.bench, &opt.Bench}} {
		choice, ok := map[string]targets.Choice{"auto": targets.Auto, "yes": targets.Yes, "no": targets.No}[c.value]
		if !ok {
			return usagef(cmd, "--%s %s: give auto, yes or no", c.flag, shown(c.value))
		}
		*c.to = choice
	}
	if b.pkg != "" {
		return a.buildPackage(cmd, b, path, opt)
	}
	board, err := b.board(cmd)
	if err != nil {
		return err
	}
	if opt.Go, err = a.toolchain(cmd.Context(), b); err != nil {
		return err
	}
	switch {
	case b.out == "" && b.cArchive:
		b.out = "lib" + baseName(path) + ".a"
	case b.out == "":
		b.out = baseName(path) + "-" + board.Name + board.Suffix()
	}
	if err := errors.Join(present(path, "an .edgec file that edgec compress made"), checkOutput(b.out, path)); err != nil {
		return err
	}
	model, _, err := readEdgec(path)
	if err != nil {
		return err
	}
	ctx, stop := a.interruptible(cmd.Context(), "interrupted: nothing was written")
	defer stop()
	if b.cArchive {
		return a.buildArchive(ctx, path, model, board, b.out, opt)
	}
	return a.buildProgram(ctx, b, path, model, board, opt)
}

// board returns the board that the flags name, and refuses flags that do not go together.
func (b *buildFlags) board(cmd *cobra.Command) (targets.Board, error) {
	switch {
	case b.target.target == "":
		return targets.Board{}, usagef(cmd, "build: --target is missing; give a board: %s", strings.Join(targets.Names(), ", "))
	case b.cArchive && cmd.Flags().Changed("bench"):
		return targets.Board{}, usagef(cmd, "--c-archive makes a library, which does not measure itself; leave out --bench")
	case b.cArchive && (b.serve || b.selfTest):
		return targets.Board{}, usagef(cmd, "--c-archive makes a library, which neither serves nor runs; leave out --serve and --selftest")
	}
	board, err := b.target.find(cmd)
	if err == nil && board.GOOS == "js" && b.serve {
		return targets.Board{}, usagef(cmd, "--serve: a program for WebAssembly cannot listen at an address; leave --serve out, or choose another --target than %s", board.Name)
	}
	return board, err
}

// buildProgram makes a program and, if it is asked to, executes its self-test.
func (a *app) buildProgram(ctx context.Context, b *buildFlags, path string, model []byte, board targets.Board, opt targets.Options) error {
	p := a.newProgress()
	defer p.end()
	p.work("compiling a program for "+board.Name, "; the first one for a processor takes longest")
	r := built{File: path}
	var err error
	if r.Result, err = targets.Build(ctx, edgec.Sources, model, board, b.out, opt); err != nil {
		if ctx.Err() != nil {
			return stoppedBy(ctx, fmt.Errorf("%s: interrupted before the program was written; give the command again", b.out))
		}
		return about(path, err)
	}
	if b.selfTest {
		p.work("running the self-test of "+r.Path, "")
		if err := selfTest(ctx, r.Result); err != nil {
			return stoppedBy(ctx, err)
		}
		r.SelfTest = "passed"
	}
	p.end()
	if a.json {
		return a.printJSON(r)
	}
	rows := []string{"program\t" + r.Path, "board\t" + board.Title, fmt.Sprintf("bytes\t%s, including %s of the model", thousands(int(r.Size)), thousands(r.Model)), "reads\t" + readsOf(r.Result, opt.Pictures), "go\t" + r.Go, "model\tSHA-256 " + r.Hash}
	if b.selfTest {
		rows = append(rows, "self-test\t"+r.SelfTest)
	}
	return a.table(rows)
}

// toolchain returns the path of the go command, which is fetched if it may be. It says where it
// came from.
func (a *app) toolchain(ctx context.Context, b *buildFlags) (string, error) {
	if !b.fetchGo {
		path, _, err := targets.Toolchain(ctx, b.goTool)
		return path, err
	}
	ctx, stop := a.interruptible(ctx, "interrupted: nothing was written")
	defer stop()
	p := a.newProgress()
	defer p.end()
	p.work("looking for a Go toolchain", "; fetching one takes about 70 MB")
	path, version, fetched, err := targets.FetchToolchain(ctx, b.goTool)
	p.end()
	if fetched && err == nil {
		a.note("%s was fetched through GOPROXY into the module cache: %s", version, path)
	}
	return path, stoppedBy(ctx, err)
}

// packaged is the JSON result of edgec build --package.
type packaged struct {
	File string `json:"file"` // the model
	targets.Package
}

// buildPackage writes a Go package, for which no toolchain is needed.
func (a *app) buildPackage(cmd *cobra.Command, b *buildFlags, path string, opt targets.Options) error {
	for _, name := range []string{"target", "output", "serve", "c-archive", "selftest", "bench", "go", "fetch-go"} {
		if cmd.Flags().Changed(name) {
			return usagef(cmd, "--package and --%s: a package is no program; give one of both", name)
		}
	}
	if err := present(path, "an .edgec file that edgec compress made"); err != nil {
		return err
	}
	model, _, err := readEdgec(path)
	if err != nil {
		return err
	}
	r := packaged{File: path}
	if r.Package, err = targets.WritePackage(edgec.Sources, model, b.pkg, opt); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(r)
	}
	full, err := filepath.Abs(r.Path)
	if err != nil {
		return err
	}
	where := "its own; for yours: go mod edit -require " + r.Import + "@v0.0.0 -replace " + r.Import + "=" + full
	if !r.Module {
		where = "part of the module around it"
	}
	return a.table([]string{"package\t" + r.Name, "import\t" + r.Import, "module\t" + where, "folder\t" + r.Path,
		fmt.Sprintf("bytes\t%s, including %s of the model", thousands(int(r.Size)), thousands(r.Model)), "model\tSHA-256 " + r.Hash})
}

// archived is the JSON result of edgec build --c-archive.
type archived struct {
	File string `json:"file"` // the model
	targets.Archive
}

// buildArchive makes a library for C.
func (a *app) buildArchive(ctx context.Context, path string, model []byte, board targets.Board, out string, opt targets.Options) error {
	p := a.newProgress()
	defer p.end()
	p.work("compiling a library for "+board.Name, "; the first one for a processor takes longest")
	r := archived{File: path}
	var err error
	if r.Archive, err = targets.BuildArchive(ctx, edgec.Sources, model, board, out, opt); err != nil {
		if ctx.Err() != nil {
			return stoppedBy(ctx, fmt.Errorf("%s: interrupted before the library was written; give the command again", out))
		}
		return err
	}
	p.end()
	if a.json {
		return a.printJSON(r)
	}
	return a.table([]string{"library\t" + r.Path, "header\t" + r.Header + ", functions " + r.Prefix + "_new, ...", "board\t" + board.Title,
		fmt.Sprintf("bytes\t%s, including %s of the model", thousands(int(r.Size)), thousands(r.Model)),
		"go\t" + r.Go + ", C compiler " + r.CC, "model\tSHA-256 " + r.Hash})
}

// readsOf says which files a program reads, and what Build has chosen for the user.
func readsOf(r targets.Result, asked targets.Choice) string {
	switch {
	case r.Pictures && asked == targets.Auto && !r.AnyModel:
		return "PNG, JPEG, .npy and raw files; --pictures no makes it smaller"
	case r.Pictures:
		return "PNG, JPEG, .npy and raw files"
	case asked == targets.Auto:
		return ".npy and raw files; no pictures, since the input is no image (--pictures yes)"
	}
	return ".npy and raw files"
}

// selfTest executes the self-test of a program that was built, under an
// emulator where it is needed.
func selfTest(ctx context.Context, r targets.Result) error {
	words, ok := r.Board.Command()
	if !ok {
		return fmt.Errorf("%s: was built, but its self-test did not run: %s, or run %s --selftest on the board", r.Path, r.Board.Missing(words[0]), filepath.Base(r.Path))
	}
	program, err := filepath.Abs(r.Path)
	if err != nil {
		return err
	}
	words = append(words, program, "--selftest")
	text, err := exec.CommandContext(ctx, words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: was built, but its self-test failed: %s (%w); run it on the board, and report it with the output of edgec version if it fails there too", r.Path, bytes.TrimSpace(text), err)
	}
	return nil
}
