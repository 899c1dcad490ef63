package passes

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

// TestScores compares each criterion with its formula in the package comment.
func TestScores(t *testing.T) {
	const tol = 1e-5
	r := newRand(1)
	p := graph.NewParam("w", graph.Weight, normal(r, 5, 7))
	n := len(p.Shadow.Data)
	p.State = [][]float32{make([]float32, n), make([]float32, n), make([]float32, n)}
	inputs := make([]float32, n)
	p.Mask = make([]float32, n)
	sum := 0.0
	for i, w := range p.Shadow.Data {
		p.State[train.StateSquare][i] = r.Float32()
		inputs[i] = r.Float32()
		p.Mask[i] = float32(r.IntN(2))
		sum += float64(w) * float64(w)
	}
	rms := math.Sqrt(sum / float64(n))
	bits := weightBits(p, codingContext{})
	formulas := map[prune.Criterion]func(i int, w float64) float64{
		"":              func(i int, w float64) float64 { return w * math.Sqrt(float64(p.State[train.StateSquare][i]/bits[i])) },
		prune.Fisher:    func(i int, w float64) float64 { return w * math.Sqrt(float64(p.State[train.StateSquare][i]/bits[i])) },
		prune.Magnitude: func(_ int, w float64) float64 { return w / rms },
		// |<x,w>| / sqrt(||w||_2) of one weight: |x| |w| / sqrt(|w|)
		prune.Input: func(i int, w float64) float64 { return float64(inputs[i]) * w / math.Sqrt(w) },
	}
	for c, f := range formulas {
		t.Run(string(c), func(t *testing.T) {
			if err := c.Validate(); err != nil {
				t.Fatal(err)
			}
			dst := make([]float32, n)
			scores(c, dst, &Layer{Param: p}, inputs)
			for i, w := range p.Shadow.Data {
				near(t, fmt.Sprintf("score of %v", w), float64(dst[i]), f(i, math.Abs(float64(w))), tol)
			}
			// twice the weight scores at least as high, and pruned weights are scored alike
			old := dst[3]
			p.Shadow.Data[3] *= 2
			defer func() { p.Shadow.Data[3] /= 2 }()
			if scores(c, dst, &Layer{Param: p}, inputs); c != prune.Magnitude && dst[3] < old {
				t.Errorf("a weight twice as large scores %v after %v", dst[3], old)
			}
		})
	}
	if err := prune.Criterion("size").Validate(); err == nil || !strings.Contains(err.Error(), `"size"`) {
		t.Errorf("unknown criterion: %v", err)
	}
	zero := graph.NewParam("z", graph.Weight, tensor.New(3))
	dst := make([]float32, 3)
	if scores(prune.Magnitude, dst, &Layer{Param: zero}, nil); dst[0] != 0 {
		t.Errorf("zeros score %v", dst)
	}
	bias := graph.NewParam("b", graph.Bias, tensor.Of([]float32{4, -9}, 2))
	if scores(prune.Input, dst[:2], &Layer{Param: bias}, nil); dst[0] != 2 || dst[1] != 3 {
		t.Errorf("biases, which meet the input 1, score %v", dst[:2])
	}
}

func TestPrunable(t *testing.T) {
	for role, want := range map[graph.Role]bool{graph.Weight: true, graph.Bias: true, graph.Constant: false} {
		if got := Prunable(graph.NewParam("p", role, tensor.New(1))); got != want {
			t.Errorf("role %d: %v", role, got)
		}
	}
}

// TestPrices compares large masks with the formula: few of the counts that it
// uses change when the element itself is left out.
func TestPrices(t *testing.T) {
	const tol = 0.25 // bits
	r := newRand(2)
	for _, shape := range []tensor.Shape{{200, 150}, {40, 30, 5, 5}, {64, 80, 1, 1}} {
		p := graph.NewParam("w", graph.Weight, tensor.New(shape...))
		n := len(p.Shadow.Data)
		p.Mask = make([]float32, n)
		rows, cols := shape[0], n/shape[0]
		if len(shape) == 4 && shape[2] > 1 {
			rows, cols = shape[0]*shape[1], shape[2]*shape[3] // of each kernel plane
		}
		row, col, total := make([]float64, rows), make([]float64, cols), 0.0
		for i := range p.Mask {
			if r.Float64() < 0.1+0.8*float64(i/cols)/float64(rows)*float64(i%cols+1)/float64(cols) {
				p.Mask[i] = 1
				row[i/cols]++
				col[i%cols]++
				total++
			}
		}
		for i, got := range weightBits(p, codingContext{}) {
			if row[i/cols] < 8 || col[i%cols] < 8 {
				continue
			}
			q := math.Max(0.003, math.Min(0.9, row[i/cols]*col[i%cols]/total))
			near(t, fmt.Sprintf("price of element %d of %v", i, shape), float64(got), math.Max(1, 2.5+math.Log2((1-q)/q)), tol)
		}
	}
	full := graph.NewParam("w", graph.Weight, tensor.New(3, 3))
	for _, v := range weightBits(full, codingContext{}) {
		if v != 1 {
			t.Errorf("without a mask every weight costs 1 bit, not %v", v)
		}
	}
	lone := graph.NewParam("w", graph.Weight, tensor.New(200, 500))
	lone.Mask = make([]float32, len(lone.Shadow.Data))
	for i := range 500 {
		lone.Mask[i] = 1 // one full row
	}
	lone.Mask[70*500+9] = 1
	near(t, "usual price of a lone weight", float64(weightBits(lone, codingContext{})[70*500+9]), 2.5+math.Log2(0.997/0.003), 1e-5)
	q := 0.5 * 1.6 / 501
	near(t, "sparse price of a lone weight", float64(weightBits(lone, codingContext{floor: sparseFloor})[70*500+9]), 2.5+math.Log2((1-q)/q), 1e-5)
	near(t, "sparse price of an empty place", float64(weightBits(lone, codingContext{floor: sparseFloor})[90*500+9]), 2.5+math.Log2(1/(0.1*1.6/501)-1), 1e-5)
	scalar := graph.NewParam("s", graph.Weight, tensor.New())
	scalar.Mask = []float32{1}
	if got := weightBits(scalar, codingContext{}); len(got) != 1 || !(got[0] >= 1) {
		t.Errorf("a scalar costs %v", got)
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

// TestPricesOfImages: a pixel is priced by the mean of the pixels around it, within
// its channel; images finds the layers that read them.
func TestPricesOfImages(t *testing.T) {
	image := tensor.Shape{2, 3, 4}
	p := graph.NewParam("w", graph.Weight, tensor.New(10, image.Size()))
	p.Mask = make([]float32, len(p.Shadow.Data))
	for r := range 10 {
		p.Mask[r*image.Size()+5] = 1 // channel 0, row 1, column 1
		p.Mask[r*image.Size()+23] = float32(r % 2)
	}
	n := make([]float64, image.Size())
	n[5], n[23] = 9, 4
	smooth(n, image)
	want := []float64{
		2.25, 1.5, 1.5, 0, 1.5, 1, 1, 0, 2.25, 1.5, 1.5, 0,
		0, 0, 0, 0, 0, 0, 4. / 9, 4. / 6, 0, 0, 4. / 6, 1,
	}
	for i, v := range want {
		if math.Abs(n[i]-v) > 1e-9 {
			t.Errorf("element %d of %v is %v, want %v", i, image, n[i], v)
		}
	}
	sharp, near := weightBits(p, codingContext{}), weightBits(p, codingContext{image: image})
	if !(near[6] < sharp[6]) || near[3] != sharp[3] {
		t.Errorf("beside a column of weights %v bits, %v without neighbours; far away %v and %v", near[6], sharp[6], near[3], sharp[3])
	}
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
	if SparseRates(ls, g); len(ls) != 1 || !ls[0].coding.image.Equal(image) || ls[0].coding.floor != sparseFloor {
		t.Errorf("the layer reads %+v, want %v", ls[0].coding, image)
	}
	x.Shape, g.Nodes[0].Op = tensor.Shape{1, 24, 1, 1}, op.Reshape{Shape: []int{24}}
	if SparseRates(ls, g); ls[0].coding.image != nil {
		t.Errorf("an image of one pixel counts as %v", ls[0].coding.image)
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
		before = append(before, weightBits(l.Param, l.coding))
	}
	MACRates(ls, c.g)
	for k, want := range []float32{12, 1, 1, 1} {
		for i, v := range weightBits(ls[k].Param, ls[k].coding) {
			if v != want*before[k][i] {
				t.Fatalf("element %d of %q costs %v, %v by size alone; want %v times as much", i, ls[k].Param.Name, v, before[k][i], want)
			}
		}
	}
}
