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

func elu(n *node) (graph.Op, error) {
	alpha, err := n.finite("alpha", 1)
	if err == nil && alpha != 1 {
		err = n.fail("alpha", "%v is not supported, only 1", alpha)
	}
	return op.Elu{}, err
}

func gelu(n *node) (graph.Op, error) {
	if a := n.attrString("approximate", "none"); a != "none" {
		return nil, n.fail("approximate", "%q is not supported, only the exact form (\"none\")", a)
	}
	return op.Gelu{}, nil
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

// buildCast accepts casts between float types: the host computes in float32.
func buildCast(n *node) error {
	if n.has(0) && n.in[0].quant != nil {
		return n.castQuantized()
	}
	if to := int64(n.attrInt("to", 0)); !isFloat(to) || to == typeBfloat16 {
		return n.fail("to", "a cast of activations to %s is not supported; keep the network in float32", typeName(to))
	}
	return buildIdentity(n)
}

// buildBatchNorm reads the inference form.
func buildBatchNorm(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	channels := 1 // dimension of the value
	if len(n.fileDims(x, 0)) > 1 {
		if channels, err = n.valueAxis(x, 1); err != nil {
			return err
		}
	}
	if n.attrInt("training_mode", 0) != 0 {
		return n.fail("training_mode", "the model was exported in training mode; export it in inference mode (model.eval())")
	}
	if n.attrInt("spatial", 1) != 1 {
		return n.fail("spatial", "only 1 is supported (one mean for each channel)")
	}
	eps, err := n.finite("epsilon", 1e-5)
	if err != nil {
		return err
	}
	in := []*graph.Value{x.act}
	for i := 1; i < 5; i++ {
		a, err := n.floats(i)
		if err != nil {
			return err
		}
		v, err := n.param(a, graph.Constant, "", nil)
		if err != nil {
			return err
		}
		in = append(in, v)
	}
	for c, v := range in[4].Param.Shadow.Data {
		if !(v+eps > 0) {
			return n.fail(n.inputName(4), "variance %d is %v, which is not positive; the training has diverged", c, v)
		}
	}
	o := op.BatchNorm{Epsilon: eps}
	if channels == 1 {
		return n.resultAs(x.batch, o, in...)
	}
	return n.normalized(x, o, in, channels)
}

// normalized ends a BatchNormalization of x whose channels are a later dimension of the
// value: they are moved to dimension 1 and back.
func (n *node) normalized(x *operand, o op.BatchNorm, in []*graph.Value, channels int) error {
	perm := []int{0, channels}
	for k := 1; k < len(x.act.Shape); k++ {
		if k != channels {
			perm = append(perm, k)
		}
	}
	v, err := n.emit(op.Transpose{Perm: perm}, x.act)
	if err != nil {
		return err
	}
	in[0] = v
	if v, err = n.emit(o, in...); err != nil {
		return err
	}
	back := make([]int, len(perm))
	for i, p := range perm {
		back[p] = i
	}
	return n.resultAs(x.batch, op.Transpose{Perm: back}, v)
}
