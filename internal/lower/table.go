package lower

import (
	"math"

	"edgec/internal/graph"
)

// tableOf returns the table of f between two grids: entry q+128 is the integer of
// f(in.Scale*(q-in.Zero)) on the grid out, computed in float64, rounded half
// away from zero and saturated. Where f is not a number the entry is out's zero
// point.
func tableOf(f func(float64) float64, in, out graph.Affine) [256]int8 {
	var t [256]int8
	for i := range t {
		t[i] = quantum(f(float64(in.Scale)*float64(i-128-in.Zero)), &out)
	}
	return t
}

// quantum returns the integer of x on grid a.
func quantum(x float64, a *graph.Affine) int8 {
	if x != x {
		return int8(a.Zero)
	}
	q := math.Round(x/float64(a.Scale)) + float64(a.Zero)
	return int8(min(max(q, -128), 127))
}

var identity = func() (t [256]int8) {
	for i := range t {
		t[i] = int8(i - 128)
	}
	return t
}()
