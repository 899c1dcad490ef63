package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// GridSample reads x [N,C,sizes...] at the places of a grid, input 1, [N,out...,r], whose last
// dimension has a coordinate for each of the r sizes, the last size first, from -1 to 1 over
// the size:
//
//	y[n,c,o...] = sum_k weight[k] x[n,c,index[k]...]
//
// Mode says which elements around a place count how much, as in Resize; Border what is outside.
// The gradient is that of x: the grid is taken as given. Source: ONNX, operator GridSample.
type GridSample struct {
	Mode   Interpolation
	Border Border
	// Aligned: -1 and 1 are the middles of the first and last elements, else their outer edges.
	Aligned bool
}

// Border says what a GridSample finds outside of its input.
type Border uint8

// The borders, with ONNX's names.
const (
	ZeroBorder    Border = iota // zeros
	EdgeBorder                  // border: the element at the edge
	ReflectBorder               // reflection
)

var borderNames = [...]string{"zeros", "border", "reflection"}

// Name implements graph.Op.
func (GridSample) Name() string { return "GridSample" }

// Infer implements graph.Op.
func (o GridSample) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	x, grid := in[0], in[1]
	r := len(x) - 2
	n, err := commonBatch(in)
	if err != nil {
		return nil, err
	}
	if r < 1 || len(grid) != r+2 || grid[r+1] != r || x.Size() < 1 {
		return nil, fmt.Errorf("grid %v for an input of %v; needs [N,C,sizes...] and [N,out...,number of sizes]", grid, x)
	}
	return []tensor.Shape{append(tensor.Shape{n, x[1]}, grid[1:r+1]...)}, nil
}

// inside returns the index among n elements of element i, which may be outside; -1 for zero.
func (o GridSample) inside(i float64, n int) int {
	if i >= 0 && i < float64(n) {
		return int(i)
	}
	switch o.Border {
	case EdgeBorder:
		return int(min(max(i, 0), float64(n-1)))
	case ReflectBorder:
		return int(min(max(o.reflect(i, n), 0), float64(n-1)))
	}
	return -1
}

// reflect returns where place p among n elements lies after reflections at their borders.
func (o GridSample) reflect(p float64, n int) float64 {
	lo, hi := -0.5, float64(n)-0.5
	if o.Aligned {
		lo, hi = 0, float64(n-1)
	}
	if hi <= lo {
		return 0
	}
	p = math.Mod(p-lo, 2*(hi-lo))
	if p < 0 {
		p += 2 * (hi - lo)
	}
	return lo + min(p, 2*(hi-lo)-p)
}

// taps returns what lies at coordinate g of a size of n.
func (o GridSample) taps(g float32, n int) []tap {
	p := ((float64(g)+1)*float64(n) - 1) / 2
	if o.Aligned {
		p = (float64(g) + 1) / 2 * float64(n-1)
	}
	if !(math.Abs(p) < 1<<30) {
		return nil
	}
	if o.Mode == Nearest {
		p = math.RoundToEven(p)
	}
	switch o.Border {
	case EdgeBorder:
		p = min(max(p, 0), float64(n-1))
	case ReflectBorder:
		p = o.reflect(p, n)
	}
	if o.Mode == Nearest {
		return []tap{{o.inside(math.Trunc(p), n), 1}}
	}
	base, reach := math.Floor(p), 1
	if o.Mode == Cubic {
		reach = 2
	}
	var ts []tap
	for i := 1 - reach; i <= reach; i++ {
		at := base + float64(i)
		ts = append(ts, tap{o.inside(at, n), Resize{Mode: o.Mode}.weight(at - p)})
	}
	return ts
}

// walk calls f for each output place of a sample with its elements within a channel of x.
func (o GridSample) walk(x, grid tensor.Shape, coordinates []float32, f func(k int, ts []tap)) {
	r := len(x) - 2
	for k := 0; k*r < len(coordinates); k++ {
		all := []tap{{0, 1}}
		for d := range r {
			n := x[d+2]
			var next []tap
			for _, t := range all {
				for _, s := range o.taps(coordinates[k*r+r-1-d], n) {
					if s.index >= 0 && s.weight != 0 {
						next = append(next, tap{t.index*n + s.index, t.weight * s.weight})
					}
				}
			}
			all = next
		}
		f(k, all)
	}
}

// Forward implements graph.Op.
func (o GridSample) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	area, places := in[0].Shape[2:].Size(), out[0].Shape[2:].Size()
	for b := range out[0].Shape[0] {
		x, y := sampleOf(in[0], b), sampleOf(out[0], b)
		o.walk(in[0].Shape, in[1].Shape, sampleOf(in[1], b), func(k int, ts []tap) {
			for c := range in[0].Shape[1] {
				sum := 0.0
				for _, t := range ts {
					sum += t.weight * float64(x[c*area+t.index])
				}
				y[c*places+k] = float32(sum)
			}
		})
	}
}

// Backward implements graph.Differentiable.
func (o GridSample) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	area, places := in[0].Shape[2:].Size(), out[0].Shape[2:].Size()
	for b := range out[0].Shape[0] {
		dx, dy := sampleOf(din[0], b), sampleOf(dout[0], b)
		o.walk(in[0].Shape, in[1].Shape, sampleOf(in[1], b), func(k int, ts []tap) {
			for c := range in[0].Shape[1] {
				for _, t := range ts {
					dx[c*area+t.index] += float32(t.weight) * dy[c*places+k]
				}
			}
		})
	}
}

// WriteONNX implements ONNXWriter.
func (o GridSample) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	w.Need(20)
	w.Emit("GridSample", withBatch(w, n, in, out), out, Attr{"mode", resizeModes[o.Mode]}, Attr{"padding_mode", borderNames[o.Border]}, Attr{"align_corners", bit(o.Aligned)})
}

var _ graph.Differentiable = GridSample{}
