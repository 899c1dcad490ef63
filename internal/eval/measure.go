package eval

import (
	"context"
	"fmt"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
)

// NewMeasure measures the float network g on the samples of a set by what its outputs are for,
// without those that only are inputs of the next run. A network that carries a state does so over
// the samples, in their order, one inference at a time.
func NewMeasure(ctx context.Context, s Subject) (*Holdout, error) {
	g, err := s.Graph, error(nil)
	s.Graph = Judged(g)
	carries := needsState(g, s.Set)
	if carries && (s.NoLabels || !s.Set.Labeled()) { // the outputs may have to be looked at
		if s.Recorded, err = Recorded(ctx, g, s.Set.First(confidenceSamples), time.Time{}); err != nil {
			return nil, err
		}
	}
	task, err := Choose(ctx, s)
	if err != nil {
		return nil, err
	}
	if !carries {
		return NewHoldout(ctx, s.Graph, task, s.Set, s.Threads)
	}
	out, err := walkOutputs(ctx, g, s.Set, View(task, s.Graph).Outputs)
	if err != nil {
		return nil, err
	}
	return newHoldout(s.Graph, task, s.Set, out, s.Threads), nil
}

// Against compares outputs [n, K] of a file, without state, with those of the float network.
func Against(ctx context.Context, s Subject, out *tensor.Tensor) (Metrics, error) {
	h, err := NewMeasure(ctx, s)
	if err != nil {
		return Metrics{}, err
	}
	if got, want := out.Shape[1], h.Reference.Float.Shape[1]; got != want {
		return Metrics{}, fmt.Errorf("edgec: the file has %d outputs, the network %d; they are not the same network", got, want)
	}
	return h.Measure(out), nil
}

// AgainstLabels measures outputs [n, K] of the given shapes by labels or target values. confusion
// counts the samples, or positions, of each class; nil without classes.
func AgainstLabels(set *dataset.Set, out *tensor.Tensor, shapes [][]int, threads int) (m Metrics, confusion [][]int, err error) {
	task, err := ForOutputs(set, out, shapes)
	if err != nil {
		return m, nil, err
	}
	if set.Labels != nil || set.PositionLabels != nil {
		confusion = Confusion(task, out, set)
	}
	return Unpaired(task, set, nil, threads).Measure(out), confusion, nil
}
