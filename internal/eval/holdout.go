package eval

import (
	"context"
	"math"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Holdout compares networks with the float network on held-out samples.
type Holdout struct {
	Task      Task
	Reference Reference
	Baseline  []float64 // losses of the float network
	Paired    bool      // Baseline is of the samples of the reference; otherwise of others
	Threads   int
}

// Estimate is how far a network falls behind the float network.
type Estimate struct {
	Drop  float64 // difference of the mean losses, in points
	Error float64 // standard error of Drop
}

// NewHoldout measures the float network g on the set.
func NewHoldout(ctx context.Context, g *graph.Graph, task Task, set *dataset.Set, threads int) (*Holdout, error) {
	out, err := Predict(ctx, View(task, g), set, set.Len(), threads)
	if err != nil {
		return nil, err
	}
	return newHoldout(g, task, set, out, threads), nil
}

// newHoldout is NewHoldout with the outputs of View(task, g) at hand.
func newHoldout(g *graph.Graph, task Task, set *dataset.Set, out *tensor.Tensor, threads int) *Holdout {
	h := &Holdout{Task: task, Reference: Reference{Set: set, Float: out, Heads: Subject{Graph: g}.outputs(), Shapes: Subject{Graph: g}.shapes()}, Paired: true, Threads: threads}
	task.Prepare(&h.Reference)
	h.Baseline = h.Losses(out)
	return h
}

// Float returns the metrics of the float network on the samples of the holdout.
func (h *Holdout) Float() Metrics { return h.Measure(h.Reference.Float) }

// Measure returns the metrics of outputs [n, K] on the first n samples.
func (h *Holdout) Measure(out *tensor.Tensor) Metrics {
	m := Summarize(h.Task, h.Losses(out))
	m.Chance = h.Task.Chance(&h.Reference)
	h.Task.Detail(&h.Reference, out, &m)
	return m
}

// Unpaired returns a holdout of labelled samples that compares with losses of the
// float network on other samples.
func Unpaired(task Task, set *dataset.Set, baseline []float64, threads int) *Holdout {
	h := &Holdout{Task: task, Reference: Reference{Set: set}, Baseline: baseline, Threads: threads}
	task.Prepare(&h.Reference)
	return h
}

// Set returns the held-out samples.
func (h *Holdout) Set() *dataset.Set { return h.Reference.Set }

// Losses returns the loss of each of the first samples for outputs [n, K].
func (h *Holdout) Losses(out *tensor.Tensor) []float64 { return h.Task.Score(&h.Reference, out) }

// Compare estimates the drop of a network with these losses:
//
//	drop = 100 (mean loss - mean baseline)
//
// Its standard error is that of the mean of differences in pairs, or, of unpaired
// samples, that of a difference of two means. Where samples are counted and none
// differs among n, it is that of one sample, 100/n: three of it are the bound of
// the rule of three, 3/n (Hanley, Lippman-Hand 1983). Positions count as samples there.
func (h *Holdout) Compare(loss []float64) Estimate {
	e := h.compare(loss)
	if t := h.Task.Traits(); e.Error == 0 && !t.Distance {
		e.Error = 100 / (float64(max(len(loss), 1)) * float64(max(t.Positions, 1)))
	}
	return e
}

func (h *Holdout) compare(loss []float64) Estimate {
	if !h.Paired {
		a, va := meanVariance(loss)
		b, vb := meanVariance(h.Baseline)
		return Estimate{100 * (a - b), 100 * math.Sqrt(va/float64(len(loss))+vb/float64(len(h.Baseline)))}
	}
	diff := make([]float64, len(loss))
	for i, l := range loss {
		diff[i] = l - h.Baseline[i]
	}
	m, v := meanVariance(diff)
	return Estimate{100 * m, 100 * math.Sqrt(v/float64(len(diff)))}
}

// outputs returns those of a graph on the first n samples: without the state of one that carries it.
func (h *Holdout) outputs(ctx context.Context, g *graph.Graph, n int) (*tensor.Tensor, error) {
	if needsState(g, h.Set()) {
		return walkOutputs(ctx, g, h.Set().First(n), View(h.Task, Judged(g)).Outputs)
	}
	return Predict(ctx, g, h.Set(), n, h.Threads)
}

// Graph estimates the drop of a graph as training computes it, on the first n
// samples.
func (h *Holdout) Graph(ctx context.Context, g *graph.Graph, n int) (Estimate, error) {
	out, err := h.outputs(ctx, g, n)
	if err != nil {
		return Estimate{}, err
	}
	return h.Compare(h.Losses(out)), nil
}
