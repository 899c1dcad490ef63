package lower_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/ortcheck"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// add gives g's ONNX file to ONNX Runtime.
func add(t *testing.T, r *ortcheck.Runner, name string, g *graph.Graph, x *tensor.Tensor) {
	t.Helper()
	data, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	r.Add(name, data, x.Data)
}

// floatTol bounds |difference| / max(1, largest output) of two float32 programs
// that add in different orders.
const floatTol = 2e-5

// The float form of every operator computes in ONNX Runtime what it does here.
func TestONNXRuntimeFloat(t *testing.T) {
	r := ortcheck.New(t)
	want := map[string][]float32{}
	for _, c := range writeCases() {
		b, x := newNet(t, 3, c.sample...)
		g := b.Done(c.build(b, x))
		name, in := strings.ReplaceAll(c.name, " ", "_"), b.Inputs(16)
		want[name] = forward(t, g, in)
		add(t, r, name, g, in)
	}
	r.Run()
	for name, w := range want {
		scale := 1.0
		for _, v := range w {
			scale = max(scale, math.Abs(float64(v)))
		}
		for _, mode := range ortcheck.Modes {
			if worst, _ := distance(r.Output(name, mode), w); worst > floatTol*scale {
				t.Errorf("%s, %s: difference %g of outputs up to %g", name, mode, worst, scale)
			}
		}
	}
}

// The quantized form of every operator, as a file gives it, computes in ONNX
// Runtime what the device does.
func TestONNXRuntimeQuantized(t *testing.T) {
	r := ortcheck.New(t)
	want, step := map[string][]float32{}, map[string]float64{}
	for i, c := range cases {
		b, x := newNet(t, 40+uint64(i), c.sample...)
		g := b.Done(c.build(b, x))
		name, in := strings.ReplaceAll(c.name, " ", "_"), b.Inputs(48)
		quantized(t, g, in)
		l, s := lifted(t, g)
		want[name], step[name] = deviceRun(t, s, g, in), stepOf(g, g.Outputs[0])
		add(t, r, name, l, in)
	}
	r.Run()
	closeSteps(t, r, want, step)
}

// closeSteps checks that ONNX Runtime's outputs are those of the device, but for
// few steps of the output.
func closeSteps(t *testing.T, r *ortcheck.Runner, want map[string][]float32, step map[string]float64) {
	t.Helper()
	for name, w := range want {
		for _, mode := range ortcheck.Modes {
			worst, rms := distance(r.Output(name, mode), w)
			t.Logf("%s, %s: %.2f steps at most, %.3f rms", name, mode, worst/step[name], rms/step[name])
			if worst > maxWorst*step[name] || rms > maxMean*step[name] {
				t.Errorf("%s, %s: outputs differ by %.2f steps at most and %.2f rms from the device", name, mode, worst/step[name], rms/step[name])
			}
		}
	}
}

// Real networks, as files of the runtime give them, classify in ONNX Runtime as
// they do in the runtime.
func TestONNXRuntimeNetworks(t *testing.T) {
	dir := dataDir(t)
	r := ortcheck.New(t)
	want, labels, step := map[string][]float32{}, map[string][]int{}, map[string]float64{}
	for _, n := range realNets {
		g, calibration, x, l := n.load(t, dir)
		quantized(t, g, calibration)
		lift, s := lifted(t, g)
		want[n.name], labels[n.name], step[n.name] = deviceRun(t, s, g, x), l, stepOf(g, g.Outputs[0])
		add(t, r, n.name, lift, x)
	}
	r.Run()
	for _, n := range realNets {
		for _, mode := range ortcheck.Modes {
			ortAgrees(t, n, r.Output(n.name, mode), want[n.name], labels[n.name], step[n.name], mode)
		}
	}
}

func ortAgrees(t *testing.T, n realNet, got, want []float32, labels []int, step float64, mode string) {
	worst, rms := distance(got, want)
	there, here, same := wrong(got, labels), wrong(want, labels), agreement(got, want, len(labels))
	t.Logf("%s, %s: %d samples, errors: runtime %d, ONNX Runtime %d; same class on %d; outputs differ by %.2f steps at most, %.3f rms",
		n.name, mode, len(labels), here, there, same, worst/step, rms/step)
	if d := 100 * math.Abs(float64(there-here)) / float64(len(labels)); d > n.between {
		t.Errorf("%s, %s: errors %d in ONNX Runtime and %d here, %.2f points apart", n.name, mode, there, here, d)
	}
	if rms > maxMean*step {
		t.Errorf("%s, %s: outputs differ by %.2f steps rms", n.name, mode, rms/step)
	}
}

// A file for MNIST, compressed by whatever made it, has in ONNX Runtime the
// accuracy that it has in the runtime. EDGEC_ORT_FILE names it.
func TestONNXRuntimeFile(t *testing.T) {
	path := os.Getenv("EDGEC_ORT_FILE")
	if path == "" {
		t.Skip("EDGEC_ORT_FILE is not set: it names a compressed file of a network for MNIST")
	}
	dir := dataDir(t)
	r := ortcheck.New(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g, s := liftFile(t, data)
	set, err := dataset.Open(filepath.Join(dir, "mnist"), dataset.Options{Shape: g.Inputs[0].Shape.Sample()})
	if err != nil {
		t.Fatal(err)
	}
	x := read(set.Test, 0, set.Test.Len())
	add(t, r, "file", g, x)
	r.Run()
	want, step := deviceRun(t, s, g, x), stepOf(g, g.Outputs[0])
	for _, mode := range ortcheck.Modes {
		ortAgrees(t, realNet{name: filepath.Base(path), between: 0.1}, r.Output("file", mode), want, set.Test.Labels, step, mode)
	}
}

// Networks that arrive quantized, in the QDQ form of another program, compute in
// the runtime what they do in ONNX Runtime.
func TestONNXRuntimeImported(t *testing.T) {
	dir := dataDir(t)
	r := ortcheck.New(t)
	want, step := map[string][]float32{}, map[string]float64{}
	for i, name := range []string{"dscnn_u8s8", "lenet5_u8s8", "mbv1_025_96_u8s8", "resnet8_u8s8"} {
		path := filepath.Join(dir, "models", "bench", name+".onnx")
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		g := network(t, path)
		b := &net{&testnet.Net{T: t, G: g, Rand: rand.New(rand.NewPCG(uint64(i), 7))}}
		x := b.Inputs(8)
		want[name], step[name] = deviceRun(t, session(t, g), g, x), stepOf(g, g.Outputs[0])
		r.Add(name, original, x.Data)
	}
	r.Run()
	closeSteps(t, r, want, step)
}

// writeCases are the networks of the device's operators and of those that only
// the float form has.
func writeCases() []netCase {
	return append(cases[:len(cases):len(cases)], []netCase{
		{"functions", []int{3, 4, 4}, func(b *net, x *graph.Value) *graph.Value {
			h := x
			for _, o := range []graph.Op{op.Abs{}, op.Sqrt{}, op.Neg{}, op.Exp{}, op.Sigmoid{}, op.Softsign{}, op.Tanh{}, op.LeakyRelu{Alpha: 0.3}, op.HardSwish{}, op.Elu{}, op.Gelu{}, op.Gelu{Tanh: true}, op.Erf{}, op.Power{K: 3},
				op.HardSigmoid{Alpha: 0.25, Beta: 0.4}, op.Clip{Lo: 0.1, Hi: 0.9}, op.Relu{}} {
				h = b.Node(o, h)
			}
			return h
		}},
		{"limits", []int{5}, func(b *net, x *graph.Value) *graph.Value {
			lo := b.Node(op.Clip{Lo: -0.5, Hi: float32(math.Inf(1))}, x)
			hi := b.Node(op.Clip{Lo: float32(math.Inf(-1)), Hi: 0.5}, x)
			return b.Node(op.Sub{Clamp: op.Clamp{On: true, Lo: -1, Hi: 0.25}}, lo, hi)
		}},
		{"normalization", []int{3, 4, 4}, func(b *net, x *graph.Value) *graph.Value {
			variance := b.Param(graph.Constant, 1, 3)
			for i, v := range variance.Param.Shadow.Data {
				variance.Param.Shadow.Data[i] = v*v + 0.1
			}
			variance.Param.Refresh()
			return b.Node(op.BatchNorm{Epsilon: 1e-3}, x, b.Param(graph.Constant, 1, 3), b.Param(graph.Constant, 1, 3), b.Param(graph.Constant, 1, 3), variance)
		}},
		{"arithmetic", []int{3, 4}, func(b *net, x *graph.Value) *graph.Value {
			h := b.Node(op.Div{}, b.Param(graph.Constant, 1, 4), b.Node(op.Exp{}, x))
			return b.Node(op.Mul{}, b.Node(op.Sub{}, b.Param(graph.Constant, 1, 3, 1), h), x)
		}},
		{"wide pools", []int{2, 9, 10}, func(b *net, x *graph.Value) *graph.Value {
			h := b.Node(op.MaxPool{KH: 3, KW: 2, StrideH: 2, StrideW: 1, DilH: 2, DilW: 3, PadT: 1, PadL: 1, PadB: 0, PadR: 1, CeilMode: true}, x)
			return b.Node(op.AvgPool{KH: 2, KW: 2, StrideH: 1, StrideW: 2, DilH: 1, DilW: 2, PadT: 1, PadL: 1, CountPad: true}, h)
		}},
		{"softmax over rows", []int{4, 5}, func(b *net, x *graph.Value) *graph.Value { return b.Node(op.Softmax{Axis: 1}, x) }},
	}...)
}
