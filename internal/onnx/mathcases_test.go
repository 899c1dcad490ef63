package onnx

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/tensor"
)

// meanOf and normOf are the definitions of layer and RMS normalization.
func meanOf(x []float32) (m float64) {
	for _, v := range x {
		m += float64(v) / float64(len(x))
	}
	return m
}

func normOf(x []float32, rms bool, epsilon float64) []float32 {
	m := meanOf(x)
	if rms {
		m = 0
	}
	sum := 0.0
	for _, v := range x {
		sum += (float64(v) - m) * (float64(v) - m)
	}
	return each(func(v float64) float64 { return (v - m) / math.Sqrt(sum/float64(len(x))+epsilon) })(x)
}

// rowsOf applies f to each row of n elements.
func rowsOf(n int, f func([]float32) []float32) func([]float32) []float32 {
	return func(x []float32) (y []float32) {
		for at := 0; at < len(x); at += n {
			y = append(y, f(x[at:at+n])...)
		}
		return y
	}
}

// affine multiplies by k[i] and adds b[i], repeated.
func affine(x, k, b []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = v*k[i%len(k)] + b[i%len(b)]
	}
	return y
}

// columns gives f the values at distance n from each other.
func columns(n int, f func([]float32) float32) func([]float32) []float32 {
	return func(x []float32) (y []float32) {
		for c := range n {
			var column []float32
			for at := c; at < len(x); at += n {
				column = append(column, x[at])
			}
			y = append(y, f(column))
		}
		return y
	}
}

// productCases multiply activations and reduce them.
func productCases() []ownCase {
	gram := func(x []float32) []float32 { // x [2,3] times itself transposed
		return []float32{x[0]*x[0] + x[1]*x[1] + x[2]*x[2], x[0]*x[3] + x[1]*x[4] + x[2]*x[5], x[0]*x[3] + x[1]*x[4] + x[2]*x[5], x[3]*x[3] + x[4]*x[4] + x[5]*x[5]}
	}
	sum := func(x []float32) float32 { return float32(meanOf(x) * float64(len(x))) }
	return []ownCase{
		{"product of activations", on(13, 2, 3).node("Transpose", "x", "t", permuted(0, 2, 1)).node("MatMul", "x,t", "y"), []int{2, 3}, gram},
		{"product of activations, batch merged with heads", on(13, 2, 3).int64s("merged", -1, 1, 3).int64s("back", -1, 2, 1).node("Reshape", "x,merged", "a").
			node("Transpose", "a", "b", permuted(0, 2, 1)).node("MatMul", "a,b", "p").node("Reshape", "p,back", "y"), []int{2, 3},
			func(x []float32) []float32 { g := gram(x); return []float32{g[0], g[3]} }},
		{"product with a stack of constants", on(13, 2, 1, 2).floats("k", []int{2, 2, 1}, 1, 2, 3, 4).node("MatMul", "x,k", "y"), []int{2, 1, 2},
			func(x []float32) []float32 { return []float32{x[0] + 2*x[1], 3*x[2] + 4*x[3]} }},
		{"ReduceSum of a middle dimension", on(13, 3, 2).int64s("a", 1).node("ReduceSum", "x,a", "y", attribute{"keepdims", 0}), []int{3, 2}, columns(2, sum)},
		{"ReduceL2 of all but the batch", on(18, 3, 2).int64s("a", 1, -1).node("ReduceL2", "x,a", "y"), []int{3, 2},
			func(x []float32) []float32 { return []float32{float32(math.Sqrt(float64(sum(affineSquare(x)))))} }},
		{"ReduceMin of rows", on(13, 2, 2).node("ReduceMin", "x", "y", attribute{"axes", []int{2}}), []int{2, 2}, rowsOf(2, func(x []float32) []float32 { return []float32{min(x[0], x[1])} })},
		{"Softmax of columns", on(13, 3, 2).node("Softmax", "x", "y", attribute{"axis", 1}), []int{3, 2}, func(x []float32) []float32 {
			a, b := softmaxOf([]float32{x[0], x[2], x[4]}), softmaxOf([]float32{x[1], x[3], x[5]})
			return []float32{a[0], b[0], a[1], b[1], a[2], b[2]}
		}},
		{"mask of minus infinity", on(13, 3).floats("m", []int{3}, 0, float32(math.Inf(-1)), 0).node("Add", "x,m", "s").node("Softmax", "s", "y"), []int{3},
			func(x []float32) []float32 { p := softmaxOf([]float32{x[0], x[2]}); return []float32{p[0], 0, p[1]} }},
		{"constant of the batch's size", on(13, 2).node("Shape", "x", "s").node("ConstantOfShape", "s", "z").floats("one", nil, 1).node("Add", "z,one", "o").node("Add", "x,o", "y"), []int{2},
			each(func(v float64) float64 { return v + 1 })},
	}
}

func affineSquare(x []float32) []float32 { return each(func(v float64) float64 { return v * v })(x) }

// normCases normalize.
func normCases() []ownCase {
	scale, bias := []float32{1, 2, -0.5}, []float32{0, 1, 3}
	with := func(b *modelBuilder) *modelBuilder {
		return b.floats("k", []int{3}, scale...).floats("b", []int{3}, bias...)
	}
	return []ownCase{
		{"LayerNormalization", with(on(17, 2, 3)).node("LayerNormalization", "x,k,b", "y", attribute{"epsilon", float32(0.125)}), []int{2, 3},
			func(x []float32) []float32 {
				return affine(rowsOf(3, func(x []float32) []float32 { return normOf(x, false, 0.125) })(x), scale, bias)
			}},
		{"LayerNormalization of two dimensions", on(17, 2, 2).floats("k", []int{2, 2}, 1, 1, 1, 1).node("LayerNormalization", "x,k", "y", attribute{"axis", 1}), []int{2, 2},
			func(x []float32) []float32 { return normOf(x, false, 1e-5) }},
		{"RMSNormalization", on(23, 2, 3).floats("k", []int{3}, scale...).node("RMSNormalization", "x,k", "y"), []int{2, 3},
			func(x []float32) []float32 {
				return affine(rowsOf(3, func(x []float32) []float32 { return normOf(x, true, 1e-5) })(x), scale, []float32{0})
			}},
		{"InstanceNormalization", on(11, 2, 2, 2).floats("k", []int{2}, 2, 3).floats("b", []int{2}, 1, -1).node("InstanceNormalization", "x,k,b", "y"), []int{2, 2, 2},
			func(x []float32) []float32 {
				a, b := normOf(x[:4], false, 1e-5), normOf(x[4:], false, 1e-5)
				return append(affine(a, []float32{2}, []float32{1}), affine(b, []float32{3}, []float32{-1})...)
			}},
		{"GroupNormalization", on(21, 4, 2).floats("k", []int{4}, 1, 2, 3, 4).floats("b", []int{4}, 0, 0, 1, 1).node("GroupNormalization", "x,k,b", "y", attribute{"num_groups", 2}), []int{4, 2},
			func(x []float32) []float32 {
				a, b := normOf(x[:4], false, 1e-5), normOf(x[4:], false, 1e-5)
				return append(affine(a, []float32{1, 1, 2, 2}, []float32{0}), affine(b, []float32{3, 3, 4, 4}, []float32{1})...)
			}},
		{"LpNormalization", on(13, 3).node("LpNormalization", "x", "y", attribute{"p", 1}), []int{3}, func(x []float32) []float32 {
			n := math.Abs(float64(x[0])) + math.Abs(float64(x[1])) + math.Abs(float64(x[2]))
			return each(func(v float64) float64 { return v / n })(x)
		}},
		{"LRN", on(13, 3, 1, 1).node("LRN", "x", "y", attribute{"size", 3}, attribute{"alpha", float32(0.75)}, attribute{"beta", float32(2)}, attribute{"bias", float32(1.5)}), []int{3, 1, 1},
			func(x []float32) []float32 {
				q := affineSquare(append(append([]float32{0}, x...), 0))
				y := make([]float32, 3)
				for i := range y {
					y[i] = x[i] / float32(math.Pow(1.5+0.25*float64(q[i]+q[i+1]+q[i+2]), 2))
				}
				return y
			}},
		{"MeanVarianceNormalization", on(13, 2, 2).node("MeanVarianceNormalization", "x", "y", attribute{"axes", []int{1}}), []int{2, 2},
			func(x []float32) []float32 {
				a, b := normOf([]float32{x[0], x[2]}, false, 0), normOf([]float32{x[1], x[3]}, false, 0)
				return []float32{a[0], b[0], a[1], b[1]}
			}},
	}
}

// permuted is the attribute of a Transpose.
func permuted(p ...int) attribute { return attribute{"perm", p} }

// TestMathIsWritten: a network that was read computes the same once it is written and read
// again.
func TestMathIsWritten(t *testing.T) {
	for i, c := range slices.Concat(productCases(), normCases(), logicCases(), attentionCases(), sumCases(), runtimeCases(), spectrumCases()) {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(c.bytes(0), c.name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Decode(file, c.name)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(uint64(i), 9))
			x := tensor.New(append([]int{2}, c.sample...)...)
			for k := range x.Data {
				x.Data[k] = float32(rng.NormFloat64())
			}
			want, err := forward(g, x)
			if err != nil {
				t.Fatal(err)
			}
			got, err := forward(again, x)
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, c.name, got[0], want[0], nodeRelTol)
		})
	}
}
