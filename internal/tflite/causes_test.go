package tflite

import (
	"fmt"
	"strings"
	"testing"

	"edgec/internal/lower"
	"edgec/runtime/format"
)

// All operators that stand in the way are named at once, but for those that read what
// another should have made.
func TestAllCauses(t *testing.T) {
	b := newBuilder(1)
	x := b.act(1, 4)
	a, c, d, e, f := b.act(1, 4), b.act(1, 4), b.act(1, 4), b.act(2, 4), b.act(1, 4)
	b.op(93, []int{x}, []int{a})
	b.op(opRelu, []int{a}, []int{c}) // reads a
	b.op(16, []int{x}, []int{d})
	b.op(opRelu, []int{x}, []int{e})
	b.op(opRelu, []int{x}, []int{f})
	_, err := Read(b.file([]int{x}, []int{c, f}))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 5 || lines[0] != "tflite: 3 causes" || lines[1] != "operator 0: ZEROS_LIKE is not supported" ||
		lines[2] != "operator 2: LSTM is not supported" || !strings.HasPrefix(lines[3], "operator 3 (RELU): ") || !strings.HasPrefix(lines[4], "for 2 of them: build the network of these: ADD, ") {
		t.Errorf("%v", err)
	}
}

// A float network has one cause, not one for each of its constants.
func TestFloatNetwork(t *testing.T) {
	for _, float := range []bool{false, true} {
		b := newBuilder(1)
		x := b.act(1, 4)
		if float {
			x = b.tensor(typeFloat32, []int{1, 4}, nil, 0, 0, nil)
		}
		var out []int
		for range 3 {
			y := b.tensor(typeFloat32, []int{4}, nil, 0, 0, nil)
			b.op(opDequantize, []int{b.tensor(1, []int{4}, nil, 0, 0, make([]byte, 8))}, []int{y})
			out = append(out, y)
		}
		_, err := Read(b.file([]int{x}, out))
		if err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "an input of the network") != float || strings.Contains(err.Error(), "becomes float") == float {
			t.Errorf("%v: %v", float, err)
		}
	}
}

// What no integers of the device compute is refused by name.
func TestWeightsRefused(t *testing.T) {
	dense := func(scale []float32, zero int, data ...byte) []byte {
		b := newBuilder(1)
		x := b.tensor(typeInt8, []int{1, 2}, []float32{0.05}, 0, 0, nil)
		w := b.tensor(typeInt8, []int{2, 2}, scale, zero, 0, data)
		y := b.tensor(typeInt8, []int{1, 2}, []float32{1e-9}, 0, 0, nil)
		b.op(opDense, []int{x, w, -1}, []int{y}, option{0, 1, actNone})
		return b.file([]int{x}, []int{y})
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"beyond int8":       {dense([]float32{0.01}, -20, 1, 2, 3, 120), `weight 3 of "tb" is 140 without its zero point -20`},
		"several zeros":     {dense([]float32{0.01, 0.02}, 3, 1, 2, 3, 4), "zero point 3 beside others"},
		"a scale that acts": {dense([]float32{0.01, 1e-14}, 0, 1, 2, 3, 4), "weights have scale 1e-14 in channel 1, files hold 2^-40"},
	} {
		if _, err := Read(c.data); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "operator 0 (FULLY_CONNECTED)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Integers survive the way to a graph and back: -128, and biases that float32 does not hold.
func TestLiftKeepsIntegers(t *testing.T) {
	b := newBuilder(1)
	x := b.tensor(typeInt8, []int{1, 2}, []float32{0.05}, 0, 0, nil)
	w := b.tensor(typeInt8, []int{2, 2}, []float32{0.01}, 0, 0, []byte{0x80, 0x7f, 1, 2})
	bias := b.tensor(typeInt32, []int{2}, []float32{1, 1}, 0, 0, []byte{1, 0, 0, 0x40, 0xff, 0xff, 0xff, 0xbf})
	y := b.tensor(typeInt8, []int{1, 2}, []float32{10000}, 0, 0, nil)
	b.op(opDense, []int{x, w, bias}, []int{y}, option{0, 1, actNone})
	f, err := Read(b.file([]int{x}, []int{y}))
	if err != nil {
		t.Fatal(err)
	}
	g, err := lower.Lift(f, "m")
	if err != nil {
		t.Fatal(err)
	}
	again, err := lower.Build(g, lower.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a, c := f.Weights[0], again.Weights[0]
	if a.Bias[0] != 1<<30+1 || a.Bias[1] != -1<<30-1 || a.Values[0] != -128 || fmt.Sprint(a) != fmt.Sprint(c) {
		t.Errorf("%v came back as %v", a, c)
	}
}

// chain is a network of n operators in a row.
func chain(n int) []byte {
	b := newBuilder(1)
	x := b.act(1, 4)
	last := x
	for range n {
		y := b.like(x, 1, 4)
		b.op(opRelu, []int{last}, []int{y})
		last = y
	}
	return b.file([]int{x}, []int{last})
}

// More operators than are read are refused by their number.
func TestMostOperators(t *testing.T) {
	if _, err := Read(chain(maxOperators + 1)); err == nil || !strings.Contains(err.Error(), "65537 operators, at most 65536 are read") {
		t.Error(err)
	}
	b := newBuilder(1)
	x, y := b.act(1, 4), b.act(1, 4)
	b.op(opConcat, make([]int, maxOperands+1), []int{y})
	if _, err := Read(b.file([]int{x}, []int{y})); err == nil || !strings.Contains(err.Error(), "an operator of 1025 operands") {
		t.Error(err)
	}
}

// BenchmarkRead reads chains of operators; ns/node must not grow.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1000, 4000, format.MaxTensors - 1} {
		data := chain(n)
		b.Run(fmt.Sprint("nodes=", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Read(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/node")
		})
	}
}
