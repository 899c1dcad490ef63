package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Cast changes the kind of elements: numbers become integers without their fraction, or truth
// values by x != 0. Integers wrap to Bits bits, in two's complement if Signed; with Bits 0 they
// do not wrap.
type Cast struct {
	To     graph.Elem
	Bits   int
	Signed bool
}

// Name implements graph.Op.
func (Cast) Name() string { return "Cast" }

// Infer implements graph.Op.
func (Cast) Infer(in []tensor.Shape) ([]tensor.Shape, error) { return same(in) }

// Elems implements graph.Typed.
func (o Cast) Elems([]graph.Elem) []graph.Elem { return []graph.Elem{o.To} }

// Forward implements graph.Op.
func (o Cast) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	y := out[0].Data
	for i, x := range in[0].Data {
		switch {
		case o.To == graph.Float:
			y[i] = x
		case o.To == graph.Integer:
			y[i] = o.wrap(x)
		case x != 0:
			y[i] = 1
		default:
			y[i] = 0
		}
	}
}

// Backward implements graph.Differentiable: a change of whole numbers is no gradient.
func (o Cast) Backward(_ *graph.Scratch, din, _, _, dout []*tensor.Tensor) {
	if din[0] == nil || o.To != graph.Float {
		return
	}
	for i, d := range dout[0].Data {
		din[0].Data[i] += d
	}
}

// wrap returns the integer of x.
func (o Cast) wrap(x float32) float32 {
	v := int64(x)
	if o.Bits > 0 && o.Bits < 64 {
		v &= 1<<o.Bits - 1
		if o.Signed {
			v = v << (64 - o.Bits) >> (64 - o.Bits)
		}
	}
	return float32(v)
}

// WriteONNX implements ONNXWriter.
func (o Cast) WriteONNX(w ONNX, _ *graph.Node, in []string, out string) {
	to := map[graph.Elem]int{graph.Float: 1, graph.Integer: 7, graph.Boolean: 9}[o.To]
	if o.To == graph.Integer && o.Bits > 0 {
		to = map[int]int{8: 2, 16: 4, 32: 12, 64: 13}[o.Bits] // unsigned
		if o.Signed {
			to = map[int]int{8: 3, 16: 5, 32: 6, 64: 7}[o.Bits]
		}
	}
	w.Emit("Cast", in, out, Attr{Name: "to", Value: to})
}

var (
	_ graph.Typed          = Cast{}
	_ graph.Differentiable = Cast{}
)
