package onnx

import (
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// rowModel is a model of operator set 13 whose input x is [1, 2].
func rowModel(nodes ...*nodeProto) *modelProto {
	x := &valueProto{name: "x", elemType: typeFloat, hasShape: true, dims: []dimProto{{value: 1}, {value: 2}}}
	return &modelProto{opsets: []opsetProto{{version: 13}}, graph: &graphProto{name: "g", nodes: nodes, inputs: []*valueProto{x}, outputs: []*valueProto{{name: "y"}}}}
}

func nodeOf(opType, in, out string, attrs ...*attrProto) *nodeProto {
	return &nodeProto{name: "node_" + out, opType: opType, inputs: strings.Split(in, ","), outputs: strings.Split(out, ","), attrs: attrs}
}

func constantNode(out string, t *tensorProto) *nodeProto {
	return &nodeProto{name: "node_" + out, opType: "Constant", outputs: []string{out}, attrs: []*attrProto{{name: "value", t: t}}}
}

func int64Proto(dims []int64, v ...int64) *tensorProto {
	return &tensorProto{dataType: typeInt64, dims: dims, int64s: v}
}

func boolProto(v int64) *tensorProto { return &tensorProto{dataType: typeBool, int32s: []int64{v}} }

// graphAttr is a subgraph of the given inputs, nodes and outputs.
func graphAttr(name, inputs, outputs string, b *modelBuilder) *attrProto {
	var g message
	g = append(g, b.graph...)
	for i, list := range []string{inputs, outputs} {
		for _, s := range strings.Split(list, ",") {
			if s != "" {
				var v message
				v.str(1, s)
				g.bytes([]protowire.Number{11, 12}[i], v)
			}
		}
	}
	return &attrProto{name: name, g: g}
}

// loopBody is s + tanh(s W) with the given number of trips left in the condition.
func loopBody() *modelBuilder {
	return newModel(13).floats("w", []int{2, 2}, 1, -1, 0.5, 2).node("MatMul", "s,w", "m").node("Tanh", "m", "t").node("Add", "s,t", "next").node("Identity", "more", "go")
}

// TestLoopUnrolls: three trips over one weight, with the states before and after.
func TestLoopUnrolls(t *testing.T) {
	m := rowModel(constantNode("n", int64Proto(nil, 3)), constantNode("yes", boolProto(1)),
		nodeOf("Loop", "n,yes,x", "y,all", graphAttr("body", "i,more,s", "go,next,t", loopBody())))
	m.graph.outputs = append(m.graph.outputs, &valueProto{name: "all"})
	g, err := build(m, "loop.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	weights := 0
	for _, p := range g.Params() {
		if p.Role == graph.Weight {
			weights++
		}
	}
	if weights != 1 {
		t.Errorf("%d weights, want the one of all trips", weights)
	}
	out, err := forward(g, tensor.Of([]float32{0.5, -0.25}, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	s := [2]float64{0.5, -0.25}
	var all []float32
	for range 3 {
		d := [2]float64{math.Tanh(s[0] + 0.5*s[1]), math.Tanh(-s[0] + 2*s[1])}
		s[0], s[1] = s[0]+d[0], s[1]+d[1]
		all = append(all, float32(d[0]), float32(d[1]))
	}
	closeTo(t, "state", out[0], tensor.Of([]float32{float32(s[0]), float32(s[1])}, out[0].Shape...), 1e-6)
	closeTo(t, "list", out[1], tensor.Of(all, out[1].Shape...), 1e-6)
}

// TestScanUnrolls: a running sum over rows, from the last on.
func TestScanUnrolls(t *testing.T) {
	m := rowModel(constantNode("zero", &tensorProto{dataType: typeFloat, dims: []int64{2}, float32s: []float32{0, 0}}),
		nodeOf("Scan", "zero,x", "end,y", &attrProto{name: "num_scan_inputs", i: 1}, &attrProto{name: "scan_input_directions", ints: []int64{1}},
			graphAttr("body", "s,r", "next,copy", newModel(13).node("Add", "s,r", "next").node("Identity", "next", "copy"))))
	m.graph.inputs[0].dims = []dimProto{{value: 3}, {value: 2}}
	g, err := build(m, "scan.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := forward(g, tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 1, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "sums", out[0], tensor.Of([]float32{5, 6, 8, 10, 9, 12}, out[0].Shape...), 1e-6)
}

// branches are an If on c: the negative or twice of x.
func branches() *nodeProto {
	return nodeOf("If", "c", "y", graphAttr("then_branch", "", "a", newModel(13).node("Neg", "x", "a")), graphAttr("else_branch", "", "a", newModel(13).node("Add", "x,x", "a")))
}

// TestIfByShape: a condition on sizes takes its branch while reading.
func TestIfByShape(t *testing.T) {
	for size, want := range map[int64][]float32{2: {-1, -2}, 3: {2, 4}} {
		m := rowModel(nodeOf("Shape", "x", "s"), constantNode("at", int64Proto(nil, 1)), nodeOf("Gather", "s,at", "d"), constantNode("size", int64Proto(nil, size)), nodeOf("Equal", "d,size", "c"), branches())
		g, err := build(m, "if.onnx", nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := forward(g, tensor.Of([]float32{1, 2}, 1, 2))
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, "branch", out[0], tensor.Of(want, 1, 2), 0)
		if out := g.Outputs[0].Name; out != "y" {
			t.Errorf("the output is named %q", out)
		}
	}
}

// TestFunctions: bodies are read in place, with the attributes of the call or the default.
func TestFunctions(t *testing.T) {
	scaled := &functionProto{name: "Scaled", domain: "my", inputs: []string{"a", "b"}, outputs: []string{"r"}, opsets: []opsetProto{{version: 13}},
		attrs: []*attrProto{{name: "slope", f: 0.5}},
		nodes: []*nodeProto{nodeOf("LeakyRelu", "a", "l", &attrProto{name: "alpha", refName: "slope"}), nodeOf("Add", "l,b", "r")}}
	call := func(in, out string, attrs ...*attrProto) *nodeProto {
		n := nodeOf("Scaled", in, out, attrs...)
		n.domain = "my"
		return n
	}
	m := rowModel(call("x,x", "h"), call("h,x", "y", &attrProto{name: "slope", f: 0.25}))
	m.functions = []*functionProto{scaled}
	g, err := build(m, "functions.onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := forward(g, tensor.Of([]float32{-4, 2}, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "calls", out[0], tensor.Of([]float32{-6.0/4 - 4, 6}, 1, 2), 1e-6)
}

// TestControlRefusals: what cannot be known before it runs, what is too long and what never
// ends is refused, by name.
func TestControlRefusals(t *testing.T) {
	yes := constantNode("yes", boolProto(1))
	loop := graphAttr("body", "i,more,s", "go,next", loopBody())
	again := &functionProto{name: "Again", domain: "my", inputs: []string{"a"}, outputs: []string{"r"}, nodes: []*nodeProto{{opType: "Again", domain: "my", inputs: []string{"a"}, outputs: []string{"r"}}}}
	for name, c := range map[string]struct {
		m    *modelProto
		want string
	}{
		"condition of the input": {rowModel(nodeOf("Loop", ",go,x", "y", loop)), "no earlier node computes it"},
		"trips":                  {rowModel(constantNode("n", int64Proto(nil, 1<<40)), yes, nodeOf("Loop", "n,yes,x", "y", loop)), "65536"},
		"endless":                {rowModel(yes, nodeOf("Loop", ",yes,x", "y", loop)), "65536"},
		"recursion":              {&modelProto{opsets: []opsetProto{{version: 13}}, functions: []*functionProto{again}, graph: rowModel(&nodeProto{opType: "Again", domain: "my", inputs: []string{"x"}, outputs: []string{"y"}}).graph}, "deep in each other"},
		"data":                   {rowModel(nodeOf("Cast", "x", "c", &attrProto{name: "to", i: typeBool}), branches()), `node "node_y" (If): condition: it depends on what the network is given`},
	} {
		r := newReader(c.m, "control.onnx", nil)
		r.nodes = maxNodes - 100 // of the file before
		err := r.steps(c.m)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
