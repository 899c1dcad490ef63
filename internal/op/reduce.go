package op

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Reduction is a function of any number of elements.
type Reduction uint8

// The reductions of ONNX, of elements x_i.
const (
	Sum       Reduction = iota // sum x_i
	Mean                       // sum x_i / n
	Max                        // the largest
	Min                        // the least
	Prod                       // product of all x_i
	L1                         // sum |x_i|
	L2                         // sqrt(sum x_i^2)
	SumSquare                  // sum x_i^2
	LogSum                     // log(sum x_i)
	LogSumExp                  // log(sum exp(x_i)), computed relative to the largest x_i
)

// reductions has, for each Reduction, its name in ONNX, the function, and the gradient d of
// its value y at x.
var reductions = [...]struct {
	onnx string
	f    func(x []float64) float64
	df   func(d, x []float64, y float64)
}{
	Sum:  {"ReduceSum", sumOf, func(d, _ []float64, _ float64) { fill(d, 1) }},
	Mean: {"ReduceMean", func(x []float64) float64 { return sumOf(x) / float64(len(x)) }, func(d, _ []float64, _ float64) { fill(d, 1/float64(len(d))) }},
	Max:  {"ReduceMax", func(x []float64) float64 { return extreme(x, 1) }, pickGradient},
	Min:  {"ReduceMin", func(x []float64) float64 { return extreme(x, -1) }, pickGradient},
	Prod: {"ReduceProd", productOf, productGradient},
	L1:   {"ReduceL1", func(x []float64) float64 { return sumOf(mapped(x, math.Abs)) }, func(d, x []float64, _ float64) { each1(d, x, signOf) }},
	L2: {"ReduceL2", func(x []float64) float64 { return math.Sqrt(sumOf(mapped(x, square))) }, func(d, x []float64, y float64) {
		each1(d, x, func(v float64) float64 { return v / max(y, math.SmallestNonzeroFloat32) })
	}},
	SumSquare: {"ReduceSumSquare", func(x []float64) float64 { return sumOf(mapped(x, square)) }, func(d, x []float64, _ float64) { each1(d, x, func(v float64) float64 { return 2 * v }) }},
	LogSum:    {"ReduceLogSum", func(x []float64) float64 { return math.Log(sumOf(x)) }, func(d, _ []float64, y float64) { fill(d, math.Exp(-y)) }},
	LogSumExp: {"ReduceLogSumExp", logSumExp, func(d, x []float64, y float64) { each1(d, x, func(v float64) float64 { return math.Exp(v - y) }) }},
}

func square(v float64) float64 { return v * v }

// signOf returns -1, 0 or 1.
func signOf(v float64) float64 { return step(v > 0) - step(v < 0) }

func fill(d []float64, v float64) {
	for i := range d {
		d[i] = v
	}
}

// each1 sets d[i] = f(x[i]).
func each1(d, x []float64, f func(float64) float64) {
	for i, v := range x {
		d[i] = f(v)
	}
}

func sumOf(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}

func productOf(x []float64) float64 {
	p := 1.0
	for _, v := range x {
		p *= v
	}
	return p
}

// extreme returns the largest sign*x times sign.
func extreme(x []float64, sign float64) float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, sign*v)
	}
	return sign * top
}

func logSumExp(x []float64) float64 {
	top := extreme(x, 1)
	if math.IsInf(top, 0) {
		return top
	}
	return top + math.Log(sumOf(mapped(x, func(v float64) float64 { return math.Exp(v - top) })))
}

// pickGradient gives the gradient to the first element that is the result.
func pickGradient(d, x []float64, y float64) {
	fill(d, 0)
	for i, v := range x {
		if float32(v) == float32(y) {
			d[i] = 1
			return
		}
	}
}

// productGradient gives each element the product of the others.
func productGradient(d, x []float64, _ float64) {
	before, after := 1.0, 1.0
	for i, v := range x {
		d[i], before = before, before*v
	}
	for i := len(x) - 1; i >= 0; i-- {
		d[i], after = d[i]*after, after*x[i]
	}
}

// Reduce combines the elements of x along the dimensions Axes, which become 1; all others
// stay. Axes are in ascending order and do not hold the batch. Sums are in float64.
type Reduce struct {
	Kind Reduction
	Axes []int
}

// Name implements graph.Op.
func (Reduce) Name() string { return "Reduce" }

// Elems implements graph.Typed: sums, products and choices of whole numbers are whole.
func (o Reduce) Elems(in []graph.Elem) []graph.Elem {
	switch o.Kind {
	case Max, Min:
		return in[:1]
	case Sum, Prod, L1, SumSquare:
		if in[0] != graph.Float {
			return []graph.Elem{graph.Integer}
		}
	}
	return []graph.Elem{graph.Float}
}

// Infer implements graph.Op.
func (o Reduce) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	y, last := in[0].Clone(), 0
	if int(o.Kind) >= len(reductions) || len(o.Axes) == 0 {
		return nil, fmt.Errorf("reduction %d over dimensions %v", o.Kind, o.Axes)
	}
	for _, a := range o.Axes {
		if a <= last || a >= len(y) {
			return nil, fmt.Errorf("dimensions %v of input %v; needs ascending ones behind the batch", o.Axes, in[0])
		}
		y[a], last = 1, a
	}
	return []tensor.Shape{y}, nil
}

// lanes calls f with the index of each result and of its first element; the others of it are
// the offsets beyond.
func (o Reduce) lanes(s tensor.Shape, f func(y, at int, offsets []int)) {
	kept, over := s.Clone(), make(tensor.Shape, len(s))
	for i := range over {
		over[i] = 1
	}
	for _, a := range o.Axes {
		kept[a], over[a] = 1, s[a]
	}
	offsets := make([]int, 0, over.Size())
	within(s, over, func(at int) { offsets = append(offsets, at) })
	y := 0
	within(s, kept, func(at int) {
		f(y, at, offsets)
		y++
	})
}

// within calls f with the place in a tensor of shape s of each index below part, in
// row-major order.
func within(s, part tensor.Shape, f func(at int)) {
	index, at := make([]int, len(s)), 0
	for range part.Size() {
		f(at)
		stride := 1
		for d := len(s) - 1; d >= 0; d-- {
			index[d]++
			at += stride
			if index[d] < part[d] {
				break
			}
			at -= stride * part[d]
			index[d] = 0
			stride *= s[d]
		}
	}
}

// Forward implements graph.Op.
func (o Reduce) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	var x []float64
	o.lanes(in[0].Shape, func(y, at int, offsets []int) {
		x = gather(x, in[0].Data[at:], offsets)
		out[0].Data[y] = float32(reductions[o.Kind].f(x))
	})
}

// gather returns the elements of x at the offsets, in buf if it is large enough.
func gather(buf []float64, x []float32, offsets []int) []float64 {
	buf = buf[:0]
	for _, i := range offsets {
		buf = append(buf, float64(x[i]))
	}
	return buf
}

// Backward implements graph.Differentiable.
func (o Reduce) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	var x, d []float64
	o.lanes(in[0].Shape, func(y, at int, offsets []int) {
		x = gather(x, in[0].Data[at:], offsets)
		d = append(d[:0], x...)
		reductions[o.Kind].df(d, x, float64(out[0].Data[y]))
		for i, k := range offsets {
			din[0].Data[at+k] += dout[0].Data[y] * float32(d[i])
		}
	})
}

// Grids implements GridRelater.
func (o Reduce) Grids() GridRelation {
	if o.Kind == Mean || o.Kind == Max || o.Kind == Min {
		return InputGrid
	}
	return OwnGrid
}

// Lower emits a pool over each row, for the mean and the largest of the rows of [N,D] or
// [N,T,D].
func (o Reduce) Lower(d Device, n *graph.Node) error {
	x, y := n.Inputs[0], n.Outputs[0]
	if o.Kind != Mean && o.Kind != Max || len(x.Shape) > 3 || o.Axes[0] != len(x.Shape)-1 || x.Grid == nil {
		return fmt.Errorf("the device has no %s over dimensions %v of %v: only the mean and the largest of the rows of [N,T,D]", reductions[o.Kind].onnx, o.Axes, x.Shape)
	}
	rows, n1 := x.Shape[1:o.Axes[0]].Size(), x.Shape[o.Axes[0]]
	in := format.Instr{Op: format.OpAvgPool, Weight: -1, LUT: -1, KH: 1, KW: n1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, ClampMin: -128, ClampMax: 127}
	if o.Kind == Max {
		in.Op = format.OpMaxPool
	}
	in.In = []int{d.Tensor(x, rows, n1, 1)}
	in.Out = d.OutputOn(in.In[0], y, rows, 1, 1)
	d.Emit(in)
	return nil
}

// WriteONNX implements ONNXWriter.
func (o Reduce) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	w.Need(18)
	w.Emit(reductions[o.Kind].onnx, []string{in[0], w.Int64s(out+"_axes", o.Axes)}, out, Attr{"keepdims", 1})
}

var _ graph.Differentiable = Reduce{}
