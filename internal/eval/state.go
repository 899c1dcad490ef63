package eval

import (
	"context"
	"fmt"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// mostState is the most elements of state that Recorded keeps: 512 MB.
const mostState = 1 << 27

// Recorded runs a network with state over the samples of a set, sequence after sequence, and
// returns the samples with the state that each run took as an array for each such input: so they
// can be taken in any order. Where that is more than memory should hold, the first samples are
// returned. A network without state, and a set that has arrays for its state already, comes back
// as it is. Cost: an inference of each sample, one at a time.
func Recorded(ctx context.Context, g *graph.Graph, set *dataset.Set) (*dataset.Set, error) {
	if len(g.State) == 0 || set == nil || len(set.Inputs()) == len(g.Inputs) {
		return set, nil
	}
	if have, want := len(set.Inputs()), len(g.Inputs)-len(g.State); have != want {
		return nil, fmt.Errorf("edgec: samples have %d arrays, the network takes %d beside its state; give an array for each", have, want)
	}
	size := 0
	for _, l := range g.State {
		size += g.Inputs[l.Input].Shape.Size()
	}
	set = set.First(max(1, mostState/size))
	r, err := newRecorder(g, set)
	if err != nil {
		return nil, err
	}
	seen := count(ctx, set.Len())
	for i := range set.Len() {
		if err := Stopped(ctx); err != nil {
			return nil, err
		}
		r.step(i)
		seen.add(1)
	}
	return set.WithArrays(r.inputs, r.values), nil
}

// recorder runs a network step by step.
type recorder struct {
	g      *graph.Graph
	set    *dataset.Set
	tape   *graph.Tape
	in     []*tensor.Tensor
	inputs []dataset.Input
	values map[int][]float32 // of each input that is a state, of all samples
}

func newRecorder(g *graph.Graph, set *dataset.Set) (*recorder, error) {
	tape, err := graph.NewTape(g, 1)
	if err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	r := &recorder{g: g, set: set, tape: tape, values: map[int][]float32{}}
	for k, v := range g.Inputs {
		r.in = append(r.in, tensor.New(v.Shape...))
		r.inputs = append(r.inputs, dataset.Input{Name: v.Name, Shape: v.Shape.Sample(), Integer: v.Elem != graph.Float})
		if g.IsState(k) {
			r.values[k] = make([]float32, 0, set.Len()*v.Shape.Size())
		}
	}
	return r, nil
}

// step runs sample i.
func (r *recorder) step(i int) {
	var own []*tensor.Tensor
	for k, x := range r.in {
		if !r.g.IsState(k) {
			own = append(own, x)
			continue
		}
		if r.set.Begins(i) {
			clear(x.Data)
		}
		r.values[k] = append(r.values[k], x.Data...)
	}
	ReadSample(r.set, i, 0, own)
	out := r.tape.Forward(r.in...)
	for _, l := range r.g.State {
		copy(r.in[l.Input].Data, out[l.Output].Data)
	}
}

// Judged returns a view of g without the outputs that only are inputs of the next run, unless
// there are no others. It shares g's values and parameters.
func Judged(g *graph.Graph) *graph.Graph {
	view := *g
	view.Outputs = nil
	for k, v := range g.Outputs {
		if !g.CarriesState(k) {
			view.Outputs = append(view.Outputs, v)
		}
	}
	if len(view.Outputs) == 0 || len(view.Outputs) == len(g.Outputs) {
		return g
	}
	view.State = nil
	return &view
}

// WithoutState returns the columns of outputs [n, K], of the given shapes, that are not inputs of
// the next run, and their shapes.
func WithoutState(out *tensor.Tensor, shapes [][]int, state func(k int) bool) (*tensor.Tensor, [][]int) {
	var parts, kept []*tensor.Tensor
	var left [][]int
	for k, s := range shapes {
		parts = append(parts, tensor.New(out.Shape[0], max(1, size(s))))
		if !state(k) {
			kept, left = append(kept, parts[k]), append(left, s)
		}
	}
	if len(kept) == 0 || len(kept) == len(parts) {
		return out, shapes
	}
	tensor.Split(out, parts...)
	return tensor.Join(kept...), left
}
