package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Cumulate is the running sum, or with Prod product, of x along dimension Axis >= 1:
//
//	y[..,i,..] = sum_k x[..,k,..] over k <= i
//
// With Reverse it runs over k >= i. With Exclusive it leaves k = i out, and an empty sum is 0, an
// empty product 1. Both are in float64.
type Cumulate struct {
	Axis                     int
	Prod, Exclusive, Reverse bool
}

// Name implements graph.Op.
func (Cumulate) Name() string { return "Cumulate" }

// Elems implements graph.Typed.
func (Cumulate) Elems(in []graph.Elem) []graph.Elem { return wholeIfAll(in) }

// Infer implements graph.Op.
func (o Cumulate) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if o.Axis < 1 || o.Axis >= len(in[0]) {
		return nil, fmt.Errorf("dimension %d of input %v; needs one behind the batch", o.Axis, in[0])
	}
	return []tensor.Shape{in[0].Clone()}, nil
}

// lanes calls f with the first index, and the step to the next one, of each line along the
// axis, in the order of accumulation.
func (o Cumulate) lanes(s tensor.Shape, f func(at, stride, n int)) {
	Softmax{Axis: o.Axis}.lanes(s, func(at, stride, n int) {
		if o.Reverse {
			at, stride = at+(n-1)*stride, -stride
		}
		f(at, stride, n)
	})
}

// Forward implements graph.Op.
func (o Cumulate) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	o.lanes(in[0].Shape, func(at, stride, n int) {
		sum := step(o.Prod)
		for i := range n {
			k := at + i*stride
			if o.Exclusive {
				out[0].Data[k] = float32(sum)
			}
			if v := float64(in[0].Data[k]); o.Prod {
				sum *= v
			} else {
				sum += v
			}
			if !o.Exclusive {
				out[0].Data[k] = float32(sum)
			}
		}
	})
}

// Backward implements graph.Differentiable. A sum passes the gradients of all results that
// hold the element; a product those times the other elements of it.
func (o Cumulate) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	first := bit(o.Exclusive)
	o.lanes(in[0].Shape, func(at, stride, n int) {
		for i := range n {
			others, before := 1.0, 1.0
			for j := range i {
				before *= float64(in[0].Data[at+j*stride])
			}
			sum := 0.0
			for k := i + first; k < n; k++ {
				if j := k - first; j > i {
					others *= float64(in[0].Data[at+j*stride])
				}
				if o.Prod {
					sum += float64(dout[0].Data[at+k*stride]) * before * others
				} else {
					sum += float64(dout[0].Data[at+k*stride])
				}
			}
			din[0].Data[at+i*stride] += float32(sum)
		}
	})
}

// WriteONNX implements ONNXWriter; only operator set 26 has products.
func (o Cumulate) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	name := "CumSum"
	if o.Prod {
		name = "CumProd"
		w.Need(26)
	}
	w.Emit(name, []string{in[0], w.Int64s(out+"_axis", []int{o.Axis})}, out, Attr{"exclusive", bit(o.Exclusive)}, Attr{"reverse", bit(o.Reverse)})
}

var _ graph.Differentiable = Cumulate{}
