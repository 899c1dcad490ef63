package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/ortcheck"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
)

// batchCase is a model whose batch is not, or not always, the first dimension. Its samples
// must come out as ONNX Runtime computes them one by one.
type batchCase struct {
	name    string
	model   *modelBuilder
	outputs []int          // dimensions of each output y0, y1, ... in the file
	samples []tensor.Shape // what the graph's outputs are for one sample
}

// inputOpen adds a graph input whose dimension open has the given name and no size.
func (b *modelBuilder) inputOpen(name, open string, at int, dims ...int) *modelBuilder {
	var shape, tensorType, typ, v message
	for i, d := range dims {
		var dim message
		if i == at {
			dim.str(2, open)
		} else {
			dim.int(1, int64(d))
		}
		shape.bytes(1, dim)
	}
	tensorType.int(1, typeFloat)
	tensorType.bytes(2, shape)
	typ.bytes(1, tensorType)
	v.str(1, name)
	v.bytes(2, typ)
	b.graph.bytes(11, v)
	return b
}

// ramp returns n different small numbers.
func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%7)/4 - 0.8 + float32(i)/64
	}
	return v
}

func batchCases() []batchCase {
	perm := func(p ...int) attribute { return attribute{"perm", p} }
	axis := func(k int) attribute { return attribute{"axis", k} }
	return []batchCase{
		{"time first", newModel(13).inputOpen("x", "batch", 1, 5, 0, 4).floats("w", []int{4, 3}, ramp(12)...).floats("b", []int{3}, ramp(3)...).
			node("MatMul", "x,w", "m").node("Add", "m,b", "a").node("Tanh", "a", "t").node("Transpose", "t", "p", perm(1, 0, 2)).
			int64s("s", 0, -1).node("Reshape", "p,s", "f").floats("v", []int{15, 2}, ramp(30)...).node("Gemm", "f,v", "y0"), []int{2}, []tensor.Shape{{1, 2}}},
		{"time first to the end", newModel(13).inputOpen("x", "N", 1, 5, 0, 4).floats("c", []int{5, 1, 4}, ramp(20)...).
			node("Mul", "x,c", "m").node("Softmax", "m", "y0", axis(0)), []int{3}, []tensor.Shape{{1, 5, 4}}},
		{"batch last", newModel(13).inputOpen("x", "batch_size", 1, 6, 0).floats("w", []int{6, 4}, ramp(24)...).node("Gemm", "x,w", "g", attribute{"transA", 1}).
			floats("u", []int{3, 4}, ramp(12)...).node("Transpose", "g", "t").node("MatMul", "u,t", "y0"), []int{2}, []tensor.Shape{{1, 3}}},
		{"steps as samples", on(13, 3, 4).int64s("s", -1, 4).node("Reshape", "x,s", "r").floats("w", []int{4, 5}, ramp(20)...).floats("b", []int{5}, ramp(5)...).
			node("Gemm", "r,w,b", "g").floats("c", []int{1, 5}, ramp(5)...).node("Add", "g,c", "a").node("Softmax", "a", "p", axis(1)).int64s("back", -1, 3, 5).
			node("Reshape", "p,back", "y0"), []int{3}, []tensor.Shape{{1, 3, 5}}},
		{"normalized steps as samples", on(13, 3, 4).int64s("s", -1, 4).node("Reshape", "x,s", "r").floats("g", []int{4}, 1, 2, -1, 0.5).floats("b", []int{4}, ramp(4)...).
			floats("m", []int{4}, ramp(4)...).floats("v", []int{4}, 1, 4, 0.25, 2).node("BatchNormalization", "r,g,b,m,v", "y0"), []int{2}, []tensor.Shape{{1, 3, 4}}},
		{"normalized with the batch third", newModel(13).inputOpen("x", "batch", 2, 3, 4, 0).floats("g", []int{4}, 1, 2, -1, 0.5).floats("b", []int{4}, ramp(4)...).
			floats("m", []int{4}, ramp(4)...).floats("v", []int{4}, 1, 4, 0.25, 2).node("BatchNormalization", "x,g,b,m,v", "y0"), []int{3}, []tensor.Shape{{1, 3, 4}}},
		{"steps as samples, and the sum with what they came from", on(13, 3, 4).int64s("s", -1, 4).node("Reshape", "x,s", "r").floats("w", []int{4, 4}, ramp(16)...).
			node("MatMul", "r,w", "g").node("Add", "g,r", "y0"), []int{2}, []tensor.Shape{{1, 3, 4}}},
		{"channels as samples", on(13, 3, 2, 2).int64s("s", -1, 2, 2).node("Reshape", "x,s", "r").node("Transpose", "r", "t", perm(0, 2, 1)).floats("w", []int{2, 3}, ramp(6)...).
			node("MatMul", "t,w", "m").int64s("back", -1, 18).node("Reshape", "m,back", "y0"), []int{2}, []tensor.Shape{{1, 18}}},
		{"batch between steps", newModel(13).inputOpen("x", "batch", 1, 3, 0, 4).int64s("s", -1, 4).node("Reshape", "x,s", "r").floats("w", []int{4, 2}, ramp(8)...).
			node("MatMul", "r,w", "m").node("Transpose", "m", "t", perm(1, 0)).node("Transpose", "t", "u", perm(1, 0)).int64s("back", 3, -1, 2).node("Reshape", "u,back", "y0"), []int{3}, []tensor.Shape{{1, 3, 2}}},
		{"one number a sample", on(13, 4).floats("w", []int{4, 1}, ramp(4)...).node("Gemm", "x,w", "g").int64s("a", 1).node("Squeeze", "g,a", "q").floats("c", nil, 0.25).
			node("Add", "q,c", "s").node("Sigmoid", "s", "y0"), []int{1}, []tensor.Shape{{1, 1}}},
		{"product with a vector", on(13, 4).floats("v", []int{4}, ramp(4)...).node("MatMul", "x,v", "m").floats("c", []int{1}, 0.5).node("Mul", "m,c", "y0"), []int{1}, []tensor.Shape{{1, 1}}},
		{"flattened behind a later axis", on(13, 2, 3, 4).node("Flatten", "x", "f", axis(2)).floats("w", []int{12, 2}, ramp(24)...).node("Gemm", "f,w", "y0"), []int{2}, []tensor.Shape{{1, 2, 2}}},
		{"all in one row", on(13, 2, 3).node("Relu", "x", "r").node("Flatten", "r", "y0", axis(0)), []int{2}, []tensor.Shape{{1, 1, 6}}},
		{"boxes in one row", on(13, 6).int64s("s", 1, -1, 3).node("Reshape", "x,s", "r").floats("c", []int{1, 1, 3}, ramp(3)...).node("Mul", "r,c", "y0"), []int{3}, []tensor.Shape{{1, 1, 2, 3}}},
		{"mean over channels last", on(13, 3, 4, 2).node("ReduceMean", "x", "y0", attribute{"axes", []int{1, 2}}, attribute{"keepdims", 0}).
			node("ReduceMean", "x", "y1", attribute{"axes", []int{1, 2}}), []int{2, 4}, []tensor.Shape{{1, 2}, {1, 1, 1, 2}}},
		{"means of lines", on(13, 3, 4).node("ReduceMean", "x", "y0", attribute{"axes", []int{1}}, attribute{"keepdims", 0}).node("ReduceMean", "x", "y1", attribute{"axes", []int{-1}}).
			node("ReduceMean", "x", "y2", attribute{"axes", []int{1, 2}}, attribute{"keepdims", 0}), []int{2, 3, 1}, []tensor.Shape{{1, 4}, {1, 3, 1}, {1, 1}}},
		{"mean over time that is first", newModel(13).inputOpen("x", "batch", 1, 5, 0, 4).node("ReduceMean", "x", "y0", attribute{"axes", []int{0}}, attribute{"keepdims", 0}), []int{2}, []tensor.Shape{{1, 4}}},
		{"convolution of channels last", on(13, 6, 6, 3).node("Transpose", "x", "t", perm(0, 3, 1, 2)).floats("w", []int{4, 3, 3, 3}, ramp(108)...).node("Conv", "t,w", "c").
			node("Transpose", "c", "u", perm(0, 2, 3, 1)).node("ReduceMean", "u", "m", attribute{"axes", []int{1, 2}}, attribute{"keepdims", 0}).node("Softmax", "m", "y0"), []int{2}, []tensor.Shape{{1, 4}}},
		{"two batches at two places", newModel(13).inputOpen("x", "batch", 1, 3, 0, 4).inputOpen("z", "batch", 0, 0, 4).node("Add", "x,z", "a").node("Relu", "a", "y0"), []int{3}, []tensor.Shape{{1, 3, 4}}},
		{"a pair whose batch is second", newModel(13).inputOpen("x", "batch", 1, 3, 0, 2).pair("x", "d").node("Relu", "d", "y0"), []int{3}, []tensor.Shape{{1, 3, 2}}},
		{"padded and joined steps", newModel(13).inputOpen("x", "batch", 1, 3, 0, 2).int64s("p", 1, 0, 0, 0, 0, 1).node("Pad", "x,p", "q").node("Concat", "q,q", "y0", axis(0)), []int{3}, []tensor.Shape{{1, 8, 3}}},

		{"queries that are repeated for each sample and head", on(13, 4, 2, 3).int64s("s", -1, 4, 3).node("Transpose", "x", "m", perm(0, 2, 1, 3)).node("Reshape", "m,s", "r").
			node("Transpose", "r", "k", perm(0, 2, 1)).floats("q", []int{1, 2, 5, 3}, ramp(30)...).node("Shape", "x", "all").int64s("i", 0).node("Gather", "all,i", "N").
			int64s("rest", 2, 5, 3).node("Concat", "N,rest", "to", axis(0)).node("Expand", "q,to", "e").int64s("h", -1, 5, 3).node("Reshape", "e,h", "Q").
			node("MatMul", "Q,k", "p").int64s("back", -1, 40).node("Reshape", "p,back", "y0"), []int{2}, []tensor.Shape{{1, 40}}},
		{"sequences of a sample, both directions", on(13, 3, 4, 2).int64s("s", -1, 4, 2).node("Reshape", "x,s", "r").node("Transpose", "r", "t", perm(1, 0, 2)).
			floats("W", []int{2, 9, 2}, ramp(36)...).floats("R", []int{2, 9, 3}, ramp(54)...).floats("B", []int{2, 18}, ramp(36)...).
			node("GRU", "t,W,R,B", "y,h", attribute{"hidden_size", 3}, attribute{"linear_before_reset", 1}, attribute{"direction", "bidirectional"}).
			node("Transpose", "y", "u", perm(2, 0, 1, 3)).int64s("back", -1, 3, 24).node("Reshape", "u,back", "y0").
			node("Transpose", "h", "v", perm(1, 0, 2)).int64s("last", -1, 18).node("Reshape", "v,last", "y1"), []int{3, 2}, []tensor.Shape{{1, 3, 24}, {1, 18}}},

		{"one: channels and pixels", newModel(13).input("x", typeFloat, 1, 3, 2, 2).int64s("s", 3, 4).node("Reshape", "x,s", "r").node("Softmax", "r", "p", axis(0)).
			floats("w", []int{4, 2}, ramp(8)...).node("MatMul", "p,w", "m").int64s("back", 1, -1).node("Reshape", "m,back", "y0"), []int{2}, []tensor.Shape{{1, 6}}},
		{"one: squeezed away", newModel(13).input("x", typeFloat, 1, 3, 1, 1).node("Squeeze", "x", "s").floats("c", []int{3}, ramp(3)...).node("Add", "s,c", "a").
			int64s("at", 0).node("Unsqueeze", "a,at", "u").floats("w", []int{3, 2}, ramp(6)...).node("Gemm", "u,w", "y0"), []int{2}, []tensor.Shape{{1, 2}}},
		{"one: squeezed to a number", newModel(13).input("x", typeFloat, 1, 4).floats("w", []int{4, 1}, ramp(4)...).node("Gemm", "x,w", "g").node("Squeeze", "g", "s").
			floats("c", nil, 2).node("Mul", "s,c", "y0"), []int{0}, []tensor.Shape{{1, 1}}},
		{"one: joined along the batch", newModel(13).input("x", typeFloat, 1, 4).node("Relu", "x", "r").node("Concat", "x,r", "c", axis(0)).node("Transpose", "c", "t").
			floats("w", []int{2, 3}, ramp(6)...).node("MatMul", "t,w", "y0"), []int{2}, []tensor.Shape{{1, 4, 3}}},
		{"one: ranks that differ", newModel(13).input("x", typeFloat, 1, 3).input("z", typeFloat, 1, 2, 3).floats("k", []int{2, 1, 1}, 1, -2).node("Mul", "z,k", "m").node("Add", "x,m", "a").
			node("ReduceMean", "a", "y0", attribute{"axes", []int{0, 1}}, attribute{"keepdims", 0}), []int{1}, []tensor.Shape{{1, 3}}},
		{"one: the batch second", newModel(13).input("h", typeFloat, 2, 1, 3).input("x", typeFloat, 1, 3).floats("w", []int{3, 3}, ramp(9)...).node("MatMul", "x,w", "m").node("Add", "h,m", "a").
			node("Tanh", "a", "y0"), []int{3}, []tensor.Shape{{1, 2, 3}}},
		{"one: heads of a detector", newModel(11).input("x", typeFloat, 1, 3, 6, 8).floats("a", []int{6, 3, 1, 1}, ramp(18)...).floats("b", []int{4, 3, 2, 2}, ramp(48)...).
			node("Conv", "x,a", "ca").node("Conv", "x,b", "cb", attribute{"strides", []int{2, 2}}).
			node("Transpose", "ca", "ta", perm(0, 2, 3, 1)).node("Transpose", "cb", "tb", perm(0, 2, 3, 1)).int64s("s", 1, -1, 2).
			node("Reshape", "ta,s", "ra").node("Reshape", "tb,s", "rb").node("Concat", "ra,rb", "c", axis(1)).node("Softmax", "c", "y0", axis(2)).
			floats("k", []int{1, 168, 1}, ramp(168)...).node("Mul", "c,k", "m").node("Exp", "m", "e").node("Add", "e,k", "y1"), []int{3, 3}, []tensor.Shape{{1, 168, 2}, {1, 168, 2}}},
		{"a file without a batch", newModel(13).input("x", typeFloat, 3, 5, 5).int64s("at", 0).node("Unsqueeze", "x,at", "u").floats("w", []int{2, 3, 3, 3}, ramp(54)...).node("Conv", "u,w", "c").
			node("Flatten", "c", "y0"), []int{2}, []tensor.Shape{{1, 18}}},
		{"a file without a batch that sums over its first dimension", newModel(13).input("x", typeFloat, 3, 4).floats("w", []int{2, 3}, ramp(6)...).node("MatMul", "w,x", "y0"), []int{2}, []tensor.Shape{{1, 2, 4}}},
	}
}

// file returns the model, whose outputs have open sizes.
func (c batchCase) file() []byte {
	b := *c.model
	b.graph = slices.Clone(b.graph)
	for i, rank := range c.outputs {
		b.graph.bytes(12, valueInfo(fmt.Sprint("y", i), typeFloat, make([]int, rank)))
	}
	return b.bytes()
}

// run reads the case and runs three random samples, as read and simplified.
func (c batchCase) run(t *testing.T, seed uint64) (in, out []*tensor.Tensor) {
	t.Helper()
	g, err := Decode(c.file(), c.name)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range g.Outputs {
		if !v.Shape.Equal(c.samples[i]) {
			t.Errorf("output %d of shape %v, want %v\n%v", i, v.Shape, c.samples[i], g)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 5))
	for _, v := range g.Inputs {
		x := tensor.New(v.Shape.WithBatch(3)...)
		for i := range x.Data {
			x.Data[i] = float32(rng.NormFloat64())
		}
		in = append(in, x)
	}
	if out, err = forward(g, in...); err != nil {
		t.Fatal(err)
	}
	apart(t, g, in, out)
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	again, err := forward(g, in...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out {
		closeTo(t, fmt.Sprintf("%s, simplified, output %d", c.name, i), again[i], out[i], goldenTol)
	}
	return in, out
}

// apart checks that a batch computes what its samples do one by one.
func apart(t *testing.T, g *graph.Graph, in, out []*tensor.Tensor) {
	t.Helper()
	for s := range in[0].Shape[0] {
		var one []*tensor.Tensor
		for _, x := range in {
			one = append(one, x.Rows(s, s+1))
		}
		got, err := forward(g, one...)
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range got {
			closeTo(t, fmt.Sprintf("sample %d, output %d", s, i), y, out[i].Rows(s, s+1), nodeRelTol)
		}
	}
}

// TestBatchCases: every case is read, as a graph whose samples are independent.
func TestBatchCases(t *testing.T) {
	for i, c := range batchCases() {
		t.Run(c.name, func(t *testing.T) { c.run(t, uint64(i)) })
	}
}

// TestBatchCasesAgainstONNXRuntime: every sample has the outputs that ONNX Runtime gives.
func TestBatchCasesAgainstONNXRuntime(t *testing.T) {
	r := ortcheck.New(t)
	got := map[string][]*tensor.Tensor{}
	cases := batchCases()
	for i, c := range cases {
		in, out := c.run(t, uint64(i))
		var samples [][]float32
		for _, x := range in {
			samples = append(samples, x.Data)
		}
		name := fmt.Sprint("batch", i)
		r.AddSingle(name, c.file(), samples...)
		got[name] = out
	}
	r.Run()
	for i, c := range cases {
		name := fmt.Sprint("batch", i)
		for k, y := range got[name] {
			want := r.OutputAt(name, "plain", k)
			if len(want) != len(y.Data) {
				t.Errorf("%s, output %d: %d elements, want %d", c.name, k, len(y.Data), len(want))
				continue
			}
			closeTo(t, fmt.Sprintf("%s, output %d", c.name, k), y, tensor.Of(want, y.Shape...), goldenTol)
		}
	}
}
