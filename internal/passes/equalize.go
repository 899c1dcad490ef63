package passes

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// Equalize moves scale between consecutive layers so that the channels of a
// tensor become alike, without changing the network's function: where A's
// channel c reaches only layer B, through functions with f(s*x) = s*f(x); see
// quantize.Equalize. Relu, LeakyRelu, max and average pools, zero padding and flattening
// may lie between; B may be depthwise. It returns the number of pairs.
//
// Equalize is for float networks: it fails where weights have a grid. Optimizer
// state of the parameters that it changes is dropped, since it no longer fits.
func Equalize(g *graph.Graph) (int, error) {
	if err := gridless(g); err != nil {
		return 0, err
	}
	pairs := findPairs(g)
	plain := make([]quantize.Pair, len(pairs))
	for i, p := range pairs {
		plain[i] = p.plain()
	}
	quantize.Equalize(plain)
	refresh(pairs)
	return len(pairs), nil
}

// refresh makes the effective values of what pairs have scaled those of the shadows.
func refresh(pairs []pair) {
	for _, p := range pairs {
		for _, q := range []*graph.Param{p.a.w, p.a.b, p.b.w} {
			if q != nil {
				q.State = nil
				q.Refresh()
			}
		}
	}
}

// gridless fails where weights have a grid already.
func gridless(g *graph.Graph) error {
	for _, p := range g.Params() {
		if p.Grid != nil {
			return fmt.Errorf("passes: parameter %q has a grid: equalize before quantization", p.Name)
		}
	}
	return nil
}

// pair is two layers whose scales can be traded.
type pair struct {
	a, b      layer
	depthwise bool // b's rows belong to a's channels, not its columns
}

// plain returns the weights and biases of the pair, for package quantize to scale.
func (p pair) plain() quantize.Pair {
	return quantize.Pair{A: p.a.plain(), B: p.b.plain(), Depthwise: p.depthwise}
}

func (l layer) plain() *quantize.Layer {
	q := &quantize.Layer{Weights: l.w.Shadow.Data, Channels: l.w.Channels()}
	if l.b != nil {
		q.Bias = l.b.Shadow.Data
	}
	return q
}

// findPairs returns the pairs of layers that can trade scale, in execution order.
func findPairs(g *graph.Graph) []pair {
	uses := usesOf(g)
	own := func(l layer) bool { return uses[l.w] == 1 && (l.b == nil || uses[l.b] == 1) }
	byNode := map[*graph.Node]layer{}
	ls := linear(g)
	for _, l := range ls {
		byNode[l.node] = l
	}
	var pairs []pair
	for _, l := range ls {
		if !own(l) || !l.linear().Fused().Homogeneous() {
			continue
		}
		n, v := nextLayer(g, l.node.Outputs[0], byNode)
		if n == nil {
			continue
		}
		if p, ok := link(l, byNode[n], v); ok && own(p.b) && n.Inputs[0] == v {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// nextLayer returns the only layer that v reaches, through homogeneous functions alone, and
// the value that it reads; nil: there is none.
func nextLayer(g *graph.Graph, v *graph.Value, byNode map[*graph.Node]layer) (*graph.Node, *graph.Value) {
	for {
		readers := g.Consumers(v)
		if len(readers) != 1 || g.IsOutput(v) {
			return nil, nil
		}
		n := readers[0]
		if _, ok := byNode[n]; ok {
			return n, v
		}
		if !op.IsHomogeneous(n) {
			return nil, nil
		}
		v = n.Outputs[0]
	}
}

// usesOf returns the number of times that nodes read each parameter.
func usesOf(g *graph.Graph) map[*graph.Param]int {
	uses := map[*graph.Param]int{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil {
				uses[v.Param]++
			}
		}
	}
	return uses
}

// link describes how b reads a's channels from value v.
func link(a, b layer, v *graph.Value) (pair, bool) {
	channels := a.w.Channels()
	p := pair{a: a, b: b}
	kernel, moves := b.linear().Kernel()
	if moves {
		p.depthwise = kernel.Groups > 1
		return p, len(v.Shape) == 4 && v.Shape[1] == channels && (kernel.Groups == 1 || kernel.Groups == channels)
	}
	return p, len(v.Shape) == 2 && v.Shape[1]%channels == 0
}
