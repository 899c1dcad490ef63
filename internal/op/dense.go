package op

import (
	"fmt"

	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Dense is y = x w^T + b with x [N,K] or [N,T,K], w [out,K], b [out] or absent;
// y is [N,out] or [N,T,out].
type Dense struct {
	Clamp     Clamp
	RoundOnce bool // on the device; see format.Instr
}

// Name implements graph.Op.
func (Dense) Name() string { return "Dense" }

// Infer implements graph.Op.
func (Dense) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 3); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if len(x) < 2 || len(x) > 3 || len(w) != 2 {
		return nil, fmt.Errorf("input %v and weights %v; needs [N,K] or [N,T,K] and [out,K]", x, w)
	}
	if k := x[len(x)-1]; k != w[1] {
		return nil, fmt.Errorf("input has %d features, weights %v take %d", k, w, w[1])
	}
	if err := checkBias(in, w[0]); err != nil {
		return nil, err
	}
	y := x.Clone()
	y[len(y)-1] = w[0]
	return []tensor.Shape{y}, nil
}

// Forward implements graph.Op.
func (o Dense) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	w, y := in[1], out[0].Data
	n, k := w.Shape[0], w.Shape[1]
	m := len(in[0].Data) / max(k, 1)
	b := at(in, 2)
	if b != nil {
		for i := 0; i < m; i++ {
			copy(y[i*n:(i+1)*n], b.Data)
		}
	}
	gemm.Mul(false, true, m, n, k, in[0].Data, k, w.Data, k, b != nil, y, n)
	o.Clamp.Apply(y)
}

// Backward implements graph.Differentiable.
func (o Dense) Backward(s *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	w := in[1]
	n, k := w.Shape[0], w.Shape[1]
	m := len(in[0].Data) / max(k, 1)
	dy := dout[0].Data
	if o.Clamp.On {
		dy = o.Clamp.back(s.Floats(0, len(dy)), dy, out[0].Data)
	}
	if d := din[0]; d != nil {
		gemm.Mul(false, false, m, k, n, dy, n, w.Data, k, true, d.Data, k)
	}
	if d := din[1]; d != nil {
		gemm.Mul(true, false, n, k, m, dy, n, in[0].Data, k, true, d.Data, k)
	}
	if d := at(din, 2); d != nil {
		for i := 0; i < m; i++ {
			add(d.Data, dy[i*n:(i+1)*n])
		}
	}
}

// ChannelAxis implements Layer.
func (Dense) ChannelAxis(rank int) int { return rank - 1 }

// Fused implements Clamper.
func (o Dense) Fused() Clamp { return o.Clamp }

// WithClamp implements Clamper.
func (o Dense) WithClamp(c Clamp) graph.Op {
	o.Clamp = c
	return o
}

// MetGrid implements Weighted.
func (Dense) MetGrid(n *graph.Node) *graph.Affine { return metGrid(n) }

// Uses implements Weighted.
func (Dense) Uses(n *graph.Node) int { return uses(n) }

// Kernel implements Layer.
func (Dense) Kernel() (Kernel, bool) {
	return Kernel{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, false
}

// Lower emits OpDense, whose weight columns follow the order in which the
// input lies, or a 1x1 OpConv2D for a sequence [T,K].
func (o Dense) Lower(d Device, n *graph.Node) error {
	x, w, y := n.Inputs[0], n.Inputs[1].Shape, n.Outputs[0]
	outC, k := w[0], w[1]
	in := format.Instr{Op: format.OpDense, Weight: -1, LUT: -1, RoundOnce: o.RoundOnce}
	var columns []int
	if len(x.Shape) == 2 {
		var t int
		t, columns = d.Flat(x)
		in.In, in.Out = []int{t}, d.Output(y)
	} else {
		t := x.Shape.Size() / k
		in.Op, in.StrideH, in.StrideW, in.DilH, in.DilW, in.Groups = format.OpConv2D, 1, 1, 1, 1, 1
		in.In, in.Out = []int{d.Tensor(x, t, 1, k)}, d.Output(y, t, 1, outC)
	}
	var from []int
	if columns != nil {
		for c := 0; c < outC; c++ {
			for _, i := range columns {
				from = append(from, c*k+i)
			}
		}
	}
	in.Weight = d.Weight(in.In[0], n.Inputs[1], optional(n, 2), [4]int{outC, 1, 1, k}, from)
	in.ClampMin, in.ClampMax = d.Clamp(y, o.Clamp)
	d.Emit(in)
	return nil
}

// AnyOrder implements OrderReader: the columns of the weights follow the features.
func (Dense) AnyOrder(_ *graph.Node, v *graph.Value, _ func(*graph.Value) bool) bool {
	return len(v.Shape) == 2
}

func init() { RegisterLift(format.OpDense, liftDense) }

// liftDense reads any shape: an image is flattened in the host's order, and the columns
// follow.
func liftDense(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	var from []int
	if s := l.Tensor(in.In[0]).Shape; len(s) == 3 {
		h, w, c := s[0], s[1], s[2]
		for ch := 0; ch < c; ch++ {
			for p := 0; p < h*w; p++ {
				from = append(from, p*c+ch)
			}
		}
	}
	v := x[0]
	if n := v.Shape.Size(); len(v.Shape) > 2 {
		v = l.Node(Reshape{Shape: []int{n}}, l.Temp("flat", tensor.Shape{1, n}, v.Grid), v)
	}
	w, b := l.Weights(in, true, from)
	return l.Node(Dense{Clamp: l.Clamp(in), RoundOnce: in.RoundOnce}, out, v, w, b)
}

// TraceChannels implements ChannelTracer: the layer reads all features and makes new ones.
// Of a sequence whose channels are along another dimension it keeps all.
func (Dense) TraceChannels(c Channels, n *graph.Node) bool {
	in, w := c.Layout(n.Inputs[0]), n.Inputs[WeightInput].Param
	if w == nil || in.Axis < 0 {
		return false
	}
	if in.Axis == len(n.Inputs[0].Shape)-1 {
		c.Consume(n, w, in.IDs)
	} else {
		c.Fix(in.IDs)
	}
	traceRows(c, n, c.Fresh(w.Channels()), len(n.Outputs[0].Shape)-1)
	return true
}

// TraceConstants implements ConstantTracer.
func (o Dense) TraceConstants(_ Constants, n *graph.Node, k []float32) { rowConstants(n, o.Clamp, k) }

// WriteONNX implements ONNXWriter: Gemm for [N, K] inputs; for [N, T, K] a MatMul by the
// transposed weights and an Add of the bias.
func (Dense) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	if len(n.Inputs[0].Shape) == 2 {
		w.Emit("Gemm", in, out, Attr{"transB", 1})
		return
	}
	t := w.Fresh(in[1] + "_transposed")
	w.Emit("Transpose", []string{in[1]}, t, Attr{"perm", []int{1, 0}})
	if len(in) < 3 {
		w.Emit("MatMul", []string{in[0], t}, out)
		return
	}
	product := w.Fresh(out + "_product")
	w.Emit("MatMul", []string{in[0], t}, product)
	w.Emit("Add", []string{product, in[2]}, out)
}

var _ Layer = Dense{}
