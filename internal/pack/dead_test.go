package pack

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"edgec/internal/eval"
	"edgec/internal/lower"
	"edgec/runtime"
)

// deadChannels is a random network with channels whose weights are zero: their constants pass
// functions, sums, products and pools on other grids.
func deadChannels(rng *rand.Rand) *model {
	const c = 4
	m := newModel(c, 4, 4)
	scale := func() float32 { return 0.01 * float32(1+rng.IntN(8)) } // ratios that make ties
	zero := func() int8 { return int8(rng.IntN(60) - 30) }
	m.pair("x", "v0", scale(), zero())
	last := 0
	for i := range 2 + rng.IntN(4) {
		w, b := make([]int8, c*c), make([]float32, c)
		for o := range c {
			dead := rng.IntN(2) == 0
			for k := range c {
				if !dead {
					w[o*c+k] = int8(rng.IntN(255) - 127)
				}
			}
			b[o] = float32(rng.NormFloat64()) / 4
		}
		wn, bn := fmt.Sprint("w", i), fmt.Sprint("b", i)
		dequantized(m, wn, []int{c, c, 1, 1}, []float32{0.01}, []int8{0}, w...)
		initial(m, bn, []int{c}, b...)
		out := func(k int) string { return fmt.Sprint("v", last+k) }
		rounded := func(op, in string, attrs ...attr) {
			m.node(op, in, out(1)+"f", attrs...)
			m.pair(out(1)+"f", out(1), scale(), zero())
			last++
		}
		before := out(0)
		rounded("Conv", before+","+wn+","+bn)
		switch rng.IntN(6) {
		case 0:
			rounded("Sigmoid", out(0))
		case 1:
			rounded("Relu", out(0))
		case 2:
			rounded("Add", out(0)+","+before)
		case 3:
			rounded("Mul", out(0)+","+before)
		case 4:
			rounded("AveragePool", out(0), attr{"kernel_shape", []int{1, 1}})
		}
	}
	dequantized(m, "w", []int{2, c, 1, 1}, []float32{0.01}, []int8{0}, 100, -100, 77, -5, 3, 120, -90, 64)
	m.node("Conv", fmt.Sprint("v", last, ",w"), "sum")
	m.pair("sum", "y", 0.01, 0)
	return m
}

// A network without its dead channels computes the same, to the bit.
func TestRemoveDead(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	removed := 0
	for range 60 {
		n, err := Read(deadChannels(rng).write(t))
		if err != nil {
			t.Fatal(err)
		}
		r, err := RemoveDead(n.Graph)
		if err != nil {
			t.Fatal(err)
		}
		removed += r.Channels
		f, err := lower.Build(n.Graph, lower.Config{})
		if err != nil {
			t.Fatal(err)
		}
		was, err := runtime.FromFile(n.File)
		if err != nil {
			t.Fatal(err)
		}
		now, err := runtime.FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := eval.SameOutputs(was, now); err != nil {
			t.Errorf("%v\n%v", err, n.Graph)
		}
	}
	if removed < 60 {
		t.Errorf("%d channels removed", removed)
	}
}
