package onnx

import (
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// quantModel has an input x [1, 2], scales and zero points of x, weights w and y, integer
// weights and an int32 bias in steps of the products.
func quantModel() *modelBuilder {
	return newModel(13).input("x", typeFloat, 1, 2).floats("xs", nil, 0.5).int8s("xz", typeUint8, nil, 100).
		int8s("w", typeInt8, []int{2, 3}, 1, -2, 3, 4, 5, -6).floats("ws", nil, 0.25).int8s("wz", typeInt8, nil, 1).
		floats("ys", nil, 0.125).int8s("yz", typeUint8, nil, 90).floats("bs", nil, 0.125)
}

// microsoftNode adds a node of ONNX Runtime's domain; in is comma-separated.
func (b *modelBuilder) microsoftNode(opType, in, out string, attrs ...attribute) *modelBuilder {
	var m message
	for _, s := range strings.Split(in, ",") {
		m.str(1, s)
	}
	m.str(2, out)
	m.str(3, "node_"+out)
	m.str(4, opType)
	for _, a := range attrs {
		m.bytes(5, a.encode())
	}
	m.str(7, "com.microsoft")
	b.graph.bytes(1, m)
	return b
}

// TestOperatorForm: QLinear operators are the pairs around a float operator.
func TestOperatorForm(t *testing.T) {
	begin := func() *modelBuilder { return quantModel().node("QuantizeLinear", "x,xs,xz", "q") }
	pairs := func() *modelBuilder {
		return begin().node("DequantizeLinear", "q,xs,xz", "d").node("DequantizeLinear", "w,ws,wz", "v")
	}
	end := func(b *modelBuilder) *modelBuilder {
		return b.node("QuantizeLinear", "r,ys,yz", "p").node("DequantizeLinear", "p,ys,yz", "y").output("y")
	}
	finish := func(b *modelBuilder) *modelBuilder { return b.node("DequantizeLinear", "p,ys,yz", "y").output("y") }
	for name, c := range map[string]struct{ a, b *modelBuilder }{
		"QLinearMatMul": {finish(begin().node("QLinearMatMul", "q,xs,xz,w,ws,wz,ys,yz", "p")), end(pairs().node("MatMul", "d,v", "r"))},
		"QGemm": {finish(begin().int8s("b", typeInt8, []int{3}, 1, 2, 3).node("Cast", "b", "b32", attribute{"to", typeInt32}).microsoftNode("QGemm", "q,xs,xz,w,ws,wz,b32,ys,yz", "p")),
			end(pairs().floats("bias", []int{3}, 0.125, 0.25, 0.375).node("Gemm", "d,v,bias", "r"))},
		"QLinearAdd":         {finish(begin().microsoftNode("QLinearAdd", "q,xs,xz,q,xs,xz,ys,yz", "p")), end(pairs().node("Add", "d,d", "r"))},
		"QLinearSigmoid":     {finish(begin().microsoftNode("QLinearSigmoid", "q,xs,xz,ys,yz", "p")), end(pairs().node("Sigmoid", "d", "r"))},
		"QLinearConcat":      {finish(begin().microsoftNode("QLinearConcat", "ys,yz,q,xs,xz,q,xs,xz", "p", attribute{"axis", 1})), end(pairs().node("Concat", "d,d", "r", attribute{"axis", 1}))},
		"integers that move": {finish(begin().node("Transpose", "q", "t").node("Transpose", "t", "u").microsoftNode("QLinearAdd", "u,xs,xz,q,xs,xz,ys,yz", "p")), end(pairs().node("Add", "d,d", "r"))},
	} {
		var out [2]*tensor.Tensor
		for i, m := range []*modelBuilder{c.a, c.b} {
			g, err := Decode(m.bytes(), name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			y, err := forward(g, tensor.Of([]float32{1.3, -2.7}, 1, 2))
			if err != nil {
				t.Fatal(err)
			}
			out[i] = y[0]
			if g.Outputs[0].Grid == nil {
				t.Errorf("%s: the output is on no grid", name)
			}
		}
		if out[1] != nil {
			closeTo(t, name, out[0], out[1], 0)
		}
	}
}

// TestDynamicQuantization: what quantize_dynamic writes is read as the product of floats,
// and says so.
func TestDynamicQuantization(t *testing.T) {
	want, x := make([]float32, 3), []float32{3, -1.5}
	for c := range want {
		w := [2][3]float32{{0, -3, 2}, {3, 4, -7}} // less the zero point 1
		want[c] = 0.25 * (x[0]*w[0][c] + x[1]*w[1][c])
	}
	dynamic := &nodeProto{name: "dynamic", opType: "DynamicQuantizeLinear", inputs: []string{"x"}, outputs: []string{"q", "s", "z"}}
	m, err := parse(quantModel().node("MatMulInteger", "q,w,z,wz", "p").node("Cast", "p", "f", attribute{"to", typeFloat}).node("Mul", "s,ws", "both").node("Mul", "f,both", "y").output("y").bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	m.graph.nodes = append([]*nodeProto{dynamic}, m.graph.nodes...)
	byRuntime, err := parse(quantModel().microsoftNode("DynamicQuantizeMatMul", "x,w,ws,wz", "y").output("y").bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*modelProto{m, byRuntime} {
		g, err := build(m, "m", nil)
		if err != nil {
			t.Fatal(err)
		}
		y, err := forward(g, tensor.Of(x, 1, 2))
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, "product", y[0], tensor.Of(want, 1, 3), 1e-6)
		if len(g.Notes) != 1 || !strings.Contains(g.Notes[0], "not rounded by the range of each sample") {
			t.Errorf("notes %q", g.Notes)
		}
		if p := g.Params()[0]; p.Role != graph.Weight || p.Grid != nil {
			t.Errorf("parameter %q of role %v on %v, want float weights", p.Name, p.Role, p.Grid)
		}
	}
}
