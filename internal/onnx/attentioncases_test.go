package onnx

import (
	"math"
	"slices"
)

// attentionOf is the definition: q, k and v [T, d] of one head, allowed says which keys a
// query sees, capped changes the scores.
func attentionOf(q, k, v []float32, d, dv int, allowed func(i, j int) bool, capped func(float64) float64) []float32 {
	rows, columns := len(q)/d, len(k)/d
	y := make([]float32, rows*dv)
	for i := range rows {
		weights, sum := make([]float64, columns), 0.0
		for j := range columns {
			if !allowed(i, j) {
				continue
			}
			score := 0.0
			for c := range d {
				score += float64(q[i*d+c]) * float64(k[j*d+c])
			}
			weights[j] = math.Exp(capped(score / math.Sqrt(float64(d))))
			sum += weights[j]
		}
		for c := range dv {
			for j, w := range weights {
				if sum > 0 {
					y[i*dv+c] += float32(w / sum * float64(v[j*dv+c]))
				}
			}
		}
	}
	return y
}

// columnsOf takes count columns from first on of rows of width n.
func columnsOf(x []float32, n, first, count int) (y []float32) {
	for at := 0; at < len(x); at += n {
		y = append(y, x[at+first:at+first+count]...)
	}
	return y
}

// sideBySide puts heads [T, n] beside each other.
func sideBySide(n int, heads ...[]float32) (y []float32) {
	for at := 0; at < len(heads[0]); at += n {
		for _, h := range heads {
			y = append(y, h[at:at+n]...)
		}
	}
	return y
}

// attentionCases read Attention and what comes with it.
func attentionCases() []ownCase {
	all := func(int, int) bool { return true }
	causal := func(i, j int) bool { return j <= i }
	as := func(v float64) float64 { return v }
	heads := attribute{"q_num_heads", 2}
	inf := float32(math.Inf(-1))
	return []ownCase{
		{"Attention of two heads, causal", on(23, 3, 4).node("Attention", "x,x,x", "y", heads, attribute{"kv_num_heads", 2}, attribute{"is_causal", 1}), []int{3, 4},
			func(x []float32) []float32 {
				a, b := columnsOf(x, 4, 0, 2), columnsOf(x, 4, 2, 2)
				return sideBySide(2, attentionOf(a, a, a, 2, 2, causal, as), attentionOf(b, b, b, 2, 2, causal, as))
			}},
		{"Attention whose heads share keys", on(23, 3, 6).int64s("s0", 0).int64s("s4", 4).int64s("s6", 6).int64s("axis", 2).node("Slice", "x,s0,s4,axis", "q").node("Slice", "x,s4,s6,axis", "k").
			node("Attention", "q,k,k", "y", heads, attribute{"kv_num_heads", 1}, attribute{"softcap", float32(0.5)}), []int{3, 6},
			func(x []float32) []float32 {
				k, soft := columnsOf(x, 6, 4, 2), func(v float64) float64 { return 0.5 * math.Tanh(v/0.5) }
				return sideBySide(2, attentionOf(columnsOf(x, 6, 0, 2), k, k, 2, 2, all, soft), attentionOf(columnsOf(x, 6, 2, 2), k, k, 2, 2, all, soft))
			}},
		{"Attention with a mask that is short, and a row that sees nothing", on(24, 3, 2).floats("m", []int{3, 2}, 0, inf, 0, 0, inf, inf).
			node("Attention", "x,x,x,m", "y", attribute{"q_num_heads", 1}, attribute{"kv_num_heads", 1}), []int{3, 2},
			func(x []float32) []float32 {
				return attentionOf(x, x, x, 2, 2, func(i, j int) bool { return i == 0 && j == 0 || i == 1 && j < 2 }, as)
			}},
		{"Attention with a past", on(23, 1, 2, 2).floats("past", []int{1, 1, 2, 2}, 1, -1, 0.5, 2).node("Attention", "x,x,x,,past,past", "y", attribute{"is_causal", 1}), []int{1, 2, 2},
			func(x []float32) []float32 {
				k := append([]float32{1, -1, 0.5, 2}, x...)
				return attentionOf(x, k, k, 2, 2, func(i, j int) bool { return j <= i+2 }, as)
			}},
		{"FlexAttention", on(26, 1, 3, 2).domainNode("ai.onnx.preview", "FlexAttention", "x,x,x", "y"), []int{1, 3, 2},
			func(x []float32) []float32 { return attentionOf(x, x, x, 2, 2, all, as) }},
		{"RotaryEmbedding by halves", on(23, 2, 1, 4).floats("c", []int{3, 2}, 9, 9, 0.5, 0.25, 2, 3).floats("s", []int{3, 2}, 9, 9, 1, -1, 4, 5).
			node("Shape", "x", "d", attribute{"start", 0}, attribute{"end", 1}).int64s("one", 1).int64s("two", 2).node("Concat", "d,two", "ds", attribute{"axis", 0}).
			int64s("pair", 1, 2).node("Expand", "pair,ds", "p").node("Transpose", "x", "t", permuted(0, 2, 1, 3)).node("RotaryEmbedding", "t,c,s,p", "y"), []int{2, 1, 4},
			func(x []float32) []float32 {
				turn := func(x []float32, c, s []float32) []float32 {
					return []float32{x[0]*c[0] - x[2]*s[0], x[1]*c[1] - x[3]*s[1], x[0]*s[0] + x[2]*c[0], x[1]*s[1] + x[3]*c[1]}
				}
				return append(turn(x[:4], []float32{0.5, 0.25}, []float32{1, -1}), turn(x[4:], []float32{2, 3}, []float32{4, 5})...)
			}},
		{"RotaryEmbedding of pairs side by side, in part", on(23, 1, 5).floats("c", []int{1, 1, 2}, 0.5, 2).floats("s", []int{1, 1, 2}, 1, 4).
			node("RotaryEmbedding", "x,c,s", "y", attribute{"num_heads", 1}, attribute{"interleaved", 1}, attribute{"rotary_embedding_dim", 4}), []int{1, 5},
			func(x []float32) []float32 {
				return []float32{x[0]*0.5 - x[1], x[0] + x[1]*0.5, x[2]*2 - x[3]*4, x[2]*4 + x[3]*2, x[4]}
			}},
		{"CausalConvWithState", on(27, 1, 3).floats("w", []int{1, 1, 2}, 2, -1).floats("b", []int{1}, 0.5).node("CausalConvWithState", "x,w,b", "y", attribute{"activation", "silu"}), []int{1, 3},
			func(x []float32) []float32 {
				y := []float32{0.5 - x[0], 0.5 + 2*x[0] - x[1], 0.5 + 2*x[1] - x[2]}
				return each(func(v float64) float64 { return v / (1 + math.Exp(-v)) })(slices.Clone(y))
			}},
	}
}

// sumCases read sums that equations name, cumulated sums and losses.
func sumCases() []ownCase {
	return []ownCase{
		{"Einsum of activations", on(13, 2, 3).node("Einsum", "x,x", "y", attribute{"equation", "bij,bkj->bki"}), []int{2, 3}, func(x []float32) []float32 {
			dot := func(a, b int) float32 { return x[3*a]*x[3*b] + x[3*a+1]*x[3*b+1] + x[3*a+2]*x[3*b+2] }
			return []float32{dot(0, 0), dot(1, 0), dot(0, 1), dot(1, 1)}
		}},
		{"Einsum with weights", on(13, 2, 2).floats("w", []int{2, 3}, 1, 2, 3, 4, 5, 6).node("Einsum", "x,w", "y", attribute{"equation", "...i,io"}), []int{2, 2}, func(x []float32) (y []float32) {
			for r := range 2 {
				for o := range 3 {
					y = append(y, x[2*r]*float32(1+o)+x[2*r+1]*float32(4+o))
				}
			}
			return y
		}},
		{"Einsum of a diagonal", on(13, 2, 2).node("Einsum", "x", "y", attribute{"equation", "bii->b"}), []int{2, 2}, func(x []float32) []float32 { return []float32{x[0] + x[3]} }},
		{"Einsum of an outer product", on(13, 2).node("Abs", "x", "a").node("Einsum", "x,a", "y", attribute{"equation", "bi,bj->bij"}), []int{2}, func(x []float32) []float32 {
			a := each(math.Abs)(x)
			return []float32{x[0] * a[0], x[0] * a[1], x[1] * a[0], x[1] * a[1]}
		}},
		{"CumSum backwards", on(14, 3).int64s("a", 1).node("CumSum", "x,a", "y", attribute{"reverse", 1}), []int{3}, func(x []float32) []float32 { return []float32{x[0] + x[1] + x[2], x[1] + x[2], x[2]} }},
		{"CumProd before each", on(26, 3).int64s("a", -1).node("CumProd", "x,a", "y", attribute{"exclusive", 1}), []int{3}, func(x []float32) []float32 { return []float32{1, x[0], x[0] * x[1]} }},
		{"NegativeLogLikelihoodLoss of each", on(13, 3).node("ArgMax", "x", "t", attribute{"axis", 1}, attribute{"keepdims", 0}).floats("w", []int{3}, 1, 2, 3).
			node("NegativeLogLikelihoodLoss", "x,t,w", "y", attribute{"reduction", "none"}), []int{3}, func(x []float32) []float32 {
			best := 0
			for i, v := range x {
				if v > x[best] {
					best = i
				}
			}
			return []float32{-float32(best+1) * x[best]}
		}},
		{"SoftmaxCrossEntropyLoss of each, less one class", on(13, 3).node("ArgMin", "x", "t", attribute{"axis", 1}, attribute{"keepdims", 0}).
			node("SoftmaxCrossEntropyLoss", "x,t", "y", attribute{"reduction", "none"}, attribute{"ignore_index", 1}), []int{3}, func(x []float32) []float32 {
			least := 0
			for i, v := range x {
				if v < x[least] {
					least = i
				}
			}
			if least == 1 {
				return []float32{0}
			}
			return []float32{-float32(math.Log(float64(softmaxOf(x)[least])))}
		}},
	}
}

// runtimeCases are operators of ONNX Runtime's optimizer.
func runtimeCases() []ownCase {
	gelu := func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) }
	scale, beta, bias := []float32{1, 2, -0.5}, []float32{0, 1, 3}, []float32{0.5, -1, 2}
	norm := func() *modelBuilder {
		return on(14, 3).floats("k", []int{3}, scale...).floats("b", []int{3}, beta...).floats("s", []int{3}, bias...).node("Abs", "x", "a")
	}
	sum := func(x []float32) []float32 {
		y := make([]float32, 3)
		for i, v := range x {
			y[i] = v + float32(math.Abs(float64(v))) + bias[i]
		}
		return y
	}
	const domain = "com.microsoft"
	return []ownCase{
		{"BiasGelu", on(14, 2).floats("b", []int{2}, 0.5, -1).domainNode(domain, "BiasGelu", "x,b", "y"), []int{2},
			func(x []float32) []float32 { return each(gelu)([]float32{x[0] + 0.5, x[1] - 1}) }},
		{"QuickGelu", on(14, 2).domainNode(domain, "QuickGelu", "x", "y"), []int{2}, each(func(v float64) float64 { return v / (1 + math.Exp(-1.702*v)) })},
		{"FusedMatMul", on(14, 2, 2).domainNode(domain, "FusedMatMul", "x,x", "y", attribute{"transB", 1}, attribute{"alpha", float32(0.5)}), []int{2, 2},
			func(x []float32) []float32 {
				m := (x[0]*x[2] + x[1]*x[3]) / 2
				return []float32{(x[0]*x[0] + x[1]*x[1]) / 2, m, m, (x[2]*x[2] + x[3]*x[3]) / 2}
			}},
		{"SkipLayerNormalization", norm().domainNode(domain, "SkipLayerNormalization", "x,a,k,b,s", "y"), []int{3},
			func(x []float32) []float32 { return affine(normOf(sum(x), false, 0), scale, beta) }},
		{"SkipSimplifiedLayerNormalization and its sum", norm().domainNode(domain, "SkipSimplifiedLayerNormalization", "x,a,k,s", "n,,,t").node("Add", "n,t", "y"), []int{3},
			func(x []float32) []float32 {
				y := affine(normOf(sum(x), true, 0), scale, []float32{0})
				for i, v := range sum(x) {
					y[i] += v
				}
				return y
			}},
		{"MultiHeadAttention with a bias", on(14, 3, 2).floats("b", []int{6}, 1, -1, 0, 0.5, 2, 0).domainNode(domain, "MultiHeadAttention", "x,x,x,b", "y", attribute{"num_heads", 1}, attribute{"unidirectional", 1}), []int{3, 2},
			func(x []float32) []float32 {
				plus := func(a, b float32) []float32 { return affine(x, []float32{1, 1}, []float32{a, b}) }
				return attentionOf(plus(1, -1), plus(0, 0.5), plus(2, 0), 2, 2, func(i, j int) bool { return j <= i }, func(v float64) float64 { return v })
			}},
	}
}

// spectrumCases transform, and attend without a softmax.
func spectrumCases() []ownCase {
	const h = 0.8660254037844386 // sin 60 degrees
	return []ownCase{
		{"DFT of three numbers", on(20, 3, 1).scalarInts("a", 1).node("DFT", "x,,a", "y"), []int{3, 1}, func(x []float32) []float32 {
			return []float32{x[0] + x[1] + x[2], 0, x[0] - (x[1]+x[2])/2, h * (x[2] - x[1]), x[0] - (x[1]+x[2])/2, h * (x[1] - x[2])}
		}},
		{"DFT there and back, of one side", on(17, 4, 1).node("DFT", "x", "f", attribute{"onesided", 1}).node("DFT", "f", "y", attribute{"inverse", 1}, attribute{"axis", 1}), []int{4, 1},
			func(x []float32) []float32 { // without the conjugate: three numbers of the inverse of length 3
				f := [][2]float64{{float64(x[0] + x[1] + x[2] + x[3]), 0}, {float64(x[0] - x[2]), float64(x[3] - x[1])}, {float64(x[0] - x[1] + x[2] - x[3]), 0}}
				var y []float32
				for k := range 3 {
					re, im := 0.0, 0.0
					for i, c := range f {
						sin, cos := math.Sincos(2 * math.Pi * float64(i*k) / 3)
						re, im = re+c[0]*cos-c[1]*sin, im+c[0]*sin+c[1]*cos
					}
					y = append(y, float32(re/3), float32(im/3))
				}
				return y
			}},
		{"STFT", on(17, 4, 1).scalarInts("step", 2).scalarInts("n", 2).node("HannWindow", "n", "w").node("STFT", "x,step,w", "y"), []int{4, 1}, func(x []float32) []float32 {
			return []float32{x[1], 0, -x[1], 0, x[3], 0, -x[3], 0} // the window of two is 0 and 1
		}},
		{"SwiGLU", on(28, 2).node("Abs", "x", "a").node("SwiGLU", "x,a", "y"), []int{2}, each(func(v float64) float64 { return v / (1 + math.Exp(-v)) * math.Abs(v) })},
		{"LinearAttention by the gated delta rule", on(27, 2, 1).floats("g", []int{1, 2, 1}, -1, -0.5).floats("b", []int{1, 2, 1}, 0.5, 2).
			node("Expand", "g,like", "gx").node("Expand", "b,like", "bx").node("LinearAttention", "x,x,x,,gx,bx", "y", attribute{"q_num_heads", 1}, attribute{"kv_num_heads", 1}).int64s("like", 1, 2, 1), []int{2, 1},
			func(x []float32) []float32 {
				first := 0.5 * float64(x[0]*x[0])
				second := math.Exp(-0.5) * first
				second += 2 * float64(x[1]) * (float64(x[1]) - float64(x[1])*second)
				return []float32{x[0] * float32(first), x[1] * float32(second)}
			}},
	}
}
