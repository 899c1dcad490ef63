package lower_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/tensor"
	"edgec/runtime"
	"edgec/runtime/format"
)

// lifted encodes g, reads the file and lifts it.
func lifted(t testing.TB, g *graph.Graph) (*graph.Graph, *runtime.Session) {
	t.Helper()
	data, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return liftFile(t, data)
}

func liftFile(t testing.TB, data []byte) (*graph.Graph, *runtime.Session) {
	t.Helper()
	f, err := format.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lower.Lift(f, "lifted")
	if err != nil {
		t.Fatal(err)
	}
	return l, sessionOf(t, data)
}

// checkLift lifts the file of g and checks that the graph that comes back, and
// the one that its ONNX file gives, compute on the host what g does on its
// grids, and lowered again what the device does, to the bit.
func checkLift(t *testing.T, name string, g *graph.Graph, x *tensor.Tensor) {
	t.Helper()
	quantized(t, g, x)
	l, s := lifted(t, g)
	want := forward(t, g, x)
	step := stepOf(g, g.Outputs[0])
	hostClose(t, name, l, x, want, step)
	if again := deviceRun(t, session(t, l), l, x); !slices.Equal(again, deviceRun(t, s, g, x)) {
		t.Errorf("%s: the lifted network lowers to another one\n%s\n%s", name, g, l)
	}
	data, err := onnx.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	back, err := onnx.Decode(data, name)
	if err != nil {
		t.Fatalf("%s: our own ONNX file is refused: %v\n%s", name, err, l)
	}
	hostClose(t, name+" by way of ONNX", back, x, want, step)
}

// hostClose checks that g's outputs for all samples at once are the wanted ones
// but for float32 rounding, which moves few integers by one step.
func hostClose(t *testing.T, name string, g *graph.Graph, x *tensor.Tensor, want []float32, step float64) {
	t.Helper()
	const maxWorst, maxMean = 2, 0.02
	worst, rms := distance(forward(t, g, x), want)
	if worst > maxWorst*step || rms > maxMean*step {
		t.Errorf("%s: outputs differ by %.3f steps at most and %.3f rms\n%s", name, worst/step, rms/step, g)
	}
}

func forward(t *testing.T, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	tape, err := graph.NewTape(g, x.Shape[0])
	if err != nil {
		t.Fatalf("%v\n%s", err, g)
	}
	return tape.Forward(x)[0].Data
}

func TestLift(t *testing.T) {
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			b, x := newNet(t, 2, c.sample...)
			g := b.Done(c.build(b, x))
			checkLift(t, c.name, g, b.Inputs(48))
		})
	}
}

// A network that resizes comes back from its file as one that lowers to the same.
func TestLiftResized(t *testing.T) {
	for _, c := range resized {
		b, x := newNet(t, 2, c.sample...)
		g := b.Done(c.build(b, x))
		in := b.Inputs(16)
		quantized(t, g, in)
		l, s := lifted(t, g)
		hostClose(t, c.name, l, in, forward(t, g, in), stepOf(g, g.Outputs[0]))
		if !slices.Equal(deviceRun(t, session(t, l), l, in), deviceRun(t, s, g, in)) {
			t.Errorf("%s: the lifted network lowers to another one", c.name)
		}
	}
}

// Weights that are mostly zero and take few values are stored as masks and
// indexes into a codebook; lifting gives the same integers.
func TestLiftCodebook(t *testing.T) {
	b, x := newNet(t, 9, 3, 8, 8)
	h := b.flatten(b.conv(b.conv(x, 8, 3, 2, 1, relu), 12, 3, 1, 1, relu))
	g := b.Done(b.dense(b.dense(h, 24, relu), 5, none))
	for _, p := range g.Params() {
		if p.Role != graph.Weight {
			continue
		}
		p.Mask = make([]float32, len(p.Shadow.Data))
		for i := range p.Shadow.Data {
			p.Shadow.Data[i] = float32(1+b.Rand.IntN(4)) / 4 * float32(1-2*b.Rand.IntN(2))
			if b.Rand.IntN(10) == 0 {
				p.Mask[i] = 1
			}
		}
		p.Refresh()
	}
	checkLift(t, "codebook", g, b.Inputs(48))
	f, err := lower.Build(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range f.Weights {
		if len(w.Values) > 1000 && len(w.Book) == 0 {
			t.Errorf("weights %d have no codebook: the test shows nothing", i)
		}
	}
}

func TestLiftRandom(t *testing.T) {
	for seed := range uint64(40) {
		b, x := newNet(t, 300+seed, 3, 8, 9)
		h := b.conv(x, 4, 3, 1, 1, relu)
		for range 1 + b.Rand.IntN(5) {
			h = b.random(h)
		}
		g := b.Done(b.dense(b.flatten(h), 5, none))
		checkLift(t, fmt.Sprintf("seed %d", seed), g, b.Inputs(32))
	}
}
