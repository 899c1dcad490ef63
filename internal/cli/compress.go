package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/export"
	"edgec/internal/search"
	"edgec/prune"
	"edgec/runtime"
	"edgec/runtime/format"
	"edgec/targets"
)

// defaultDrop is the limit when the command line has none: loss of accuracy, in points.
const defaultDrop = 0.5

// compressFlags are the flags of edgec compress.
type compressFlags struct {
	data      dataFlags
	options   edgec.Options
	maxDrop   points
	out       string
	report    string
	front     string
	maxSize   size
	memory    size
	board     boardFlags
	criterion string
	teacher   string
}

// compressHelp is the long help of edgec compress.
const compressHelp = `Reads a trained network (ONNX or TFLite) and samples, and searches for the smallest file that
meets your limits. There are four limits, and you can combine them:

  --max-drop     the largest loss of accuracy, in points
  --max-size     the largest file
  --max-latency  the longest inference, on this machine or on --target
  --max-memory   the most memory for weights and activations while the file runs

Without a limit, edgec uses --max-drop 0.5. With other limits but no --max-drop, it
searches for the best accuracy within them. A tight limit on time or memory may leave
only files that have lost more than a quarter of what the network knows beyond chance.
edgec then writes none and names the nearest file that has lost less. --any-loss writes
the best file within the limits all the same.

edgec measures a latency by running the file itself: on one goroutine, one sample at
a time, the median of many runs. It measures every file that it makes, so keep the
machine idle during the search. edgec bench measures in the same way.

With --target BOARD, edgec predicts latency and memory on that board instead. The upper
end of the prediction's error bar must be within the limit, so nine in ten measurements
should be faster. edgec targets calibrate narrows the error bar for your board, which
allows a more accurate file.

What counts as an error follows from the network and the data: wrong classes, the
balanced error of a yes or no, or the variance of target values that the outputs do
not explain. Without labels, or with --no-labels, the float network is the teacher. A
file of a classifier is then measured by how often it agrees with the float network,
and any other by its distance from the float network's outputs, or from the inputs if
the network reproduces them and the data has no labels. With labels, --teacher names a
better network to learn from.

You can stop a search at any time, with Ctrl-C or a --budget. edgec then writes the
best file so far. The exit code is 3 after Ctrl-C and 0 after a budget. A second
Ctrl-C stops at once and writes nothing.

Without a --budget, the search keeps its state in the folder OUTPUT.search and removes
it at the end. After Ctrl-C, a crash or a power cut, give the same command with
--resume: the search continues and ends with the same file.

If no file meets the limits, edgec writes none, names the nearest one and exits with
1. --report writes a JSON file with the options, each stage, each file that was tried
and the Pareto front of size and loss. --front writes the files of the Pareto front
to a folder, as NAME-BYTES.edgec, even if none meets the limits.

` + dataHelp + `

A size is a number of bytes, or ends in K, KB, M or MB (1,000 or 1,000,000 bytes), KiB
or MiB (1,024 or 1,048,576 bytes). Upper and lower case are the same. A time has a
unit: 200us, 5ms, 90s, 5m, 1h30m.`

const compressExamples = `  edgec compress lenet-5.onnx --data mnist --max-drop 0.1
  edgec compress lenet-5.onnx --data mnist --max-size 4KB -o small.edgec
  edgec compress lenet-5.onnx --data mnist --max-latency 200us -o fast.edgec
  edgec compress lenet-5.onnx --data mnist --max-latency 1ms --target rpi-zero-2w
  edgec compress lenet-5.onnx --data mnist --max-memory 100KB
  edgec compress net.onnx --data photos --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  edgec compress net.onnx --data samples.npy --no-labels --budget 5m --report net.json`

func compressCommand(a *app) *cobra.Command {
	c := &compressFlags{maxDrop: points{value: defaultDrop}}
	cmd := &cobra.Command{
		Use:     "compress MODEL --data DATA",
		Short:   "Compress a network to a file of a few kilobytes",
		Long:    compressHelp,
		Example: compressExamples,
		Args:    needs(1, 1, "one ONNX or TFLite file"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.compress(cmd, c, args[0]) },
	}
	c.register(cmd)
	must(cmd.RegisterFlagCompletionFunc("criterion", cobra.FixedCompletions([]string{string(prune.Fisher), string(prune.Magnitude), string(prune.Input)}, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("trained-on", cobra.FixedCompletions([]string{"yes", "no"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// register gives the command its flags.
func (c *compressFlags) register(cmd *cobra.Command) {
	c.data.register(cmd)
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&c.out, "output", "o", "", "file to write (default: the model's name with .edgec, in the current folder)")
	f.Var(&c.maxDrop, "max-drop", "largest loss of accuracy, in points (percent of samples), such as 0.5 or 0.5%; for language models in percent of the perplexity, or in bits per token: 0.02bits")
	f.Var(&c.maxSize, "max-size", "largest file, such as 20KB")
	f.Var(&span{&c.options.MaxLatency, [2]string{"5ms", "200us"}}, "max-latency", "longest inference on this machine, or on --target, such as 200us or 5ms (default: no limit)")
	f.Var(&c.memory, "max-memory", "most memory for weights and activations while the file runs, such as 2MB (default: no limit)")
	f.BoolVar(&c.options.AnyLoss, "any-loss", false, "with a limit on time or memory and no --max-drop: write the best file even if it has lost more than a quarter of what the network knows")
	c.board.register(cmd, "board that --max-latency and --max-memory apply to, by prediction (default: this machine, measured)")
	f.Var(&span{&c.options.Budget, [2]string{"5m", "90s"}}, "budget", "stop after this time with the best file so far, such as 5m (default: no limit)")
	f.BoolVar(&c.options.Resume, "resume", false, "continue a search that was interrupted or killed; give the same network, data and flags")
	f.Uint64Var(&c.options.Seed, "seed", 0, "seed of the random numbers; equal seeds give equal files on one kind of CPU")
	f.BoolVar(&c.options.NoLabels, "no-labels", false, "ignore labels: measure agreement with the float network, or the distance from its outputs if it reproduces its input")
	f.StringVar(&c.teacher, "teacher", "", "network (ONNX or TFLite) with the same input and outputs to learn from (default: the network itself)")
	f.BoolVar(&c.options.NoTraining, "no-training", false, "prune and round by calibration alone; takes seconds to minutes, and makes much larger files than training")
	f.StringVar(&c.options.TrainedOn, "trained-on", "", "yes or no: was the network trained on the training part of DATA? (default: yes if DATA has a test part; no with --test-last)")
	f.Float64Var(&c.options.Effort, "effort", 1, "factor on the number of training steps, up to 100; 0.1 gives a quick look")
	f.StringVar(&c.criterion, "criterion", string(prune.Fisher), "importance of a weight: fisher, magnitude or input")
	f.BoolVar(&c.options.NoAugment, "no-augment", false, "train on pictures as they are, without small rotations and shifts")
	f.StringVar(&c.data.labels, "labels", "", "class names in the order of the outputs, to store in the file: a,b,c, a file with one per line, or data for those of DATA (default: none; names cost bytes)")
	f.StringVar(&c.report, "report", "", "JSON file to write the whole result to")
	f.StringVar(&c.front, "front", "", "folder to write the files of the Pareto front to")
	f.IntVarP(&c.options.Threads, "threads", "j", 0, "number of goroutines (default: one per core); does not change the result")
}

// compressed is the JSON result of edgec compress, and the report.
type compressed struct {
	File   string       `json:"file"`             // the network that was read
	Source edgec.Source `json:"source"`           // what was concluded from the data
	Output string       `json:"output,omitempty"` // written; none when no file meets the limits
	Bytes  int          `json:"bytes,omitempty"`  // of the output
	*edgec.Report

	Prediction *targets.Prediction `json:"prediction,omitempty"` // of the output, with --target
}

func (a *app) compress(cmd *cobra.Command, c *compressFlags, path string) error {
	if err := c.settle(cmd, path); err != nil {
		return err
	}
	if err := c.checkPaths(path); err != nil {
		return err
	}
	m, err := openONNX(path, c.data.open())
	if err == nil {
		err = refuseQuantized(path, m, c.out)
	}
	if err != nil {
		return err
	}
	if err := c.possible(m); err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	if c.teacher != "" {
		if c.options.Teacher, err = openONNX(c.teacher, c.data.open()); err != nil {
			return err
		}
		if err := c.options.Validate(); err != nil {
			return usageError{err, cmd.CommandPath()}
		}
	}
	for _, n := range m.Notes() {
		a.note("%s: %s", path, n)
	}
	show := a.newProgress()
	show.slow("reading " + c.data.path)
	data, err := c.read(cmd.Context(), m)
	show.end()
	if err != nil {
		return err
	}
	if err := a.storeLabels(c, m, data); err != nil {
		return err
	}
	a.note("%s: %s parameters; %s: %s", path, thousands(m.Params()), c.data.path, data)
	a.note("%s: %s", c.data.path, data.Source())
	if b := c.options.Target; b != nil {
		t, _ := b.Assumed() // it can be predicted
		a.note("times on %s are predicted, 4 in 5 within a factor of %.2f; the upper end counts (%s)", b.Name, t.Factor(), t.Basis)
	}
	return a.search(cmd.Context(), c, path, m, data)
}

// read reads the samples, within the budget.
func (c *compressFlags) read(ctx context.Context, m *edgec.Model) (*edgec.Data, error) {
	budget, since := c.options.Budget, time.Now()
	defer func() { c.options.Spent = time.Since(since) }()
	if budget > 0 {
		limited, cancel := context.WithTimeout(ctx, budget)
		defer cancel()
		ctx = limited
	}
	data, err := c.data.read(ctx, m, c.data.pre(), c.options.NoLabels)
	if errors.Is(err, context.DeadlineExceeded) && budget > 0 {
		return nil, fmt.Errorf("%s: the budget of %v is used up before the samples were read; give more time", c.data.path, budget)
	}
	return data, err
}

// checkPaths returns what is wrong with the names of inputs and outputs, joined, before
// anything is read.
func (c *compressFlags) checkPaths(path string) error {
	if filepath.Ext(path) == ".edgec" {
		return about(path, fmt.Errorf("%s: is an .edgec file; give the network that it was made from", path))
	}
	errs := []error{present(path, "an ONNX or TFLite file"), present(c.data.path, "a folder or file of samples"), checkOutput(c.out, path, c.data.path, c.teacher)}
	if c.teacher != "" {
		errs = append(errs, present(c.teacher, "an ONNX or TFLite file"))
	}
	if c.report != "" {
		errs = append(errs, checkOutput(c.report, path, c.data.path, c.teacher))
		if sameName(c.report, c.out) {
			errs = append(errs, about(c.report, fmt.Errorf("%s: would overwrite the output; give the report another name", c.report)))
		}
	}
	if c.front != "" {
		errs = append(errs, checkFolder(c.front, c.out, c.report, c.options.Journal))
	}
	return errors.Join(errs...)
}

// settle completes and checks the flags. Its error has everything that is wrong.
func (c *compressFlags) settle(cmd *cobra.Command, path string) error {
	r := &c.options
	r.MaxSize, r.MaxMemory = int(c.maxSize), int64(c.memory)
	if (r.MaxSize == 0 && r.MaxLatency == 0 && r.MaxMemory == 0) || cmd.Flags().Changed("max-drop") {
		drop := c.maxDrop.value
		r.MaxDrop = &drop
	}
	r.Criterion = prune.Criterion(c.criterion)
	if c.out == "" {
		c.out = baseName(path) + ".edgec"
	}
	if err := c.setTarget(cmd); err != nil {
		return err
	}
	errs := []error{c.wrong(cmd)}
	if r.TrainedOn == "" && c.data.testLast > 0 {
		r.TrainedOn = "no" // assume that the network was not trained on data without a test part
	}
	if r.Budget == 0 {
		r.Journal = c.out + ".search"
	}
	if err := usageErrors(cmd, append(errs, c.data.check(cmd))...); err != nil {
		return err
	}
	if err := r.Validate(); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	return c.data.readNames()
}

// setTarget sets the board that limits are about.
func (c *compressFlags) setTarget(cmd *cobra.Command) error {
	switch {
	case c.board.target == "" && c.board.file != "":
		return usagef(cmd, "--boards has boards for --target; name one of them, or leave --boards out")
	case c.board.target == "":
		return nil
	case c.options.MaxLatency == 0 && c.memory == 0:
		return usagef(cmd, "--target says where --max-latency or --max-memory count; give one of them. edgec build makes programs for a board")
	}
	board, err := c.board.find(cmd)
	if err != nil {
		return err
	}
	c.options.Target = &board
	return nil
}

// storeLabels chooses the class names that the file carries.
func (a *app) storeLabels(c *compressFlags, m *edgec.Model, data *edgec.Data) error {
	names := c.data.names
	if c.data.labels == labelsOfData && names == nil {
		if names = data.Source().Classes; names == nil {
			return about(c.data.path, fmt.Errorf("%s: has no class names for --labels data; give the names, separated by commas", c.data.path))
		}
	}
	if len(names) == 2 && outputElements(m) == 1 {
		a.note("the names %s are not stored: a file has a name for each output, and the network has one output for both classes", strings.Join(names, ", "))
		names = nil
	}
	c.options.Labels = names
	if c.maxDrop.bits && !data.NextTokens() {
		return about(c.data.path, fmt.Errorf("--max-drop in bits is for networks that predict the next token, and %s has no tokens; give points, such as 0.5", c.data.path))
	}
	return fitLabels(names, m)
}

// outputElements counts the elements of all outputs.
func outputElements(m *edgec.Model) (n int) {
	for _, v := range m.Outputs() {
		n += elements(v.Shape)
	}
	return n
}

// fitLabels returns an error unless there is a name for each output, or for each class of an
// output that has classes at positions, or none.
func fitLabels(names []string, m *edgec.Model) error {
	outputs := outputElements(m)
	n := len(names)
	if last := m.Outputs()[0].Shape; n == 0 || n == outputs || len(last) > 1 && n == last[len(last)-1] || n == elements(last) {
		return nil
	}
	return fmt.Errorf("--labels has %d names, the network %d outputs; give a name for each output, in their order, or none", n, outputs)
}

// wrong returns what is wrong with the values of flags, joined.
func (c *compressFlags) wrong(cmd *cobra.Command) error {
	r := &c.options
	errs := []error{choice("criterion", c.criterion, string(prune.Fisher), string(prune.Magnitude), string(prune.Input)), atLeast("threads", r.Threads, 0)}
	if cmd.Flags().Changed("trained-on") {
		errs = append(errs, choice("trained-on", r.TrainedOn, "yes", "no"))
	}
	if !(r.Effort > 0 && r.Effort <= 100) {
		errs = append(errs, fmt.Errorf("--effort %v: give a number above 0, at most 100", r.Effort))
	}
	if c.teacher != "" && r.NoTraining {
		errs = append(errs, fmt.Errorf("--teacher and --no-training exclude each other: without training nothing learns from a teacher"))
	}
	if flags := cmd.Flags(); r.AnyLoss && flags.Changed("max-drop") {
		errs = append(errs, errors.New("--any-loss and --max-drop exclude each other: one allows any loss, the other bounds it"))
	} else if r.AnyLoss && !flags.Changed("max-latency") && !flags.Changed("max-memory") {
		errs = append(errs, errors.New("--any-loss belongs to --max-latency and --max-memory; leave it out"))
	}
	if r.Resume && r.Budget > 0 {
		errs = append(errs, fmt.Errorf("--resume and --budget exclude each other: a search with a budget keeps no state"))
	}
	return errors.Join(errs...)
}

// possible returns an error, before the samples are read, if --labels do not fit the network
// or no file of it can be as small as --max-size asks.
func (c *compressFlags) possible(m *edgec.Model) error {
	names := c.data.names
	if outputs := outputElements(m); len(names) != 2 || outputs != 1 {
		if err := fitLabels(names, m); err != nil {
			return err
		}
	}
	var shapes [][]int
	for _, v := range m.Inputs() {
		shapes = append(shapes, v.Shape)
	}
	meta := format.Meta{Labels: names, Input: c.data.pre()}
	return search.Objective{MaxSize: c.options.MaxSize}.Possible(shapes, len(m.Outputs()), meta)
}

// writeFront writes the files of a front into a folder, which it makes if it is missing.
func writeFront(dir, name string, front []edgec.File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return about(dir, fmt.Errorf("%s: %w; give another folder", dir, reason(err)))
	}
	for _, p := range front {
		if err := export.Write(filepath.Join(dir, fmt.Sprintf("%s-%d.edgec", name, p.Size)), p.Bytes); err != nil {
			return about(dir, err)
		}
	}
	return nil
}

// search compresses and writes what was found.
func (a *app) search(ctx context.Context, c *compressFlags, path string, m *edgec.Model, data *edgec.Data) error {
	ctx, stop := a.interruptible(ctx, "interrupted: writing the best file so far; press Ctrl-C again to stop without it")
	defer stop()
	p := a.newProgress()
	defer p.end()
	p.timed(c.options.Budget)
	c.options.Progress = p.tell
	r, err := edgec.Compress(ctx, m, data, c.options)
	p.end()
	if r == nil {
		return stoppedBy(ctx, about(path, err))
	}
	result := compressed{File: path, Source: data.Source(), Report: r}
	if err == nil {
		if err = save(c.out, r.Best.Bytes); err != nil {
			return about(c.out, err)
		}
		result.Output, result.Bytes = c.out, r.Best.Size
		if result.Prediction, err = predicted(c.options.Target, r.Best.Bytes); err != nil {
			return about(c.out, err)
		}
	}
	if c.front != "" {
		if e := writeFront(c.front, baseName(c.out), r.Front); e != nil {
			return e
		}
	}
	if c.report != "" {
		if e := writeJSON(c.report, result); e != nil {
			return e
		}
	}
	if err != nil {
		return stoppedBy(ctx, about(path, err))
	}
	if a.json {
		err = a.printJSON(result)
	} else {
		err = a.summary(result)
	}
	if err == nil && ctx.Err() != nil {
		if _, e := os.Stat(c.options.Journal); e == nil {
			a.note("the same command with --resume continues the search; to give it up, remove %s", c.options.Journal)
		}
		return errInterrupted
	}
	return err
}

// predicted returns what a file takes on a board; nil without one.
func predicted(b *targets.Board, file []byte) (*targets.Prediction, error) {
	if b == nil {
		return nil, nil
	}
	m, err := runtime.Load(file)
	if err != nil {
		return nil, err
	}
	p, err := b.Predict(m)
	return &p, err
}

// writeJSON writes a JSON document, whole or not at all.
func writeJSON(path string, v any) error {
	data, err := indented(v)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return about(path, export.Write(path, data))
}

// seconds prints a time for people.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond).String()
}
