package share

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 61)) }

// optimum is the least weighted distortion of the ascending values x with k
// centroids, by dynamic programming over all ways to cut them into runs.
func optimum(x, f []float64, k int) float64 {
	n := len(x)
	sf, sx, sxx := make([]float64, n+1), make([]float64, n+1), make([]float64, n+1)
	for i, v := range x {
		sf[i+1], sx[i+1], sxx[i+1] = sf[i]+f[i], sx[i]+f[i]*v, sxx[i]+f[i]*v*v
	}
	cost := func(lo, hi int) float64 { // around the mean
		m := sx[hi] - sx[lo]
		return sxx[hi] - sxx[lo] - m*m/(sf[hi]-sf[lo])
	}
	best := make([]float64, n+1)
	for i := range best {
		best[i] = math.Inf(1)
	}
	best[0] = 0
	for c := 0; c < k; c++ {
		for hi := n; hi > 0; hi-- {
			for lo := 0; lo < hi; lo++ {
				best[hi] = math.Min(best[hi], best[lo]+cost(lo, hi))
			}
		}
	}
	return best[n]
}

// distortion is sum f (x - nearest centroid)^2.
func distortion(x, f []float64, c []float32) float64 {
	d := 0.0
	for i, v := range x {
		least := math.Inf(1)
		for _, q := range c {
			least = math.Min(least, (v-float64(q))*(v-float64(q)))
		}
		d += f[i] * least
	}
	return d
}

// values draws n pruned weights' survivors: two bells with a gap at zero.
func values(r *rand.Rand, n int) (w, f []float32, x, fx []float64) {
	for i := 0; i < n; i++ {
		v := 2 + 6*r.ExpFloat64()
		if r.IntN(2) == 0 {
			v = -v
		}
		w = append(w, float32(v))
	}
	slices.Sort(w)
	for _, v := range w {
		g := float32(r.ExpFloat64())
		f = append(f, g)
		x, fx = append(x, float64(v)), append(fx, float64(g))
	}
	return w, f, x, fx
}

// TestKMeansAgainstOptimum: Lloyd's algorithm is local; with some hundred
// values it stays near the optimum that dynamic programming finds.
func TestKMeansAgainstOptimum(t *testing.T) {
	const (
		worst = 1.75 // of any one draw, in units of the optimum
		mean  = 1.25 // of all draws
	)
	r := newRand(1)
	sum, n := 0.0, 0
	for trial := 0; trial < 30; trial++ {
		w, f, x, fx := values(r, 250+r.IntN(150))
		k := 3 + trial%6
		c := KMeans(w, f, k, 0)
		if len(c) > k-1 || !slices.IsSorted(c) || len(slices.Compact(slices.Clone(c))) != len(c) {
			t.Fatalf("centroids %v of at most %d, ascending and distinct", c, k-1)
		}
		got, least := distortion(x, fx, c), optimum(x, fx, k-1)
		if got < least*(1-1e-5) {
			t.Fatalf("distortion %v is below the optimum %v: the oracle is wrong", got, least)
		}
		if got > worst*least {
			t.Errorf("distortion %v, the optimum is %v (k %d, %d values)", got, least, k, len(w))
		}
		sum += got / least
		n++
	}
	t.Logf("distortion over the optimum: %.3f on average", sum/float64(n))
	if sum/float64(n) > mean {
		t.Errorf("distortion is %v times the optimum on average", sum/float64(n))
	}
}

// TestKMeansIsAFixedPoint: every centroid is the weighted mean of the values
// that are nearest to it.
func TestKMeansIsAFixedPoint(t *testing.T) {
	w, f, x, fx := values(newRand(2), 200)
	c := KMeans(w, f, 9, 0)
	for j, q := range c {
		s, m := 0.0, 0.0
		for i, v := range x {
			best := 0
			for k := range c {
				if math.Abs(v-float64(c[k])) < math.Abs(v-float64(c[best])) {
					best = k
				}
			}
			if best == j {
				s += fx[i]
				m += fx[i] * v
			}
		}
		if math.Abs(m/s-float64(q)) > 0.01*math.Abs(float64(q)) { // a floor under the importance shifts it a little
			t.Errorf("centroid %d is %v, the mean of its values %v", j, q, m/s)
		}
	}
}

func TestKMeansLimits(t *testing.T) {
	one := func(n int) []float32 { return slices.Repeat([]float32{1}, n) }
	if c := KMeans(nil, nil, 8, 0); c != nil {
		t.Errorf("no values: %v", c)
	}
	if c := KMeans([]float32{1}, one(1), 1, 0); c != nil {
		t.Errorf("zero alone: %v", c)
	}
	if c := KMeans([]float32{3, -2, 3}, one(3), 8, 0); !slices.Equal(c, []float32{-2, 3}) {
		t.Errorf("fewer values than centroids: %v", c)
	}
	if c := KMeans([]float32{5, 1, 3}, []float32{0, 0, 0}, 2, 0); !slices.Equal(c, []float32{3}) {
		t.Errorf("without importance: %v", c)
	}
	if c := KMeans([]float32{1, 5}, []float32{3, 1}, 2, 0); len(c) != 1 || math.Abs(float64(c[0])-2) > 0.01 {
		t.Errorf("the weighted mean: %v", c)
	}
}
