package simplify

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// pass is one rewriting rule: it tries to rewrite around node n and reports
// whether the graph has changed.
type pass struct {
	name  string
	apply func(g *graph.Links, n *graph.Node) bool
}

// passes are tried in this order until none applies.
var passes = []pass{
	{"fold constants", foldConstants},
	{"remove identities", removeIdentity},
	{"merge reshapes and transposes", mergeLayout},
	{"elementwise before reshape", elementwiseBeforeReshape},
	{"constant before view", constantBeforeView},
	{"pad before transpose", padBeforeTranspose},
	{"transpose into dense", transposeIntoDense},
	{"normalization into arithmetic", foldNormalization},
	{"arithmetic into producer", foldArithmeticBack},
	{"scale into consumer", foldScaleForward},
	{"scale and bias of a normalization into its consumers", foldStandardized},
	{"clamp into producer", fuseClamp},
	{"pad into convolution", foldPad},
}

// Run rewrites g in place until nothing more can be folded, and checks it. The
// outputs change by float32 rounding at most. Parameters that carry a grid or
// a codebook are never rewritten.
//
// Cost: linear in the graph, since the number of rounds over its n nodes is at most
// 16 + 2^17/n. Networks that people train take two or three. A chain made to need more keeps
// what is left of it: it computes the same with more operators.
func Run(g *graph.Graph) error {
	joinFunctions(g)
	rounds := mostRounds(g)
	l := graph.NewLinks(g)
	for changed := true; changed && rounds > 0; rounds-- {
		changed = false
		for _, p := range passes {
			for _, n := range g.Nodes {
				if !l.Removed(n) && p.apply(l, n) {
					changed = true
				}
			}
			l.Flush()
		}
		removeUnread(l, g.Nodes)
		l.Flush()
		if err := g.InferShapes(); err != nil {
			return fmt.Errorf("simplify: %w", err)
		}
	}
	if err := g.Check(); err != nil {
		return fmt.Errorf("simplify: %w", err)
	}
	return nil
}

// joinFunctions writes functions of one activation that take several nodes, a Gelu made of
// Erf or a normalization, as one operator.
func joinFunctions(g *graph.Graph) {
	producers := map[*graph.Value]*graph.Node{}
	of := func(v *graph.Value) *graph.Node { return producers[v] }
	for _, n := range g.Nodes {
		if o, x, ok := op.Composite(of, n); ok {
			n.Op, n.Inputs = o, []*graph.Value{x}
		} else if o, x, ok := op.CompositeNorm(of, n); ok {
			n.Op, n.Inputs = o, []*graph.Value{x}
		} else if s, ok := op.CompositeSpread(of, n); ok {
			joinSpread(g, n, s)
		}
		for _, v := range n.Outputs {
			producers[v] = n
		}
	}
}

// mostRounds bounds what is repeated until nothing more happens, so that it takes time in
// proportion to the graph.
func mostRounds(g *graph.Graph) int { return 16 + 1<<17/max(len(g.Nodes), 1) }

// removeUnread deletes nodes whose outputs nobody reads.
func removeUnread(g *graph.Links, nodes []*graph.Node) {
	for _, n := range slices.Backward(nodes) {
		if !slices.ContainsFunc(n.Outputs, func(v *graph.Value) bool { return g.IsOutput(v) || g.Reads(v) > 0 }) {
			g.Remove(n)
		}
	}
}

// onlyReader reports whether n is the only reader of v, and reads it once.
func onlyReader(g *graph.Links, v *graph.Value, n *graph.Node) bool {
	return v.Param == nil && !g.IsOutput(v) && !g.IsInput(v) && g.Reads(v) == 1 && slices.Contains(n.Inputs, v)
}

// bypass removes a node that changes nothing: its readers get its input.
func bypass(g *graph.Links, n *graph.Node) bool {
	in, out := n.Inputs[0], n.Outputs[0]
	if out.Grid != nil && (in.Grid == nil || *in.Grid != *out.Grid) {
		return false
	}
	if g.IsOutput(out) {
		if g.Producer(in) == nil || g.IsOutput(in) {
			return false // an output needs a node that computes it, and a name of its own
		}
		in.Name = out.Name
	}
	g.ReplaceUses(out, in)
	g.Remove(n)
	return true
}

// foldConstants computes nodes that read parameters only.
func foldConstants(g *graph.Links, n *graph.Node) bool {
	if len(n.Inputs) == 0 || len(n.Outputs) != 1 || g.IsOutput(n.Outputs[0]) {
		return false
	}
	var in []*tensor.Tensor
	var shapes []tensor.Shape
	for _, v := range n.Inputs {
		if v == nil || v.Param == nil || !free(v.Param) {
			return false
		}
		in, shapes = append(in, v.Param.Value), append(shapes, v.Shape)
	}
	out, err := n.Op.Infer(shapes)
	if err != nil {
		return false
	}
	t := tensor.New(out[0]...)
	n.Op.Forward(&graph.Scratch{}, []*tensor.Tensor{t}, in)
	if t.FirstNonFinite() >= 0 {
		return false
	}
	g.ReplaceUses(n.Outputs[0], paramValue(graph.NewParam(n.Outputs[0].Name, graph.Constant, t)))
	g.Remove(n)
	return true
}

func removeIdentity(g *graph.Links, n *graph.Node) bool {
	o, ok := n.Op.(op.Identity)
	return ok && o.IsIdentity(n) && n.Inputs[0].Param == nil && bypass(g, n)
}

// mergeLayout joins two views of one kind, and writes a transpose that only
// moves dimensions of size 1 as a reshape.
func mergeLayout(g *graph.Links, n *graph.Node) bool {
	prev := g.Producer(n.Inputs[0])
	if m, ok := n.Op.(op.Merger); ok && prev != nil && sameGrid(prev) && onlyReader(g, prev.Outputs[0], n) {
		if o, ok := m.Merge(prev.Op); ok {
			n.Op = o
			g.SetInput(n, 0, prev.Inputs[0])
			g.Remove(prev)
			return true
		}
	}
	if s, ok := n.Op.(op.Simplifier); ok {
		if o, ok := s.Simpler(n); ok {
			n.Op = o
			return true
		}
	}
	return false
}

// sameGrid reports whether a node leaves the grid of its input as it is.
func sameGrid(n *graph.Node) bool {
	in, out := n.Inputs[0].Grid, n.Outputs[0].Grid
	return out == nil || in != nil && *in == *out
}

// elementwiseBeforeReshape exchanges Reshape or Transpose and a following
// elementwise operator, so that the latter meets the operator that it can be fused with.
func elementwiseBeforeReshape(g *graph.Links, n *graph.Node) bool {
	if _, ok := n.Op.(op.Elementwise); !ok {
		return false
	}
	prev := g.Producer(n.Inputs[0])
	if prev == nil || !onlyReader(g, n.Inputs[0], n) || n.Inputs[0].Grid != nil || n.Outputs[0].Grid != nil {
		return false
	}
	if !op.IsView(prev.Op) || prev.Inputs[0].Param != nil {
		return false
	}
	// The nodes stay where they are and exchange their operators.
	n.Op, prev.Op = prev.Op, n.Op
	n.Name, prev.Name = prev.Name, n.Name
	prev.Outputs[0].Shape = prev.Inputs[0].Shape.Clone()
	return true
}

// transposeIntoDense moves a Transpose before a flattening Reshape into the
// columns of the Dense that reads it.
func transposeIntoDense(g *graph.Links, n *graph.Node) bool {
	if !op.IsLayer(n) || len(n.Inputs[0].Shape) != 2 || !rewritable(g, n.Inputs[op.WeightInput].Param) {
		return false
	}
	flat := g.Producer(n.Inputs[0])
	if flat == nil || !op.IsReshape(flat.Op) || !onlyReader(g, n.Inputs[0], n) {
		return false
	}
	tr := g.Producer(flat.Inputs[0])
	if tr == nil || !onlyReader(g, flat.Inputs[0], flat) || flat.Inputs[0].Grid != nil {
		return false
	}
	t, ok := tr.Op.(op.Permuter)
	if !ok {
		return false
	}
	from := transposedIndex(tr.Inputs[0].Shape, t.Permutation())
	p := n.Inputs[1].Param
	permute := func(x []float32) {
		k, row := len(from), make([]float32, len(from))
		for r := 0; r+k <= len(x); r += k {
			copy(row, x[r:r+k])
			for i, j := range from {
				x[r+j] = row[i]
			}
		}
	}
	permute(p.Shadow.Data)
	permute(p.Mask)
	p.Refresh()
	g.SetInput(flat, 0, tr.Inputs[0])
	g.Remove(tr)
	return true
}

// transposedIndex returns, for each element of the transposed sample, its
// position in the sample before.
func transposedIndex(in tensor.Shape, perm []int) []int {
	stride := make([]int, len(in))
	n := 1
	for d := len(in) - 1; d > 0; d-- {
		stride[d] = n
		n *= in[d]
	}
	from := []int{0}
	for _, d := range perm[1:] {
		var next []int
		for _, base := range from {
			for i := 0; i < in[d]; i++ {
				next = append(next, base+i*stride[d])
			}
		}
		from = next
	}
	return from
}
