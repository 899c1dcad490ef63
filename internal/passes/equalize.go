package passes

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// Equalize moves scale between consecutive layers so that the channels of a
// tensor become alike, without changing the network's function: where A's
// channel c reaches only layer B, through functions with f(s*x) = s*f(x),
//
//	A's weights and bias of output c  *= 1/s
//	B's weights of input c            *= s        s = sqrt(rA/rB)
//
// with rA and rB the largest magnitudes of the two sets of weights, both of
// which become sqrt(rA*rB). Relu, LeakyRelu, max and average pools, zero padding
// and flattening may lie between; B may be depthwise. The pairs are visited
// until no s differs from 1 by more than 1 %, at most 20 times. It returns the
// number of pairs.
//
// Equalize is for float networks: it fails where weights have a grid. Optimizer
// state of the parameters that it changes is dropped, since it no longer fits.
//
// Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and
// Bias Correction" (2019), section 4.1.
func Equalize(g *graph.Graph) (int, error) {
	if err := gridless(g); err != nil {
		return 0, err
	}
	pairs := findPairs(g)
	repeat(pairs, pair.equalize)
	refresh(pairs)
	return len(pairs), nil
}

// repeat visits the pairs until none moves by more than 1 %, at most 20 times. visit returns
// the largest |log s|.
func repeat(pairs []pair, visit func(pair) float64) {
	const rounds = 20
	for range rounds {
		moved := 0.0
		for _, p := range pairs {
			moved = max(moved, visit(p))
		}
		if moved < 0.01 {
			break
		}
	}
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
			return fmt.Errorf("quantize: parameter %q has a grid: equalize before quantization", p.Name)
		}
	}
	return nil
}

// pair is two layers whose scales can be traded: channel c of a is read by the
// weights column(c) of b.
type pair struct {
	a, b      layer
	depthwise bool // b's rows belong to a's channels, not its columns
	block     int  // features of b for each channel of a (flattened images)
}

func findPairs(g *graph.Graph) []pair {
	uses := map[*graph.Param]int{}
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil {
				uses[v.Param]++
			}
		}
	}
	own := func(l layer) bool { return uses[l.w] == 1 && (l.b == nil || uses[l.b] == 1) }
	byNode := map[*graph.Node]layer{}
	ls := layers(g)
	for _, l := range ls {
		byNode[l.node] = l
	}
	var pairs []pair
	for _, l := range ls {
		if !own(l) || !l.op.Fused().Homogeneous() {
			continue
		}
		v := l.node.Outputs[0]
		for {
			readers := g.Consumers(v)
			if len(readers) != 1 || g.IsOutput(v) {
				break
			}
			n := readers[0]
			if b, ok := byNode[n]; ok {
				if p, ok := link(l, b, v); ok && own(b) && n.Inputs[0] == v {
					pairs = append(pairs, p)
				}
				break
			}
			if !op.IsHomogeneous(n) {
				break
			}
			v = n.Outputs[0]
		}
	}
	return pairs
}

// link describes how b reads a's channels from value v.
func link(a, b layer, v *graph.Value) (pair, bool) {
	channels := a.w.Channels()
	p := pair{a: a, b: b, block: 1}
	kernel, moves := b.op.Kernel()
	if moves {
		p.depthwise = kernel.Groups > 1
		return p, len(v.Shape) == 4 && v.Shape[1] == channels && (kernel.Groups == 1 || kernel.Groups == channels)
	}
	if len(v.Shape) != 2 || v.Shape[1]%channels != 0 {
		return p, false
	}
	p.block = v.Shape[1] / channels
	return p, true
}

// equalize balances every channel once and returns the largest |log s|.
func (p pair) equalize() float64 {
	moved := 0.0
	for c := 0; c < p.a.w.Channels(); c++ {
		rows, columns := p.writers(c, p.a.w.Shadow.Data), p.readers(c, p.b.w.Shadow.Data)
		r1, r2 := largest(rows), largest(columns)
		if r1 == 0 || r2 == 0 {
			continue
		}
		s := float32(math.Sqrt(r1 / r2))
		if s == 0 || s-s != 0 {
			continue
		}
		p.scale(c, s)
		moved = max(moved, math.Abs(math.Log(float64(s))))
	}
	return moved
}

// scale moves the factor s of channel c from a to b.
func (p pair) scale(c int, s float32) {
	scaleAll(p.writers(c, p.a.w.Shadow.Data), 1/s)
	scaleAll(p.readers(c, p.b.w.Shadow.Data), s)
	if p.a.b != nil {
		p.a.b.Shadow.Data[c] /= s
	}
}

// writers returns the part of x, parallel to a's weights, that makes channel c.
func (p pair) writers(c int, x []float32) [][]float32 {
	row := len(x) / p.a.w.Channels()
	return [][]float32{x[c*row : (c+1)*row]}
}

// readers returns the parts of x, parallel to b's weights, that read channel c.
func (p pair) readers(c int, x []float32) [][]float32 {
	n := p.a.w.Channels()
	if p.depthwise {
		size := len(x) / n
		return [][]float32{x[c*size : (c+1)*size]}
	}
	row := len(x) / p.b.w.Channels()
	width := row / n // kernel positions or features of one channel
	var out [][]float32
	for at := c * width; at < len(x); at += row {
		out = append(out, x[at:at+width])
	}
	return out
}

func largest(parts [][]float32) float64 {
	top := float32(0)
	for _, x := range parts {
		for _, v := range x {
			top = max(top, v, -v)
		}
	}
	return float64(top)
}

func scaleAll(parts [][]float32, k float32) {
	for _, x := range parts {
		for i := range x {
			x[i] *= k
		}
	}
}
