package pack

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/eval"
	"edgec/internal/lower"
	"edgec/runtime"
)

// A refusal names the node, the tensor, the value, the cause and what to do.
func TestReadRefuses(t *testing.T) {
	wide := func(m *model) { dequantized(m, "w", square, []float32{wScale}, []uint8{100}, 0, 255, 128, 1, 127, 129) }
	for name, c := range map[string]struct {
		m    *model
		says []string
	}{
		"weights beyond int8": {dense(wide, nil),
			[]string{`node "node_sum" (Dense)`, `weights "w" go from -100 to 155 without their zero point`, "weight_type=QuantType.QInt8"}},
		"biases between two steps": {dense(plain, func(m *model) { dequantized(m, "b", []int{2}, []float32{0.3 * step}, []int32{0}, 10, 3) }),
			[]string{`bias "b" is 0.00043945314 in channel 1`, "steps of 0.00048828125", "scale 0.00014648438", "leave them float"}},
		"biases beyond 32 bits": {dense(plain, floats(0, 1e9)), []string{`bias "b" is 1e+09 in channel 1`, "beyond 32 bits", "larger scale"}},
		"sums beyond 32 bits": {dense(plain, func(m *model) { dequantized(m, "b", []int{2}, []float32{step}, []int32{0}, 0, 1<<31-1) }),
			[]string{`weights "w"`, "channel 1 can overflow 32 bits", "larger scale"}},
		"a scale that moves something": {dense(func(m *model) {
			dequantized(m, "w", square, []float32{wScale, 0x1p-41}, []int8{0, 0}, 1, 2, 3, 4, 5, 6)
		},
			floats(0, 0.125-0x1p-36)), []string{`weights "w" have scale 4.5474735e-13 in channel 1`, "2^-40", "or zeros"}},
		"a grid that no file holds": {func() *model {
			m := newModel(3)
			m.pair("x", "xd", 0x1p-41, 0)
			plain(m)
			m.node("Gemm", "xd,w", "sum")
			m.pair("sum", "y", 0x1p-41, 0)
			return m
		}(), []string{`value "x" has scale 4.5474735e-13`, `value "y" has scale`, "2^-40"}},
		"scales of input channels": {dense(func(m *model) {
			initial[int8](m, "q", square, 1, 2, 3, 4, 5, 6)
			initial[float32](m, "s", []int{3}, 1, 2, 3)
			m.node("DequantizeLinear", "q,s", "w", attr{"axis", 0})
		}, nil), []string{`weights "w" have 3 scales, for each input channel one`, "for each output channel"}},
		"a negative scale": {dense(func(m *model) { dequantized(m, "w", square, []float32{-1}, []int8{0}, 1, 2, 3, 4, 5, 6) }, nil),
			[]string{`weights "w" have a scale of -1`, "positive scale"}},
		"float weights": {dense(func(m *model) { initial[float32](m, "w", square, 1, 2, 3, 4, 5, 6) }, nil),
			[]string{`node "node_sum" (Dense): weights "w" are float`, "DequantizeLinear"}},
		"a float activation": {func() *model {
			m := newModel(3)
			m.pair("x", "xd", xScale, xZero)
			plain(m)
			m.node("Gemm", "xd,w", "h")
			dequantized(m, "v", []int{2, 2}, []float32{wScale}, []int8{0}, 5, 6, 7, 8)
			m.node("Gemm", "h,v", "sum")
			m.pair("sum", "y", yScale, yZero)
			return m
		}(), []string{`node "node_sum" (Dense): value "h" has no int8 grid`, "QuantizeLinear and a DequantizeLinear"}},
	} {
		_, err := Read(c.m.write(t))
		if err == nil || !strings.Contains(err.Error(), "m.onnx: lower: ") || strings.Contains(err.Error(), "quantize them first:") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v\nlacks %q", name, err, s)
			}
		}
	}
}

// All causes are named at once: the first ten, their number, and a remedy that they share
// once.
func TestAllCauses(t *testing.T) {
	m := newModel(2)
	m.pair("x", "a0", xScale, 0)
	for i := range 12 {
		w, out := fmt.Sprint("w", i), fmt.Sprint("a", i+1)
		dequantized(m, w, []int{2, 2}, []float32{wScale}, []uint8{100}, 0, 255, 1, 2)
		m.node("Gemm", fmt.Sprint("a", i, ",", w), out+"f")
		m.pair(out+"f", out, xScale, 0)
	}
	initial[float32](m, "v", []int{2, 2}, 1, 2, 3, 4)
	m.node("Gemm", "a12,v", "sum")
	m.pair("sum", "y", yScale, yZero)
	_, err := Read(m.write(t))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 13 || !strings.HasSuffix(lines[0], "lower: 13 causes") || !strings.HasPrefix(lines[10], `node "node_a10f"`) || lines[11] != "and 3 more" ||
		!strings.HasPrefix(lines[12], "for 12 of them: quantize again") || strings.Contains(lines[1], "quantize again") {
		t.Errorf("%d lines:\n%v", len(lines), err)
	}
}

// A network without any grid is one for edgec compress.
func TestReadFloat(t *testing.T) {
	m := newModel(2)
	initial[float32](m, "w", []int{2, 2}, 1, 2, 3, 4)
	m.node("Gemm", "x,w", "y")
	if _, err := Read(m.write(t)); err == nil || !strings.Contains(err.Error(), `input "x" is float: pack takes quantized networks`) {
		t.Error(err)
	}
}

// Whatever bytes are changed, Read returns an error, or a network that is packed and computes
// the same.
func TestDamaged(t *testing.T) {
	const rounds = 200
	rng := rand.New(rand.NewPCG(7, 8))
	all := forms()
	good := 0
	path := filepath.Join(t.TempDir(), "m.onnx")
	for range rounds {
		data := all[rng.IntN(len(all))].model.bytes()
		for range 1 + rng.IntN(3) {
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := Read(path)
		if err != nil {
			continue
		}
		was, err := runtime.FromFile(n.File)
		if err != nil {
			t.Fatalf("%v\n%x", err, data)
		}
		if _, err := RemoveDead(n.Graph); err != nil {
			t.Fatalf("%v\n%x", err, data)
		}
		f, err := lower.Build(n.Graph, lower.Config{})
		if err != nil {
			t.Fatalf("%v\n%x", err, data)
		}
		file, _, err := Encode(f)
		if err != nil {
			t.Fatalf("%v\n%x", err, data)
		}
		now, err := runtime.Load(file)
		if err != nil {
			t.Fatalf("%v\n%x", err, data)
		}
		if err := eval.SameOutputs(was, now); err != nil {
			t.Errorf("%v\n%x", err, data)
		}
		good++
	}
	if good < rounds/40 || good == rounds {
		t.Errorf("%d of %d networks are read", good, rounds)
	}
}
