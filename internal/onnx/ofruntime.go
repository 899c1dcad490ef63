package onnx

import (
	"edgec/internal/graph"
	"edgec/internal/op"
)

// ofRuntime has one row for each operator of ONNX Runtime (domain com.microsoft) that its
// optimizer, or an exporter for it, makes of standard ones and the reader knows.
var ofRuntime = map[string]*row{
	"BiasGelu":                         {name: "BiasGelu", since: []int{1}, minIn: 2, build: biased(op.Gelu{})},
	"FastGelu":                         {name: "FastGelu", since: []int{1}, minIn: 1, build: biased(op.Gelu{Tanh: true})},
	"FusedMatMul":                      {name: "FusedMatMul", since: []int{1}, minIn: 2, build: buildFusedMatMul},
	"MultiHeadAttention":               {name: "MultiHeadAttention", since: []int{1}, minIn: 1, build: buildMultiHead},
	"QuickGelu":                        {name: "QuickGelu", since: []int{1}, minIn: 1, build: elementwise(withFloats(func(v []float32) graph.Op { return op.Swish{Alpha: v[0]} }, one{"alpha", 1.702}))},
	"SimplifiedLayerNormalization":     {name: "SimplifiedLayerNormalization", since: []int{1}, minIn: 2, build: buildLayerNorm(true)},
	"SkipLayerNormalization":           {name: "SkipLayerNormalization", since: []int{1}, minIn: 3, build: buildSkipNorm(false)},
	"SkipSimplifiedLayerNormalization": {name: "SkipSimplifiedLayerNormalization", since: []int{1}, minIn: 3, build: buildSkipNorm(true)},
}

// biased reads a function of x, or of x and a bias.
func biased(o graph.Op) func(*node) error {
	return func(n *node) error {
		s := n.steps()
		x := s.activation(0)
		if n.has(1) {
			x = s.pair(op.Add{}, x, n.in[1])
		}
		return s.result(0, s.of(o, x))
	}
}

// buildFusedMatMul reads alpha a b, of which both may be transposed.
func buildFusedMatMul(n *node) error {
	alpha, err := n.finite("alpha", 1)
	if err != nil {
		return err
	}
	if n.attrInt("transBatchA", 0) != 0 || n.attrInt("transBatchB", 0) != 0 {
		return n.fail("transBatchA", "exchanged batch dimensions are not supported; give the network as it was before ONNX Runtime optimized it")
	}
	s := n.steps()
	factor := func(i int, attr string) *operand {
		x := s.input(i)
		rank := len(s.dims(x)[0])
		if s.err != nil || n.attrInt(attr, 0) == 0 || rank < 2 {
			return x
		}
		perm := make([]int, rank)
		for k := range perm {
			perm[k] = k
		}
		perm[rank-2], perm[rank-1] = rank-1, rank-2
		return s.transpose(x, perm...)
	}
	a, b := factor(0, "transA"), factor(1, "transB")
	return s.result(0, s.times(s.call("MatMul", []*operand{a, b}), alpha))
}

// buildSkipNorm reads the normalization of a sum, which is output 3: inputs are x, what is
// added to it, the scale, for layer normalization the bias of the result, and the bias of
// the sum.
func buildSkipNorm(rms bool) func(*node) error {
	return func(n *node) error {
		epsilon, err := n.finite("epsilon", 1e-12)
		if err != nil {
			return err
		}
		s := n.steps()
		sum := s.pair(op.Add{}, s.activation(0), s.input(1))
		beta, bias := 3, 4
		if rms {
			beta, bias = -1, 3
		}
		if n.has(bias) {
			sum = s.pair(op.Add{}, sum, n.in[bias])
		}
		if err := s.result(3, sum); err != nil {
			return err
		}
		s.from = len(n.r.g.Nodes)
		return s.result(0, s.scaled(s.norm(sum, -1, rms, epsilon), 2, beta))
	}
}

// buildMultiHead reads attention over heads of q, k and v [B, T, heads d], which biases may
// be added to, as the standard Attention.
func buildMultiHead(n *node) error {
	if n.has(4) {
		return n.fail(n.inputName(4), "a mask of padded keys is not supported; give the network as it was before ONNX Runtime optimized it")
	}
	if !n.has(1) || !n.has(2) {
		return n.fail("", "packed keys and values are not supported; give the network as it was before ONNX Runtime optimized it")
	}
	s := n.steps()
	heads := n.attrInt("num_heads", 0)
	var in []*operand
	at := 0
	for i := range 3 {
		x := s.activation(i)
		d := s.dims(x)[0]
		if s.err == nil && n.has(3) && len(d) == 3 {
			x = s.pair(op.Add{}, x, s.part(n.in[3], 0, at, at+d[2], 1))
			at += d[2]
		}
		in = append(in, x)
	}
	if s.err != nil {
		return s.err
	}
	optional := func(i int) *operand {
		if n.has(i) {
			return n.in[i]
		}
		return nil
	}
	p := *n.nodeProto
	p.inputs = append(append([]string{}, n.inputs[:3]...), "mask", "past key", "past value")
	p.attrs = []*attrProto{withInt("q_num_heads", heads), withInt("kv_num_heads", heads), withInt("is_causal", n.attrInt("unidirectional", 0)), {name: "scale", f: n.attrFloat("scale", 0)}}
	return buildAttention(&node{nodeProto: &p, r: n.r, in: append(in, optional(5), optional(6), optional(7))})
}
