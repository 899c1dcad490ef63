package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/ortcheck"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
)

// ownCase is a model with forms of operators that the official cases lack: old
// opsets, chains that fold, combinations of attributes. ONNX Runtime is the
// oracle; want, where it is given, is one that is always at hand.
type ownCase struct {
	name   string
	model  *modelBuilder
	sample []int
	want   func(x []float32) []float32 // of one sample
}

func same(x []float32) []float32 { return x }

func each(f func(v float64) float64) func([]float32) []float32 {
	return func(x []float32) []float32 {
		y := make([]float32, len(x))
		for i, v := range x {
			y[i] = float32(f(float64(v)))
		}
		return y
	}
}

func softmaxOf(x []float32) []float32 {
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v))
	}
	return each(func(v float64) float64 { return math.Exp(v) / sum })(x)
}

// on begins a model of an opset with the input x; its output is y.
func on(opset int64, sample ...int) *modelBuilder {
	return newModel(opset).input("x", typeFloat, append([]int{0}, sample...)...)
}

// bytes returns the file, whose output has the given number of dimensions. The
// sizes stay open: onnx.checker counts the windows of a pool with ceil_mode
// otherwise than Operators.md and ONNX Runtime.
func (c ownCase) bytes(rank int) []byte {
	b := *c.model
	b.graph = slices.Clone(b.graph)
	b.graph.bytes(12, valueInfo("y", typeFloat, make([]int, rank)))
	return b.bytes()
}

func ownCases() []ownCase {
	limit := func(lo, hi float64) func([]float32) []float32 {
		return each(func(v float64) float64 { return min(max(v, lo), hi) })
	}
	return append(slices.Concat(geluCases(), productCases(), normCases(), logicCases(), attentionCases(), sumCases(), runtimeCases(), spectrumCases()), []ownCase{
		{"Clip of attributes", on(7, 5).node("Clip", "x", "y", attribute{"min", float32(-0.5)}, attribute{"max", float32(0.25)}), []int{5}, limit(-0.5, 0.25)},
		{"Clip of one attribute", on(10, 5).node("Clip", "x", "y", attribute{"min", float32(0.1)}), []int{5}, limit(0.1, math.Inf(1))},
		{"Clip of inputs", on(11, 5).floats("lo", nil, -0.5).floats("hi", nil, 0.25).node("Clip", "x,lo,hi", "y"), []int{5}, limit(-0.5, 0.25)},
		{"Clip without lower limit", on(13, 5).floats("hi", nil, 0.25).node("Clip", "x,,hi", "y"), []int{5}, limit(math.Inf(-1), 0.25)},
		{"Pad of attributes", on(10, 2).node("Pad", "x", "y", attribute{"pads", []int{0, 1, 0, 2}}, attribute{"value", float32(1.5)}), []int{2},
			func(x []float32) []float32 { return []float32{1.5, x[0], x[1], 1.5, 1.5} }},
		{"Pad of inputs", on(13, 2).int64s("p", 0, 0, 0, 1).node("Pad", "x,p", "y"), []int{2}, func(x []float32) []float32 { return []float32{x[0], x[1], 0} }},
		{"Pad of axes", on(18, 2, 1).int64s("p", 1, 0).int64s("a", 1).floats("v", nil, -2).node("Pad", "x,p,v,a", "y"), []int{2, 1},
			func(x []float32) []float32 { return []float32{-2, x[0], x[1]} }},
		{"Softmax over all that follows", on(11, 2, 3).node("Softmax", "x", "y"), []int{2, 3}, softmaxOf},
		{"Softmax over a later axis", on(9, 2, 2, 3).node("Softmax", "x", "y", attribute{"axis", 2}), []int{2, 2, 3},
			func(x []float32) []float32 { return append(softmaxOf(x[:6]), softmaxOf(x[6:])...) }},
		{"Softmax over one axis", on(13, 2, 3).node("Softmax", "x", "y"), []int{2, 3},
			func(x []float32) []float32 { return append(softmaxOf(x[:3]), softmaxOf(x[3:])...) }},
		{"Dropout of opset 7", on(7, 3).node("Dropout", "x", "y", attribute{"ratio", float32(0.9)}), []int{3}, same},
		{"Dropout of opset 12", on(12, 3).floats("r", nil, 0.9).node("Dropout", "x,r", "y"), []int{3}, same},
		{"BatchNormalization of opset 7", on(7, 2, 1, 1).floats("s", []int{2}, 2, 3).floats("b", []int{2}, 1, -1).floats("m", []int{2}, 0.5, 0).floats("v", []int{2}, 4, 1).
			node("BatchNormalization", "x,s,b,m,v", "y", attribute{"epsilon", float32(0)}), []int{2, 1, 1},
			func(x []float32) []float32 { return []float32{x[0] - 0.5 + 1, 3*x[1] - 1} }},
		{"Unsqueeze and Squeeze of attributes", on(11, 3).node("Unsqueeze", "x", "u", attribute{"axes", []int{1, 3}}).node("Relu", "u", "r").
			node("Squeeze", "r", "y", attribute{"axes", []int{3, 1}}), []int{3}, limit(0, math.Inf(1))},
		{"Unsqueeze and Squeeze of inputs", on(13, 3).int64s("a", 1, -1).node("Unsqueeze", "x,a", "u").node("Relu", "u", "r").node("Squeeze", "r,a", "y"), []int{3}, limit(0, math.Inf(1))},
		{"Reshape with a copied dimension", on(13, 2, 3, 4).int64s("s", 0, 0, -1).node("Reshape", "x,s", "y"), []int{2, 3, 4}, same},
		{"Reshape with a free batch", on(8, 2, 3, 4).int64s("s", -1, 4, 6).node("Reshape", "x,s", "y"), []int{2, 3, 4}, same},
		{"Reshape with allowzero", on(14, 2, 3).int64s("s", -1, 6).node("Reshape", "x,s", "y", attribute{"allowzero", 1}), []int{2, 3}, same},
		{"Gemm of everything", on(7, 2).floats("w", []int{3, 2}, 1, 2, 3, 4, 5, 6).floats("c", nil, 2).
			node("Gemm", "x,w,c", "y", attribute{"alpha", float32(0.5)}, attribute{"beta", float32(3)}, attribute{"transB", 1}), []int{2},
			func(x []float32) []float32 {
				return []float32{0.5*(x[0]+2*x[1]) + 6, 0.5*(3*x[0]+4*x[1]) + 6, 0.5*(5*x[0]+6*x[1]) + 6}
			}},
		{"Gemm with a row as bias", on(13, 2).floats("w", []int{2, 2}, 1, 2, 3, 4).floats("c", []int{1, 2}, 5, 6).node("Gemm", "x,w,c", "y"), []int{2},
			func(x []float32) []float32 { return []float32{x[0] + 3*x[1] + 5, 2*x[0] + 4*x[1] + 6} }},
		{"Gemm of two activations as sum", on(13, 2).floats("w", []int{2, 2}, 1, 2, 3, 4).node("Relu", "x", "r").node("Gemm", "x,w,r", "y"), []int{2}, nil},
		{"weights computed by Gemm", on(13, 2).floats("a", []int{2, 2}, 1, 0, 2, 1).floats("b", []int{2, 2}, 1, 2, 3, 4).floats("c", []int{2}, 1, -1).
			node("Gemm", "a,b,c", "w", attribute{"transA", 1}, attribute{"transB", 1}, attribute{"alpha", float32(2)}, attribute{"beta", float32(0.5)}).node("MatMul", "x,w", "y"), []int{2}, nil},
		{"weights computed by MatMul and more", on(13, 2).floats("a", []int{2, 2}, 1, -2, 2, 1).floats("b", []int{2, 2}, 1, 2, 3, 4).floats("h", nil, 0.5).
			node("MatMul", "a,b", "p").node("Tanh", "p", "t").node("Mul", "t,h", "w").node("MatMul", "x,w", "y"), []int{2}, nil},
		{"flattened by shape arithmetic", on(11, 2, 3, 4).int64s("zero", 0).int64s("one", 1).int64s("two", 2).int64s("three", 3).node("Shape", "x", "s").
			node("Gather", "s,zero", "n").node("Gather", "s,one", "c").node("Slice", "s,two,three", "h").node("Gather", "s,three", "w").
			node("Mul", "c,h", "ch").node("Mul", "ch,w", "chw").node("Concat", "n,chw", "target", attribute{"axis", 0}).node("Reshape", "x,target", "y"), []int{2, 3, 4}, same},
		{"shape arithmetic in floats", on(13, 4, 6).int64s("at", 2).floats("half", nil, 0.5).int64s("rest", 0, -1).node("Shape", "x", "s").node("Gather", "s,at", "w").
			node("Cast", "w", "f", attribute{"to", typeFloat}).node("Mul", "f,half", "g").node("Floor", "g", "k").node("Cast", "k", "i", attribute{"to", typeInt64}).
			node("Concat", "rest,i", "target", attribute{"axis", 0}).node("Reshape", "x,target", "y"), []int{4, 6}, same},
		{"expanded constant", on(13, 2, 3).floats("k", []int{1, 1, 3}, 1, 2, 3).int64s("keep", 1, 2, 3).node("Expand", "k,keep", "e").node("Add", "x,e", "y"), []int{2, 3},
			func(x []float32) []float32 {
				return []float32{x[0] + 1, x[1] + 2, x[2] + 3, x[3] + 1, x[4] + 2, x[5] + 3}
			}},
		{"shape chosen by Where", on(13, 6).int64s("ask", -1, 2, -1).int64s("none", -1).int64s("other", 0, 2, 3).node("Equal", "ask,none", "eq").
			node("Where", "eq,other,ask", "target").node("Reshape", "x,target", "y"), []int{6}, same},
		{"counted by Range", on(13, 4).scalarInts("from", 0).scalarInts("to", 4).scalarInts("by", 1).node("Range", "from,to,by", "r").
			node("Cast", "r", "f", attribute{"to", typeFloat}).node("Mul", "x,f", "y"), []int{4},
			func(x []float32) []float32 { return []float32{0, x[1], 2 * x[2], 3 * x[3]} }},
		{"zeros of a shape", on(9, 3).int64s("s", 3).node("ConstantOfShape", "s", "z").node("Sub", "z,x", "y"), []int{3}, each(func(v float64) float64 { return -v })},
		{"logic", on(13, 2).int64s("a", 1, 5).int64s("b", 3, 3).node("Less", "a,b", "l").node("GreaterOrEqual", "a,b", "g").node("Not", "g", "n").node("And", "l,n", "k").
			node("Or", "k,l", "o").node("Cast", "o", "f", attribute{"to", typeFloat}).node("Mul", "x,f", "y"), []int{2}, func(x []float32) []float32 { return []float32{x[0], 0} }},
		{"least and largest", on(13, 6).int64s("a", 2, 9).int64s("b", 3, 4).int64s("at", 0).node("Min", "a,b", "lo").node("Max", "lo,a", "hi").node("ReduceProd", "lo", "p", attribute{"keepdims", 1}).
			node("Mod", "hi,p", "m").node("Gather", "m,at", "two").int64s("rest", 0, -1).node("Concat", "rest,two", "target", attribute{"axis", 0}).node("Reshape", "x,target", "y"), []int{6}, same},
		{"constants of attributes", on(13, 2).constant("a", attribute{"value_float", float32(2)}).constant("b", attribute{"value_ints", []int{0, 2}}).
			node("Reshape", "x,b", "r").node("Mul", "r,a", "y"), []int{2}, each(func(v float64) float64 { return 2 * v })},
		{"largest over the image", on(13, 2, 2, 2).node("ReduceMax", "x", "y", attribute{"axes", []int{2, 3}}, attribute{"keepdims", 0}), []int{2, 2, 2},
			func(x []float32) []float32 {
				return []float32{max(x[0], x[1], x[2], x[3]), max(x[4], x[5], x[6], x[7])}
			}},
		{"largest over the image, kept", on(20, 2, 2, 2).int64s("axes", -1, 2).node("ReduceMax", "x,axes", "y"), []int{2, 2, 2},
			func(x []float32) []float32 {
				return []float32{max(x[0], x[1], x[2], x[3]), max(x[4], x[5], x[6], x[7])}
			}},
		{"mean over the image", on(13, 2, 2, 2).node("ReduceMean", "x", "y", attribute{"axes", []int{2, 3}}, attribute{"keepdims", 0}), []int{2, 2, 2},
			func(x []float32) []float32 {
				return []float32{(x[0] + x[1] + x[2] + x[3]) / 4, (x[4] + x[5] + x[6] + x[7]) / 4}
			}},
		{"rounded pair", on(13, 3).pair("x", "d").node("Relu", "d", "y"), []int{3}, nil},
		{"sigmoid and mean of a line", on(13, 2, 5).node("Sigmoid", "x", "s").node("GlobalAveragePool", "s", "g").node("Flatten", "g", "y"), []int{2, 5}, nil},
		{"largest of a line", on(13, 2, 5).node("GlobalMaxPool", "x", "g").node("Flatten", "g", "y"), []int{2, 5},
			func(x []float32) []float32 {
				return []float32{max(x[0], x[1], x[2], x[3], x[4]), max(x[5], x[6], x[7], x[8], x[9])}
			}},
		{"MatMul of sequences", on(13, 2, 3, 4).floats("w", []int{4, 2}, 1, 2, 3, 4, 5, 6, 7, 8).node("MatMul", "x,w", "y"), []int{2, 3, 4}, nil},
		{"Add of every rank", on(13, 2, 3).floats("a", []int{3}, 1, 2, 3).floats("b", []int{2, 1}, 4, 5).floats("c", nil, 6).
			node("Add", "x,a", "h").node("Add", "b,h", "i").node("Sub", "c,i", "y"), []int{2, 3}, nil},
		{"Sum of constants", on(13, 2).floats("a", []int{2}, 1, 2).floats("b", nil, 3).node("Sum", "a,b,a", "s").node("Sum", "x,s", "y"), []int{2},
			func(x []float32) []float32 { return []float32{x[0] + 5, x[1] + 7} }},
		{"average that counts no padding", on(19, 1, 5, 5).node("AveragePool", "x", "y", attribute{"kernel_shape", []int{2, 2}}, attribute{"strides", []int{2, 2}},
			attribute{"ceil_mode", 1}, attribute{"count_include_pad", 1}), []int{1, 5, 5}, nil},
		{"average that counts padding and rounds up", on(19, 1, 6, 6).node("AveragePool", "x", "y", attribute{"kernel_shape", []int{3, 3}}, attribute{"strides", []int{2, 2}},
			attribute{"pads", []int{1, 1, 0, 0}}, attribute{"ceil_mode", 1}, attribute{"count_include_pad", 1}), []int{1, 6, 6}, nil},
		{"Max with zero", on(13, 5).floats("z", nil, 0).node("Max", "x,z", "y"), []int{5}, limit(0, math.Inf(1))},
		{"Max with one number", on(13, 2, 5).floats("z", []int{1, 5}, 0.25, 0.25, 0.25, 0.25, 0.25).node("Max", "z,x", "y"), []int{2, 5}, limit(0.25, math.Inf(1))},
		{"Min of limits", on(13, 5).floats("a", nil, 6).floats("b", []int{1}, 0.5).node("Min", "a,x,b", "y"), []int{5}, limit(math.Inf(-1), 0.5)},
		{"Max and Min with several numbers", on(13, 3).floats("a", []int{3}, 0.5, 0, -0.5).floats("b", []int{3}, 1, 0.1, 0).node("Max", "x,a", "m").node("Min", "b,m", "y"), []int{3},
			func(x []float32) []float32 {
				return []float32{min(max(x[0], 0.5), 1), min(max(x[1], 0), 0.1), min(max(x[2], -0.5), 0)}
			}},
		{"Max and Min of activations", on(13, 4).node("Neg", "x", "n").node("Tanh", "x", "t").node("Max", "x,n,t", "a").node("Min", "a,t", "y"), []int{4}, each(func(v float64) float64 {
			return min(max(v, -v, math.Tanh(v)), math.Tanh(v))
		})},
		{"Pow", on(13, 4).floats("two", nil, 2).floats("one", nil, 1).node("Pow", "x,two", "a").node("Pow", "a,one", "y"), []int{4}, each(func(v float64) float64 { return v * v })},
		{"constant powers", on(13, 2).floats("a", []int{2}, 2, 3).floats("b", nil, 3).int64s("c", 2, 3).int64s("d", 2, 2).node("Pow", "a,b", "p").node("Mul", "x,p", "m").
			node("Pow", "c,d", "q").node("Cast", "q", "f", attribute{"to", typeFloat}).node("Add", "m,f", "y"), []int{2}, func(x []float32) []float32 { return []float32{8*x[0] + 4, 27*x[1] + 9} }},
		{"LogSoftmax", on(13, 4).node("LogSoftmax", "x", "y"), []int{4}, func(x []float32) []float32 { return each(math.Log)(softmaxOf(x)) }},
		{"LogSoftmax over all that follows", on(11, 2, 3).node("LogSoftmax", "x", "y"), []int{2, 3}, func(x []float32) []float32 { return each(math.Log)(softmaxOf(x)) }},
		{"mean over rows and columns behind a transpose", on(11, 3, 4, 5).node("Transpose", "x", "t", attribute{"perm", []int{0, 2, 3, 1}}).
			node("ReduceMean", "t", "y", attribute{"axes", []int{1, 2}}, attribute{"keepdims", 0}), []int{3, 4, 5}, nil},
		{"mean over rows, then columns", on(13, 3, 4, 5).node("Transpose", "x", "t", attribute{"perm", []int{0, 2, 3, 1}}).
			node("ReduceMean", "t", "r", attribute{"axes", []int{1}}, attribute{"keepdims", 0}).node("ReduceMean", "r", "y", attribute{"axes", []int{1}}, attribute{"keepdims", 0}), []int{3, 4, 5}, nil},
		{"mean over columns, then rows, kept", on(18, 3, 4, 5).node("Transpose", "x", "t", attribute{"perm", []int{0, 2, 3, 1}}).int64s("one", 1).int64s("two", -2).
			node("ReduceMean", "t,two", "r").node("ReduceMean", "r,one", "m").node("Flatten", "m", "y"), []int{3, 4, 5}, nil},
		{"Squeeze of all ones", on(13, 3, 1, 1).node("Squeeze", "x", "s").node("Relu", "s", "y"), []int{3, 1, 1}, limit(0, math.Inf(1))},
		{"Cast and back", on(13, 3).node("Cast", "x", "d", attribute{"to", typeDouble}).node("Cast", "d", "y", attribute{"to", typeFloat}), []int{3}, same},
	}...)
}

// geluCases are the ways in which exporters write Gelu, of activations between layers.
func geluCases() (all []ownCase) {
	exact := each(func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) })
	byTanh := each(func(v float64) float64 { return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))) })
	begin := func() *modelBuilder {
		return on(17, 4).floats("root2", nil, math.Sqrt2).floats("inverse", nil, 1/math.Sqrt2).floats("one", nil, 1).floats("half", nil, 0.5).
			floats("three", nil, 3).floats("c", nil, 0.044715).floats("k", nil, float32(math.Sqrt(2/math.Pi)))
	}
	for _, c := range []struct {
		name  string
		model *modelBuilder
		want  func([]float32) []float32
	}{
		{"PyTorch", begin().node("Div", "x,root2", "d").node("Erf", "d", "e").node("Add", "e,one", "a").node("Mul", "x,a", "m").node("Mul", "m,half", "y"), exact},
		{"Keras", begin().node("Mul", "half,x", "h").node("Mul", "x,inverse", "d").node("Erf", "d", "e").node("Add", "one,e", "a").node("Mul", "h,a", "y"), exact},
		{"half of the sum", begin().node("Mul", "x,inverse", "d").node("Erf", "d", "e").node("Add", "e,one", "a").node("Mul", "a,half", "h").node("Mul", "h,x", "y"), exact},
		{"distributed", begin().node("Div", "x,root2", "d").node("Erf", "d", "e").node("Mul", "x,half", "h").node("Mul", "h,e", "m").node("Add", "m,h", "y"), exact},
		{"tanh of a power", begin().node("Pow", "x,three", "p").node("Mul", "p,c", "q").node("Add", "x,q", "r").node("Mul", "r,k", "s").node("Tanh", "s", "t").
			node("Add", "t,one", "a").node("Mul", "x,half", "h").node("Mul", "h,a", "y"), byTanh},
		{"tanh of products", begin().node("Mul", "x,x", "p").node("Mul", "p,c", "q").node("Add", "q,one", "r").node("Mul", "r,x", "s").node("Mul", "s,k", "u").node("Tanh", "u", "t").
			node("Add", "one,t", "a").node("Mul", "a,x", "m").node("Mul", "half,m", "y"), byTanh},
	} {
		all = append(all, ownCase{"Gelu of " + c.name, c.model, []int{4}, c.want})
	}
	return all
}

// TestGeluIsOneOperator: however it is written, it is one table of the device.
func TestGeluIsOneOperator(t *testing.T) {
	for _, c := range geluCases() {
		g, err := Decode(c.bytes(0), c.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := simplify.Run(g); err != nil {
			t.Fatal(err)
		}
		if len(g.Nodes) != 1 || g.Nodes[0].Op.Name() != "Gelu" {
			t.Errorf("%s: %v", c.name, g)
		}
	}
	other := on(17, 4).floats("two", nil, 2).floats("one", nil, 1).floats("half", nil, 0.5).node("Div", "x,two", "d").node("Erf", "d", "e").node("Add", "e,one", "a").node("Mul", "x,a", "m").node("Mul", "m,half", "y")
	g, err := Decode(ownCase{model: other}.bytes(0), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(g.Nodes, func(n *graph.Node) bool { return n.Op.Name() == "Gelu" }) {
		t.Errorf("another function has become Gelu: %v", g)
	}
}

// constant adds a Constant node.
func (b *modelBuilder) constant(out string, value attribute) *modelBuilder {
	var m message
	m.str(2, out)
	m.str(4, "Constant")
	m.bytes(5, value.encode())
	b.graph.bytes(1, m)
	return b
}

// scalarInts adds an int64 initializer without dimensions.
func (b *modelBuilder) scalarInts(name string, v int) *modelBuilder {
	b.graph.bytes(5, encodeTensor(name, typeInt64, nil, rawInt64s([]int{v})))
	return b
}

// read decodes and simplifies a case, and runs it on three random samples.
func (c ownCase) read(t *testing.T, seed uint64) (x, y *tensor.Tensor) {
	t.Helper()
	g, err := Decode(c.bytes(0), c.name)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 4))
	x = tensor.New(append([]int{3}, c.sample...)...)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	out, err := forward(g, x)
	if err != nil {
		t.Fatal(err)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	again, err := forward(g, x)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, c.name+", simplified", again[0], out[0], goldenTol)
	return x, out[0]
}

func TestOwnCases(t *testing.T) {
	for i, c := range ownCases() {
		t.Run(c.name, func(t *testing.T) {
			x, y := c.read(t, uint64(i))
			if c.want == nil {
				return
			}
			var want []float32
			for k := range 3 {
				want = append(want, c.want(x.Rows(k, k+1).Data)...)
			}
			if len(want) != len(y.Data) {
				t.Fatalf("%d outputs, want %d", len(y.Data), len(want))
			}
			closeTo(t, c.name, y, tensor.Of(want, y.Shape...), nodeRelTol)
		})
	}
}

// notInORT are own cases that ONNX Runtime does not execute, and why; their definitions are compared
// all the same.
var notInORT = map[string]string{
	"LinearAttention by the gated delta rule": "it is not implemented",
	"SwiGLU":                         "its Swish is not implemented",
	"MultiHeadAttention with a bias": "it takes other shapes only",
	"SkipSimplifiedLayerNormalization and its sum": "the file of the test names no version of com.microsoft",
	"SkipLayerNormalization":                       "the file of the test names no version of com.microsoft",
	"QuickGelu":                                    "the file of the test names no version of com.microsoft",
	"FusedMatMul":                                  "the file of the test names no version of com.microsoft",
	"BiasGelu":                                     "the file of the test names no version of com.microsoft",
	"SoftmaxCrossEntropyLoss of each, less one class":                  "the file of the test declares a dimension of one",
	"NegativeLogLikelihoodLoss of each":                                "the file of the test declares a dimension of one",
	"Einsum of a diagonal":                                             "the file of the test declares a dimension of one",
	"CausalConvWithState":                                              "it is not implemented",
	"RotaryEmbedding of pairs side by side, in part":                   "it takes other shapes only",
	"FlexAttention":                                                    "it is not implemented",
	"Attention with a past":                                            "it takes other shapes only",
	"Attention with a mask that is short, and a row that sees nothing": "it takes other shapes only",
	"Clip between activations":                                         "it takes other shapes only",
}

// TestOwnCasesAgainstONNXRuntime adds convolutions and pools of random geometry.
func TestOwnCasesAgainstONNXRuntime(t *testing.T) {
	r := ortcheck.New(t)
	cases := slices.DeleteFunc(ownCases(), func(c ownCase) bool { return notInORT[c.name] != "" })
	rng := rand.New(rand.NewPCG(12, 13))
	for k := range 120 {
		cases = append(cases, windowCase(rng, k))
	}
	got := map[string]*tensor.Tensor{}
	for i, c := range cases {
		x, y := c.read(t, uint64(i))
		name := fmt.Sprint("case", i)
		got[name] = y
		r.Add(name, c.bytes(len(y.Shape)), x.Data)
	}
	r.Run()
	for i, c := range cases {
		name := fmt.Sprint("case", i)
		for _, mode := range ortcheck.Modes {
			want := r.Output(name, mode)
			if len(want) != len(got[name].Data) {
				t.Errorf("%s, %s: %d outputs, want %d", c.name, mode, len(got[name].Data), len(want))
				continue
			}
			closeTo(t, c.name+", "+mode, got[name], tensor.Of(want, got[name].Shape...), goldenTol)
		}
	}
}

// windowCase is a convolution or pool with random attributes, of one or two
// dimensions.
func windowCase(rng *rand.Rand, k int) ownCase {
	rank := 1 + rng.IntN(2)
	channels := []int{1, 2, 4, 6}[rng.IntN(4)]
	sample := []int{channels}
	var kernel, strides, dilations, pads, after []int
	for range rank {
		size := 1 + rng.IntN(4)
		kernel = append(kernel, size)
		strides = append(strides, 1+rng.IntN(3))
		dilations = append(dilations, 1+rng.IntN(2))
		pads = append(pads, rng.IntN(size))
		after = append(after, rng.IntN(size))
		sample = append(sample, 8+rng.IntN(5))
	}
	padding := attribute{"pads", append(pads, after...)}
	if auto := []string{"", "SAME_UPPER", "SAME_LOWER", "VALID"}[rng.IntN(4)]; auto != "" {
		padding = attribute{"auto_pad", auto}
		if auto != "VALID" { // the oracle has no dilation then, and no strides beyond the kernel
			dilations = []int{1, 1}[:rank]
			for i := range strides {
				strides[i] = min(strides[i], kernel[i])
			}
		}
	}
	attrs := []attribute{{"kernel_shape", kernel}, {"strides", strides}, {"dilations", dilations}, padding}
	b := on(19, sample...)
	name := []string{"Conv", "MaxPool", "AveragePool"}[k%3]
	switch name {
	case "Conv":
		groups := []int{1, channels}[rng.IntN(2)]
		if channels == 6 && rng.IntN(2) == 0 {
			groups = 3
		}
		out := groups * (1 + rng.IntN(3))
		dims := append([]int{out, channels / groups}, kernel...)
		random := func(n int) []float32 {
			v := make([]float32, n)
			for i := range v {
				v[i] = float32(rng.NormFloat64())
			}
			return v
		}
		weights, bias := random(volume(dims)), random(out)
		in := "x,w"
		if rng.IntN(2) == 0 {
			in = "x,w,b"
			b.floats("b", []int{out}, bias...)
		}
		b.floats("w", dims, weights...).node("Conv", in, "y", append(attrs, attribute{"group", groups})...)
	case "MaxPool":
		b.node("MaxPool", "x", "y", append(attrs, attribute{"ceil_mode", rng.IntN(2)})...)
	default:
		b.node("AveragePool", "x", "y", append(attrs, attribute{"ceil_mode", rng.IntN(2)}, attribute{"count_include_pad", rng.IntN(2)})...)
	}
	return ownCase{name: fmt.Sprintf("%s of %v, %v", name, sample, attrs), model: b, sample: sample}
}
