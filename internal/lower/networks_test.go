package lower_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/passes"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// dataDir returns the folder of real networks and data.
func dataDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("EDGEC_DATA is not set: it names the folder with models/, golden/ and mnist/")
	}
	return dir
}

// network reads and simplifies a network.
func network(t testing.TB, path string) *graph.Graph {
	t.Helper()
	g, _, err := onnx.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	return g
}

// realNet is a network and the labelled data that it was made for.
type realNet struct {
	folder, name string
	data         string
	raw          bool    // takes bytes as 0..255
	samples      int     // of the test part, when EDGEC_LONG is not set
	loss         float64 // points that quantization may cost
	same         float64 // share of samples on which fake quantization and device agree
	between      float64 // points between the errors of two programs
	mean, std    []float32
}

// realNets are bound by what is measured and a few samples. A residual network
// multiplies a rounding difference by all its layers, so its classes change on
// samples that it hardly knows; they change for the better about as often.
var realNets = []realNet{
	{"lenet", "lenet-5", "mnist", false, 1000, 0.1, 0.998, 0.1, nil, nil},
	{"lenet", "lenet-300-100", "mnist", false, 2000, 0.1, 0.998, 0.1, nil, nil},
	{"lenet", "cntk-mnist", "mnist", true, 2000, 0.1, 0.998, 0.1, nil, nil},
	{"lenet", "keras-cnn", "mnist", false, 200, 0.5, 0.99, 0.5, nil, nil},
	{"mlperf-tiny", "resnet8", "cifar10-1k", true, 300, 3, 0.95, 1, nil, nil},
	{"cifar", "resnet20", "cifar10-1k", false, 200, 2, 0.95, 1, []float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}},
	{"mlperf-tiny", "kws-dscnn", "kws-mfcc/kws-1000.npz", false, 500, 1, 0.98, 0.4, nil, nil},
	{"speech", "speech-gru", "audio/spoken-digits.npz", false, 300, 0.7, 0.98, 0.7, nil, nil},
}

// load reads the network, samples to calibrate it with, and test samples with
// their labels.
func (n realNet) load(t testing.TB, dir string) (g *graph.Graph, calibration, x *tensor.Tensor, labels []int) {
	t.Helper()
	g = network(t, filepath.Join(dir, "models", n.folder, n.name+".onnx"))
	data, err := dataset.Open(filepath.Join(dir, n.data), dataset.Options{Shape: g.Inputs[0].Shape.Sample(), Raw: n.raw, Mean: n.mean, Std: n.std})
	if err != nil {
		t.Fatal(err)
	}
	test, first := data.Test, 0
	if test == nil { // one part only: the second half is the test
		test, first = data.Train, data.Train.Len()/2
	}
	count := test.Len() - first
	if os.Getenv("EDGEC_LONG") == "" {
		count = min(count, n.samples)
	}
	return g, read(data.Train, 0, 200), read(test, first, count), test.Labels[first : first+count]
}

func read(s *dataset.Set, first, count int) *tensor.Tensor {
	x := tensor.New(append(tensor.Shape{count}, s.Sample()...)...)
	size := s.Sample().Size()
	for i := range count {
		s.Read(first+i, x.Data[i*size:(i+1)*size])
	}
	return x
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// wrong counts the samples whose largest output is not the label.
func wrong(out []float32, labels []int) int {
	n, k := 0, len(out)/len(labels)
	for i, l := range labels {
		if argmax(out[i*k:(i+1)*k]) != l {
			n++
		}
	}
	return n
}

func floatRun(t testing.TB, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	const batch = 100
	tape, err := graph.NewTape(g, min(batch, x.Shape[0]))
	if err != nil {
		t.Fatal(err)
	}
	var out []float32
	for lo := 0; lo < x.Shape[0]; lo += batch {
		out = append(out, tape.Forward(x.Rows(lo, min(lo+batch, x.Shape[0])))[0].Data...)
	}
	return out
}

// Real networks, calibrated on 200 training samples and not trained, keep their
// accuracy in the runtime. All test samples are used when EDGEC_LONG is set.
func TestAccuracy(t *testing.T) {
	dir := dataDir(t)
	for _, n := range realNets {
		t.Run(n.name, func(t *testing.T) {
			if n.name != "lenet-5" && n.name != "speech-gru" {
				deep.Only(t)
			}
			g, calibration, x, labels := n.load(t, dir)
			float := floatRun(t, g, x)
			quantized(t, g, calibration)
			data, _, err := lower.Encode(g, lower.Config{})
			if err != nil {
				t.Fatal(err)
			}
			fake := floatRun(t, g, x)
			device := deviceRun(t, session(t, g), g, x)
			t.Logf("%d samples, errors: float %d, fake quantization %d, device %d; %.1f dB; file %d bytes",
				len(labels), wrong(float, labels), wrong(fake, labels), wrong(device, labels), testnet.SQNR(float, device), len(data))
			if loss := 100 * float64(wrong(device, labels)-wrong(float, labels)) / float64(len(labels)); loss > n.loss {
				t.Errorf("the device's error is %.2f points above the float network's, at most %v allowed", loss, n.loss)
			}
			if same := agreement(fake, device, len(labels)); float64(same) < n.same*float64(len(labels)) {
				t.Errorf("fake quantization and device agree on %d of %d samples only", same, len(labels))
			}
		})
	}
}

// agreement counts the samples on whose largest output a and b agree.
func agreement(a, b []float32, samples int) int {
	same, k := 0, len(a)/samples
	for i := range samples {
		if argmax(a[i*k:(i+1)*k]) == argmax(b[i*k:(i+1)*k]) {
			same++
		}
	}
	return same
}

// Real networks lower, and the device stays close to the float reference of
// ONNX Runtime on the inputs that it is calibrated with: about 4 dB below what
// is measured are allowed.
func TestNetworks(t *testing.T) {
	dir := dataDir(t)
	for _, c := range []struct {
		folder, name string
		least        float64 // decibels
	}{
		{"lenet", "lenet-5", 30},
		{"lenet", "lenet-300-100", 30},
		{"lenet", "cntk-mnist", 47},
		{"lenet", "keras-cnn", 56},
		{"lenet", "case-study", 30},
		{"mlperf-tiny", "resnet8", 30},
		{"mlperf-tiny", "kws-dscnn", 37},
		{"mlperf-tiny", "vww-mobilenet", 54},
		{"mlperf-tiny", "ad-autoencoder", 42},
		{"speech", "speech-gru", 48},
		{"cifar", "resnet20", 31},
		{"detect", "mobilenet-v2-0.35-128", 33},
		{"detect", "ultraface-rfb-320", 26},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "case-study" || c.name == "keras-cnn" || c.name == "mobilenet-v2-0.35-128" {
				deep.Only(t)
			}
			if testing.Short() && (c.folder == "detect" || c.name == "case-study") {
				t.Skip("large network, skipped in short mode")
			}
			g := network(t, filepath.Join(dir, "models", c.folder, c.name+".onnx"))
			in := testnet.Npy(t, filepath.Join(dir, "golden", c.name, "in0.npy"))
			if c.name == "case-study" { // 600 million multiplications a sample
				in = in.Rows(0, 1)
			}
			if err := passes.Quantize(g, passes.Samples(in, 8), passes.Config{}); err != nil {
				t.Fatal(err)
			}
			data, _, err := lower.Encode(g, lower.Config{})
			if err != nil {
				t.Fatal(err)
			}
			s := sessionOf(t, data)
			for k := range g.Outputs {
				want := testnet.Npy(t, filepath.Join(dir, "golden", c.name, "out"+strconv.Itoa(k)+".npy")).Rows(0, in.Shape[0]).Data
				var got []float32
				for i := range in.Shape[0] {
					if err := s.SetInputNCHW(0, in.Rows(i, i+1).Data); err != nil {
						t.Fatal(err)
					}
					s.Run()
					got = append(got, s.Output(k)...)
				}
				tape, err := graph.NewTape(g, in.Shape[0])
				if err != nil {
					t.Fatal(err)
				}
				fake := tape.Forward(in)[k].Data
				t.Logf("%s, output %d: device %.1f dB, fake quantization %.1f dB, device against it %.1f dB; file %d bytes",
					c.name, k, testnet.SQNR(want, got), testnet.SQNR(want, fake), testnet.SQNR(fake, got), len(data))
				if r := testnet.SQNR(want, got); r < c.least {
					t.Errorf("output %d: %.1f dB, want %v", k, r, c.least)
				}
			}
		})
	}
}
