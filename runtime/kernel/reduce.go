package kernel

import (
	"math"

	"edgec/runtime/format"
)

// Run is n elements of x, stride apart, from at on.
type Run struct {
	x             []float32
	at, n, stride int
}

// Reduce writes f of each run along the middle of x, [A,n,B], to y, [A,1,B].
func Reduce(y, x []float32, n, b int, f func(Run) float32) {
	for o := range y {
		y[o] = f(Run{x, o/b*n*b + o%b, n, b})
	}
}

// Reducer returns the function of a run of format.OpReduce (format.ReduceSum, ...).
func Reducer(function int) func(Run) float32 { return reducers[function] }

var reducers = [format.ReduceFunctions]func(Run) float32{
	format.ReduceSum:       func(r Run) float32 { return r.sum(func(v float32) float32 { return v }) },
	format.ReduceMean:      Run.mean,
	format.ReduceMax:       func(r Run) float32 { return r.fold(most) },
	format.ReduceMin:       func(r Run) float32 { return r.fold(least) },
	format.ReduceProd:      func(r Run) float32 { return r.fold(func(a, b float32) float32 { return float32(a * b) }) },
	format.ReduceSumSquare: func(r Run) float32 { return r.sum(func(v float32) float32 { return float32(v * v) }) },
	format.ReduceLogSumExp: Run.logSumExp,
	format.ReduceArgMax:    func(r Run) float32 { return r.first(func(a, b float32) bool { return b > a }) },
	format.ReduceArgMin:    func(r Run) float32 { return r.first(func(a, b float32) bool { return b < a }) },
}

// sum returns the sum of f of each element: four sums s_j of the elements j, j + 4, j + 8, ...,
// in order, then (s_0 + s_1) + (s_2 + s_3).
func (r Run) sum(f func(float32) float32) float32 {
	var s [4]float32
	for i := range r.n {
		s[i&3] = float32(s[i&3] + f(r.x[r.at+i*r.stride]))
	}
	return float32(float32(s[0]+s[1]) + float32(s[2]+s[3]))
}

func (r Run) mean() float32 {
	return float32(r.sum(func(v float32) float32 { return v }) / float32(r.n))
}

// fold returns f of all elements, in order.
func (r Run) fold(f func(a, b float32) float32) float32 {
	v := r.x[r.at]
	for i := 1; i < r.n; i++ {
		v = f(v, r.x[r.at+i*r.stride])
	}
	return v
}

// logSumExp is m + ln(sum of e^(x_i - m)) with m the largest.
func (r Run) logSumExp() float32 {
	m := r.fold(most)
	if m-m != 0 {
		return m
	}
	return float32(m + Log(r.sum(func(v float32) float32 { return exp(float32(v - m)) })))
}

// first is the number of the element that no later one precedes.
func (r Run) first(precedes func(a, b float32) bool) float32 {
	best := 0
	for i := 1; i < r.n; i++ {
		if precedes(r.x[r.at+best*r.stride], r.x[r.at+i*r.stride]) {
			best = i
		}
	}
	return float32(best)
}

// Normalize writes (x - m) r to y for each row of n elements, m the mean of the row and r = 1 /
// sqrt(mean of (x - m)^2 + epsilon); with rms m is 0. Sums are those of Reduce. y may be x.
func Normalize(y, x []float32, n int, epsilon float32, rms bool) {
	for at := 0; at+n <= len(x); at += n {
		row, m := Run{x, at, n, 1}, float32(0)
		if !rms {
			m = row.mean()
		}
		v := row.sum(func(v float32) float32 { d := float32(v - m); return float32(d * d) })
		r := float32(1 / Sqrt(float32(float32(v/float32(n))+epsilon)))
		for i, v := range x[at : at+n] {
			y[at+i] = float32(float32(v-m) * r)
		}
	}
}

// NaN bits differ between CPUs; this is the one that is handed out.
const canonicalNaN = 0x7fc00000

// Bits returns the bits of v, of NaN always the same.
func Bits(v float32) uint32 {
	if v != v {
		return canonicalNaN
	}
	return math.Float32bits(v)
}
