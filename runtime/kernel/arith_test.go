package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// bigBinary is TFLite's Add and Sub, or Mul, of one pair, in whole numbers of
// any size.
func bigBinary(o *Binary, multiply bool, a, b int8) int8 {
	x, y := int64(a)-int64(o.ZeroA), int64(b)-int64(o.ZeroB)
	v := x * y
	if !multiply {
		p, q := bigApply(int32(x<<20), o.MulA), bigApply(int32(y<<20), o.MulB)
		if o.Subtract {
			q = -q
		}
		v = p + q
	}
	return int8(min(max(bigApply(int32(v), o.MulOut)+int64(o.ZeroOut), int64(o.Lo)), int64(o.Hi)))
}

func TestBinary(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	scale := func() float32 { return float32(math.Ldexp(0.5+r.Float64()/2, r.IntN(10)-8)) }
	for range trials(600) {
		sa, sb, so := scale(), scale(), scale()
		n := 1 + r.IntN(40)
		if r.IntN(10) == 0 {
			n += r.IntN(1200)
		}
		period := []int{n, 1, 1}[r.IntN(3)]
		if n%3 == 0 && r.IntN(2) == 0 {
			period = n / 3
		}
		a, b := randomInt8(r, n), randomInt8(r, period)
		for _, name := range []string{"add", "sub", "mul"} {
			o := NewAdd(sa, sb, so, name == "sub")
			if name == "mul" {
				o = NewMul(sa, sb, so)
			}
			o.ZeroA, o.ZeroB, o.ZeroOut = int32(r.IntN(256)-128), int32(r.IntN(256)-128), int32(r.IntN(256)-128)
			o.Lo = int32(r.IntN(200) - 128)
			o.Hi = o.Lo + int32(r.IntN(int(128-o.Lo)))
			if r.IntN(4) > 0 { // without, there are no tables
				o.Finish()
			}
			if r.IntN(4) == 0 {
				o.scale, o.other = nil, nil
			}
			y, intact := guarded(n)
			o.Run(y, a, b)
			own := append([]int8(nil), a...)
			o.Run(own, own, b) // in place
			for i := range y {
				want := bigBinary(&o, name == "mul", a[i], b[i%period])
				if y[i] != want || own[i] != want {
					t.Fatalf("%s: %+v of %d and %d is %d, in place %d, want %d", name, o, a[i], b[i%period], y[i], own[i], want)
				}
				x, z := float64(sa)*float64(int32(a[i])-o.ZeroA), float64(sb)*float64(int32(b[i%period])-o.ZeroB)
				real := map[string]float64{"add": x + z, "sub": x - z, "mul": x * z}[name]
				ideal := min(max(real/float64(so)+float64(o.ZeroOut), float64(o.Lo)), float64(o.Hi))
				if math.Abs(ideal-float64(want)) > 0.76 { // two roundings
					t.Fatalf("%s: %v and %v give %d, in real numbers %v", name, x, z, want, ideal)
				}
			}
			if !intact() {
				t.Fatalf("%s writes outside its output", name)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	var table [256]int8
	r := rand.New(rand.NewPCG(13, 13))
	x := make([]int8, 256)
	for i := range table {
		table[i], x[i] = int8(r.Uint32()), int8(i)
	}
	y := make([]int8, 256)
	Lookup(y, x, &table)
	for i, q := range x {
		if y[i] != table[int(q)+128] {
			t.Fatalf("%d gives %d, want %d", q, y[i], table[int(q)+128])
		}
	}
	Lookup(x, x, &table)
	if fmt.Sprint(x) != fmt.Sprint(y) {
		t.Error("in place it gives something else")
	}
}

func TestTranspose(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	for range trials(500) {
		n := 1 + r.IntN(4)
		shape, perm := make([]int, n), r.Perm(n)
		size := 1
		for i := range shape {
			shape[i] = 1 + r.IntN(5)
			size *= shape[i]
		}
		x, xf := randomInt8(r, size), make([]float32, size)
		for i := range xf {
			xf[i] = r.Float32()
		}
		y, yf := make([]int8, size), make([]float32, size)
		Transpose(y, x, shape, perm)
		Transpose(yf, xf, shape, perm)
		for i := range x {
			var index [4]int // of x
			for d, rest := n-1, i; d >= 0; d-- {
				index[d], rest = rest%shape[d], rest/shape[d]
			}
			at := 0
			for _, p := range perm {
				at = at*shape[p] + index[p]
			}
			if y[at] != x[i] || yf[at] != xf[i] {
				t.Fatalf("shape %v, permutation %v: element %d", shape, perm, i)
			}
		}
	}
}
