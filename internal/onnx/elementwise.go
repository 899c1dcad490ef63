package onnx

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// elementwise builds a one-input operator from its attributes.
func elementwise(make func(n *node) (graph.Op, error)) func(*node) error {
	return func(n *node) error {
		x, err := n.activation(0)
		if err != nil {
			return err
		}
		o, err := make(n)
		if err != nil {
			return err
		}
		return n.resultLike(x, o)
	}
}

// foldElementwise computes the operator on constants, in float64.
func foldElementwise(make func(n *node) (graph.Op, error)) foldFunc {
	return func(n *node, in []*array) (*array, error) {
		o, err := make(n)
		if err != nil {
			return nil, err
		}
		if len(in) > 0 && in[0] != nil && !in[0].isFloat() {
			return nil, errByOp
		}
		return n.mapFloats(in, o.(op.Elementwise).F)
	}
}

// plain makes an operator without attributes.
func plain(o graph.Op) func(*node) (graph.Op, error) {
	return func(*node) (graph.Op, error) { return o, nil }
}

func leakyRelu(n *node) (graph.Op, error) {
	alpha, err := n.finite("alpha", 0.01)
	return op.LeakyRelu{Alpha: alpha}, err
}

func gelu(n *node) (graph.Op, error) {
	switch a := n.attrString("approximate", "none"); a {
	case "none":
		return op.Gelu{}, nil
	case "tanh":
		return op.Gelu{Tanh: true}, nil
	default:
		return nil, n.fail("approximate", "%q is not known, only \"none\" and \"tanh\"", a)
	}
}

func hardSigmoid(n *node) (graph.Op, error) {
	alpha, err := n.finite("alpha", 0.2)
	if err != nil {
		return nil, err
	}
	beta, err := n.finite("beta", 0.5)
	return op.HardSigmoid{Alpha: alpha, Beta: beta}, err
}

// finite is attrFloat for numbers that must not be NaN or infinite.
func (n *node) finite(name string, def float32) (float32, error) {
	v := n.attrFloat(name, def)
	if v-v != 0 {
		return 0, n.fail(name, "%v is not a finite number", v)
	}
	return v, nil
}

// buildClip takes the limits from attributes before opset 11, from inputs after.
func buildClip(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	for i := 1; i < len(n.in); i++ {
		if n.in[i] != nil && n.in[i].act != nil || x.act.Elem != graph.Float {
			return n.clipBetween()
		}
	}
	if n.r.opset < 11 {
		lo, hi = n.attrFloat("min", lo), n.attrFloat("max", hi)
	}
	for i, limit := range []*float32{&lo, &hi} {
		if n.r.opset >= 11 && n.has(i+1) {
			if *limit, err = n.scalar(i + 1); err != nil {
				return err
			}
		}
	}
	if lo != lo || hi != hi {
		return n.fail("", "a limit is NaN")
	}
	lo = min(lo, hi) // ONNX: min(max(x, lo), hi)
	return n.resultLike(x, op.Clip{Lo: lo, Hi: hi})
}

// foldClip limits integers or floats, as networks write that are trained with quantization:
// weights within -127..127 between QuantizeLinear and DequantizeLinear.
func foldClip(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	lo, hi := math.Inf(-1), math.Inf(1)
	if n.r.opset < 11 {
		lo, hi = float64(n.attrFloat("min", float32(lo))), float64(n.attrFloat("max", float32(hi)))
	}
	for i, limit := range []*float64{&lo, &hi} {
		if n.r.opset < 11 || i+1 >= len(in) || in[i+1] == nil {
			continue
		}
		l := in[i+1]
		if l.size() != 1 || l.isFloat() != x.isFloat() {
			return nil, n.fail(n.inputName(i+1), "%d values of %s limit %s; one of the same type is needed", l.size(), typeName(l.typ), typeName(x.typ))
		}
		if l.isFloat() {
			*limit = float64(l.f[0])
		} else {
			*limit = float64(l.i[0])
		}
	}
	if lo != lo || hi != hi {
		return nil, n.fail("", "a limit is NaN")
	}
	r, err := n.alloc(x, x.dims)
	if err != nil {
		return nil, err
	}
	for k, v := range x.f {
		r.f[k] = float32(min(max(float64(v), lo), hi))
	}
	for k, v := range x.i {
		if f := float64(v); f < lo || f > hi {
			v = int64(min(max(f, lo), hi))
		}
		r.i[k] = v
	}
	r.name = x.name
	return r, nil
}

func opAdd() graph.Op { return op.Add{} }
func opSub() graph.Op { return op.Sub{} }
func opMul() graph.Op { return op.Mul{} }
func opDiv() graph.Op { return op.Div{} }

// combine builds arithmetic on two operands, of which one may be constant.
func combine(make func() graph.Op) func(*node) error {
	return func(n *node) error {
		if len(n.in) != 2 {
			return n.fail("", "%d inputs, two are needed; the file is damaged", len(n.in))
		}
		a, b, at, err := n.pair(0, 1)
		if err != nil {
			return err
		}
		return n.resultAs(at, make(), a, b)
	}
}

// pair returns inputs i and j, of which one may be constant, as values that broadcast for
// each sample; the result's batch is at.
func (n *node) pair(i, j int) (a, b *graph.Value, at batchAxis, err error) {
	for _, k := range []int{i, j} {
		if !n.has(k) {
			return nil, nil, at, n.fail("", "input %d is missing; the file is damaged", k)
		}
	}
	if n.in[i].act == nil && n.in[j].act == nil {
		return nil, nil, at, n.fail("", "inputs %d and %d are constants; simplify the model with onnxsim first", i, j)
	}
	return n.broadcast(n.in[i], n.in[j])
}

// foldSum adds constants from left to right.
func foldSum(n *node, in []*array) (*array, error) {
	sum, err := n.operandOf(in, 0)
	for _, x := range in[1:] {
		if err == nil {
			sum, err = arithmetic(add)(n, []*array{sum, x})
		}
	}
	return sum, err
}

// buildSum adds any number of inputs from left to right.
func buildSum(n *node) error {
	if len(n.in) == 1 {
		return buildIdentity(n)
	}
	for i := 1; ; i++ {
		a, b, at, err := n.pair(0, i)
		if err != nil {
			return err
		}
		if i == len(n.in)-1 {
			return n.resultAs(at, op.Add{}, a, b)
		}
		sum, err := n.emit(op.Add{}, a, b)
		if err != nil {
			return err
		}
		n.in[0] = &operand{act: sum, batch: at}
	}
}

func buildIdentity(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	return n.alias(x)
}

// buildDropout reads inference mode, in which it does nothing.
func buildDropout(n *node) error {
	if n.has(2) {
		train, err := n.integers(2)
		if err != nil {
			return err
		}
		if len(train) != 1 || train[0] != 0 {
			return n.fail("training_mode", "the model was exported in training mode; export it in inference mode (model.eval())")
		}
	}
	return buildIdentity(n)
}
