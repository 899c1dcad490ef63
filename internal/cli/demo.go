package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/export"
	"edgec/internal/dataset"
	"edgec/internal/demo"
	"edgec/targets"
)

// demoFlags are the flags of edgec demo.
type demoFlags struct {
	folder  string
	samples int
	maxSize size
	maxDrop points
	options edgec.Options
	goTool  string
}

// Bounds of --samples: the test part has a picture of each class, and all fit
// into memory.
const leastSamples, mostSamples = 160, 1_000_000

// Defaults of the demo. A search within a loss of one point ends near this size,
// but takes several times as long. The effort is that of edgec compress. The
// search counts steps and not time, so that two runs write the same file.
const (
	demoFolder  = "edgec-demo"
	demoSize    = 1800
	demoEffort  = 1
	demoSamples = 40_000
)

func demoCommand(a *app) *cobra.Command {
	d := &demoFlags{maxSize: demoSize}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything on a small network: compress, build, run",
		Long: `Takes a small network that the project trained itself (hexadecimal digits in
several fonts, drawn anew) through all stages: compresses it, builds programs for
a Raspberry Pi Zero (ARMv6), 64-bit ARM and this machine, executes them, under
qemu-user where that is needed and installed, and compares what they compute to
the byte. Nothing is needed but the Go toolchain, and nothing is downloaded.
First it says how long that will take on this machine. Equal seeds give equal
files on one kind of CPU.

All of it is left in a folder: network, data, pictures, compressed file, report
and programs, to try the other commands on.`,
		Example: `  edgec demo
  edgec demo -o /tmp/demo --max-size 3KB --effort 0.2
  edgec demo --max-drop 0.5`,
		Args: needs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.demo(cmd, d) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&d.folder, "output", "o", demoFolder, "folder for everything that is made; files of an earlier demo are replaced")
	f.Var(&d.maxSize, "max-size", "largest file, as 3KB; with --max-drop alone, any size")
	f.Var(&d.maxDrop, "max-drop", "largest loss of accuracy, in points (default: the least that the size allows)")
	f.Float64Var(&d.options.Effort, "effort", demoEffort, "scales the number of training steps; 0.1 is a quick look")
	f.IntVar(&d.samples, "samples", demoSamples, "pictures to draw for training; a tenth as many for the test")
	f.Var(&span{&d.options.Budget, [2]string{"5m", "90s"}}, "budget", "time after which the best file so far is taken (default: none; the result then depends on the machine's speed)")
	f.Uint64Var(&d.options.Seed, "seed", 0, "draws other pictures and makes another run")
	f.IntVarP(&d.options.Threads, "threads", "j", 0, "goroutines (default: one a core); does not change the result")
	f.StringVar(&d.goTool, "go", "go", "the go command")
	return cmd
}

// demoResult is the JSON result of edgec demo.
type demoResult struct {
	Folder   string        `json:"folder"`
	Network  string        `json:"file"`  // the float network, ONNX
	Data     string        `json:"data"`  // folder of idx files
	Pictures []string      `json:"files"` // pictures of the test part, PNG
	Report   string        `json:"report"`
	Compress compressed    `json:"compress"`
	Here     demoRun       `json:"here"`     // the file, executed by edgec itself
	Programs []demoProgram `json:"programs"` // for boards, and what they compute
}

// demoProgram is a program that was built, and executed where it can be.
type demoProgram struct {
	targets.Result
	Under  string   `json:"under,omitempty"`   // the emulator; "": this machine's own CPU
	NotRun string   `json:"not_run,omitempty"` // why it was built only
	Run    *demoRun `json:"run,omitempty"`
}

func (a *app) demo(cmd *cobra.Command, d *demoFlags) error {
	boards, err := d.settle(cmd)
	if err != nil {
		return err
	}
	if err := a.announce(d, boards); err != nil {
		return err
	}
	ctx, stop := a.interruptible(cmd.Context(), "interrupted: writing the best file so far, building nothing; once more to end at once")
	defer stop()
	r := &demoResult{Folder: d.folder, Network: d.path(demo.Name), Data: d.path("data"), Report: d.path("report.json")}
	p := a.newProgress()
	defer p.end()
	p.timed(d.options.Budget)
	p.expect(len(boards))
	p.work(fmt.Sprintf("drawing %s pictures", thousands(d.samples+d.samples/10)), "")
	data, err := d.prepare(r)
	if err != nil {
		return err
	}
	a.note("%s: pictures of %d hexadecimal digits, %d for training, %d in other fonts for the test", r.Data, len(demo.Classes), data.Train.Len(), data.Test.Len())
	if err := a.demoCompress(ctx, d, r, p); err != nil {
		return err
	}
	for _, b := range boards {
		built, err := d.build(ctx, r, b, p)
		if err != nil {
			return err
		}
		r.Programs = append(r.Programs, built)
	}
	p.end()
	if a.json {
		return a.printJSON(r)
	}
	return a.printDemo(r, data)
}

func (d *demoFlags) threads() int {
	if d.options.Threads > 0 {
		return d.options.Threads
	}
	return goruntime.GOMAXPROCS(0)
}

// path names a file of the folder.
func (d *demoFlags) path(name ...string) string {
	return filepath.Join(append([]string{d.folder}, name...)...)
}

// settle checks the flags, finds the boards and makes the folders, so that
// nothing is missing after the search.
func (d *demoFlags) settle(cmd *cobra.Command) ([]targets.Board, error) {
	r := &d.options
	errs := []error{atLeast("threads", r.Threads, 0)}
	if d.samples < leastSamples || d.samples > mostSamples {
		errs = append(errs, fmt.Errorf("--samples %d: give a whole number from %d to %d", d.samples, leastSamples, mostSamples))
	}
	if !(r.Effort > 0 && r.Effort <= 100) {
		errs = append(errs, fmt.Errorf("--effort %v: give a number above 0, at most 100", r.Effort))
	}
	if err := usageErrors(cmd, errs...); err != nil {
		return nil, err
	}
	r.MaxSize = int(d.maxSize)
	if cmd.Flags().Changed("max-drop") {
		drop := d.maxDrop.value
		r.MaxDrop = &drop
		if !cmd.Flags().Changed("max-size") {
			r.MaxSize = 0
		}
	}
	if err := r.Validate(); err != nil {
		return nil, usageError{err, cmd.CommandPath()}
	}
	if _, _, err := targets.Toolchain(cmd.Context(), d.goTool); err != nil {
		return nil, err
	}
	// the pictures come varied, and the network was trained on others
	r.NoAugment, r.TrainedOn, r.Labels = true, "no", demo.Classes
	for _, dir := range []string{d.folder, d.path("data"), d.path("pictures")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, about(dir, fmt.Errorf("%s: cannot make the folder: %w; choose another with -o", dir, reason(err)))
		}
		if err := checkOutput(filepath.Join(dir, "x")); err != nil {
			return nil, err
		}
	}
	return demoBoards()
}

// demoBoards are an ARMv6 board, any 64-bit ARM and this machine.
func demoBoards() ([]targets.Board, error) {
	names := []string{"rpi-zero", "linux-arm64"}
	if own := ownBoard(); own != "" && own != names[1] {
		names = append(names, own)
	}
	var boards []targets.Board
	for _, n := range names {
		b, err := targets.Find(n)
		if err != nil {
			return nil, err
		}
		boards = append(boards, b)
	}
	return boards, nil
}

// prepare draws the data and writes what the demo starts from.
func (d *demoFlags) prepare(r *demoResult) (*dataset.Splits, error) {
	data, err := demo.Data(demo.Seed+1+d.options.Seed, d.samples, d.samples/10, d.threads())
	if err != nil {
		return nil, err
	}
	if err := export.Write(r.Network, demo.ONNX); err != nil {
		return nil, err
	}
	if err := dataset.WriteIdx(r.Data, data); err != nil {
		return nil, err
	}
	pictures, err := demo.Pictures(data.Test, len(demo.Classes))
	if err != nil {
		return nil, err
	}
	for _, p := range pictures {
		path := d.path("pictures", p.Name)
		if err := export.Write(path, p.PNG); err != nil {
			return nil, err
		}
		r.Pictures = append(r.Pictures, path)
	}
	return data, nil
}

// demoCompress searches, writes file and report, and executes the file here.
func (a *app) demoCompress(ctx context.Context, d *demoFlags, r *demoResult, p *progress) error {
	m, err := edgec.OpenBytes(demo.ONNX, r.Network)
	if err != nil {
		return err
	}
	data, err := edgec.OpenData(r.Data, m, edgec.DataOptions{})
	if err != nil {
		return err
	}
	d.options.Progress = p.tell
	report, err := edgec.Compress(ctx, m, data, d.options)
	if err != nil {
		return err
	}
	r.Compress = compressed{File: r.Network, Output: d.path("glyphs.edgec"), Bytes: report.Best.Size, Report: report}
	if err := export.Write(r.Compress.Output, report.Best.Bytes); err != nil {
		return err
	}
	if err := writeJSON(r.Report, r.Compress); err != nil {
		return err
	}
	if ctx.Err() != nil {
		a.note("%s written", r.Compress.Output)
		return errInterrupted
	}
	here, err := inProcess(r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Compress.Output, err)
	}
	r.Here = *here
	return nil
}

// build builds the program for board and executes it if that is possible.
// A program that computes anything else than edgec itself is an error.
func (d *demoFlags) build(ctx context.Context, r *demoResult, board targets.Board, show *progress) (demoProgram, error) {
	show.next("building a program for "+board.Name, " and running it; the first build takes longest")
	out := d.path("glyphs-" + board.Name + board.Suffix())
	result, err := targets.Build(ctx, edgec.Sources, r.Compress.Best.Bytes, board, out, targets.Options{Go: d.goTool})
	if err != nil {
		return demoProgram{}, err
	}
	p := demoProgram{Result: result}
	words, ok := board.Command()
	if !ok {
		p.NotRun = words[0] + " is not installed"
		return p, nil
	}
	if len(words) > 0 {
		p.Under = emulator(words)
	}
	show.doing(fmt.Sprintf("running it%s on %s pictures", under(p.Under), thousands(r.Here.Idx.Pictures)))
	run, err := executed(ctx, words, out, r)
	if err != nil {
		return demoProgram{}, err
	}
	if run.Idx.CRC32 != r.Here.Idx.CRC32 {
		return demoProgram{}, fmt.Errorf("%s: computes other bytes%s (checksum %s) than edgec on this machine (%s); please report this, with the output of edgec version", out, under(p.Under), run.Idx.CRC32, r.Here.Idx.CRC32)
	}
	p.Run = run
	return p, nil
}
