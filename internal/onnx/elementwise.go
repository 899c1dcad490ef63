package onnx

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// elementwise builds a one-input operator from its attributes.
func elementwise(make func(n *node) (graph.Op, error)) func(*node) error {
	return func(n *node) error {
		x, err := n.act(0)
		if err != nil {
			return err
		}
		o, err := make(n)
		if err != nil {
			return err
		}
		return n.result(o, x)
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
	x, err := n.act(0)
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
	return n.result(op.Clip{Lo: lo, Hi: hi}, x)
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
		a, b, err := n.pair(0, 1)
		if err != nil {
			return err
		}
		return n.result(make(), a, b)
	}
}

// pair returns two operands that broadcast per sample: activations of equal
// rank, or an activation and a constant that does not reach into the batch.
func (n *node) pair(i, j int) (a, b *graph.Value, err error) {
	rank := 0
	for _, k := range []int{i, j} {
		if n.has(k) && n.in[k].act != nil {
			d := len(n.in[k].act.Shape)
			if rank != 0 && d != rank {
				return nil, nil, n.fail("", "inputs of %d and %d dimensions would mix the batch with others; reshape them to the same number", rank, d)
			}
			rank = d
		}
	}
	if rank == 0 {
		return nil, nil, n.fail("", "inputs %d and %d are constants; simplify the model with onnxsim first", i, j)
	}
	if a, err = n.operandValue(i, rank); err != nil {
		return nil, nil, err
	}
	b, err = n.operandValue(j, rank)
	return a, b, err
}

func (n *node) operandValue(i, rank int) (*graph.Value, error) {
	if n.has(i) && n.in[i].act != nil {
		return n.in[i].act, nil
	}
	a, err := n.floats(i)
	if err != nil {
		return nil, err
	}
	if len(a.dims) > rank || len(a.dims) == rank && a.dims[0] != 1 {
		return nil, n.fail(n.inputName(i), "a constant of shape %v differs between the samples of a batch; export the model with batch 1", a.dims)
	}
	return n.param(a, graph.Constant, "", func(a *array) (*array, error) {
		if len(a.dims) == 0 {
			return a.reshaped([]int{1}), nil
		}
		return a, nil
	})
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
	var sum *graph.Value
	for i := 1; i < len(n.in); i++ {
		a, b, err := n.pair(0, i)
		if err != nil {
			return err
		}
		if i > 1 {
			a = sum
		}
		if i == len(n.in)-1 {
			return n.result(op.Add{}, a, b)
		}
		if sum, err = n.emit(op.Add{}, a, b); err != nil {
			return err
		}
	}
	return nil
}

func buildIdentity(n *node) error {
	x, err := n.act(0)
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
	x, err := n.act(0)
	if err != nil {
		return err
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
	in := []*graph.Value{x}
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
	return n.result(op.BatchNorm{Epsilon: eps}, in...)
}
