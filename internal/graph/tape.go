package graph

import (
	"fmt"
	"slices"

	"edgec/internal/tensor"
	"edgec/internal/vec"
)

// Tape runs a graph forward and backward for batches of at most a given size.
// It owns every activation and gradient buffer; it reads the effective weights
// (Param.Value) and never writes them, so several tapes can share one graph in
// parallel. A Tape itself belongs to one goroutine.
type Tape struct {
	g       *Graph
	max     int
	batch   int
	scratch Scratch
	act     map[*Value]*tensor.Tensor // full buffers, batch = max
	dact    map[*Value]*tensor.Tensor
	dparam  map[*Param]*tensor.Tensor
	wants   map[*Value]bool // values whose gradient is needed
	nodes   []tapeNode
}

// tapeNode holds the tensors of one node for the current batch size.
type tapeNode struct {
	node                *Node
	op                  Op // of the last Forward
	in, out, din, dout  []*tensor.Tensor
	inVals, outVals     []*Value
	differentiableInput bool
	kept                []float32 // of a Keeper, once there are gradients
	filled              bool      // by the last Forward
}

// NewTape prepares g for batches of up to max samples. Gradient buffers are
// allocated by the first Backward.
func NewTape(g *Graph, max int) (*Tape, error) {
	t := &Tape{g: g, max: max, act: map[*Value]*tensor.Tensor{}}
	shapes := map[*Value]tensor.Shape{}
	for _, v := range g.Inputs {
		shapes[v] = v.Shape.WithBatch(max)
		t.act[v] = tensor.New(shapes[v]...)
	}
	for _, n := range g.Nodes {
		in := make([]tensor.Shape, len(n.Inputs))
		for i, v := range n.Inputs {
			switch {
			case v == nil:
			case v.Param != nil:
				in[i] = v.Shape
			default:
				in[i] = shapes[v]
			}
		}
		out, err := n.Op.Infer(in)
		if err != nil {
			return nil, fmt.Errorf("graph: node %q (%s) at batch %d: %w", n.Name, n.Op.Name(), max, err)
		}
		for i, v := range n.Outputs {
			shapes[v] = out[i]
			t.act[v] = tensor.New(out[i]...)
		}
	}
	t.setBatch(max)
	return t, nil
}

func (t *Tape) view(full *tensor.Tensor) *tensor.Tensor {
	if full == nil {
		return nil
	}
	return full.Rows(0, t.batch)
}

// setBatch rebuilds the per-node tensor lists for a batch of n samples.
func (t *Tape) setBatch(n int) {
	t.batch = n
	t.nodes = t.nodes[:0]
	for _, node := range t.g.Nodes {
		tn := tapeNode{node: node, op: node.Executed(), inVals: node.Inputs, outVals: node.Outputs}
		for _, v := range node.Inputs {
			var x, dx *tensor.Tensor
			switch {
			case v == nil:
			case v.Param != nil:
				x, dx = v.Param.Value, t.dparam[v.Param]
			default:
				x = t.view(t.act[v])
				if t.wants[v] {
					dx = t.view(t.dact[v])
				}
			}
			tn.in, tn.din = append(tn.in, x), append(tn.din, dx)
			tn.differentiableInput = tn.differentiableInput || dx != nil
		}
		for _, v := range node.Outputs {
			tn.out = append(tn.out, t.view(t.act[v]))
			tn.dout = append(tn.dout, t.view(t.dact[v]))
		}
		tn.differentiableInput = tn.differentiableInput && node.hasReal()
		t.keep(&tn)
		t.nodes = append(t.nodes, tn)
	}
}

// Forward runs the graph on inputs, one for each of the graph's, and returns
// its outputs, valid until the next call. Dimension 0 of every input is the
// batch, of one size that is at most the tape's maximum.
// Values that carry a Grid are rounded to it (fake quantization).
func (t *Tape) Forward(inputs ...*tensor.Tensor) []*tensor.Tensor {
	if n := inputs[0].Shape[0]; n != t.batch {
		t.setBatch(n)
	}
	for i, v := range t.g.Inputs {
		x := t.view(t.act[v])
		copy(x.Data, inputs[i].Data)
		if v.Grid != nil {
			v.Grid.Round(x.Data)
		}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		n.op = n.node.Executed()
		t.scratch.kept, t.scratch.filled = n.kept, false
		n.op.Forward(&t.scratch, n.out, n.in)
		n.filled = n.kept != nil
		for k, v := range n.outVals {
			if v.Grid != nil {
				v.Grid.Round(n.out[k].Data)
			}
		}
	}
	return t.Outputs()
}

// Outputs returns the graph's outputs of the last Forward.
func (t *Tape) Outputs() []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(t.g.Outputs))
	for i, v := range t.g.Outputs {
		out[i] = t.view(t.act[v])
	}
	return out
}

// Activation returns v's tensor of the last Forward; it is nil for a parameter.
func (t *Tape) Activation(v *Value) *tensor.Tensor { return t.view(t.act[v]) }

// ActivationGradient returns the gradient of the loss in v's tensor that the last Backward
// has found; nil for a parameter, and where none was needed.
func (t *Tape) ActivationGradient(v *Value) *tensor.Tensor {
	if !t.wants[v] {
		return nil
	}
	return t.view(t.dact[v])
}

// Gradient returns the gradient of the loss in p's effective weights that
// Backward calls have added up since the last ZeroGrad; nil before the first.
func (t *Tape) Gradient(p *Param) *tensor.Tensor { return t.dparam[p] }

// ZeroGrad clears the parameter gradients.
func (t *Tape) ZeroGrad() {
	for _, d := range t.dparam {
		clear(d.Data)
	}
}

// Backward propagates dout, the gradient of the loss in each output of the
// last Forward, and adds to the parameters' gradients. A nil entry stands for
// an output that the loss does not depend on. It returns an error when an
// operator on the way has no gradient.
func (t *Tape) Backward(dout ...*tensor.Tensor) error {
	if t.dparam == nil {
		if err := t.allocGradients(); err != nil {
			return err
		}
	}
	for v, d := range t.dact {
		if t.wants[v] {
			clear(t.view(d).Data)
		}
	}
	for i, v := range t.g.Outputs {
		if dout[i] == nil || !t.wants[v] {
			continue
		}
		d := t.view(t.dact[v])
		for k, x := range dout[i].Data {
			d.Data[k] += x
		}
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		if !n.differentiableInput {
			continue
		}
		for k, v := range n.outVals {
			if v.Grid != nil {
				v.Grid.maskSaturated(n.dout[k].Data, n.out[k].Data)
			}
		}
		t.scratch.kept, t.scratch.filled = n.kept, n.filled
		n.op.(Differentiable).Backward(&t.scratch, n.din, n.in, n.out, n.dout)
	}
	return nil
}

// keep gives Keepers memory from now on, once gradients are wanted.
func (t *Tape) keep(n *tapeNode) {
	k, ok := n.op.(Keeper)
	if !ok || t.dparam == nil {
		return
	}
	in := make([]tensor.Shape, len(n.in))
	for i, x := range n.in {
		if x != nil {
			in[i] = x.Shape
		}
	}
	n.kept = make([]float32, k.Keeps(in))
}

// hasReal reports whether a gradient can reach n: whole numbers and truth values, such as the place
// of the largest score, have none.
func (n *Node) hasReal() bool {
	return slices.ContainsFunc(n.Outputs, func(v *Value) bool { return v.Elem == Float })
}

func (t *Tape) allocGradients() error {
	t.dparam = map[*Param]*tensor.Tensor{}
	t.dact = map[*Value]*tensor.Tensor{}
	t.wants = map[*Value]bool{}
	for _, n := range t.g.Nodes {
		wanted := false
		for _, v := range n.Inputs {
			switch {
			case v == nil:
			case v.Param != nil:
				wanted = true
				if t.dparam[v.Param] == nil {
					t.dparam[v.Param] = tensor.New(v.Param.Shadow.Shape...)
				}
			case t.wants[v]:
				wanted = true
			}
		}
		if !wanted || !n.hasReal() {
			continue
		}
		if _, ok := n.Op.(Differentiable); !ok {
			return fmt.Errorf("graph: node %q (%s) has no gradient, so the network cannot be fine-tuned through it", n.Name, n.Op.Name())
		}
		for _, v := range n.Outputs {
			t.wants[v] = true
		}
	}
	for v := range t.act {
		if t.wants[v] || t.g.IsOutput(v) {
			t.dact[v] = tensor.New(t.act[v].Shape...)
		}
	}
	t.setBatch(t.batch)
	return nil
}

// Limits returns the smallest and largest real values of the grid.
func (a *Affine) Limits() (lo, hi float32) {
	step, least, most := a.steps()
	return step * float32(least), step * float32(most)
}

// steps returns the distance of two values, and the limits in such.
func (a *Affine) steps() (step float32, least, most int) {
	if a.Fine {
		return a.Scale / Parts, Parts*(-128-a.Zero) - 128, Parts*(127-a.Zero) + 127
	}
	return a.Scale, -128 - a.Zero, 127 - a.Zero
}

// Round replaces each x by the nearest value of the grid, halves away from
// zero, saturating at its limits.
func (a *Affine) Round(x []float32) {
	step, least, most := a.steps()
	vec.Quantize(x, x, step, 1, float64(least), float64(most))
}

// maskSaturated clears the gradient where the forward pass saturated: the
// straight-through estimator passes it elsewhere.
func (a *Affine) maskSaturated(d, x []float32) {
	lo, hi := a.Limits()
	vec.ClampBack(d, x, d, lo, hi)
}
