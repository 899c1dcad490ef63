package op

import (
	"fmt"
	"math"
	"testing"

	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// network chains operators with random weights for benchmarks.
type network struct {
	g graph.Graph
	v *graph.Value
}

func newNetwork(sample ...int) *network {
	x := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	return &network{graph.Graph{Name: "bench", Inputs: []*graph.Value{x}}, x}
}

func (n *network) then(o graph.Op, w ...int) *network {
	in, shapes := []*graph.Value{n.v}, []tensor.Shape{n.v.Shape}
	if w != nil {
		rng := newRand(uint64(len(n.g.Nodes)))
		scale := float32(math.Sqrt(2 / float64(tensor.Shape(w[1:]).Size())))
		p := normal(rng, w...)
		for i := range p.Data {
			p.Data[i] *= scale
		}
		name := fmt.Sprint("w", len(n.g.Nodes))
		in = append(in, &graph.Value{Name: name, Shape: p.Shape, Param: graph.NewParam(name, graph.Weight, p)})
		b := graph.NewParam(name+"b", graph.Bias, tensor.New(w[0]))
		in = append(in, &graph.Value{Name: b.Name, Shape: b.Shadow.Shape, Param: b})
		shapes = append(shapes, p.Shape, b.Shadow.Shape)
	}
	out, err := o.Infer(shapes)
	if err != nil {
		panic(err)
	}
	n.v = &graph.Value{Name: fmt.Sprint("v", len(n.g.Nodes)), Shape: out[0]}
	n.g.Nodes = append(n.g.Nodes, &graph.Node{Name: n.v.Name, Op: o, Inputs: in, Outputs: []*graph.Value{n.v}})
	return n
}

func (n *network) done() *graph.Graph {
	n.g.Outputs = []*graph.Value{n.v}
	return &n.g
}

var (
	rectify = Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}
	halve   = MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2}
)

// lenet5 is the network of LeCun et al. 1998 in the sizes that pruning papers use:
// 20 and 50 kernels of 5x5, dense layers of 500 and 10; 431,080 parameters.
func lenet5() *graph.Graph { return lenet(20, 50, 500) }

// lenet is LeNet-5 with other numbers of kernels and units.
func lenet(c1, c2, units int) *graph.Graph {
	return newNetwork(1, 28, 28).
		then(Conv2D{}, c1, 1, 5, 5).then(halve).
		then(Conv2D{}, c2, c1, 5, 5).then(halve).
		then(Reshape{Shape: []int{16 * c2}}).
		then(Dense{Clamp: rectify}, units, 16*c2).then(Dense{}, 10, units).done()
}

// separable is a stack of depthwise and pointwise convolutions, as MobileNets have.
func separable() *graph.Graph {
	same := func(groups, stride int) Conv2D {
		return Conv2D{StrideH: stride, StrideW: stride, PadT: 1, PadL: 1, PadB: 1, PadR: 1, Groups: groups, Clamp: rectify}
	}
	return newNetwork(3, 32, 32).
		then(same(1, 1), 16, 3, 3, 3).
		then(same(16, 1), 16, 1, 3, 3).then(Conv2D{Clamp: rectify}, 32, 16, 1, 1).
		then(same(32, 2), 32, 1, 3, 3).then(Conv2D{Clamp: rectify}, 64, 32, 1, 1).
		then(GlobalAvgPool{}).then(Reshape{Shape: []int{64}}).then(Dense{}, 10, 64).done()
}

// newStep returns a training step without the optimizer: forward and backward for
// a batch.
func newStep(b testing.TB, g *graph.Graph, batch int) func() {
	tape, err := graph.NewTape(g, batch)
	if err != nil {
		b.Fatal(err)
	}
	rng := newRand(1)
	x, dy := normal(rng, g.Inputs[0].Shape.WithBatch(batch)...), normal(rng, g.Outputs[0].Shape.WithBatch(batch)...)
	return func() {
		tape.ZeroGrad()
		tape.Forward(x)
		if err := tape.Backward(dy); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkStep(b *testing.B, g *graph.Graph, batch int) {
	run := newStep(b, g, batch)
	run()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

func BenchmarkLeNet5Step(b *testing.B) {
	b.Run("product=own", func(b *testing.B) { benchmarkStep(b, lenet5(), 64) })
	b.Run("product=gonum", func(b *testing.B) {
		defer gemm.UseGonum()()
		benchmarkStep(b, lenet5(), 64)
	})
}

// BenchmarkNarrowStep is LeNet-5 after most filters have been cut, when moving
// data costs as much as multiplying.
func BenchmarkNarrowStep(b *testing.B) { benchmarkStep(b, lenet(10, 24, 80), 64) }

func BenchmarkSeparableStep(b *testing.B) { benchmarkStep(b, separable(), 32) }

// BenchmarkRecurrentStep measures the part of a training step that a recurrent layer of 96
// units takes over 64 steps of 32 samples, forward and backward.
func BenchmarkRecurrentStep(b *testing.B) {
	for name, o := range map[string]Recurrent{"GRU": {Kind: GRU, LinearBeforeReset: true}, "LSTM": {Kind: LSTM}} {
		b.Run(name, func(b *testing.B) {
			rng := newRand(3)
			g := o.Kind.gates()
			in := []*tensor.Tensor{normal(rng, 32, 64, g*96), normal(rng, g*96, 96)}
			for i := range in[1].Data {
				in[1].Data[i] *= 0.1
			}
			out, din := tensor.New(32, 64, 96), []*tensor.Tensor{tensor.New(in[0].Shape...), tensor.New(in[1].Shape...)}
			dout := normal(rng, 32, 64, 96)
			var s graph.Scratch
			for b.Loop() {
				o.Forward(&s, []*tensor.Tensor{out}, in)
				o.Backward(&s, din, in, []*tensor.Tensor{out}, []*tensor.Tensor{dout})
			}
		})
	}
}
