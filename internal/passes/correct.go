package passes

import (
	"errors"
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// CorrectBias shifts the biases of a quantized network so that each output
// channel of each layer has, over the samples, the mean that it has in the float
// network:
//
//	b[c] += E[float output c] - E[quantized output c]
//
// taken before the fused activation. Layers are corrected in execution order, each
// on the inputs that the corrected layers before it produce. The float network
// is g without its grids and codebooks: the shadow weights under their masks.
// Layers without bias, and biases that the mask prunes, are left alone.
//
// It holds the activations of all samples that later layers read, up to
// 2^26 numbers: of a network with larger activations the first samples decide.
//
// Source: Nagel et al. (2019), section 4.2, in its empirical form.
func CorrectBias(g *graph.Graph, batches Batches) error {
	run := newWalk(g)
	few := firstSamples(batches, max(1, correctionFloats/run.liveFloats()))
	float, want, err := floatMeans(g, few)
	if err != nil {
		return err
	}
	for batch := range few {
		run.start(batch)
	}
	if len(run.acts) == 0 { // whoever yields them was stopped after the first pass
		return errNoSamples
	}
	for i, n := range g.Nodes {
		if b := correctable(n); b != nil {
			var got quantize.ChannelMeans
			for _, acts := range run.acts {
				if _, err := run.observe(&got, n, acts); err != nil {
					return err
				}
			}
			quantize.CorrectBias(b.Shadow.Data, b.Mask, want[float.Nodes[i]], &got)
			b.Refresh()
		}
		for _, acts := range run.acts {
			if err := run.step(i, acts); err != nil {
				return err
			}
		}
	}
	return nil
}

var errNoSamples = errors.New("passes: no samples to correct biases with: give at least one batch")

// correctionFloats bounds the activations that CorrectBias holds, 256 MB.
const correctionFloats = 1 << 26

// firstSamples yields the first n samples of batches.
func firstSamples(batches Batches, n int) Batches {
	return func(yield func([]*tensor.Tensor) bool) {
		left := n
		for batch := range batches {
			if have := batch[0].Shape[0]; have > left {
				cut := make([]*tensor.Tensor, len(batch))
				for i, x := range batch {
					cut[i] = x.Rows(0, left)
				}
				batch = cut
			}
			left -= batch[0].Shape[0]
			if !yield(batch) || left == 0 {
				return
			}
		}
	}
}

// floatMeans returns g without grids, and the mean outputs of its layers whose
// biases can be corrected.
func floatMeans(g *graph.Graph, batches Batches) (*graph.Graph, map[*graph.Node]*quantize.ChannelMeans, error) {
	float := withoutGrids(g)
	means := map[*graph.Node]*quantize.ChannelMeans{}
	for _, n := range float.Nodes {
		if correctable(n) != nil {
			means[n] = &quantize.ChannelMeans{}
		}
	}
	some := false
	for batch := range batches {
		_, err := checkBatch(g, batch)
		if err != nil {
			return nil, nil, err
		}
		some = true
		ref := newWalk(float)
		ref.start(batch)
		for i, n := range float.Nodes {
			m := means[n]
			if m == nil {
				err = ref.step(i, ref.acts[0])
			} else if out, failed := ref.observe(m, n, ref.acts[0]); failed == nil {
				op.FusedClamp(n.Op).Apply(out[0].Data)
				ref.put(i, out, ref.acts[0])
			} else {
				err = failed
			}
			if err != nil {
				return nil, nil, err
			}
		}
	}
	if !some {
		return nil, nil, errNoSamples
	}
	return float, means, nil
}

// correctable returns the bias of a layer, nil where there is none to correct.
func correctable(n *graph.Node) *graph.Param {
	if unclamped(n.Op) == nil || len(n.Inputs) < 3 || n.Inputs[2] == nil {
		return nil
	}
	return n.Inputs[2].Param
}

// unclamped returns the layer without its fused activation, nil for other
// operators.
func unclamped(o graph.Op) graph.Op {
	if l, ok := o.(op.Layer); ok {
		return l.WithClamp(op.Clamp{})
	}
	return nil
}

// withoutGrids returns a copy of g that computes in float.
func withoutGrids(g *graph.Graph) *graph.Graph {
	f := g.Clone()
	clearGrids(f)
	for _, p := range f.Params() {
		p.Grid, p.Book = nil, nil
		p.Refresh()
	}
	return f
}

// walk executes a graph node by node on several batches at once.
type walk struct {
	g       *graph.Graph
	acts    []map[*graph.Value]*tensor.Tensor // of each batch
	lastUse map[*graph.Value]int
	scratch graph.Scratch
}

func newWalk(g *graph.Graph) *walk {
	w := &walk{g: g, lastUse: map[*graph.Value]int{}}
	for i, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil {
				w.lastUse[v] = i
			}
		}
	}
	return w
}

// start adds a batch.
func (w *walk) start(batch []*tensor.Tensor) {
	acts := map[*graph.Value]*tensor.Tensor{}
	for i, v := range w.g.Inputs {
		x := batch[i].Clone()
		if v.Grid != nil {
			v.Grid.Round(x.Data)
		}
		acts[v] = x
	}
	w.acts = append(w.acts, acts)
}

// apply runs o on node n's inputs in one batch.
func (w *walk) apply(n *graph.Node, o graph.Op, acts map[*graph.Value]*tensor.Tensor) ([]*tensor.Tensor, error) {
	in := make([]*tensor.Tensor, len(n.Inputs))
	shapes := make([]tensor.Shape, len(n.Inputs))
	for i, v := range n.Inputs {
		switch {
		case v == nil:
			continue
		case v.Param != nil:
			in[i] = v.Param.Value
		default:
			in[i] = acts[v]
		}
		shapes[i] = in[i].Shape
	}
	outShapes, err := o.Infer(shapes)
	if err != nil {
		return nil, fmt.Errorf("passes: node %q (%s): %w", n.Name, o.Name(), err)
	}
	out := make([]*tensor.Tensor, len(outShapes))
	for i, s := range outShapes {
		out[i] = tensor.New(s...)
	}
	o.Forward(&w.scratch, out, in)
	return out, nil
}

// step executes node i in one batch.
func (w *walk) step(i int, acts map[*graph.Value]*tensor.Tensor) error {
	n := w.g.Nodes[i]
	out, err := w.apply(n, n.Executed(), acts)
	if err != nil {
		return err
	}
	w.put(i, out, acts)
	return nil
}

// put rounds the outputs of node i in one batch, holds them, and frees what nothing reads
// any more.
func (w *walk) put(i int, out []*tensor.Tensor, acts map[*graph.Value]*tensor.Tensor) {
	for k, v := range w.g.Nodes[i].Outputs {
		if v.Grid != nil {
			v.Grid.Round(out[k].Data)
		}
		acts[v] = out[k]
	}
	for v := range acts {
		if last, read := w.lastUse[v]; !read || last <= i {
			delete(acts, v)
		}
	}
}

// observe adds n's output before its activation, in one batch, to m, and returns it.
func (w *walk) observe(m *quantize.ChannelMeans, n *graph.Node, acts map[*graph.Value]*tensor.Tensor) ([]*tensor.Tensor, error) {
	out, err := w.apply(n, unclamped(n.Op), acts)
	if err != nil {
		return nil, err
	}
	y := out[0]
	axis := n.Op.(op.Layer).ChannelAxis(len(y.Shape))
	m.Add(y.Data, y.Shape[axis], y.Shape[axis+1:].Size())
	return out, nil
}

// liveFloats is the most numbers of one sample that are held between nodes.
func (w *walk) liveFloats() int {
	size := 0
	for _, v := range w.g.Inputs {
		size += v.Shape.Sample().Size()
	}
	held := size
	for i, n := range w.g.Nodes {
		for _, v := range n.Outputs {
			if _, read := w.lastUse[v]; read {
				size += v.Shape.Sample().Size()
			}
		}
		for k, v := range n.Inputs {
			if v != nil && v.Param == nil && w.lastUse[v] == i && !slices.Contains(n.Inputs[:k], v) {
				size -= v.Shape.Sample().Size()
			}
		}
		held = max(held, size)
	}
	return max(held, 1)
}
