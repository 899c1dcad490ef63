package simplify

import (
	"math"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// number is a constant of one number.
func number(k float32) *graph.Value {
	return paramValue(graph.NewParam("k", graph.Constant, tensor.Of([]float32{k}, 1)))
}

// TestNormalizationsAreJoined: the forms in which exporters write a normalization become one
// operator, and what is none stays as it is. Scale and bias go into dense layers that alone
// read them.
func TestNormalizationsAreJoined(t *testing.T) {
	mean := func(b *net, x *graph.Value) *graph.Value {
		return b.Node(op.Reduce{Kind: op.Mean, Axes: []int{len(x.Shape) - 1}}, x)
	}
	deviation := func(b *net, squares *graph.Value, epsilon float32) *graph.Value {
		return b.Node(op.Sqrt{}, b.Node(op.Add{}, mean(b, squares), number(epsilon)))
	}
	affine := func(b *net, x *graph.Value) *graph.Value {
		return b.Node(op.Add{}, b.Node(op.Mul{}, x, b.Param(graph.Constant, 0.5, 6)), b.Param(graph.Constant, 0.5, 6))
	}
	spread := func(b *net, x *graph.Value, scaled bool, factor **graph.Value) *graph.Value {
		m := mean(b, x)
		d := b.Node(op.Sub{}, x, m)
		k := b.Node(op.Reciprocal{}, deviation(b, b.Node(op.Mul{}, d, d), 1e-3))
		if scaled {
			k = b.Node(op.Mul{}, k, b.Param(graph.Constant, 0.5, 6))
		}
		if factor != nil {
			*factor = k
		}
		xk, mk := b.Node(op.Mul{}, x, k), b.Node(op.Mul{}, m, k)
		return b.Node(op.Add{}, xk, b.Node(op.Sub{}, b.Param(graph.Constant, 0.5, 6), mk))
	}
	for name, c := range map[string]struct {
		build func(b *net, x *graph.Value) []*graph.Value
		want  string
	}{
		"of PyTorch": {func(b *net, x *graph.Value) []*graph.Value {
			d := b.Node(op.Sub{}, x, mean(b, x))
			return []*graph.Value{b.Node(op.Div{}, d, deviation(b, b.Node(op.Power{K: 2}, d), 1e-3))}
		}, "Normalize"},
		"with two differences and a reciprocal": {func(b *net, x *graph.Value) []*graph.Value {
			m := mean(b, x)
			d, e := b.Node(op.Sub{}, x, m), b.Node(op.Sub{}, x, m)
			return []*graph.Value{b.Node(op.Mul{}, b.Node(op.Reciprocal{}, deviation(b, b.Node(op.Mul{}, e, e), 1e-3)), d)}
		}, "Normalize"},
		"RMS by a power": {func(b *net, x *graph.Value) []*graph.Value {
			s := b.Node(op.Add{}, number(1e-3), mean(b, b.Node(op.Mul{}, x, x)))
			return []*graph.Value{b.Node(op.Mul{}, x, b.Node(op.Power{K: -0.5}, s))}
		}, "Normalize"},
		"RMS by one divided": {func(b *net, x *graph.Value) []*graph.Value {
			return []*graph.Value{b.Node(op.Mul{}, x, b.Node(op.Div{}, number(1), deviation(b, b.Node(op.Power{K: 2}, x), 1e-3)))}
		}, "Normalize"},
		"of another value": {func(b *net, x *graph.Value) []*graph.Value {
			return []*graph.Value{b.Node(op.Div{}, b.Node(op.Tanh{}, x), deviation(b, b.Node(op.Power{K: 2}, x), 1e-3))}
		}, "Tanh Power Reduce Add Sqrt Div"},
		"less another mean": {func(b *net, x *graph.Value) []*graph.Value {
			d := b.Node(op.Sub{}, x, mean(b, b.Node(op.Tanh{}, x)))
			return []*graph.Value{b.Node(op.Div{}, d, deviation(b, b.Node(op.Power{K: 2}, d), 1e-3))}
		}, "Tanh Reduce Sub Normalize"},
		"of TensorFlow": {func(b *net, x *graph.Value) []*graph.Value { return []*graph.Value{spread(b, x, true, nil)} }, "Normalize Mul Add"},
		"of TensorFlow without a scale": {func(b *net, x *graph.Value) []*graph.Value {
			return []*graph.Value{spread(b, x, false, nil)}
		}, "Normalize Add"},
		"whose factor is read elsewhere": {func(b *net, x *graph.Value) []*graph.Value {
			var factor *graph.Value
			y := spread(b, x, true, &factor)
			return []*graph.Value{y, factor}
		}, "Reduce Sub Mul Reduce Add Sqrt Reciprocal Mul Mul Mul Sub Add"},
		"before two layers": {func(b *net, x *graph.Value) []*graph.Value {
			h := affine(b, b.Node(op.Normalize{Axis: 2, Epsilon: 1e-3}, x))
			return []*graph.Value{b.dense(h, 4, relu), b.Node(op.Dense{}, h, b.Param(graph.Weight, 0.5, 3, 6), nil)}
		}, "Normalize Dense Dense"},
		"that a sum reads too": {func(b *net, x *graph.Value) []*graph.Value {
			h := affine(b, b.Node(op.Normalize{Axis: 2, Epsilon: 1e-3}, x))
			return []*graph.Value{b.Node(op.Add{}, h, b.dense(h, 6, relu))}
		}, "Normalize Mul Add Dense Add"},
	} {
		t.Run(name, func(t *testing.T) {
			b, x := newNet(t, 77, 5, 6)
			g := b.Done(c.build(b, x)...)
			in := b.Inputs(3)
			before := outputsOf(t, g, in)
			if err := Run(g); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, n := range g.Nodes {
				names = append(names, n.Op.Name())
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("operators %q, want %q", got, c.want)
			}
			for i, y := range outputsOf(t, g, in) {
				for k, v := range y.Data {
					if w := before[i].Data[k]; !(math.Abs(float64(v-w)) <= 1e-5*math.Max(1, math.Abs(float64(w)))) {
						t.Fatalf("output %d: element %d is %v, was %v", i, k, v, w)
					}
				}
			}
		})
	}
}

// outputsOf runs g.
func outputsOf(t *testing.T, g *graph.Graph, x *tensor.Tensor) (out []*tensor.Tensor) {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range tape.Forward(x) {
		out = append(out, y.Clone())
	}
	return out
}
