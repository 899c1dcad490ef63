package quantize

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
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
// It holds the activations of all samples that later layers read: give it a few
// hundred samples.
//
// Source: Nagel et al. (2019), section 4.2, in its empirical form.
func CorrectBias(g *graph.Graph, batches Batches) error {
	float := withoutGrids(g)
	run, ref := newWalk(g), newWalk(float)
	for batch := range batches {
		if _, err := checkBatch(g, batch); err != nil {
			return err
		}
		run.start(batch)
		ref.start(batch)
	}
	if len(run.acts) == 0 {
		return fmt.Errorf("quantize: no samples to correct biases with: give at least one batch")
	}
	for i, n := range g.Nodes {
		if err := correctNode(run, ref, n, float.Nodes[i]); err != nil {
			return err
		}
		if err := run.step(i, n.Op); err != nil {
			return err
		}
		if err := ref.step(i, float.Nodes[i].Op); err != nil {
			return err
		}
	}
	return nil
}

func correctNode(run, ref *walk, n, floatNode *graph.Node) error {
	if len(n.Inputs) < 3 || n.Inputs[2] == nil || n.Inputs[2].Param == nil {
		return nil
	}
	free := unclamped(n.Op)
	if free == nil {
		return nil
	}
	b := n.Inputs[2].Param
	axis := len(n.Outputs[0].Shape) - 1
	if _, ok := n.Op.(op.Conv2D); ok {
		axis = 1
	}
	want, err := ref.means(floatNode, free, axis)
	if err != nil {
		return err
	}
	got, err := run.means(n, free, axis)
	if err != nil {
		return err
	}
	for c := range want {
		if b.Mask == nil || b.Mask[c] != 0 {
			b.Shadow.Data[c] += float32(want[c] - got[c])
		}
	}
	b.Refresh()
	return nil
}

// unclamped returns the layer without its fused activation, nil for other
// operators.
func unclamped(o graph.Op) graph.Op {
	switch o := o.(type) {
	case op.Conv2D:
		o.Clamp = op.Clamp{}
		return o
	case op.Dense:
		o.Clamp = op.Clamp{}
		return o
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
		return nil, fmt.Errorf("quantize: node %q (%s): %w", n.Name, o.Name(), err)
	}
	out := make([]*tensor.Tensor, len(outShapes))
	for i, s := range outShapes {
		out[i] = tensor.New(s...)
	}
	o.Forward(&w.scratch, out, in)
	return out, nil
}

// step executes node i in all batches and frees what nothing reads any more.
func (w *walk) step(i int, o graph.Op) error {
	n := w.g.Nodes[i]
	for _, acts := range w.acts {
		out, err := w.apply(n, o, acts)
		if err != nil {
			return err
		}
		for k, v := range n.Outputs {
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
	return nil
}

// means returns the mean of n's output, computed by o, over all batches for
// each position of the axis.
func (w *walk) means(n *graph.Node, o graph.Op, axis int) ([]float64, error) {
	var sum []float64
	count := 0
	for _, acts := range w.acts {
		out, err := w.apply(n, o, acts)
		if err != nil {
			return nil, err
		}
		y := out[0]
		channels, inner := y.Shape[axis], y.Shape[axis+1:].Size()
		if sum == nil {
			sum = make([]float64, channels)
		}
		for i, v := range y.Data {
			sum[i/inner%channels] += float64(v)
		}
		count += len(y.Data) / channels
	}
	for c := range sum {
		sum[c] /= float64(count)
	}
	return sum, nil
}
