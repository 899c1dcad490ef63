package lower_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"edgec/internal/deep"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/passes"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/runtime"
	"edgec/runtime/format"
)

// languageNets are transformers and how far the device may be from the fake-quantized graph,
// relative to the outputs' root mean square: integers that differ here and there pass all layers.
var languageNets = []struct {
	name   string
	shapes map[string][]int
	tokens int
	rms    float64
	heavy  bool
}{
	{"gpt-nano-sort", map[string][]int{"idx": {0, 11}}, 3, 0.005, false},
	{"char-transformer", nil, 65, 0.05, true},
	{"stories260k", map[string][]int{"ids": {0, 32}}, 512, 0.05, true},
}

// Transformers of others lower, and compute on the device what their graphs compute on their
// grids; files come back the same.
func TestLanguageNets(t *testing.T) {
	dir := dataDir(t)
	for _, c := range languageNets {
		t.Run(c.name, func(t *testing.T) {
			if c.heavy {
				deep.Only(t)
			}
			g, _, err := onnx.ReadWith(filepath.Join(dir, "models", "language", c.name+".onnx"), onnx.Options{Shapes: c.shapes})
			if err != nil {
				t.Fatal(err)
			}
			if err := simplify.Run(g); err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 1))
			x := tensor.New(append(tensor.Shape{16}, g.Inputs[0].Shape[1:]...)...)
			for i := range x.Data {
				x.Data[i] = float32(r.IntN(c.tokens))
			}
			if err := passes.Quantize(g, passes.Samples(x, 16), passes.Config{}); err != nil {
				t.Fatal(err)
			}
			data, _, err := lower.Encode(g, lower.Config{SelfTest: runtime.MakeSelfTest})
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, data)
			want, got := forward(t, g, x), deviceRun(t, sessionOf(t, data), g, x)
			size := 0.0
			for _, v := range want {
				size += float64(v) * float64(v)
			}
			size = math.Sqrt(size / float64(len(want)))
			if _, rms := distance(got, want); rms > c.rms*size {
				t.Errorf("outputs of size %.3g differ by %.3g rms", size, rms)
			} else {
				t.Logf("%d bytes; outputs of size %.3g differ by %.3g rms", len(data), size, rms)
			}
		})
	}
}

// roundTrip checks that a file is written again as it was, and passes its self-test.
func roundTrip(t *testing.T, data []byte) {
	t.Helper()
	f, err := format.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := format.Encode(f)
	if err != nil || string(again) != string(data) {
		t.Errorf("written again the file has other bytes: %v", err)
	}
	m, err := runtime.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SelfTest(); err != nil {
		t.Error(err)
	}
}

// gpt-nano-sort sorts six letters exactly, of all 729 inputs, on the device.
func TestSortOnTheDevice(t *testing.T) {
	dir := dataDir(t)
	deep.Only(t)
	g, _, err := onnx.ReadWith(filepath.Join(dir, "models", "language", "gpt-nano-sort.onnx"), onnx.Options{Shapes: map[string][]int{"idx": {0, 11}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	x := tensor.New(729, 11)
	for i := range 729 {
		row, count := x.Data[i*11:(i+1)*11], [3]int{}
		for k, n := 0, i; k < 6; k, n = k+1, n/3 {
			row[k] = float32(n % 3)
			count[n%3]++
		}
		k := 6
		for v, n := range count {
			for ; n > 0 && k < 11; n, k = n-1, k+1 {
				row[k] = float32(v)
			}
		}
	}
	if err := passes.Quantize(g, passes.Samples(x, 81), passes.Config{}); err != nil {
		t.Fatal(err)
	}
	s := session(t, g)
	wrong := 0
	for i := range 729 {
		wrong += bit(!sorts(t, s, x.Data[i*11:i*11+6]))
	}
	if wrong > 0 {
		t.Errorf("%d of 729 inputs are sorted wrongly", wrong)
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sorts lets the network write the letters in order, one after the other.
func sorts(t *testing.T, s *runtime.Session, letters []float32) bool {
	t.Helper()
	x := make([]float32, 11)
	copy(x, letters)
	count := [3]int{}
	for _, v := range letters {
		count[int(v)]++
	}
	for k := range 6 {
		if err := s.SetInput(0, x); err != nil {
			t.Fatal(err)
		}
		s.Run()
		best := argmax(s.Output(0)[(5+k)*3 : (6+k)*3])
		want := 0
		for n := k; n >= count[want]; want++ {
			n -= count[want]
		}
		if best != want {
			return false
		}
		if k < 5 {
			x[6+k] = float32(best)
		}
	}
	return true
}
