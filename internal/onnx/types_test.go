package onnx

import (
	"math"
	"testing"
)

// TestSmallFloats: every value of the small types comes back from its code, and what lies
// between two values goes to the nearer, halves to even.
func TestSmallFloats(t *testing.T) {
	for typ, f := range smallFloats {
		for code, v := range f.values {
			if v != v || f.unsigned && code == 0 {
				continue
			}
			if got := f.decode(f.encode(v, false)); got != v {
				t.Errorf("%s: %v becomes %v", typeName(typ), v, got)
			}
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		typ        int64
		x          float32
		sat, unsat float32
	}{
		{typeE4M3FN, 464, 448, 448}, {typeE4M3FN, 465, 448, nan}, {typeE4M3FN, -inf, -448, nan},
		{typeE4M3FNUZ, 1000, 240, nan}, {typeE5M2, 1e6, 57344, inf}, {typeE5M2, 0.3, 0.3125, 0.3125},
		{typeE5M2FNUZ, 1e6, 57344, nan}, {typeE2M1, 2.5, 2, 2}, {typeE2M1, 3.5, 4, 4}, {typeE2M1, -9, -6, -6},
	} {
		f := smallFloats[c.typ]
		sat, unsat := f.decode(f.encode(c.x, true)), f.decode(f.encode(c.x, false))
		if sat != c.sat || unsat != c.unsat && !(unsat != unsat && c.unsat != c.unsat) {
			t.Errorf("%v as %s: %v saturated, %v else; want %v, %v", c.x, typeName(c.typ), sat, unsat, c.sat, c.unsat)
		}
	}
}

// TestNarrow: integers wrap to their types.
func TestNarrow(t *testing.T) {
	for _, c := range []struct{ v, typ, want int64 }{
		{300, typeUint8, 44}, {200, typeInt8, -56}, {-1, typeUint16, 65535}, {1 << 31, typeInt32, -1 << 31}, {-1, typeUint32, 1<<32 - 1},
		{9, typeInt4, -7}, {17, typeUint4, 1}, {3, typeInt2, -1}, {5, typeUint2, 1}, {7, typeBool, 1}, {-5, typeInt64, -5},
	} {
		if got := narrow(c.v, c.typ); got != c.want {
			t.Errorf("%d as %s: %d, want %d", c.v, typeName(c.typ), got, c.want)
		}
	}
}

// TestRounded: shorter floats round halves to even.
func TestRounded(t *testing.T) {
	for _, c := range []struct {
		v    float32
		typ  int64
		want float32
	}{
		{1 + 1.0/256, typeBfloat16, 1}, {1 + 3.0/256, typeBfloat16, 1 + 1.0/64}, {2049, typeFloat16, 2048}, {0.1, typeFloat, 0.1},
	} {
		if got := rounded(c.v, c.typ); got != c.want {
			t.Errorf("%v as %s: %v, want %v", c.v, typeName(c.typ), got, c.want)
		}
	}
}
