package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"edgec/runtime/program"
)

// runHelp is the long help of edgec run.
const runHelp = `Executes the network on each INPUT, or on standard input, and prints the label,
or number, of the largest output and its score. This is the code of the programs
that edgec build makes, and gives the same bytes.

A probability follows in parentheses where the network is known to be a classifier:
its output ends with a softmax or a sigmoid, or the file has a label for each output
(edgec compress --labels). Of other outputs, edgec cannot know, and prints the softmax
of several numbers as what it is "if a classifier". --probability says that it is one:
the probabilities are the softmax of the scores, or of one score x the logistic
function 1 / (1 + exp(-x)).

An INPUT is a PNG or JPEG picture, an .npy array, or raw. Pictures are resized to
the network's input as edgec eval resizes them (bilinear with antialiasing), become
gray where it has one channel, and lose their alpha. An array has the shape of the
ONNX network, with or without its batch of one. Its channels may come last, and must
where the ONNX network takes them so, as Keras networks do; edgec inspect says which.
Raw files have as many bytes as the input has elements (pixels, channels last), or
four times as many (float32, little endian, in the order of the ONNX network).

A network with several inputs takes one INPUT for each, in the network's order,
sample after sample; only the first may be a picture. Of several outputs each is
printed, with its number and shape.

A network with state takes its samples in a row: the state of one is kept for the
next. It is no INPUT, and printed only if there is no other output. --stream takes
samples from an array [samples, ...], and prints a result for each; each INPUT begins
anew, without a state.

A language model goes on with a text: --generate N adds N tokens to those of
--prompt-ids or --prompt, and prints them as they come, in the labels of the file
(edgec compress --labels tokens.json) or as numbers. The model takes whole sequences,
or one token at a time with the rest in its state; then an input of one more whole
number takes the place of the token. Equal seeds give equal texts on every machine.
--prompt is cut into the longest labels that fit, from left to right.

With --json each sample gives one line: {"schema", "file", "source": {"kind",
"pictures_read", "resized", "scaling"}, "top": [{"index", "label", "score",
"probability"}], "outputs"}. A network with several inputs has "files" in place of "file", one with
several outputs "results": [{"shape", "top", "outputs"}].`

func runCommand(a *app) *cobra.Command {
	j := &program.Job{}
	idx, selfTest, stream := "", false, false
	cmd := &cobra.Command{
		Use:   "run FILE.edgec [INPUT ...]",
		Short: "Execute a compressed network on pictures, arrays or raw values",
		Long:  runHelp,
		Example: `  edgec run lenet-5.edgec seven.png
  edgec run lenet-5.edgec --top 3 --json *.png
  edgec run lenet-5.edgec - < seven.png
  edgec run lenet-5.edgec --idx t10k-images-idx3-ubyte.gz --idx-labels t10k-labels-idx1-ubyte.gz
  edgec run lenet-5.edgec --selftest
  edgec run lm.edgec --generate 200 --prompt-ids 1 --temperature 0.8 --seed 1`,
		Args: needs(1, -1, "one .edgec file, and pictures or arrays"),
		RunE: func(cmd *cobra.Command, args []string) error {
			j.Files = args[1:]
			o := &j.Generation
			if err := usageErrors(cmd, atLeast("top", j.Top, 1), atLeast("generate", o.Tokens, 0), atLeast("top-k", o.TopK, 0), generationErrors(cmd, o)); err != nil {
				return err
			}
			if err := chooseAction(cmd, j, actions{idx, selfTest, stream}, a.json); err != nil {
				return err
			}
			return a.do(j, args[0])
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&j.Top, "top", 1, "print this many outputs, largest first")
	f.BoolVar(&j.Probability, "probability", false, "the network is a classifier: print probabilities, also where the file does not say so")
	f.BoolVar(&j.Raw, "raw", false, "print the bytes of the outputs as they are, little endian")
	f.BoolVar(&j.Invert, "invert", false, "pictures: light becomes dark, for dark on light where the network wants the contrary")
	f.StringVar(&idx, "idx", "", "execute every picture of this idx file, print counts and a checksum of all outputs")
	f.StringVar(&j.Labels, "idx-labels", "", "with --idx: the idx file of the labels, for the accuracy")
	f.BoolVar(&selfTest, "selftest", false, "prove that this machine computes what was computed when the file was written")
	f.BoolVar(&stream, "stream", false, "each INPUT is an .npy array of samples, executed in a row: a network with state carries it from sample to sample")
	addGeneration(cmd, &j.Generation)
	addLimits(cmd, &j.Limits)
	return cmd
}

// actions are what edgec run does instead of executing its inputs.
type actions struct {
	idx              string // file of pictures; "": none
	selfTest, stream bool
}

// chooseAction sets what j does, and refuses flags that exclude each other.
func chooseAction(cmd *cobra.Command, j *program.Job, from actions, json bool) error {
	generate, files := j.Generation.Tokens > 0, len(j.Files) > 0
	switch {
	case j.Raw && json:
		return usagef(cmd, "--raw and --json exclude each other: both say what standard output gets")
	case j.Labels != "" && from.idx == "":
		return usagef(cmd, "--idx-labels belongs to --idx; give the idx file of the pictures with --idx")
	case from.other() && files, from.idx != "" && from.selfTest:
		return usagef(cmd, "--idx, --selftest and inputs exclude each other; give one of them")
	case generate && (from.other() || files || j.Raw):
		return usagef(cmd, "--generate goes on with --prompt-ids or --prompt; leave out inputs, --raw, --idx and --selftest")
	case from.stream && from.other() && !generate:
		return usagef(cmd, "--stream, --idx and --selftest exclude each other; give one of them")
	}
	if err := unusedByAction(cmd, generate, from); err != nil {
		return err
	}
	switch {
	case generate:
		j.Action = program.Generate
	case from.stream:
		j.Action = program.Stream
	case from.selfTest:
		j.Action = program.SelfTest
	case from.idx != "":
		j.Action, j.Files = program.Idx, []string{from.idx}
	}
	return nil
}

// unusedByAction refuses flags about results or pictures that the action does not have.
func unusedByAction(cmd *cobra.Command, generate bool, from actions) error {
	action := ""
	switch {
	case generate:
		action = "--generate"
	case from.selfTest:
		action = "--selftest"
	case from.idx != "":
		action = "--idx"
	}
	for _, name := range []string{"top", "probability", "raw", "invert"} {
		if action != "" && cmd.Flags().Changed(name) && !(name == "invert" && action == "--idx") {
			return usagef(cmd, "--%s changes nothing of %s; leave it out", name, action)
		}
	}
	if from.stream && cmd.Flags().Changed("invert") {
		return usagef(cmd, "--invert is for pictures, and --stream takes arrays; leave it out")
	}
	return nil
}

// other reports whether pictures of an idx file are executed, or the self-test.
func (a actions) other() bool { return a.idx != "" || a.selfTest }

// addGeneration adds the flags of generation.
func addGeneration(cmd *cobra.Command, o *program.Generation) {
	f := cmd.Flags()
	f.IntVar(&o.Tokens, "generate", 0, "a language model: go on with a text by this many tokens")
	f.IntSliceVar(&o.Prompt, "prompt-ids", nil, "with --generate: numbers of the tokens to begin with, such as 1 or 1,403")
	f.StringVar(&o.Text, "prompt", "", "with --generate: text to begin with, after --prompt-ids")
	f.Float64Var(&o.Temperature, "temperature", 1, "with --generate: what scores are divided by before a token is drawn; 0: the likeliest token")
	f.IntVar(&o.TopK, "top-k", 0, "with --generate: draw among so many of the likeliest tokens; 0: all")
	f.Uint64Var(&o.Seed, "seed", 0, "with --generate: seed of the random numbers")
	f.IntSliceVar(&o.Stop, "stop-ids", nil, "with --generate: numbers of tokens that end the text")
}

// generationErrors returns what is wrong with the flags of generation, joined.
func generationErrors(cmd *cobra.Command, o *program.Generation) error {
	var errs []error
	if !(o.Temperature >= 0 && o.Temperature <= 100) {
		errs = append(errs, fmt.Errorf("--temperature %v: give a number from 0 to 100", o.Temperature))
	}
	if o.Tokens > 0 {
		return errors.Join(errs...)
	}
	for _, name := range []string{"prompt-ids", "prompt", "temperature", "top-k", "seed", "stop-ids"} {
		if cmd.Flags().Changed(name) {
			errs = append(errs, fmt.Errorf("--%s belongs to --generate; give --generate with the number of tokens", name))
		}
	}
	return errors.Join(errs...)
}

// lineWriter breaks text between words. What is written to it are whole lines.
type lineWriter struct {
	w     io.Writer
	width int
}

func (l lineWriter) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if _, err := io.WriteString(l.w, wrap(line, "  ", l.width)); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// checkSamples returns what is wrong with the names of inputs, joined, before any is read.
func checkSamples(names []string) error {
	const what = "a picture, an array or raw values"
	var errs []error
	for _, name := range names {
		if name == "-" {
			continue
		}
		switch info, err := os.Stat(name); {
		case err != nil:
			errs = append(errs, missing(name, err, what))
		case info.IsDir():
			errs = append(errs, fmt.Errorf("%s: is a folder; give the files in it, as in %s", name, filepath.Join(name, "*")))
		}
	}
	return errors.Join(errs...)
}

// do executes a job on the compressed file at path.
func (a *app) do(j *program.Job, path string) error {
	var err error
	if j.Model, _, err = readEdgec(path); err != nil {
		return err
	}
	samples := slices.Clone(j.Files)
	if j.Labels != "" {
		samples = append(samples, j.Labels)
	}
	if err := checkSamples(samples); err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	out := bufio.NewWriter(a.stdout)
	j.JSON, j.Stdin, j.Stdout = a.json, a.stdin, out
	if j.Action == program.Generate && !a.json {
		j.Stdout = a.stdout // as it comes
	} else if at := a.screen(a.stdout); at.width > 0 && !j.Raw && !a.json {
		j.Stdout = lineWriter{a.stdout, at.width}
	}
	j.Note = func(line string) { a.note("%s", line) }
	if err := j.Do(); err != nil {
		out.Flush() // what earlier inputs gave
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	return out.Flush()
}
