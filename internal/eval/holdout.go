package eval

import (
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
func NewHoldout(g *graph.Graph, task Task, set *dataset.Set, threads int) (*Holdout, error) {
	h := &Holdout{Task: task, Reference: Reference{Set: set}, Paired: true, Threads: threads}
	var err error
	if h.Reference.Float, err = Predict(g, set, set.Len(), threads); err != nil {
		return nil, err
	}
	if task.Traits().Distance {
		h.Reference.Unit = Mean(distances(set, h.Reference.Float))
		if h.Reference.Unit == 0 {
			h.Reference.Unit = 1
		}
	}
	h.Baseline = h.Losses(h.Reference.Float)
	return h, nil
}

// Unpaired returns a holdout of labelled samples that compares with losses of the
// float network on other samples.
func Unpaired(task Task, set *dataset.Set, baseline []float64, threads int) *Holdout {
	return &Holdout{Task: task, Reference: Reference{Set: set}, Baseline: baseline, Threads: threads}
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
// samples, that of a difference of two means.
func (h *Holdout) Compare(loss []float64) Estimate {
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

// Graph estimates the drop of a graph as training computes it, on the first n
// samples.
func (h *Holdout) Graph(g *graph.Graph, n int) (Estimate, error) {
	out, err := Predict(g, h.Set(), n, h.Threads)
	if err != nil {
		return Estimate{}, err
	}
	return h.Compare(h.Losses(out)), nil
}
