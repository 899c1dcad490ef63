package pack

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/eval"
	"edgec/internal/lower"
	"edgec/runtime"
	"edgec/runtime/format"
)

// Tensors get a codebook where it pays: few values in many weights, not noise.
func TestEncode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const c = 64
	m := newModel(c)
	m.pair("x", "a", xScale, 0)
	noise, few := make([]int8, c*c), make([]int8, c*c)
	for i := range noise {
		noise[i] = int8(rng.IntN(256) - 128)
		few[i] = []int8{-120, -97, -61, -40, -33, -17, -9, -5, 3, 8, 15, 21, 29, 44, 63, 77, 91, 102, 119, 127}[rng.IntN(20)]
	}
	dequantized(m, "w", []int{c, c}, []float32{wScale}, []int8{0}, noise...)
	dequantized(m, "v", []int{c, c}, []float32{wScale}, []int8{0}, few...)
	m.node("Gemm", "a,w", "h")
	m.pair("h", "hd", xScale, 0)
	m.node("Gemm", "hd,v", "sum")
	m.pair("sum", "y", yScale, yZero)
	n, err := Read(m.write(t))
	if err != nil {
		t.Fatal(err)
	}
	plain, _, err := format.Encode(n.File)
	if err != nil {
		t.Fatal(err)
	}
	data, sizes, err := Encode(n.File)
	if err != nil {
		t.Fatal(err)
	}
	f, err := format.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if f.Weights[0].Book != nil || len(f.Weights[1].Book) < 20 || len(f.Weights[1].Book) > 21 {
		t.Errorf("codebooks of %d and %d values", len(f.Weights[0].Book), len(f.Weights[1].Book))
	}
	if len(data) > len(plain)*9/10 || sizes.Total() != len(data) {
		t.Errorf("%d bytes, %d without codebooks, %d accounted for", len(data), len(plain), sizes.Total())
	}
	for i, w := range n.File.Weights {
		if !slices.Equal(w.Values, f.Weights[i].Values) {
			t.Errorf("weights %d have changed", i)
		}
	}
}

// packed is what edgec.Pack does, without comparing.
func packed(tb testing.TB, path string) []byte {
	tb.Helper()
	n, err := Read(path)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := RemoveDead(n.Graph); err != nil {
		tb.Fatal(err)
	}
	f, err := lower.Build(n.Graph, lower.Config{SelfTest: runtime.MakeSelfTest})
	if err != nil {
		tb.Fatal(err)
	}
	data, _, err := Encode(f)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// The work grows with the number of layers, not with its square. Allocations stand for work:
// what encodes the file once more for each layer has them too.
func TestLinear(t *testing.T) {
	const layers, times = 20, 8
	small, large := chain(layers, 4).write(t), chain(times*layers, 4).write(t)
	a := testing.AllocsPerRun(1, func() { packed(t, small) })
	b := testing.AllocsPerRun(1, func() { packed(t, large) })
	if b > 1.5*times*a {
		t.Errorf("%.0f allocations for %d layers, %.0f for %d", a, layers, b, times*layers)
	}
}

// Two networks differ, or are the same.
func TestSame(t *testing.T) {
	load := func(m *model) *runtime.Model {
		r, err := runtime.Load(packed(t, m.write(t)))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := eval.SameOutputs(load(dense(plain, nil)), load(dense(plain, floats(0, 0)))); err != nil {
		t.Error(err)
	}
	if err := eval.SameOutputs(load(dense(plain, nil)), load(dense(plain, floats(0, 1)))); err == nil {
		t.Error("another bias computes the same")
	}
}

// BenchmarkPack is what edgec pack takes for a chain of layers of four channels, five nodes of
// ONNX each, without the comparison; ns/node must not grow.
func BenchmarkPack(b *testing.B) {
	for _, nodes := range []int{1000, 6000, 24000} {
		path := chain(nodes/5, 4).write(b)
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			for b.Loop() {
				packed(b, path)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*nodes), "ns/node")
		})
	}
}
