package export_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"edgec/export"
	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/quantize"
	"edgec/runtime"
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
	g, err := onnx.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	return g
}

// readNpy reads a little-endian float32 .npy file in C order.
func readNpy(t testing.TB, b []byte) *tensor.Tensor {
	t.Helper()
	n := 10 + int(binary.LittleEndian.Uint16(b[8:]))
	head := string(b[10:n])
	if !strings.Contains(head, "'<f4'") || strings.Contains(head, "'fortran_order': True") {
		t.Fatalf("unexpected npy header %s", head)
	}
	var shape []int
	for _, s := range strings.Split(regexp.MustCompile(`\(([^)]*)\)`).FindStringSubmatch(head)[1], ",") {
		if d, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
			shape = append(shape, d)
		}
	}
	x := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[n+4*i:]))
	}
	return x
}

func golden(t testing.TB, path string) *tensor.Tensor {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return readNpy(t, b)
}

// mnist returns the first n images of a set, scaled to 0..1, and their labels.
func mnist(t testing.TB, dir, set string, n int) (*tensor.Tensor, []byte) {
	t.Helper()
	read := func(name string, head int) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "mnist", set+name))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
		return b[head:]
	}
	pixels := read("-images-idx3-ubyte.gz", 16)
	x := tensor.New(n, 1, 28, 28)
	for i := range x.Data {
		x.Data[i] = float32(pixels[i]) / 255
	}
	return x, read("-labels-idx1-ubyte.gz", 8)[:n]
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
func wrong(out []float32, labels []byte) int {
	n, k := 0, len(out)/len(labels)
	for i, l := range labels {
		if argmax(out[i*k:(i+1)*k]) != int(l) {
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

// sqnr is the ratio of signal to error power in decibels.
func sqnr(want, got []float32) float64 {
	signal, noise := 0.0, 1e-30
	for i, w := range want {
		signal += float64(w) * float64(w)
		noise += float64(w-got[i]) * float64(w-got[i])
	}
	return 10 * math.Log10(signal/noise)
}

// The LeNets, calibrated on 200 training images, lose at most 0.1 points on the
// test images in the runtime. All 10,000 images are used when EDGEC_LONG is set.
func TestMNIST(t *testing.T) {
	dir := dataDir(t)
	n := 2000
	if os.Getenv("EDGEC_LONG") != "" {
		n = 10000
	}
	x, labels := mnist(t, dir, "t10k", n)
	calibration, _ := mnist(t, dir, "train", 200)
	for _, name := range []string{"lenet-5", "lenet-300-100"} {
		g := network(t, filepath.Join(dir, "models", "lenet", name+".onnx"))
		float := floatRun(t, g, x)
		quantized(t, g, calibration)
		data, sizes, err := export.Encode(g, export.Config{})
		if err != nil {
			t.Fatal(err)
		}
		fake := floatRun(t, g, x)
		device := deviceRun(t, session(t, g), g, x)
		t.Logf("%s: %d images, errors: float %d, fake quantization %d, device %d; %.1f dB; file %d bytes (%+v)",
			name, n, wrong(float, labels), wrong(fake, labels), wrong(device, labels), sqnr(float, device), len(data), *sizes)
		if loss := float64(wrong(device, labels)-wrong(float, labels)) / float64(n); loss > 0.001 {
			t.Errorf("%s: the device's error is %.2f points above the float network's", name, 100*loss)
		}
		same := 0
		for i := range labels {
			k := len(fake) / len(labels)
			if argmax(fake[i*k:(i+1)*k]) == argmax(device[i*k:(i+1)*k]) {
				same++
			}
		}
		if same < n-n/500 {
			t.Errorf("%s: fake quantization and device agree on %d of %d images only", name, same, n)
		}
	}
}

// Real networks lower, and the device stays close to the float reference of
// ONNX Runtime.
func TestNetworks(t *testing.T) {
	dir := dataDir(t)
	for _, c := range []struct {
		folder, name string
		least        float64 // decibels
	}{
		{"lenet", "cntk-mnist", 25},
		{"lenet", "keras-cnn", 25},
		{"mlperf-tiny", "resnet8", 20},
		{"mlperf-tiny", "kws-dscnn", 20},
		{"mlperf-tiny", "vww-mobilenet", 20},
		{"mlperf-tiny", "ad-autoencoder", 20},
		{"detect", "mobilenet-v2-0.35-128", 10},
		{"detect", "ultraface-rfb-320", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.folder == "detect" {
				t.Skip("large network, skipped in short mode")
			}
			g := network(t, filepath.Join(dir, "models", c.folder, c.name+".onnx"))
			in := golden(t, filepath.Join(dir, "golden", c.name, "in0.npy"))
			if err := quantize.Quantize(g, quantize.Samples(in, 8), quantize.Config{}); err != nil {
				t.Fatal(err)
			}
			data, _, err := export.Encode(g, export.Config{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := runtime.Load(data)
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.NewSession(runtime.Config{})
			if err != nil {
				t.Fatal(err)
			}
			for k := range g.Outputs {
				want := golden(t, filepath.Join(dir, "golden", c.name, "out"+strconv.Itoa(k)+".npy")).Data
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
					c.name, k, sqnr(want, got), sqnr(want, fake), sqnr(fake, got), len(data))
				if r := sqnr(want, got); r < c.least {
					t.Errorf("output %d: %.1f dB, want %v", k, r, c.least)
				}
			}
		})
	}
}
