package edgec

import (
	"fmt"
	goruntime "runtime"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/train"
)

// EvaluateOptions say what a file is measured by.
type EvaluateOptions struct {
	// Part of the data; "": the test part, or the training part where there is no
	// other.
	Part Part
	// Against is the float network that outputs are compared with; nil: none.
	Against *Model
	// NoLabels leaves labels aside, and compares even a network that reproduces
	// its input with the outputs of Against.
	NoLabels bool
	// Threads is the number of goroutines; 0: GOMAXPROCS. It changes no result.
	Threads int
}

// threads returns the number of goroutines.
func (o EvaluateOptions) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return goruntime.GOMAXPROCS(0)
}

// Evaluation is what Evaluate measured.
type Evaluation struct {
	Part      Part
	Samples   int
	Labels    *Metrics  // against the labels; nil without labels
	Against   *Metrics  // against the float network; nil without one
	Confusion Confusion // of labelled samples
}

// Confusion counts samples: element [l][p] those of class l whose largest output
// is p.
type Confusion [][]int

// Evaluate executes a compressed file on every sample of a part of the data, with
// the runtime, and compares its outputs with the labels and with the float network
// Against. It is an error if the data has neither, if a label has no output, or if
// samples, file and network do not belong together.
func Evaluate(file []byte, d *Data, o EvaluateOptions) (*Evaluation, error) {
	set, part, err := d.chosen(o)
	if err != nil {
		return nil, err
	}
	if set.Labels == nil && o.Against == nil {
		return nil, fmt.Errorf("edgec: the data has no labels to evaluate by; compare with the float network")
	}
	r := &Evaluation{Part: part, Samples: set.Len()}
	if set.Labels != nil {
		if r.Confusion, err = confuse(file, set, o.threads()); err != nil {
			return nil, err
		}
		m := r.Confusion.metrics()
		r.Labels = &m
	}
	if o.Against != nil {
		m, err := against(file, o.Against, set, o)
		if err != nil {
			return nil, err
		}
		r.Against = &m
	}
	return r, nil
}

// Evaluate measures the float network on a part of the data with labels, or by how
// well it reproduces its input.
func (m *Model) Evaluate(d *Data, o EvaluateOptions) (Metrics, error) {
	set, _, err := d.chosen(o)
	if err != nil {
		return Metrics{}, err
	}
	task, err := eval.Choose(m.graph, set, false)
	if err != nil {
		return Metrics{}, err
	}
	h, err := eval.NewHoldout(m.graph, task, set, o.threads())
	if err != nil {
		return Metrics{}, err
	}
	return Metrics(eval.Summarize(task, h.Baseline)), nil
}

// chosen returns the samples to evaluate on.
func (d *Data) chosen(o EvaluateOptions) (*dataset.Set, Part, error) {
	set, part := d.part(o.Part)
	if set == nil {
		return nil, part, fmt.Errorf("edgec: the data has no %s part", part)
	}
	if o.NoLabels {
		set = set.WithoutLabels()
	}
	return set, part, nil
}

// confuse counts the classes of a labelled set.
func confuse(file []byte, set *dataset.Set, threads int) (Confusion, error) {
	out, err := eval.Execute(file, set, set.Len(), threads)
	if err != nil {
		return nil, err
	}
	classes := out.Shape[1]
	c := make(Confusion, classes)
	for i := range c {
		c[i] = make([]int, classes)
	}
	for i, l := range set.Labels {
		if l < 0 || l >= classes {
			return nil, fmt.Errorf("edgec: sample %d has label %d, the network has %d outputs; check the labels", i, l, classes)
		}
		c[l][train.Argmax(out.Data[i*classes:(i+1)*classes])]++
	}
	return c, nil
}

// metrics returns the error: the samples off the diagonal.
func (c Confusion) metrics() Metrics {
	n, right := 0, 0
	for l, row := range c {
		for _, k := range row {
			n += k
		}
		right += row[l]
	}
	m := Metrics{Task: TaskAccuracy, N: n, Error: 100 * float64(n-right) / float64(max(n, 1))}
	m.Accuracy = 100 - m.Error
	return m
}

// against compares the outputs of a file with those of the float network m.
func against(file []byte, m *Model, set *dataset.Set, o EvaluateOptions) (Metrics, error) {
	if !set.Sample().Equal(m.Input()) {
		return Metrics{}, fmt.Errorf("edgec: samples have shape %v, network %q takes %v", set.Sample(), m.Name, m.Input())
	}
	set = set.WithoutLabels()
	task, err := eval.Choose(m.graph, set, o.NoLabels)
	if err != nil {
		return Metrics{}, err
	}
	h, err := eval.NewHoldout(m.graph, task, set, o.threads())
	if err != nil {
		return Metrics{}, err
	}
	out, err := eval.Execute(file, set, set.Len(), o.threads())
	if err != nil {
		return Metrics{}, err
	}
	if got, want := out.Shape[1], h.Reference.Float.Shape[1]; got != want {
		return Metrics{}, fmt.Errorf("edgec: the file has %d outputs, the network %d; they are not the same network", got, want)
	}
	return Metrics(eval.Summarize(task, h.Losses(out))), nil
}
