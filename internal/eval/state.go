package eval

import (
	"context"
	"fmt"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// mostState is the most elements of state that Recorded keeps: 512 MB.
const mostState = 1 << 27

// fewestRecorded is the least number of samples that Recorded returns of a set that has them.
const fewestRecorded = 64

// Recorded runs a network with state over the samples of a set, sequence after sequence, and
// returns the samples with the state that each run took as an array for each such input: so they
// can be taken in any order. Where that is more than memory should hold, the first samples are
// returned. A network without state, and a set that has arrays for its state already, comes back
// as it is. After the time until, unless it is zero, there are as many samples as were done, at least
// fewestRecorded. Cost: an inference of each sample, one at a time.
func Recorded(ctx context.Context, g *graph.Graph, set *dataset.Set, until time.Time) (*dataset.Set, error) {
	if !needsState(g, set) {
		return set, nil
	}
	size := 0
	for _, l := range g.State {
		size += g.Inputs[l.Input].Shape.Size()
	}
	set = set.First(max(1, mostState/size))
	var inputs []dataset.Input
	values := map[int][]float32{}
	for k, v := range g.Inputs {
		inputs = append(inputs, dataset.Input{Name: v.Name, Shape: v.Shape.Sample(), Integer: v.Elem != graph.Float})
		if g.IsState(k) {
			values[k] = make([]float32, 0, set.Len()*v.Shape.Size())
		}
	}
	done := 0
	err := walk(ctx, g, set, func(i int, in []*tensor.Tensor, _ *graph.Tape) (more bool) {
		for k := range values {
			values[k] = append(values[k], in[k].Data...)
		}
		done = i + 1
		return done < fewestRecorded || until.IsZero() || time.Now().Before(until)
	})
	if err != nil {
		return nil, err
	}
	set = set.First(done)
	return set.WithArrays(inputs, values), nil
}

// needsState reports whether g carries a state that the samples of the set have no arrays for.
func needsState(g *graph.Graph, set *dataset.Set) bool {
	return len(g.State) > 0 && set != nil && len(set.Inputs()) != len(g.Inputs)
}

// walkOutputs returns [n, K]: the given values of a network with state on its way over the
// samples of a set.
func walkOutputs(ctx context.Context, g *graph.Graph, set *dataset.Set, values []*graph.Value) (*tensor.Tensor, error) {
	k := 0
	for _, v := range values {
		k += v.Shape.Size()
	}
	out := tensor.New(set.Len(), k)
	err := walk(ctx, g, set, func(i int, _ []*tensor.Tensor, tape *graph.Tape) (more bool) {
		row := out.Rows(i, i+1).Data
		for _, v := range values {
			row = row[copy(row, tape.Activation(v).Data):]
		}
		return true
	})
	return out, err
}

// walk runs a network with state over the samples of a set, in their order, from a state of zeros
// at the beginning of each sequence. after each run it shows sample i's inputs, the state among
// them, and the tape, and says whether there shall be more. Cost: an inference of each sample, one at a time.
func walk(ctx context.Context, g *graph.Graph, set *dataset.Set, after func(i int, in []*tensor.Tensor, tape *graph.Tape) (more bool)) error {
	if have, want := len(set.Inputs()), len(g.Inputs)-len(g.State); have != want {
		return fmt.Errorf("edgec: samples have %d arrays, the network takes %d beside its state; give an array for each", have, want)
	}
	tape, err := graph.NewTape(g, 1)
	if err != nil {
		return fmt.Errorf("edgec: %w", err)
	}
	var in, own []*tensor.Tensor // own: without the state
	for k, v := range g.Inputs {
		in = append(in, tensor.New(v.Shape...))
		if !g.IsState(k) {
			own = append(own, in[k])
		}
	}
	seen := count(ctx, set.Len())
	for i := range set.Len() {
		if err := Stopped(ctx); err != nil {
			return err
		}
		if set.Begins(i) {
			for _, l := range g.State {
				clear(in[l.Input].Data)
			}
		}
		ReadSample(set, i, 0, own)
		out := tape.Forward(in...)
		if !after(i, in, tape) {
			return nil
		}
		for _, l := range g.State {
			copy(in[l.Input].Data, out[l.Output].Data)
		}
		seen.add(1)
	}
	return nil
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
