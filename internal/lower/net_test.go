package lower_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
	"edgec/runtime"
)

// net is testnet's, with the layers of these tests.
type net struct{ *testnet.Net }

func newNet(t testing.TB, seed uint64, sample ...int) (*net, *graph.Value) {
	b, x := testnet.New(t, seed, 78, sample...)
	return &net{b}, x
}

var (
	relu = op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}
	none = op.Clamp{}
)

// convOp is a square convolution that keeps the size at stride 1.
func convOp(k, stride, dil, groups int, c op.Clamp) op.Conv2D {
	p := k / 2 * dil
	return op.Conv2D{StrideH: stride, StrideW: stride, DilH: dil, DilW: dil, PadT: p, PadL: p, PadB: p, PadR: p, Groups: groups, Clamp: c}
}

func (b *net) conv(x *graph.Value, outC, k, stride, groups int, c op.Clamp) *graph.Value {
	inC := x.Shape[1] / groups
	w := b.Param(graph.Weight, 1.4/math.Sqrt(float64(inC*k*k)), outC, inC, k, k)
	return b.Node(convOp(k, stride, 1, groups, c), x, w, b.Param(graph.Bias, 0.2, outC))
}

func (b *net) dense(x *graph.Value, out int, c op.Clamp) *graph.Value {
	k := x.Shape[len(x.Shape)-1]
	w := b.Param(graph.Weight, 1.4/math.Sqrt(float64(k)), out, k)
	return b.Node(op.Dense{Clamp: c}, x, w, b.Param(graph.Bias, 0.2, out))
}

func (b *net) reshape(x *graph.Value, shape ...int) *graph.Value {
	return b.Node(op.Reshape{Shape: shape}, x)
}

func (b *net) flatten(x *graph.Value) *graph.Value { return b.reshape(x, x.Shape.Sample().Size()) }

// quantized puts g on its grids.
func quantized(t *testing.T, g *graph.Graph, x *tensor.Tensor) {
	t.Helper()
	if err := passes.Quantize(g, passes.Samples(x, 64), passes.Config{}); err != nil {
		t.Fatal(err)
	}
}

// session loads what Encode writes for g.
func session(t testing.TB, g *graph.Graph) *runtime.Session {
	t.Helper()
	data, sizes, err := lower.Encode(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if sizes == nil || len(data) == 0 {
		t.Fatal("no bytes")
	}
	return sessionOf(t, data)
}

// sessionOf loads a file.
func sessionOf(t testing.TB, data []byte) *runtime.Session {
	t.Helper()
	m, err := runtime.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deviceRun returns the outputs of the device for every sample, in the host's order.
func deviceRun(t testing.TB, s *runtime.Session, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	var out []float32
	y := g.Outputs[0].Shape
	for i := 0; i < x.Shape[0]; i++ {
		if err := s.SetInputNCHW(0, x.Rows(i, i+1).Data); err != nil {
			t.Fatal(err)
		}
		s.Run()
		got := s.Output(0)
		if len(y) != 4 {
			out = append(out, got...)
			continue
		}
		c, hw := y[1], y[2]*y[3]
		for k := range got {
			out = append(out, got[k%hw*c+k/hw])
		}
	}
	return out
}

// agree checks that the device computes what the fake-quantized tape computes.
func agree(t *testing.T, name string, g *graph.Graph, x *tensor.Tensor) {
	t.Helper()
	quantized(t, g, x)
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	want := tape.Forward(x)[0].Data
	got := deviceRun(t, session(t, g), g, x)
	worst, rms := distance(got, want)
	step := stepOf(g, g.Outputs[0])
	if worst > maxWorst*step || rms > maxMean*step {
		t.Errorf("%s: outputs differ by %.2f steps at most and %.2f rms from the tape\n%s", name, worst/step, rms/step, g)
	}
}

// The integers of two ways to compute differ where float32 sums land on the
// other side of a rounding boundary, and by the tie rules of requantization and
// averaging: now and then, by one step each; a steep table makes several of one.
const maxWorst, maxMean = 8, 0.5

// distance returns the largest and the root mean square difference; infinite
// where the lengths differ or one value is not a number.
func distance(got, want []float32) (worst, rms float64) {
	if len(got) != len(want) {
		return math.Inf(1), math.Inf(1)
	}
	sum := 0.0
	for i, w := range want {
		d := math.Abs(float64(w) - float64(got[i]))
		if d != d {
			return math.Inf(1), math.Inf(1)
		}
		worst, sum = max(worst, d), sum+d*d
	}
	return worst, math.Sqrt(sum / float64(len(want)))
}

// stepOf is how far v moves when one integer moves by one: the scale of its
// grid or, behind a layer that stays float, of that layer's input times the
// norm of a channel's weights.
func stepOf(g *graph.Graph, v *graph.Value) float64 {
	if v.Grid != nil {
		return float64(v.Grid.Scale)
	}
	n := g.Producer(v)
	if _, ok := n.Op.(op.Softmax); ok {
		return stepOf(g, n.Inputs[0]) / 4 // the steepest slope of a sigmoid
	}
	step := stepOf(g, n.Inputs[0])
	if len(n.Inputs) < 2 {
		return step
	}
	w := n.Inputs[1].Param
	row, norm := len(w.Value.Data)/w.Channels(), 0.0
	for c := range w.Channels() {
		sum := 0.0
		for _, x := range w.Value.Data[c*row : (c+1)*row] {
			sum += float64(x) * float64(x)
		}
		norm = max(norm, math.Sqrt(sum))
	}
	return step * norm
}

// netCase builds a network over samples of one shape.
type netCase struct {
	name   string
	sample []int
	build  func(b *net, x *graph.Value) *graph.Value
}

// resized are networks that resize images. Their ONNX form is not read back.
var resized = []netCase{
	{"resized images and features", []int{3, 5, 4}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.Resize{Sizes: []int{3, 9, 7}, Mode: op.Linear, Coords: op.AlignCorners}, x)
		h = b.Node(op.Resize{Sizes: []int{3, 5, 11}, Coords: op.Asymmetric, Round: op.RoundFloor}, h)
		h = b.Node(op.Resize{Sizes: []int{5, 5, 11}, Mode: op.Linear, Coords: op.AlignCorners}, h)
		return b.dense(b.Node(op.Resize{Sizes: []int{50}, Round: op.RoundPreferCeil}, b.flatten(h)), 4, none)
	}},
	{"transposed convolution", []int{3, 5, 4}, func(b *net, x *graph.Value) *graph.Value {
		h := b.conv(x, 4, 3, 1, 1, relu)
		steps, err := op.ConvTranspose{StrideH: 2, StrideW: 3, PadT: 1, PadR: 3}.Steps(3, 2)
		if err != nil {
			b.T.Fatal(err)
		}
		for _, o := range steps {
			if c, ok := o.(op.Conv2D); ok {
				h = b.Node(c, h, b.Param(graph.Weight, 0.4, 5, 4, 3, 2), b.Param(graph.Bias, 0.2, 5))
			} else {
				h = b.Node(o, h)
			}
		}
		return b.conv(h, 3, 1, 1, 1, none)
	}},
}

// cases are networks of every operator that the device has.
var cases = []netCase{
	{"scaled features", []int{3}, func(b *net, x *graph.Value) *graph.Value {
		o := op.InputScale{Axis: 1, Scale: []float32{0.01, 0.02, 1e-4}, Zero: []int{5, 0, -700}, Grid: graph.Affine{Scale: 1.0 / 128}}
		return b.dense(b.Node(o, x), 6, none)
	}},
	{"scaled channels", []int{3, 4, 5}, func(b *net, x *graph.Value) *graph.Value {
		o := op.InputScale{Axis: 1, Scale: []float32{0.01, 0.02, 0.3}, Zero: []int{5, 0, -7}, Grid: graph.Affine{Scale: 1.0 / 64, Zero: 3}}
		return b.conv(b.Node(o, x), 4, 3, 1, 1, none)
	}},
	{"scaled rows", []int{4, 5}, func(b *net, x *graph.Value) *graph.Value {
		o := op.InputScale{Axis: 2, Scale: []float32{0.01, 0.02, 0.3, 1, 4}, Zero: []int{5, 0, -7, 0, 1}, Grid: graph.Affine{Scale: 1.0 / 64}}
		return b.dense(b.Node(o, x), 4, none)
	}},
	{"dense", []int{20}, func(b *net, x *graph.Value) *graph.Value { return b.dense(b.dense(x, 16, relu), 7, none) }},
	{"conv, pool, flatten, dense", []int{3, 8, 6}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.MaxPool{KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1}, b.conv(x, 5, 3, 1, 1, relu))
		return b.dense(b.flatten(h), 6, none)
	}},
	{"image to dense at once", []int{3, 5, 4}, func(b *net, x *graph.Value) *graph.Value { return b.dense(b.flatten(x), 6, none) }},
	{"sliced images, channels and features", []int{4, 9, 8}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.Slice{Before: []int{0, 0, 0, 1}, After: []int{0, 0, 1, 0}, Step: []int{1, 1, 2, 3}}, b.conv(x, 6, 3, 1, 1, relu))
		h = b.Node(op.Slice{Before: []int{0, 1, 0, 0}, After: []int{0, 0, 0, 0}, Step: []int{1, 2, 1, 1}}, h)
		h = b.Node(op.Slice{Before: []int{0, 3}, After: []int{0, 2}, Step: []int{1, 2}}, b.flatten(h))
		return b.dense(h, 5, none)
	}},
	{"slopes", []int{3, 5, 4}, func(b *net, x *graph.Value) *graph.Value {
		return b.conv(b.Node(op.PRelu{}, x, b.Param(graph.Constant, 0.3, 3, 1, 1)), 4, 3, 1, 1, none)
	}},
	{"one slope", []int{7}, func(b *net, x *graph.Value) *graph.Value {
		return b.dense(b.Node(op.PRelu{}, x, b.Param(graph.Constant, 0.3, 1)), 4, none)
	}},
	{"depth to space and back", []int{3, 4, 6}, func(b *net, x *graph.Value) *graph.Value {
		h := b.conv(x, 8, 3, 1, 1, relu)
		ops, err := op.DepthToSpace(h.Shape, 2, false)
		if err != nil {
			b.T.Fatal(err)
		}
		for _, o := range ops {
			h = b.Node(o, h)
		}
		h = b.conv(h, 2, 3, 1, 1, relu)
		if ops, err = op.SpaceToDepth(h.Shape, 4); err != nil {
			b.T.Fatal(err)
		}
		for _, o := range ops {
			h = b.Node(o, h)
		}
		return b.conv(h, 3, 1, 1, 1, none)
	}},
	{"padded channels", []int{4, 5, 3}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.Pad{Before: []int{0, 2, 0, 0}, After: []int{0, 1, 0, 0}}, b.conv(x, 3, 3, 1, 1, relu))
		h = b.Node(op.Pad{Before: []int{0, 1}, After: []int{0, 3}}, b.flatten(h))
		return b.dense(h, 5, none)
	}},
	{"padded sequence", []int{6, 5}, func(b *net, x *graph.Value) *graph.Value {
		return b.dense(b.flatten(b.Node(op.Pad{Before: []int{0, 1, 2}, After: []int{0, 0, 1}}, x)), 4, none)
	}},
	{"largest of the image", []int{3, 5, 4}, func(b *net, x *graph.Value) *graph.Value {
		return b.dense(b.flatten(b.Node(op.GlobalMaxPool{}, b.conv(x, 6, 3, 1, 1, relu))), 4, none)
	}},
	{"sliced sequence", []int{6, 5}, func(b *net, x *graph.Value) *graph.Value {
		return b.dense(b.flatten(b.Node(op.Slice{Before: []int{0, 1, 1}, After: []int{0, 0, 1}, Step: []int{1, 2, 1}}, x)), 4, none)
	}},
	{"image output", []int{3, 6, 5}, func(b *net, x *graph.Value) *graph.Value {
		return b.conv(b.conv(x, 4, 3, 2, 1, relu), 3, 1, 1, 1, none)
	}},
	{"int8 image output", []int{3, 6, 5}, func(b *net, x *graph.Value) *graph.Value { return b.conv(x, 4, 3, 1, 1, relu) }},
	{"grouped and depthwise", []int{4, 7, 7}, func(b *net, x *graph.Value) *graph.Value {
		h := b.conv(b.conv(b.conv(x, 8, 3, 1, 2, relu), 8, 3, 2, 8, relu), 16, 3, 1, 8, op.Clamp{On: true, Lo: 0, Hi: 2})
		return b.dense(b.flatten(b.Node(op.GlobalAvgPool{}, h)), 4, none)
	}},
	{"dilated, asymmetric padding", []int{2, 9, 9}, func(b *net, x *graph.Value) *graph.Value {
		o := op.Conv2D{StrideH: 2, StrideW: 1, DilH: 2, DilW: 1, PadT: 1, PadL: 0, PadB: 3, PadR: 2, Groups: 1, Clamp: relu}
		return b.conv(b.Node(o, x, b.Param(graph.Weight, 0.3, 4, 2, 3, 3), nil), 3, 1, 1, 1, none)
	}},
	{"residual", []int{4, 6, 6}, func(b *net, x *graph.Value) *graph.Value {
		h := b.conv(x, 8, 3, 1, 1, relu)
		sum := b.Node(op.Add{Clamp: relu}, b.conv(h, 8, 3, 1, 1, none), h)
		return b.dense(b.flatten(b.Node(op.AvgPool{KH: 3, KW: 3, StrideH: 3, StrideW: 3, DilH: 1, DilW: 1}, sum)), 5, none)
	}},
	{"concat of images", []int{4, 6, 6}, func(b *net, x *graph.Value) *graph.Value {
		cat := b.Node(op.Concat{Axis: 1}, b.conv(x, 3, 3, 1, 1, relu), b.conv(x, 5, 1, 1, 1, none), b.Node(op.Sigmoid{}, b.conv(x, 2, 1, 1, 1, none)))
		return b.conv(cat, 4, 3, 1, 1, none)
	}},
	{"concat of flattened images", []int{4, 4, 6}, func(b *net, x *graph.Value) *graph.Value {
		cat := b.Node(op.Concat{Axis: 1}, b.flatten(b.conv(x, 3, 3, 1, 1, relu)), b.flatten(b.conv(x, 2, 1, 2, 1, relu)), b.flatten(x))
		return b.dense(b.Node(op.Tanh{}, cat), 4, none)
	}},
	{"concat of flattened images as output", []int{4, 4, 6}, func(b *net, x *graph.Value) *graph.Value {
		return b.Node(op.Concat{Axis: 1}, b.flatten(b.conv(x, 3, 3, 1, 1, relu)), b.flatten(b.conv(x, 2, 1, 2, 1, relu)))
	}},
	{"heads of a detector", []int{4, 4, 6}, func(b *net, x *graph.Value) *graph.Value {
		head := func(h *graph.Value) *graph.Value {
			y := b.Node(op.Transpose{Perm: []int{0, 2, 3, 1}}, b.conv(h, 4, 3, 1, 1, none))
			return b.reshape(y, y.Shape.Sample().Size()/2, 2)
		}
		h := b.conv(x, 5, 3, 2, 1, relu)
		return b.Node(op.Softmax{Axis: 2}, b.Node(op.Concat{Axis: 1}, head(x), head(h)))
	}},
	{"flattened image as output", []int{4, 4, 6}, func(b *net, x *graph.Value) *graph.Value { return b.flatten(b.conv(x, 3, 3, 1, 1, relu)) }},
	{"features to image", []int{24}, func(b *net, x *graph.Value) *graph.Value { return b.conv(b.reshape(x, 2, 3, 4), 5, 3, 1, 1, none) }},
	{"transposed image", []int{3, 4, 5}, func(b *net, x *graph.Value) *graph.Value {
		y := b.Node(op.Transpose{Perm: []int{0, 3, 1, 2}}, b.conv(x, 6, 3, 1, 1, relu))
		return b.conv(y, 2, 3, 1, 1, none)
	}},
	{"sequence", []int{6, 8}, func(b *net, x *graph.Value) *graph.Value {
		h := b.dense(x, 10, relu)
		h = b.Node(op.Pad{Before: []int{0, 1, 0}, After: []int{0, 2, 0}}, h)
		return b.dense(b.flatten(b.dense(h, 5, relu)), 4, none)
	}},
	{"tables", []int{3, 5, 5}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.HardSwish{}, b.conv(x, 4, 3, 1, 1, none))
		h = b.Node(op.LeakyRelu{Alpha: 0.2}, b.conv(h, 4, 3, 1, 1, none))
		h = b.Node(op.Mul{}, h, b.Param(graph.Constant, 1, 1))
		return b.conv(b.Node(op.Tanh{}, h), 4, 1, 1, 1, none)
	}},
	{"constants", []int{3, 5, 5}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.Mul{}, b.conv(x, 4, 3, 1, 1, relu), b.Param(graph.Constant, 1, 4, 1, 1))
		h = b.Node(op.Sub{Clamp: relu}, b.Param(graph.Constant, 1, 1, 4, 5, 5), h)
		return b.conv(h, 4, 1, 1, 1, none)
	}},
	{"gate", []int{3, 5, 5}, func(b *net, x *graph.Value) *graph.Value {
		h := b.conv(x, 4, 3, 1, 1, relu)
		gate := b.Node(op.Sigmoid{}, b.conv(b.Node(op.GlobalAvgPool{}, h), 4, 1, 1, 1, none))
		return b.conv(b.Node(op.Mul{}, gate, h), 4, 1, 1, 1, none)
	}},
	{"difference", []int{3, 5, 5}, func(b *net, x *graph.Value) *graph.Value {
		return b.conv(b.Node(op.Sub{Clamp: relu}, b.conv(x, 4, 3, 1, 1, none), b.conv(x, 4, 1, 1, 1, none)), 4, 1, 1, 1, none)
	}},
	{"padding", []int{3, 5, 5}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.Pad{Before: []int{0, 0, 1, 2}, After: []int{0, 0, 2, 1}, Value: 0.5}, b.conv(x, 4, 3, 1, 1, none))
		return b.conv(h, 4, 3, 1, 1, none)
	}},
	{"pools", []int{3, 9, 9}, func(b *net, x *graph.Value) *graph.Value {
		h := b.Node(op.MaxPool{KH: 3, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 0, CeilMode: true}, b.conv(x, 4, 3, 1, 1, none))
		h = b.Node(op.AvgPool{KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1, CountPad: true}, h)
		h = b.Node(op.AvgPool{KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1}, h)
		return b.conv(h, 4, 1, 1, 1, none)
	}},
	{"one value for all", []int{3, 5, 5}, func(b *net, x *graph.Value) *graph.Value {
		h := b.conv(x, 4, 3, 1, 1, relu)
		gate := b.Node(op.Sigmoid{}, b.dense(b.flatten(b.Node(op.GlobalAvgPool{}, h)), 1, none))
		h = b.Node(op.Mul{}, h, b.reshape(gate, 1, 1, 1))
		return b.dense(b.Node(op.Sub{}, b.dense(b.flatten(h), 6, relu), gate), 3, none)
	}},
	{"one step for all features", []int{6, 8}, func(b *net, x *graph.Value) *graph.Value {
		h := b.dense(x, 10, relu)
		row := b.reshape(b.dense(b.flatten(h), 10, none), 1, 10)
		return b.dense(b.flatten(b.Node(op.Add{}, h, row)), 4, none)
	}},
	{"softmax over rows of one column", []int{1, 5, 5}, func(b *net, x *graph.Value) *graph.Value {
		o := convOp(3, 1, 1, 1, none)
		o.PadL, o.PadR = 0, 0
		h := b.Node(o, x, b.Param(graph.Weight, 0.5, 1, 1, 3, 5), nil)
		return b.conv(b.Node(op.Softmax{Axis: 2}, h), 3, 1, 1, 1, none)
	}},
	{"softmax inside", []int{3, 4, 4}, func(b *net, x *graph.Value) *graph.Value {
		return b.conv(b.Node(op.Softmax{Axis: 1}, b.conv(x, 4, 3, 1, 1, none)), 4, 1, 1, 1, none)
	}},
	{"softmax of a table", []int{8}, func(b *net, x *graph.Value) *graph.Value {
		return b.Node(op.Softmax{Axis: 1}, b.Node(op.Tanh{}, b.dense(x, 5, none)))
	}},
}

func TestAgree(t *testing.T) {
	for _, c := range slices.Concat(cases, resized) {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			b, x := newNet(t, 1, c.sample...)
			g := b.Done(c.build(b, x))
			agree(t, c.name, g, b.Inputs(48))
		})
	}
}

// A scaled input that is joined with other values is on their grid when it is read. The
// device rounds it to its own first, which the tape does not.
func TestScaledInputOnAnotherGrid(t *testing.T) {
	b, x := newNet(t, 3, 3)
	y := b.Node(op.InputScale{Axis: 1, Scale: []float32{0.01, 0.02, 0.015}, Zero: []int{5, 0, -7}, Grid: graph.Affine{Scale: 1.0 / 128}}, x)
	g := b.Done(b.dense(b.Node(op.Concat{Axis: 1}, b.dense(y, 5, relu), y), 6, none))
	in := b.Inputs(48)
	quantized(t, g, in)
	if y.Grid.Scale == 1.0/128 {
		t.Fatal("the grids are the same; the test shows nothing")
	}
	tape, err := graph.NewTape(g, 48)
	if err != nil {
		t.Fatal(err)
	}
	want := tape.Forward(in)[0].Data
	got := deviceRun(t, session(t, g), g, in)
	const least = 25 // dB: two roundings of 8 bits
	if s := testnet.SQNR(want, got); s < least {
		t.Errorf("%.1f dB", s)
	}
}

// random continues a network by a random operator.
func (b *net) random(x *graph.Value) *graph.Value {
	c := x.Shape[1]
	switch b.Rand.IntN(8) {
	case 0:
		return b.conv(x, 1+b.Rand.IntN(8), 1+2*b.Rand.IntN(2), 1+b.Rand.IntN(2), 1, relu)
	case 1:
		return b.conv(x, c, 3, 1, c, none)
	case 2:
		if x.Shape[2] < 2 || x.Shape[3] < 2 {
			return b.conv(x, 3, 1, 1, 1, relu)
		}
		return b.Node(op.MaxPool{KH: 2, KW: 2, StrideH: 1 + b.Rand.IntN(2), StrideW: 2, DilH: 1, DilW: 1, PadL: b.Rand.IntN(2)}, x)
	case 3:
		return b.Node(op.Add{Clamp: relu}, b.conv(x, c, 3, 1, 1, none), x)
	case 4:
		return b.Node(op.Concat{Axis: 1}, b.conv(x, 2, 1, 1, 1, relu), x)
	case 5:
		return b.Node(op.HardSwish{}, b.conv(x, 4, 1, 1, 1, none))
	case 6:
		return b.Node(op.AvgPool{KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1}, x)
	}
	return b.Node(op.Mul{}, x, b.Node(op.Sigmoid{}, b.conv(x, c, 3, 1, 1, none)))
}

func TestAgreeRandom(t *testing.T) {
	for seed := range uint64(40) {
		b, x := newNet(t, 100+seed, 3, 8, 9)
		h := b.conv(x, 4, 3, 1, 1, relu)
		for range 1 + b.Rand.IntN(5) {
			h = b.random(h)
		}
		if b.Rand.IntN(2) == 0 {
			h = b.Node(op.GlobalAvgPool{}, h)
		}
		g := b.Done(b.dense(b.flatten(h), 5, none))
		agree(t, fmt.Sprintf("seed %d", seed), g, b.Inputs(32))
	}
}

// Each entry of a table that the runtime applies equals the function, computed
// in float64 and rounded half away from zero.
func TestTableExact(t *testing.T) {
	for _, o := range []op.Elementwise{op.Sigmoid{}, op.Tanh{}, op.HardSwish{}, op.LeakyRelu{Alpha: 0.1}, op.Relu{}, op.Softsign{}} {
		b, x := newNet(t, 5, 256)
		g := b.Done(b.Node(o, x))
		in := b.Inputs(8)
		quantized(t, g, in)
		grid, out := *x.Grid, *g.Outputs[0].Grid
		all := tensor.New(1, 256)
		for i := range all.Data {
			all.Data[i] = grid.Scale * float32(i-128-grid.Zero)
		}
		got := deviceRun(t, session(t, g), g, all)
		for i, y := range got {
			want := o.F(float64(grid.Scale) * float64(i-128-grid.Zero))
			q := min(max(math.Round(want/float64(out.Scale)), float64(-128-out.Zero)), float64(127-out.Zero))
			if y != out.Scale*float32(q) {
				t.Errorf("%s(%v) = %v, want %v", o.Name(), all.Data[i], y, out.Scale*float32(q))
			}
		}
	}
}

func TestBuildErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		build      func(b *net, x *graph.Value) *graph.Graph
		quantize   bool
	}{
		{"float network", "calibrate", func(b *net, x *graph.Value) *graph.Graph { return b.Done(b.conv(x, 2, 3, 1, 1, relu)) }, false},
		{"padded channels and rows", "one after the other", func(b *net, x *graph.Value) *graph.Graph {
			return b.Done(b.conv(b.Node(op.Pad{Before: []int{0, 1, 1, 0}, After: []int{0, 0, 0, 0}}, x), 2, 3, 1, 1, relu))
		}, true},
		{"computed weights", "constants", func(b *net, x *graph.Value) *graph.Graph {
			h := b.reshape(b.conv(x, 2, 3, 1, 1, relu), 50)
			w := &graph.Value{Name: "w", Shape: tensor.Shape{3, 50}}
			b.G.Inputs = append(b.G.Inputs, w)
			return b.Done(b.Node(op.Dense{}, h, w, nil))
		}, false},
	} {
		b, x := newNet(t, 6, 3, 5, 5)
		g := c.build(b, x)
		if c.quantize {
			if err := passes.Calibrate(g, passes.Samples(b.Inputs(4), 4), passes.Config{}); err != nil {
				t.Fatal(err)
			}
			if err := passes.Weights(g, passes.Config{}); err != nil {
				t.Fatal(err)
			}
			if err := passes.Biases(g, passes.Config{}); err != nil {
				t.Fatal(err)
			}
		} else if c.name == "computed weights" {
			for _, v := range append(g.Inputs, g.Nodes[0].Outputs[0], g.Nodes[1].Outputs[0]) {
				v.Grid = &graph.Affine{Scale: 0.1}
			}
			if err := passes.Weights(g, passes.Config{}); err != nil {
				t.Fatal(err)
			}
			if err := passes.Biases(g, passes.Config{}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := lower.Build(g, lower.Config{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "lower: ") {
			t.Errorf("%s: error %v, want one about %q", c.name, err, c.want)
		}
	}
}
