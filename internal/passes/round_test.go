package passes

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// roundingLayer is a network of one layer with random weights, and correlated samples for it.
func roundingLayer(t *testing.T, seed uint64, o graph.Op, sample tensor.Shape, bias bool, weights ...int) (*graph.Graph, *graph.Param, *tensor.Tensor) {
	t.Helper()
	r := shareRand(seed)
	w := tensor.New(weights...)
	for i := range w.Data {
		w.Data[i] = float32(r.NormFloat64() * math.Exp(r.NormFloat64()))
	}
	in := &graph.Value{Name: "x", Shape: append(tensor.Shape{1}, sample...)}
	p := graph.NewParam("w", graph.Weight, w)
	n := &graph.Node{Name: "n", Op: o, Inputs: []*graph.Value{in, {Name: "w", Shape: w.Shape, Param: p}}, Outputs: []*graph.Value{{Name: "y"}}}
	if bias {
		b := tensor.New(weights[0])
		n.Inputs = append(n.Inputs, &graph.Value{Name: "b", Shape: b.Shape, Param: graph.NewParam("b", graph.Bias, b)})
	}
	g := &graph.Graph{Inputs: []*graph.Value{in}, Outputs: n.Outputs, Nodes: []*graph.Node{n}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g, p, correlated(r, append(tensor.Shape{200}, sample...))
}

// correlated draws samples whose values walk at random, above zero.
func correlated(r *rand.Rand, shape tensor.Shape) *tensor.Tensor {
	x := tensor.New(shape...)
	size := shape.Sample().Size()
	for s := range shape[0] {
		v := r.NormFloat64()
		for i := range size {
			v = 0.8*v + 0.6*r.NormFloat64()
			x.Data[s*size+i] = float32(max(0, v+0.5))
		}
	}
	return x
}

// respond returns the outputs of the layer with the weights w on the samples.
func respond(t *testing.T, g *graph.Graph, w []float32, x *tensor.Tensor) *tensor.Tensor {
	t.Helper()
	c := g.Clone()
	p := c.Params()[0]
	copy(p.Shadow.Data, w)
	p.Grid, p.Book, p.Mask = nil, nil, nil
	p.Refresh()
	tape, err := graph.NewTape(c, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	return tape.Forward(x)[0].Clone()
}

// power is the mean square of the channels of y, about their means when centred,
// summed.
func power(y []float32, samples, channels int, centred bool) float64 {
	inner := len(y) / samples / channels
	sum, sq := make([]float64, channels), 0.0
	for i, v := range y {
		sum[i/inner%channels] += float64(v)
		sq += float64(v) * float64(v)
	}
	n := float64(samples * inner)
	sq /= n
	if centred {
		for _, s := range sum {
			sq -= s / n * s / n
		}
	}
	return sq
}

// size of the gradients that draws returns, in a channel.
func size(channel int) float32 { return float32(1 + channel%3) }

// draws returns gradients in outputs [n, channels, ...] of g, of either sign and of the channel's
// size: errors in the outputs lose half of their squares times those of the sizes.
func draws(g *graph.Graph, seed uint64) func(y *tensor.Tensor) *tensor.Tensor {
	r := shareRand(seed)
	sample := g.Outputs[0].Shape.Sample()
	return func(y *tensor.Tensor) *tensor.Tensor {
		dy := tensor.New(y.Shape...)
		places := sample.Size() / sample[0]
		for i := range dy.Data {
			dy.Data[i] = size(i/places%sample[0]) * float32(2*r.IntN(2)-1)
		}
		return dy
	}
}

// scaleChannels multiplies the channels of y.
func scaleChannels(y *tensor.Tensor, by func(c int) float32) {
	places := y.Shape.Sample().Size() / y.Shape[1]
	for i := range y.Data {
		y.Data[i] *= by(i / places % y.Shape[1])
	}
}

// TestRound: the loss that Round returns is what the layer's outputs change by, plain
// rounding on the same grid loses more, and a higher lambda takes fewer bits and loses
// more. In dense layers, convolutions and groups of them, with a bias and without.
func TestRound(t *testing.T) {
	for _, c := range []struct {
		name    string
		op      graph.Op
		sample  tensor.Shape
		bias    bool
		weights []int
	}{
		{"dense", op.Dense{}, tensor.Shape{40}, true, []int{20, 40}},
		{"dense without bias", op.Dense{}, tensor.Shape{40}, false, []int{20, 40}},
		{"convolution", op.Conv2D{PadT: 1, PadL: 1, StrideH: 2, StrideW: 1, Groups: 1}, tensor.Shape{3, 7, 6}, true, []int{8, 3, 3, 2}},
		{"groups", op.Conv2D{Groups: 2, DilH: 2, DilW: 1}, tensor.Shape{4, 8, 5}, true, []int{6, 2, 3, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, p, x := roundingLayer(t, 5, c.op, c.sample, c.bias, c.weights...)
			all, err := MeasureMoments(context.Background(), g, []*tensor.Tensor{x}, 64, draws(g, 1))
			if err != nil {
				t.Fatal(err)
			}
			m := all[p]
			exact := respond(t, g, p.Value.Data, x)
			scaled := exact.Clone()
			scaleChannels(scaled, size)
			change := func(w []float32) float64 { // relative to losing all
				y := respond(t, g, w, x)
				for i := range y.Data {
					y.Data[i] -= exact.Data[i]
				}
				scaleChannels(y, size)
				return power(y.Data, 200, p.Channels(), c.bias) / power(scaled.Data, 200, p.Channels(), c.bias)
			}
			places := exact.Shape.Sample().Size() / p.Channels()
			unit := float64(places) / 2 * power(scaled.Data, 200, p.Channels(), c.bias) // the loss of all
			before, lost := math.Inf(1), 0.0
			for _, lambda := range []float64{1e-9, 1e-6, 1e-5, 1e-4, 1e-3} {
				bits, loss := roundAt(t, m, p, lambda, unit, change)
				if bits > before || loss < lost {
					t.Errorf("lambda %g: %.0f bits and a loss of %g, %.0f and %g at a lower lambda", lambda, bits, loss, before, lost)
				}
				before, lost = bits, loss
			}
			if lost < 1e-3 {
				t.Errorf("the highest lambda loses %g only", lost)
			}
		})
	}
}

// roundAt rounds a copy of p at lambda, in units of the loss of all, and checks it
// with change, the loss that weights cause. It returns the bits that they take, and
// their loss.
func roundAt(t *testing.T, m *InputMoments, p *graph.Param, lambda, unit float64, change func(w []float32) float64) (bits, loss float64) {
	t.Helper()
	q := p.Clone()
	q.Grid = &graph.Grid{Scale: []float32{float32(m.Step(p, lambda*unit))}, Max: 127}
	loss, err := m.Round(context.Background(), q, lambda*unit)
	if err != nil {
		t.Fatal(err)
	}
	loss /= unit
	if got := change(q.Value.Data); got > loss*1.001+1e-12 || got < loss*0.8 {
		t.Errorf("lambda %g: the outputs change by %g, Round says %g", lambda, got, loss)
	}
	plain := make([]float32, len(p.Value.Data))
	for i, v := range p.Value.Data {
		plain[i] = q.Grid.Scale[0] * float32(math.Round(float64(v/q.Grid.Scale[0])))
	}
	if rounded := change(plain); lambda == 1e-9 && rounded < 1.1*loss {
		t.Errorf("at a lambda of almost nothing it loses %g, plain rounding %g", loss, rounded)
	}
	for _, v := range codeLengthsOf(q) {
		bits += v
	}
	kept := q.Kept()
	MaskZeros(q)
	if err := CheckCodebook(q); err != nil {
		t.Error(err)
	}
	if !slices.Equal(q.Shadow.Data, q.Value.Data) || kept < q.Kept() {
		t.Errorf("lambda %g: %d weights are kept of %d, shadows are not what they were rounded to", lambda, q.Kept(), kept)
	}
	return bits, loss
}

// codeLengthsOf returns the code length of every weight of p.
func codeLengthsOf(p *graph.Param) []float64 {
	q := p.Quanta()
	bits := quantize.CodeLengths(q, p.Grid.Max)
	var each []float64
	for _, v := range q {
		each = append(each, bits[p.Grid.Max+int(v)])
	}
	return each
}

// Steps stay between what int8 holds and the largest weight.
func TestStep(t *testing.T) {
	g, p, x := roundingLayer(t, 7, op.Dense{}, tensor.Shape{10}, true, 4, 10)
	all, err := MeasureMoments(context.Background(), g, []*tensor.Tensor{x}, 200, draws(g, 1))
	if err != nil {
		t.Fatal(err)
	}
	top := 0.0
	for _, v := range p.Value.Data {
		top = math.Max(top, math.Abs(float64(v)))
	}
	for _, c := range []struct{ lambda, want float64 }{{1e-30, top / 127}, {1e9, top}} {
		if got := all[p].Step(p, c.lambda); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("lambda %g: step %v, want %v", c.lambda, got, c.want)
		}
	}
	if low, high := all[p].Step(p, 1e-2), all[p].Step(p, 4e-2); math.Abs(high-2*low) > 1e-9 {
		t.Errorf("four times the lambda: steps %v and %v", low, high)
	}
	curvature := 0.0 // one place
	for r := range 4 {
		curvature += float64(size(r)*size(r)) / 4
	}
	if got, want := all[p].BiasStep(1e-3), math.Sqrt(12e-3/(math.Ln2*curvature)); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("step of biases %v, want %v", got, want)
	}
	clear(p.Value.Data)
	if got := all[p].Step(p, 1e-5); got != 1 {
		t.Errorf("step %v of weights that are all zero", got)
	}
}

func TestRoundRefuses(t *testing.T) {
	g, p, x := roundingLayer(t, 8, op.Dense{}, tensor.Shape{10}, true, 4, 10)
	all, err := MeasureMoments(context.Background(), g, []*tensor.Tensor{x}, 200, draws(g, 1))
	if err != nil {
		t.Fatal(err)
	}
	other := graph.NewParam("other", graph.Weight, tensor.New(4, 9))
	other.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	for _, c := range []struct {
		p    *graph.Param
		want string
	}{{p, "no grid"}, {other, "36 weights in 4 rows"}} {
		if _, err := all[p].Round(context.Background(), c.p, 1e-5); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), fmt.Sprintf("%q", c.p.Name)) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// The patches of a picture are taken from all of its columns and rows, whatever its size and
// the number of samples.
func TestPatchesSpread(t *testing.T) {
	for _, width := range []int{8, 10, 15, 32, 33} {
		g, p, _ := roundingLayer(t, 9, op.Conv2D{Groups: 1}, tensor.Shape{1, width, width}, true, 2, 1, 1, 1)
		for _, samples := range []int{512, 1024, 4000} {
			w, stride := layerOf(g.Nodes[0], samples)
			if w != p || stride < samples*width*width/mostPatches || stride > 2*samples*width*width/mostPatches+8 {
				t.Fatalf("width %d, %d samples: stride %d", width, samples, stride)
			}
			columns := map[int]int{}
			for at := 0; at < 64*width*width; at += stride {
				columns[at%width]++
			}
			if len(columns) != width {
				t.Errorf("width %d, %d samples: columns %v of pictures are looked at", width, samples, columns)
			}
		}
	}
}

// InputMoments of a scaled layer are those that its scaled weights and inputs have.
func TestScaled(t *testing.T) {
	for _, groups := range []int{1, 4} {
		o := op.Conv2D{Groups: groups}
		g, p, x := roundingLayer(t, 10, o, tensor.Shape{4, 5, 6}, true, 8, 4/groups, 2, 2)
		before, err := MeasureMoments(context.Background(), g, []*tensor.Tensor{x}, 50, draws(g, 2))
		if err != nil {
			t.Fatal(err)
		}
		r := shareRand(3)
		rows, inputs := make([]float64, 8), make([]float64, 4)
		for i := range rows {
			rows[i] = math.Exp(r.NormFloat64())
		}
		columns := make([]float64, 4*4)
		for i := range inputs {
			inputs[i] = math.Exp(0.2 * r.NormFloat64())
			for k := range 4 {
				columns[4*i+k] = inputs[i]
			}
		}
		scaleChannels(x, func(c int) float32 { return float32(1 / inputs[c]) })
		h := g.Clone()
		q := h.Params()[0]
		for i := range q.Shadow.Data {
			row, column := i/(16/groups), i%(16/groups)
			q.Shadow.Data[i] *= float32(rows[row] * columns[row/(8/groups)*(16/groups)+column])
		}
		q.Refresh()
		draw := draws(g, 2)
		after, err := MeasureMoments(context.Background(), h, []*tensor.Tensor{x}, 50, func(y *tensor.Tensor) *tensor.Tensor {
			dy := draw(y)
			scaleChannels(tensor.Of(dy.Data, h.Outputs[0].Shape.WithBatch(50)...), func(c int) float32 { return float32(1 / rows[c]) })
			return dy
		})
		if err != nil {
			t.Fatal(err)
		}
		got, want := before[p].Scaled(rows, columns), after[q]
		for i, c := range got.Curvatures() {
			if w := want.Curvatures()[i]; math.Abs(float64(c/w)-1) > 0.05 { // damping is of the mean
				t.Errorf("%d groups: curvature of weight %d is %v, want %v", groups, i, c, w)
			}
		}
		for i := range rows {
			if math.Abs(got.OutputCurvature()[i]/want.OutputCurvature()[i]-1) > 1e-4 || math.Abs(got.AbsMax()[i]/want.AbsMax()[i]-1) > 1e-4 {
				t.Errorf("%d groups, row %d: curvature %v, largest magnitude %v, want %v and %v", groups, i, got.OutputCurvature()[i], got.AbsMax()[i], want.OutputCurvature()[i], want.AbsMax()[i])
			}
		}
	}
}
