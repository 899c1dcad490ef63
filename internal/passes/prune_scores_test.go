package passes

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

// A parameter is scored by what the criterion needs of it.
func TestScores(t *testing.T) {
	r := newRand(1)
	p := graph.NewParam("w", graph.Weight, normal(r, 5, 7))
	w := p.Shadow.Data
	p.State = [][]float32{make([]float32, 35), make([]float32, 35), make([]float32, 35)}
	inputs := make([]float32, 35)
	p.Mask = make([]float32, 35)
	for i := range w {
		p.State[train.StateSquare][i], inputs[i], p.Mask[i] = r.Float32(), r.Float32(), float32(r.IntN(2))
	}
	l, want := newLayer(p), make([]float32, 35)
	for c, f := range map[prune.Criterion]func(){
		"": func() {
			prune.FisherScores(want, w, p.State[train.StateSquare], prune.Rates(p.Mask, 5, 7, prune.Coding{}))
		},
		prune.Fisher: func() {
			prune.FisherScores(want, w, p.State[train.StateSquare], prune.Rates(p.Mask, 5, 7, prune.Coding{}))
		},
		prune.Magnitude: func() { prune.MagnitudeScores(want, w) },
		prune.Input:     func() { prune.InputScores(want, w, inputs) },
	} {
		f()
		if l.score(c, inputs); !slices.Equal(l.Score, want) {
			t.Errorf("%q: %v, want %v", c, l.Score, want)
		}
	}
}

// The coder sees a convolution as kernel planes and positions. Biases and parameters without
// a mask have rates of their own.
func TestLayerRates(t *testing.T) {
	for _, c := range []struct {
		shape      tensor.Shape
		rows, cols int
	}{{tensor.Shape{4, 6}, 4, 6}, {tensor.Shape{4, 3, 5, 2}, 12, 10}, {tensor.Shape{4, 3, 1, 1}, 4, 3}, {tensor.Shape{}, 1, 1}} {
		p := graph.NewParam("w", graph.Weight, tensor.New(c.shape...))
		if rows, cols := maskShape(p); rows != c.rows || cols != c.cols {
			t.Errorf("%v is %d x %d, want %d x %d", c.shape, rows, cols, c.rows, c.cols)
		}
		if got := newLayer(p).rates(); got[0] != 1 || len(got) != c.shape.Size() {
			t.Errorf("without a mask a weight costs %v bits", got[0])
		}
		p.Mask = make([]float32, c.shape.Size())
		p.Mask[0] = 1
		if got, want := newLayer(p).rates(), prune.Rates(p.Mask, c.rows, c.cols, prune.Coding{}); !slices.Equal(got, want) {
			t.Errorf("rates %v, want %v", got, want)
		}
		p.Role = graph.Bias
		if got := newLayer(p).rates(); got[0] != prune.BiasRate {
			t.Errorf("a bias costs %v bits", got[0])
		}
	}
}

func TestPrunable(t *testing.T) {
	for role, want := range map[graph.Role]bool{graph.Weight: true, graph.Bias: true, graph.Constant: false} {
		if got := Prunable(graph.NewParam("p", role, tensor.New(1))); got != want {
			t.Errorf("role %d: %v", role, got)
		}
	}
}

// inputCases are convolutions of every form and dense layers.
func inputCases(t *testing.T) map[string]*graph.Graph {
	conv := func(seed uint64, o op.Conv2D, w ...int) *graph.Graph {
		return newChain(t, seed, 4, 7, 6).then(o, w...).done()
	}
	return map[string]*graph.Graph{
		"plain":               conv(1, op.Conv2D{}, 3, 4, 3, 2),
		"padded and strided":  conv(2, op.Conv2D{PadT: 1, PadL: 2, PadB: 1, PadR: 1, StrideH: 2, StrideW: 3}, 3, 4, 3, 3),
		"dilated":             conv(3, op.Conv2D{DilH: 2, DilW: 2, PadT: 1}, 2, 4, 3, 3),
		"grouped and clamped": conv(4, op.Conv2D{Groups: 2, Clamp: rectify}, 6, 2, 2, 2),
		"depthwise":           conv(5, op.Conv2D{Groups: 4}, 8, 1, 3, 3),
		"dense":               newChain(t, 6, 9).then(op.Dense{Clamp: rectify}, 4, 9).done(),
		"a sequence":          newChain(t, 7, 3, 5).then(op.Dense{}, 4, 5).done(),
	}
}

// products calls f for every product of the layer: sample, output channel,
// place, weight and the value that it meets (zero in the padding).
func products(n *graph.Node, x *tensor.Tensor, f func(sample, channel, place, weight int, value float64)) {
	w := n.Inputs[1].Param.Shadow.Shape
	o, ok := n.Op.(op.Conv2D)
	if !ok {
		k := w[1]
		for i := 0; i < len(x.Data)/k; i++ {
			for c := 0; c < w[0]; c++ {
				for j := 0; j < k; j++ {
					f(i, c, 0, c*k+j, float64(x.Data[i*k+j]))
				}
			}
		}
		return
	}
	one := func(v int) int { return max(v, 1) }
	out := n.Outputs[0].Shape
	for s := 0; s < x.Shape[0]; s++ {
		for c := 0; c < w[0]; c++ {
			for place := 0; place < out[2]*out[3]; place++ {
				for k := 0; k < w[1]*w[2]*w[3]; k++ {
					ch := c/(w[0]/one(o.Groups))*w[1] + k/(w[2]*w[3])
					y := place/out[3]*one(o.StrideH) - o.PadT + k/w[3]%w[2]*one(o.DilH)
					xx := place%out[3]*one(o.StrideW) - o.PadL + k%w[3]*one(o.DilW)
					v := 0.0
					if y >= 0 && y < x.Shape[2] && xx >= 0 && xx < x.Shape[3] {
						v = float64(x.Data[((s*x.Shape[1]+ch)*x.Shape[2]+y)*x.Shape[3]+xx])
					}
					f(s, c, place, c*w[1]*w[2]*w[3]+k, v)
				}
			}
		}
	}
}

func TestInputMeans(t *testing.T) {
	for name, g := range inputCases(t) {
		t.Run(name, func(t *testing.T) {
			x := normal(newRand(8), append([]int{5}, g.Inputs[0].Shape.Sample()...)...)
			got, err := InputMeans(g, x)
			if err != nil {
				t.Fatal(err)
			}
			p := g.Nodes[0].Inputs[1].Param
			sum, n := make([]float64, len(p.Shadow.Data)), make([]float64, len(p.Shadow.Data))
			products(g.Nodes[0], x, func(_, _, _, w int, v float64) { sum[w] += math.Abs(v); n[w]++ })
			for i := range sum {
				near(t, fmt.Sprintf("E|x| of weight %d", i), float64(got[p][i]), sum[i]/n[i], 1e-5)
			}
		})
	}
}

func TestResponses(t *testing.T) {
	for name, g := range inputCases(t) {
		t.Run(name, func(t *testing.T) {
			x := normal(newRand(9), append([]int{5}, g.Inputs[0].Shape.Sample()...)...)
			got, err := Responses(g, x)
			if err != nil {
				t.Fatal(err)
			}
			p := g.Nodes[0].Inputs[1].Param
			type at struct{ sample, channel, place int }
			dot := map[at]float64{}
			products(g.Nodes[0], x, func(s, c, place, w int, v float64) { dot[at{s, c, place}] += v * float64(p.Shadow.Data[w]) })
			sum, n := make([]float64, p.Channels()), make([]float64, p.Channels())
			for a, v := range dot {
				sum[a.channel] += math.Abs(v)
				n[a.channel]++
			}
			for c := range sum {
				near(t, fmt.Sprintf("E|<x,w>| of channel %d", c), float64(got[p][c]), sum[c]/n[c], 1e-5)
			}
		})
	}
}

// TestSharedInputs: a weight that two nodes use has the sum over its uses.
func TestSharedInputs(t *testing.T) {
	c := newChain(t, 10, 4).then(op.Dense{}, 4, 4)
	first := c.g.Nodes[0]
	g := c.then(op.Relu{}).done()
	second := &graph.Node{Name: "again", Op: op.Dense{}, Inputs: []*graph.Value{c.v, first.Inputs[1], nil}, Outputs: []*graph.Value{{Name: "y", Shape: tensor.Shape{1, 4}}}}
	g.Nodes = append(g.Nodes, second)
	g.Outputs = second.Outputs
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	x := normal(newRand(11), 6, 4)
	got, err := InputMeans(g, x)
	if err != nil {
		t.Fatal(err)
	}
	tape, _ := graph.NewTape(g, 6)
	tape.Forward(x)
	h := tape.Activation(second.Inputs[0])
	for i := 0; i < 4; i++ {
		want := 0.0
		for s := 0; s < 6; s++ {
			want += (math.Abs(float64(x.Data[4*s+i])) + math.Abs(float64(h.Data[4*s+i]))) / 6
		}
		near(t, "sum of both uses", float64(got[first.Inputs[1].Param][i]), want, 1e-5)
	}
}

// SparseRates finds the images that dense layers read flattened.
func TestSparseRates(t *testing.T) {
	p := graph.NewParam("w", graph.Weight, tensor.New(10, 24))
	x := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2, 3, 4}}
	flat, y := &graph.Value{Name: "flat"}, &graph.Value{Name: "y"}
	w := &graph.Value{Name: "w", Shape: p.Shadow.Shape, Param: p}
	g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "flatten", Op: op.Reshape{Shape: []int{24}}, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{flat}},
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{flat, w}, Outputs: []*graph.Value{y}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	ls := NewLayers(g)
	if SparseRates(ls, g); len(ls) != 1 || ls[0].coding != (prune.Coding{MinDensity: prune.SparseDensity, Image: [3]int{2, 3, 4}}) {
		t.Errorf("the mask is coded as %+v", ls[0].coding)
	}
	x.Shape, g.Nodes[0].Op = tensor.Shape{1, 24, 1, 1}, op.Reshape{Shape: []int{24}}
	if SparseRates(ls, g); ls[0].coding.Image != [3]int{} {
		t.Errorf("an image of one pixel counts as %v", ls[0].coding.Image)
	}
}

// By time, a weight costs as often as it is multiplied: at each place of a convolution's
// output, once in a dense layer; biases cost nothing more.
func TestMACRates(t *testing.T) {
	c := newChain(t, 11, 2, 6, 5)
	c.then(op.Conv2D{}, 3, 2, 3, 3) // output 3x4x3
	c.then(op.Reshape{Shape: []int{36}})
	c.then(op.Dense{}, 7, 36)
	ls := NewLayers(c.g)
	SparseRates(ls, c.g)
	var before [][]float32
	for _, l := range ls {
		before = append(before, l.rates())
	}
	MACRates(ls, c.g)
	for k, want := range []float32{12, 1, 1, 1} {
		for i, v := range ls[k].rates() {
			if v != want*before[k][i] {
				t.Fatalf("element %d of %q costs %v, %v by size alone; want %v times as much", i, ls[k].Param.Name, v, before[k][i], want)
			}
		}
	}
}
