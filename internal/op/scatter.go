package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// ScatterMode says what a scattered value does to the element that it meets.
type ScatterMode uint8

// The reductions, with ONNX's names.
const (
	Replace    ScatterMode = iota // none: the last one stays
	ScatterAdd                    // add
	ScatterMul                    // mul
	ScatterMax                    // max
	ScatterMin                    // min
)

// reductionNames are ONNX's names.
var reductionNames = [...]string{"none", "add", "mul", "max", "min"}

// of returns what is left of an old value and a new one.
func (r ScatterMode) of(old, v float32) float32 {
	switch r {
	case ScatterAdd:
		return old + v
	case ScatterMul:
		return old * v
	case ScatterMax:
		return max(old, v)
	case ScatterMin:
		return min(old, v)
	}
	return v
}

// infer returns the shape of a copy of x into which updates are written at the places that
// gather reads; they have the shape of its result.
func (r ScatterMode) infer(in []tensor.Shape, gather graph.Op) ([]tensor.Shape, error) {
	if err := arity(in, 3, 3); err != nil {
		return nil, err
	}
	n, err := commonBatch(in)
	if err != nil {
		return nil, err
	}
	picked, err := gather.Infer(in[:2])
	if err != nil {
		return nil, err
	}
	if !in[2].Sample().Equal(picked[0].Sample()) {
		return nil, fmt.Errorf("updates %v for indexes %v of %v; they have to be %v", in[2], in[1], in[0], picked[0])
	}
	if int(r) >= len(reductionNames) {
		return nil, fmt.Errorf("reduction %d is unknown", r)
	}
	return []tensor.Shape{in[0].WithBatch(n)}, nil
}

// ScatterElements writes each element of updates, input 2, into a copy of x, input 0, at the
// place that the same element of index, input 1, names in dimension Axis >= 1:
//
//	y = x;  y[n,..,index[n,..,i,..],..] = reduce(y[..], updates[n,..,i,..])
//
// Shapes and indexes are those of GatherElements.
type ScatterElements struct {
	Axis   int
	Reduce ScatterMode
}

// Name implements graph.Op.
func (ScatterElements) Name() string { return "ScatterElements" }

// Elems implements graph.Typed.
func (ScatterElements) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o ScatterElements) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	return o.Reduce.infer(in, GatherElements{o.Axis})
}

// targets calls f with the place of each update in sample b.
func (o ScatterElements) targets(in []*tensor.Tensor, b int, f func(u, y int)) {
	eachElement(in[0].Shape, in[1].Shape, o.Axis, sampleOf(in[1], b), f)
}

// Forward implements graph.Op.
func (o ScatterElements) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.Reduce.scatter(out[0], in, o.targets)
}

// Backward implements graph.Differentiable.
func (o ScatterElements) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	o.Reduce.gradients(din, in, out[0], dout[0], o.targets)
}

// WriteONNX implements ONNXWriter.
func (o ScatterElements) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	w.Need(o.Reduce.opset())
	w.Emit("ScatterElements", withBatch(w, n, in, out), out, Attr{"axis", o.Axis}, Attr{"reduction", reductionNames[o.Reduce]})
}

// opset returns the operator set that has the reduction.
func (r ScatterMode) opset() int {
	if r > ScatterMul {
		return 18
	}
	return 16
}

// ScatterND writes slices of updates [N, i..., c...], input 2, into a copy of
// x [N, d1..dm, c...], input 0, at the places that index [N, i..., m], input 1, names:
//
//	y = x;  y[n, index[n, i..., 0], .., index[n, i..., m-1], c...] = reduce(y[..], updates[n, i..., c...])
//
// Indexes are those of Gather.
type ScatterND struct {
	Reduce ScatterMode
}

// Name implements graph.Op.
func (ScatterND) Name() string { return "ScatterND" }

// Elems implements graph.Typed.
func (ScatterND) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o ScatterND) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	return o.Reduce.infer(in, GatherND{Batch: 1})
}

// targets calls f with the place of each update in sample b.
func (o ScatterND) targets(in []*tensor.Tensor, b int, f func(u, y int)) {
	GatherND{Batch: 1}.walk(in[0].Shape, in[1].Shape, sampleOf(in[1], b), func(u, y, n int) {
		for k := range n {
			f(u+k, y+k)
		}
	})
}

// Forward implements graph.Op.
func (o ScatterND) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.Reduce.scatter(out[0], in, o.targets)
}

// Backward implements graph.Differentiable.
func (o ScatterND) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	o.Reduce.gradients(din, in, out[0], dout[0], o.targets)
}

// WriteONNX implements ONNXWriter: a ScatterElements on the elements of each sample in a row,
// whose places are those of the slices and of their elements.
func (o ScatterND) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	in = withBatch(w, n, in, out)
	x, index := n.Inputs[0].Shape, n.Inputs[1].Shape
	m := index[len(index)-1]
	inner := make([]int, x[m+1:].Size())
	for i := range inner {
		inner[i] = i
	}
	step := func(opType, from string, more ...string) string {
		to := w.Fresh(out + "_" + opType)
		w.Emit(opType, append([]string{from}, more...), to)
		return to
	}
	row := w.Int64s(out+"_row", []int{0, -1})
	places := step("Mod", in[1], w.Int64s(out+"_dims", x[1:m+1])) // negative ones count from the end
	places = step("Mul", places, w.Int64s(out+"_strides", strides(x)[1:m+1]))
	places = step("ReduceSum", places, w.Int64s(out+"_last", []int{-1}))
	places = step("Reshape", step("Add", places, w.Int64s(out+"_inner", inner)), row)
	w.Need(o.Reduce.opset())
	flat := w.Fresh(out + "_flat")
	w.Emit("ScatterElements", []string{step("Reshape", in[0], row), places, step("Reshape", in[2], row)}, flat, Attr{"axis", 1}, Attr{"reduction", reductionNames[o.Reduce]})
	w.Emit("Reshape", []string{flat, w.Int64s(out+"_shape", append([]int{0}, n.Outputs[0].Shape[1:]...))}, out)
}

// scatter writes the updates in order into copies of the samples of x.
func (r ScatterMode) scatter(out *tensor.Tensor, in []*tensor.Tensor, targets func(in []*tensor.Tensor, b int, f func(u, y int))) {
	for b := range out.Shape[0] {
		y, updates := sampleOf(out, b), sampleOf(in[2], b)
		copy(y, sampleOf(in[0], b))
		targets(in, b, func(u, k int) { y[k] = r.of(y[k], updates[u]) })
	}
}

// gradients adds the gradients of x and the updates. Of several equal values for a largest or
// least one the first gets it, x before all.
func (r ScatterMode) gradients(din, in []*tensor.Tensor, out, dout *tensor.Tensor, targets func(in []*tensor.Tensor, b int, f func(u, y int))) {
	for b := range out.Shape[0] {
		met := map[int][]int{} // updates of an element, in order
		targets(in, b, func(u, k int) { met[k] = append(met[k], u) })
		x, updates, dy := sampleOf(in[0], b), sampleOf(in[2], b), sampleOf(dout, b)
		dx, du := sampleOf(din[0], b), sampleOf(din[2], b)
		if dx != nil {
			for k, d := range dy {
				if met[k] == nil {
					dx[k] += d
				}
			}
		}
		for k, us := range met {
			values := []float32{x[k]}
			for _, u := range us {
				values = append(values, updates[u])
			}
			for i, share := range r.shares(values) {
				if i == 0 && dx != nil {
					dx[k] += share * dy[k]
				}
				if i > 0 && du != nil {
					du[us[i-1]] += share * dy[k]
				}
			}
		}
	}
}

// shares returns the derivative of the reduced values in each of them.
func (r ScatterMode) shares(values []float32) []float32 {
	d := make([]float32, len(values))
	best := len(values) - 1
	for i := range values {
		switch r {
		case ScatterAdd:
			d[i] = 1
		case ScatterMul:
			d[i] = 1
			for k, v := range values {
				if k != i {
					d[i] *= v
				}
			}
		case ScatterMax, ScatterMin:
			if i == 0 || r.of(values[best], values[i]) != values[best] {
				best = i
			}
		}
	}
	if r != ScatterAdd && r != ScatterMul {
		d[best] = 1
	}
	return d
}

var (
	_ graph.Differentiable = ScatterElements{}
	_ graph.Differentiable = ScatterND{}
)
