package cli

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/export"
	"edgec/prune"
)

// defaultDrop is the loss of accuracy, in points, that is accepted when the
// command line asks for no outcome.
const defaultDrop = 0.5

// compressFlags are the flags of edgec compress.
type compressFlags struct {
	data      dataFlags
	options   edgec.Options
	maxDrop   float64
	out       string
	report    string
	front     string
	maxSize   size
	criterion string
	labels    string
	teacher   string
}

func compressCommand(a *app) *cobra.Command {
	c := &compressFlags{}
	cmd := &cobra.Command{
		Use:   "compress MODEL.onnx --data DATA",
		Short: "Compress a network to a file of a few kilobytes",
		Long: `Reads a trained network (ONNX) and samples, searches for the smallest file whose
accuracy is what was asked for, and writes it. All it needs to know is the
outcome: --max-drop (points of accuracy that may be lost), --max-size (the
largest file), --max-latency (the longest an inference may take on this machine),
or several of them; without any it is --max-drop 0.5. Without --max-drop, or with
--max-drop 0, the search looks for the best accuracy within size and time.

The time is the median of many inferences of the very file, one goroutine, one
sample at a time. It is measured whenever a file is made, so leave the machine
alone meanwhile; edgec bench measures the same.

Without labels (or with --no-labels) the float network is the teacher, and the
metric is agreement with it. A network with as many outputs as inputs, and data
without labels, is measured by how far its outputs are from its inputs, in percent
of the float network's own distance; with --no-labels by how far they are from the
float network's outputs, in the same unit. With labels, another network may be the
--teacher: one that makes fewer errors than the network itself.

The search is anytime. Interrupt it (Ctrl-C), or give it a --budget, and the best
file so far is written; the exit code is then 3 after an interrupt and 0 after
the budget. A second Ctrl-C ends it at once and writes nothing. What the stages of
the search have left, and every file that meets what was asked for, lies meanwhile
in the folder OUTPUT.search, unless there is a --budget; it goes when the search has
come to its end. After an interrupt, a crash or a power cut the same command with
--resume goes on from there, to the same file. If no file meets
what was asked for, none is written, the error names the nearest, and the exit
code is 1. --report writes what was found as JSON: the recipe, every stage, every
file that was tried, the Pareto front of size and loss. --front writes the files of
the Pareto front into a folder, as NAME-BYTES.edgec, also when none is what was
asked for.

` + dataHelp + `

Sizes are bytes, or end in KB, MB (1,000 and 1,000,000 bytes), KiB or MiB (1,024
and 1,048,576 bytes), in any case.`,
		Example: `  edgec compress lenet-5.onnx --data mnist --max-drop 0.1
  edgec compress lenet-5.onnx --data mnist --max-size 4KB -o small.edgec
  edgec compress lenet-5.onnx --data mnist --max-latency 200us -o fast.edgec
  edgec compress net.onnx --data photos --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  edgec compress net.onnx --data samples.npy --no-labels --budget 5m --report net.json`,
		Args: needs(1, 1, "one ONNX file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.compress(cmd, c, args[0]) },
	}
	c.data.register(cmd)
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&c.out, "output", "o", "", "file to write (default: the model's name with .edgec, in the current folder)")
	f.Float64Var(&c.maxDrop, "max-drop", defaultDrop, "largest loss of accuracy, in points (percent of samples)")
	f.Var(&c.maxSize, "max-size", "largest file, as 20KB")
	f.DurationVar(&c.options.MaxLatency, "max-latency", 0, "longest time of an inference on this machine, as 200us or 5ms (default: not asked for)")
	f.DurationVar(&c.options.Budget, "budget", 0, "time after which the best file so far is taken, as 5m (default: none)")
	f.BoolVar(&c.options.Resume, "resume", false, "go on with a search that was interrupted or killed; give the same network, data and flags")
	f.Uint64Var(&c.options.Seed, "seed", 0, "other seeds, other runs; equal seeds, equal files on one kind of CPU")
	f.BoolVar(&c.options.NoLabels, "no-labels", false, "do not look at labels: agree with the float network, or give what it gives where that reproduces its input")
	f.StringVar(&c.teacher, "teacher", "", "another network (ONNX) of the same input and outputs to learn from (default: the network itself)")
	f.BoolVar(&c.options.NoTraining, "no-training", false, "prune and round by calibration alone, in seconds to minutes; files are much larger than after training")
	f.StringVar(&c.options.TrainedOn, "trained-on", "", "yes or no: the network was trained on the training part of DATA (default: yes if DATA has a test part, but not with --test-last)")
	f.Float64Var(&c.options.Effort, "effort", 1, "scales the number of training steps, to 100; 0.1 is a quick look")
	f.StringVar(&c.criterion, "criterion", string(prune.Fisher), "importance of a weight: fisher, magnitude or input")
	f.BoolVar(&c.options.NoAugment, "no-augment", false, "train on pictures as they are, not turned and shifted a little")
	f.StringVar(&c.labels, "labels", "", "class names for the file to carry: a,b,c or a file with one a line (default: none; they cost bytes)")
	f.StringVar(&c.report, "report", "", "write what was found to this JSON file")
	f.StringVar(&c.front, "front", "", "write the files of the Pareto front into this folder")
	f.IntVarP(&c.options.Threads, "threads", "j", 0, "goroutines (default: one a core); does not change the result")
	must(cmd.RegisterFlagCompletionFunc("criterion", cobra.FixedCompletions([]string{string(prune.Fisher), string(prune.Magnitude), string(prune.Input)}, cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("trained-on", cobra.FixedCompletions([]string{"yes", "no"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// compressed is the JSON result of edgec compress, and the report.
type compressed struct {
	File string `json:"file,omitempty"` // written; none when no file meets the recipe
	*edgec.Report
}

func (a *app) compress(cmd *cobra.Command, c *compressFlags, path string) error {
	if err := c.settle(cmd, path); err != nil {
		return err
	}
	if err := checkOutput(c.out, path, c.data.path, c.teacher); err != nil {
		return err
	}
	if c.report != "" {
		if err := checkOutput(c.report, path, c.data.path, c.teacher); err != nil {
			return err
		}
		if sameName(c.report, c.out) {
			return fmt.Errorf("%s: would be written over the output; give the report another name", c.report)
		}
	}
	if c.front != "" {
		if err := checkFolder(c.front, c.out, c.report, c.options.Journal); err != nil {
			return err
		}
	}
	m, err := openONNX(path)
	if err != nil {
		return err
	}
	if c.teacher != "" {
		if c.options.Teacher, err = openONNX(c.teacher); err != nil {
			return err
		}
		if err := c.options.Validate(); err != nil {
			return usageError{err, cmd.CommandPath()}
		}
	}
	data, err := c.data.open(m, c.data.pre(), c.options.NoLabels)
	if err != nil {
		return err
	}
	a.note("%s: %d parameters; %s: %s", path, m.Params(), c.data.path, data)
	return a.search(cmd.Context(), c, m, data)
}

// settle completes and checks the flags.
func (c *compressFlags) settle(cmd *cobra.Command, path string) error {
	r := &c.options
	r.MaxSize = int(c.maxSize)
	if (r.MaxSize == 0 && r.MaxLatency == 0) || cmd.Flags().Changed("max-drop") {
		r.MaxDrop = &c.maxDrop
	}
	if cmd.Flags().Changed("max-latency") && r.MaxLatency <= 0 {
		return usagef(cmd, "--max-latency %v: give a positive time, as 200us or 5ms", r.MaxLatency)
	}
	if r.TrainedOn == "" && c.data.testLast > 0 {
		r.TrainedOn = "no" // a source without parts is taken for samples that the network has not met
	}
	r.Criterion = prune.Criterion(c.criterion)
	if r.Threads < 0 {
		return usagef(cmd, "--threads %d: give a positive number", r.Threads)
	}
	if math.IsNaN(r.Effort) || cmd.Flags().Changed("effort") && r.Effort <= 0 {
		return usagef(cmd, "--effort %v: give a number above 0, at most 100", r.Effort)
	}
	if r.Resume && r.Budget > 0 {
		return usagef(cmd, "--resume with --budget: a search with a budget leaves nothing to resume; leave one out")
	}
	if c.out == "" {
		c.out = baseName(path) + ".edgec"
	}
	if r.Budget == 0 {
		r.Journal = c.out + ".search"
	}
	if err := r.Validate(); err != nil {
		return usageError{err, cmd.CommandPath()}
	}
	if err := c.data.check(cmd); err != nil {
		return err
	}
	var err error
	r.Labels, err = readLabels(c.labels)
	return err
}

// writeFront writes the files of a front into a folder, which it makes if it is missing.
func writeFront(dir, name string, front []edgec.File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%s: %w; give another folder", dir, reason(err))
	}
	for _, p := range front {
		if err := export.Write(filepath.Join(dir, fmt.Sprintf("%s-%d.edgec", name, p.Size)), p.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// search compresses and writes what was found.
func (a *app) search(ctx context.Context, c *compressFlags, m *edgec.Model, data *edgec.Data) error {
	ctx, stop := a.interruptible(ctx, "interrupted: writing the best file so far; once more to end at once without it")
	defer stop()
	p := a.newProgress()
	c.options.Progress = p.tell
	r, err := edgec.Compress(ctx, m, data, c.options)
	p.clear()
	if r == nil {
		return err
	}
	result := compressed{Report: r}
	if err == nil {
		if err = export.Write(c.out, r.Best.Bytes); err != nil {
			return err
		}
		result.File = c.out
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
		return err
	}
	if a.json {
		err = a.printJSON(result)
	} else {
		err = a.summary(result)
	}
	if err == nil && ctx.Err() != nil {
		if c.options.Journal != "" {
			a.note("the same command with --resume goes on with the search; otherwise remove %s", c.options.Journal)
		}
		return errInterrupted
	}
	return err
}

// writeJSON writes a JSON document, whole or not at all.
func writeJSON(path string, v any) error {
	data, err := indented(v)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return export.Write(path, data)
}

// seconds prints a time for people.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(100 * time.Millisecond).String()
}
