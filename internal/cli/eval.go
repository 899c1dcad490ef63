package cli

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/runtime"
	"edgec/runtime/format"
	"edgec/runtime/program"
)

// evalFlags are the flags of edgec eval.
type evalFlags struct {
	data      dataFlags
	against   string
	split     string
	noLabels  bool
	confusion bool
	threads   int
	limits    runtime.Config
	show      *progress
}

func evalCommand(a *app) *cobra.Command {
	e := &evalFlags{}
	cmd := &cobra.Command{
		Use:   "eval FILE --data DATA",
		Short: "Measure the accuracy of a compressed or a float network",
		Long: `Measures the accuracy of a compressed network (.edgec), which the runtime executes,
or of a float network (.onnx, .tflite). It uses the test part of DATA, or all of DATA if there
is none.

--against compares a compressed network with the float one, sample by sample, and
needs no labels: classifiers by their classes, others by the distance of their
outputs. Networks that reproduce their input are compared by their distance from the
input or, with --no-labels, from the float network's output.

A compressed network knows how bytes become input. --raw, --mean and --std are for
float networks; for a compressed one they replace what the file says.

` + dataHelp,
		Example: `  edgec eval lenet-5.edgec --data mnist
  edgec eval lenet-5.edgec --data mnist --against lenet-5.onnx --confusion
  edgec eval lenet-5.onnx --data mnist --json`,
		Args: needs(1, 1, "one .edgec, ONNX or TFLite file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.eval(cmd, e, args[0]) },
	}
	e.data.register(cmd)
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&e.data.labels, "labels", "", "class names of DATA in the order of the outputs: a,b,c or a file with one per line (default: the file's, or sorted)")
	f.StringVar(&e.against, "against", "", "float network (ONNX or TFLite) to compare a compressed one with")
	f.StringVar(&e.split, "split", "", "part of DATA: test or train (default: test if there is one)")
	f.BoolVar(&e.noLabels, "no-labels", false, "ignore labels; needs --against")
	f.BoolVar(&e.confusion, "confusion", false, "show which classes a compressed network confuses")
	f.IntVarP(&e.threads, "threads", "j", 0, "number of goroutines (default: one per core); does not change the result")
	addLimits(cmd, &e.limits)
	must(cmd.RegisterFlagCompletionFunc("split", cobra.FixedCompletions([]string{"test", "train"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// evaluated is the JSON result of edgec eval.
type evaluated struct {
	File      string          `json:"file"`
	Data      string          `json:"data"`
	Split     string          `json:"split"`
	Samples   int             `json:"samples"`
	Labels    *edgec.Metrics  `json:"metrics,omitempty"` // against the labels or target values
	Against   *edgec.Metrics  `json:"against,omitempty"` // against the float network
	Confusion edgec.Confusion `json:"confusion,omitempty"`
	Source    edgec.Source    `json:"source"`          // what was concluded from the data
	Notes     []string        `json:"notes,omitempty"` // what reading the network has left out, in words
	classes   []string
}

func (a *app) eval(cmd *cobra.Command, e *evalFlags, path string) error {
	if err := usageErrors(cmd, e.wrong(cmd), e.data.check(cmd)); err != nil {
		return err
	}
	if err := e.data.readNames(); err != nil {
		return err
	}
	if e.data.labels == labelsOfData && e.data.names == nil {
		return usagef(cmd, "--labels data belongs to compress; give eval the names, separated by commas, or a file with one per line")
	}
	if e.threads == 0 {
		e.threads = goruntime.GOMAXPROCS(0)
	}
	errs := []error{present(path, "an .edgec, ONNX or TFLite file"), present(e.data.path, "a folder or file of samples")}
	if e.against != "" {
		errs = append(errs, present(e.against, "an ONNX or TFLite file"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	isEdgec, err := checkInput(path, "an .edgec, ONNX or TFLite file")
	if err != nil {
		return err
	}
	if err := e.unused(cmd, path, isEdgec); err != nil {
		return err
	}
	e.show = a.newProgress()
	defer e.show.end()
	e.show.slow("measuring " + path)
	var r *evaluated
	if isEdgec {
		r, err = e.compressed(cmd, path)
	} else {
		r, err = e.float(cmd, path)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(r)
	}
	return a.printEvaluated(r)
}

// wrong returns what is wrong with the flags, joined.
func (e *evalFlags) wrong(cmd *cobra.Command) error {
	errs := []error{atLeast("threads", e.threads, 0)}
	if cmd.Flags().Changed("split") {
		errs = append(errs, choice("split", e.split, "test", "train"))
	}
	if e.noLabels && e.against == "" {
		errs = append(errs, errors.New("--no-labels needs --against: without labels only a float network can be the reference"))
	}
	if e.noLabels && e.confusion {
		errs = append(errs, errors.New("--no-labels and --confusion exclude each other: classes come from labels"))
	}
	return errors.Join(errs...)
}

// unused refuses flags that say nothing of the kind of network that FILE is.
func (e *evalFlags) unused(cmd *cobra.Command, path string, isEdgec bool) error {
	names, what := []string{"max-memory", "max-work"}, "is for .edgec files, and %s is a float network"
	switch {
	case isEdgec && e.against != "":
		return nil // which the flags are about
	case isEdgec:
		names, what = []string{"shape", "set", "state"}, "is for float networks, and %s is compressed"
	}
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return usagef(cmd, "--%s "+what+"; leave it out", name, path)
		}
	}
	return nil
}

// classNames returns the names of the classes of a compressed network: those of --labels, of the
// file, or of the data.
func (e *evalFlags) classNames(info runtime.Info, data *edgec.Data) ([]string, error) {
	names := e.data.names
	if names == nil {
		if names = info.Labels; names == nil {
			names = data.ClassNames()
		}
		return names, nil
	}
	outputs := 0
	for _, shape := range info.Outputs {
		outputs += elements(shape)
	}
	last := info.Outputs[0]
	if n := len(names); n != outputs && n != elements(last) && n != last[len(last)-1] && (n != 2 || outputs != 1) {
		return nil, fmt.Errorf("--labels has %d names, the network %d outputs; give a name for each output, in their order", n, outputs)
	}
	return names, nil
}

// compressed evaluates an .edgec file.
func (e *evalFlags) compressed(cmd *cobra.Command, path string) (*evaluated, error) {
	file, model, err := readEdgec(path)
	if err != nil {
		return nil, err
	}
	network, err := edgec.Input(file)
	if err != nil {
		return nil, about(path, fmt.Errorf("%s: %w", path, err))
	}
	o := e.options()
	if e.against != "" {
		if o.Against, err = openONNX(e.against, e.data.open()); err != nil {
			return nil, err
		}
	}
	if o.Against != nil && len(network.Inputs()) > 1 {
		network = o.Against // which knows the names of its inputs
	}
	pre := model.Preprocess()
	if e.data.given(cmd) {
		pre = e.data.pre()
	}
	data, r, err := e.samples(cmd.Context(), path, network, pre)
	if err != nil {
		return nil, err
	}
	if r.classes, err = e.classNames(model.Info(), data); err != nil {
		return nil, err
	}
	if !data.Labeled() && e.against == "" {
		return nil, hinted{about(e.data.path, fmt.Errorf("%s: has no labels to evaluate against (%s); give labelled data, or a float network to compare with", e.data.path, r.Source)), "compare with the float network: --against MODEL"}
	}
	if e.confusion && !data.Labeled() {
		return nil, about(e.data.path, fmt.Errorf("%s: has no labels, which --confusion needs; give labelled data, or leave --confusion out", e.data.path))
	}
	got, err := edgec.Evaluate(file, data, o)
	err = remedied(err)
	e.show.end()
	if err != nil && e.against != "" {
		return nil, about(path, fmt.Errorf("%s against %s: %w", path, e.against, err))
	}
	if err != nil {
		return nil, about(path, err)
	}
	r.Labels, r.Against = got.Labels, got.Against
	if e.confusion && got.Confusion == nil {
		return nil, about(e.data.path, fmt.Errorf("%s: has target values and no classes, which --confusion needs; leave --confusion out", e.data.path))
	}
	if e.confusion {
		r.Confusion = got.Confusion
	}
	return r, nil
}

// float evaluates an ONNX file.
func (e *evalFlags) float(cmd *cobra.Command, path string) (*evaluated, error) {
	if e.against != "" || e.confusion {
		return nil, usagef(cmd, "%s: is not a compressed network; --against and --confusion need an .edgec file", path)
	}
	m, err := openONNX(path, e.data.open())
	if err != nil {
		return nil, err
	}
	data, r, err := e.samples(cmd.Context(), path, m, e.data.pre())
	if err != nil {
		return nil, err
	}
	if !data.Labeled() {
		return nil, about(e.data.path, fmt.Errorf("%s: has no labels to evaluate against (%s); give labelled data", e.data.path, r.Source))
	}
	metrics, err := m.Evaluate(data, e.options())
	e.show.end()
	if err != nil {
		return nil, about(path, fmt.Errorf("%s: %w", path, err))
	}
	if metrics.Task == edgec.TaskAgreement || metrics.Task == edgec.TaskVectors {
		return nil, about(e.data.path, fmt.Errorf("%s: the %s part has no labels to evaluate against; give labelled data", e.data.path, r.Split)) // the network agrees with itself
	}
	r.Labels, r.Notes = &metrics, m.Notes()
	return r, nil
}

// options say what is measured.
func (e *evalFlags) options() edgec.EvaluateOptions {
	return edgec.EvaluateOptions{Part: edgec.Part(e.split), NoLabels: e.noLabels, Threads: e.threads, Limits: e.limits, Progress: e.show.steps}
}

// samples reads the data, and says which part is evaluated on.
func (e *evalFlags) samples(ctx context.Context, path string, n edgec.Network, pre format.Preprocess) (*edgec.Data, *evaluated, error) {
	d, err := e.data.read(ctx, n, pre, e.noLabels)
	if err != nil {
		return nil, nil, err
	}
	split := edgec.Part(e.split)
	if split == "" {
		split = d.Last()
	}
	if d.Len(split) == 0 {
		return nil, nil, about(e.data.path, fmt.Errorf("%s: has no %s part; leave --split out, or hold samples out with --test-last", e.data.path, split))
	}
	return d, &evaluated{File: path, Data: e.data.path, Split: string(split), Samples: d.Len(split), Source: d.Source()}, nil
}

func (a *app) printEvaluated(r *evaluated) error {
	for _, n := range r.Notes {
		a.note("%s: %s", r.File, n)
	}
	rows := []string{"file\t" + r.File, fmt.Sprintf("data\t%s, %s part, %s samples", r.Data, r.Split, thousands(r.Samples)), "read as\t" + r.Source.String()}
	for _, m := range []*edgec.Metrics{r.Labels, r.Against} {
		if m != nil {
			rows = append(rows, wordings[m.Task].measure(m)...)
			a.noteChance(m)
		}
	}
	err := a.table(rows)
	if r.Confusion == nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	return errors.Join(err, a.table(confusionRows(r)))
}

// confusionRows has a line for each class: how many samples, or positions, are right, and as
// which other class most of the others were taken.
func confusionRows(r *evaluated) []string {
	of := "samples"
	if t := r.Labels.Task; t == edgec.TaskPositions || t == edgec.TaskNextToken {
		of = "positions"
	}
	name := func(i int) string {
		if i < len(r.classes) {
			return program.Printable(r.classes[i])
		}
		return fmt.Sprint(i)
	}
	rows := []string{"class\t" + of + "\tright\t\tmostly taken for"}
	for l, row := range r.Confusion {
		n, worst := 0, -1
		for p, k := range row {
			n += k
			if p != l && k > 0 && (worst < 0 || k > row[worst]) {
				worst = p
			}
		}
		other := ""
		if worst >= 0 {
			other = fmt.Sprintf("%s (%d)", name(worst), row[worst])
		}
		rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%.2f %%\t%s", name(l), n, row[l], 100*float64(row[l])/float64(max(n, 1)), other))
	}
	return rows
}
