package edgec

import (
	"cmp"
	"context"
	"fmt"
	goruntime "runtime"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/runtime"
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
	// Limits of a session, of which each goroutine has one, and of the work for a sample.
	Limits runtime.Config
	// Progress is told how many samples of a pass are done; nil: nothing is. It is
	// called by one goroutine at a time.
	Progress func(done, total int)
}

// threads returns the number of goroutines.
func (o EvaluateOptions) threads() int { return cmp.Or(max(o.Threads, 0), goruntime.GOMAXPROCS(0)) }

// Evaluation is what Evaluate measured.
type Evaluation struct {
	Part      Part      // that was measured on
	Samples   int       // in it
	Labels    *Metrics  // against the labels or target values; nil without
	Against   *Metrics  // against the float network; nil without one
	Confusion Confusion // of labelled samples or positions
}

// Confusion counts samples: element [l][p] those of class l whose largest output
// is p.
type Confusion [][]int

// Evaluate executes a compressed file on every sample of a part of the data, with
// the runtime, and compares its outputs with the labels or target values, and with
// the float network Against. It is an error if the data has neither, if a label
// has no output, or if samples, file and network do not belong together. Cost: an
// inference of the file for each sample, and of the float network if there is one.
func Evaluate(file []byte, d *Data, o EvaluateOptions) (*Evaluation, error) {
	set, part, err := d.chosen(o)
	if err != nil {
		return nil, err
	}
	n, err := Input(file)
	if err != nil {
		return nil, err
	}
	ctx := eval.Watched(context.Background(), o.Progress)
	out, err := eval.ExecuteWithin(ctx, o.Limits, file, set, set.Len(), o.threads())
	if err != nil {
		return nil, err
	}
	r := &Evaluation{Part: part, Samples: set.Len()}
	if set.Labeled() || o.Against == nil {
		m, confusion, err := eval.AgainstLabels(set, out, shapes(results(n)), o.threads())
		if err != nil {
			return nil, err
		}
		labels := Metrics(m)
		r.Labels, r.Confusion = &labels, confusion
	}
	if o.Against != nil {
		if err := o.Against.network().Takes(set); err != nil {
			return nil, err
		}
		m, err := eval.Against(ctx, eval.Subject{Graph: o.Against.graph, Set: set.WithoutLabels(), NoLabels: o.NoLabels, Threads: o.threads()}, out)
		if err != nil {
			return nil, err
		}
		against := Metrics(m)
		r.Against = &against
	}
	return r, nil
}

// Evaluate measures the float network on a part of the data with labels or target
// values, or by how well it reproduces its input.
func (m *Model) Evaluate(d *Data, o EvaluateOptions) (Metrics, error) {
	set, _, err := d.chosen(o)
	if err != nil {
		return Metrics{}, err
	}
	h, err := eval.NewMeasure(eval.Watched(context.Background(), o.Progress), eval.Subject{Graph: m.graph, Set: set, Threads: o.threads()})
	if err != nil {
		return Metrics{}, err
	}
	return Metrics(h.Float()), nil
}

// chosen returns the samples to evaluate on.
func (d *Data) chosen(o EvaluateOptions) (*dataset.Set, Part, error) {
	set, part := d.part(o.Part)
	if set == nil {
		return nil, part, fmt.Errorf("edgec: the data has no %s part; evaluate on the other one", part)
	}
	if o.NoLabels {
		set = set.WithoutLabels()
	}
	return set, part, nil
}
