package format

import (
	"bytes"
	"compress/flate"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Sparse weights must cost less than the order-0 entropy of their values.
func TestCodeLength(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	w := Weight{OutC: 100, KH: 1, KW: 1, InC: 784, Scale: []float32{1}}
	w.Values = make([]int8, w.Elems())
	book := []int8{-60, -30, -10, 12, 33, 70}
	ideal := 0.0
	for i := range w.Values {
		x, y := float64(i%784%28-14), float64(i%784/28-14)
		row := float64(i / 784 % 10)
		p := 0.08 * math.Exp(-(x*x+y*y)/60) * (0.2 + row/5)
		ideal -= (p*math.Log2(p/6) + (1-p)*math.Log2(1-p)) / 8 // for a coder that knew p
		if r.Float64() < p {
			w.Values[i] = book[r.IntN(6)]
		}
	}
	w.Book = []int8{-60, -30, -10, 0, 12, 33, 70}
	data, sizes, err := Encode(denseFile(w))
	if err != nil {
		t.Fatal(err)
	}
	entropy := w.Entropy() / 8
	t.Logf("%d bytes (masks %d, indexes %d), order-0 entropy %.0f, ideal %.0f", len(data), sizes.Masks, sizes.Indexes, entropy, ideal)
	if got := float64(sizes.Masks + sizes.Indexes); got > 1.1*ideal || got > entropy {
		t.Errorf("%v bytes of masks and indexes; order-0 entropy is %.0f, a coder that knew every probability would need %.0f", got, entropy, ideal)
	}
	if fixed := sizes.Header + sizes.Graph + sizes.Checksum; fixed > 40 {
		t.Errorf("%d bytes of header, graph and checksum for one layer", fixed)
	}
}

// goldens are the networks of this project that the repository has.
func goldens(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/*.edgec")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no compressed networks in testdata: %v", err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

// pruned are files of LeNet-300-100 that testdata had before it had better ones, most of them
// with a weight for each pixel: the coder stays held to what it made of them.
const pruned = "testdata/pruned/"

// goldenShares are how much of the order-0 entropy of their weights, and of the bytes that
// DEFLATE at its best makes of them as int8, the goldens may take: what they took when they were
// made, rounded up, and no more than 0.65 of DEFLATE where each pixel has a weight. Where pixels
// share weights there are fewer places, and less to be said of them.
var goldenShares = map[string]struct{ entropy, deflate float64 }{
	pruned + "lenet-300-100.edgec":      {0.795, 0.629},
	pruned + "lenet-300-100-3100.edgec": {0.862, 0.63},
	pruned + "lenet-300-100-2400.edgec": {0.885, 0.634},
	pruned + "lenet-300-100-1900.edgec": {0.867, 0.651},

	"lenet-300-100.edgec":      {0.841, 0.668},
	"lenet-300-100-3100.edgec": {0.854, 0.651},
	"lenet-300-100-2400.edgec": {0.872, 0.658},
	"lenet-300-100-1900.edgec": {0.877, 0.647},
	"lenet-5.edgec":            {0.892, 0.616},
	"lenet-5-2100.edgec":       {0.974, 0.645},
	"lenet-5-1600.edgec":       {0.982, 0.639},
	"lenet-5-1500.edgec":       {0.972, 0.634},
	"lenet-5-1200.edgec":       {0.993, 0.636},
}

// The networks of this project are smaller than an ideal coder without contexts
// makes their weights, and than DEFLATE does.
func TestGoldenSizes(t *testing.T) {
	files := goldens(t)
	paths, err := filepath.Glob(pruned + "*.edgec")
	if err != nil || len(paths) != 4 {
		t.Fatalf("%d files in %s: %v", len(paths), pruned, err)
	}
	for _, path := range paths {
		if files[filepath.ToSlash(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		f, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		_, s, err := Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		coded, entropy, deflated := float64(s.Coded()), 0.0, float64(deflate(t, f))
		for i := range f.Weights {
			entropy += f.Weights[i].Entropy() / 8
		}
		t.Logf("%s: %.0f bytes of weights, %.3f of order-0 entropy (%.0f), %.3f of DEFLATE (%.0f)", name, coded, coded/entropy, entropy, coded/deflated, deflated)
		most, ok := goldenShares[name]
		if !ok {
			t.Errorf("%s has no bounds; give it some", name)
			continue
		}
		if coded > most.entropy*entropy {
			t.Errorf("%s: %.0f bytes of weights are more than %v of their order-0 entropy, %.0f", name, coded, most.entropy, entropy)
		}
		if coded > most.deflate*deflated {
			t.Errorf("%s: %.0f bytes of weights are more than %v of %.0f under DEFLATE", name, coded, most.deflate, deflated)
		}
	}
}

// deflate returns the bytes of all weights as int8 under DEFLATE.
func deflate(t *testing.T, f *File) int {
	t.Helper()
	var plain []byte
	for i := range f.Weights {
		for _, v := range f.Weights[i].Values {
			plain = append(plain, byte(v))
		}
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

// BenchmarkDecode decodes files; MB/s are of the int8 weights that come out,
// zeros included.
func BenchmarkDecode(b *testing.B) {
	files := goldens(b)
	for name, density := range map[string]float64{"random-2.5%": 0.025, "random-dense": 1} {
		files[name] = randomDense(b, density)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		b.Run(name, func(b *testing.B) {
			f, err := Decode(files[name])
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(f.weights()))
			for b.Loop() {
				if _, err := Decode(files[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// randomDense is the file of a Dense layer of the first size of LeNet-300-100,
// with that share of its weights at random places.
func randomDense(t testing.TB, density float64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(6, 6))
	w := Weight{OutC: 300, KH: 1, KW: 1, InC: 784, Scale: []float32{1}, Values: make([]int8, 300*784)}
	for i := range w.Values {
		if r.Float64() < density {
			w.Values[i] = int8(min(max(math.Round(r.NormFloat64()*30), -127), 127))
		}
	}
	data, _, err := Encode(denseFile(w))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// denseFile is a network of one layer over a picture of 28x28 pixels.
func denseFile(w Weight) *File {
	f := &File{Tensors: []Tensor{{Shape: []int{28, 28, 1}, Scale: 1}, {DType: Float32, Shape: []int{w.OutC}}}, Weights: []Weight{w}, Inputs: []int{0}, Outputs: []int{1},
		Instrs: []Instr{{Op: OpDense, In: []int{0}, Out: 1, ClampMin: -128, ClampMax: 127}}}
	Finish(f)
	return f
}
