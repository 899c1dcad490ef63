package kernel

import (
	"math"
	"slices"
	"testing"
)

// sameBits compares numbers as all CPUs have to give them; the bits of NaN are free.
func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// The vector forms equal the functions of one number, on numbers of all sizes, in place and for
// every length.
func TestGates(t *testing.T) {
	var all []float32
	for b := uint32(0); b < 1<<32-99991; b += 99991 {
		all = append(all, math.Float32frombits(b))
	}
	down := slices.Clone(all)
	for i, v := range down {
		down[i] = -abs(v)
	}
	for name, c := range map[string]struct {
		many func(y, x []float32)
		one  func(float32) float32
		x    []float32
	}{"sigmoid": {Sigmoids, Sigmoid, all}, "tanh": {Tanhs, Tanh, all}, "exp": {exps, exp, down}, "silu": {silus, Silu, all}, "gelu": {geluTanhs, GeluTanh, all}} {
		y := make([]float32, len(c.x))
		c.many(y, c.x)
		for i, v := range c.x {
			if want := c.one(v); !sameBits(y[i], want) {
				t.Fatalf("%s(%v) is %v, want %v", name, v, y[i], want)
			}
		}
		for n := range 40 {
			x := slices.Clone(c.x[1000*n : 1000*n+n])
			y := append(slices.Clone(x), 77)
			c.many(y[:n], x)
			c.many(x, x)
			for i := range x {
				if want := c.one(c.x[1000*n+i]); !sameBits(x[i], want) || !sameBits(y[i], want) {
					t.Errorf("%s of %d numbers: element %d is %v and %v, want %v", name, n, i, x[i], y[i], want)
				}
			}
			if y[n] != 77 {
				t.Errorf("%s of %d numbers writes beyond them", name, n)
			}
		}
	}
}
