package share

import (
	"math"
	"slices"
	"sort"
)

// iterations bounds Lloyd's loop; it ends much earlier on real layers.
const iterations = 40

// KMeans returns at most k-1 distinct centroids, ascending, for the values w with importance
// f (>= 0, same length), which minimise
//
//	sum_i f_i (w_i - c_j)^2 / 2 + lambda (-log2 p_j)
//
// locally: Lloyd's algorithm from the best partition at lambda = 0. p_j is the share of the
// values that take centroid j. With zero, the value of pruned weights, they make a codebook of
// k; zero is no candidate for these values, which are the kept weights. Values and centroids
// have the same unit, lambda that of f w^2 per bit.
//
// Cost: O(n log n + iterations * k log n).
func KMeans(w, f []float32, k int, lambda float64) []float32 {
	if len(w) == 0 || k < 2 {
		return nil
	}
	return newSorted(w, f).centroids(k, lambda)
}

// centroids returns those of KMeans for the values of s, of which there are some.
func (s *sorted) centroids(k int, lambda float64) []float32 {
	c := s.start(k - 1)
	for it := 0; it < iterations; it++ {
		next := s.lloyd(c, lambda)
		if slices.Equal(next, c) {
			break
		}
		c = next
	}
	return c
}

// sorted holds values in ascending order with prefix sums, so that the cost
// and the mean of a run of values take constant time.
type sorted struct {
	x          []float64
	f, fx, fxx []float64 // prefix sums of importance, and of it times value and square

	runs *partitions // made when a partition is first asked for
}

func newSorted(w, f []float32) *sorted {
	type item struct {
		w float32
		i int32
	}
	order := make([]item, len(w))
	for i, v := range w {
		order[i] = item{v, int32(i)}
	}
	slices.SortFunc(order, func(a, b item) int {
		switch {
		case a.w < b.w:
			return -1
		case a.w > b.w:
			return 1
		}
		return int(a.i - b.i)
	})
	// a floor on the importance keeps weights that the gradient never reached in the picture
	mean := 0.0
	for _, v := range f {
		mean += float64(v)
	}
	floor := 1e-3*mean/float64(len(f)) + 1e-30
	n := len(w)
	s := &sorted{x: make([]float64, n), f: make([]float64, n+1), fx: make([]float64, n+1), fxx: make([]float64, n+1)}
	for i, at := range order {
		fi := float64(f[at.i]) + floor
		s.x[i] = float64(at.w)
		s.f[i+1] = s.f[i] + fi
		s.fx[i+1] = s.fx[i] + fi*s.x[i]
		s.fxx[i+1] = s.fxx[i] + fi*s.x[i]*s.x[i]
	}
	return s
}

// start returns at most n distinct centroids to start from: the means of the best partition
// of the values into n runs.
func (s *sorted) start(n int) []float32 {
	borders := s.partition(n)
	var c []float32
	for i := range len(borders) - 1 {
		v := float32(s.mean(borders[i], borders[i+1]))
		if len(c) == 0 || c[len(c)-1] < v {
			c = append(c, v)
		}
	}
	return c
}

// partition returns the borders of the partition of the values into n runs with the least
// distortion, by dynamic programming (Bruce 1965), from 0 to the number of values. Beyond
// cells values, runs of equal count stand for the values.
//
// Cost: O(n cells log cells), less what earlier calls have left: a partition into more runs
// begins with those into fewer.
func (s *sorted) partition(n int) []int {
	if s.runs == nil {
		s.runs = newPartitions(s)
	}
	return s.runs.borders(n)
}

// cells bounds the work of partition.
const cells = 2048

// partitions are the best partitions of the first cells into runs, of as many runs as
// were asked for so far.
type partitions struct {
	edge       []int     // value that each cell begins with, and the number of values
	f, fx, fxx []float64 // the prefix sums of sorted at the edges
	cost, next []float64 // distortion of the first i cells in as many runs as there are layers, plus 1
	from       [][]int32 // of each layer, where the last run of the first i cells starts
}

func newPartitions(s *sorted) *partitions {
	m := min(len(s.x), cells)
	p := &partitions{cost: make([]float64, m+1), next: make([]float64, m+1)}
	for i := range m + 1 {
		at := i * len(s.x) / m
		p.edge = append(p.edge, at)
		p.f, p.fx, p.fxx = append(p.f, s.f[at]), append(p.fx, s.fx[at]), append(p.fxx, s.fxx[at])
	}
	for i := 1; i <= m; i++ {
		p.cost[i] = p.spread(0, i)
	}
	return p
}

// borders returns those of the best partition into n runs, or into the cells, if they
// are fewer.
func (p *partitions) borders(n int) []int {
	m := len(p.edge) - 1
	layers := max(min(n, m)-1, 0)
	for layer := len(p.from) + 1; layer <= layers; layer++ {
		last := make([]int32, m+1)
		p.divide(last, layer+1, m, layer, m)
		copy(p.cost[layer+1:], p.next[layer+1:])
		p.from = append(p.from, last)
	}
	at := m
	borders := []int{p.edge[m]}
	for layer := layers - 1; layer >= 0; layer-- {
		at = int(p.from[layer][at])
		borders = append(borders, p.edge[at])
	}
	borders = append(borders, 0)
	slices.Reverse(borders)
	return borders
}

// divide finds, for each end from lo to hi, the start from a to b of the last run that costs
// least, given the cost of all that comes before. The start moves right with the end, so that
// the middle one halves the work for the others.
func (p *partitions) divide(last []int32, lo, hi, a, b int) {
	if lo > hi {
		return
	}
	mid := (lo + hi) / 2
	best := math.Inf(1)
	for j := a; j <= min(b, mid-1); j++ {
		if c := p.cost[j] + p.spread(j, mid); c < best {
			best, last[mid] = c, int32(j)
		}
	}
	p.next[mid] = best
	p.divide(last, lo, mid-1, a, int(last[mid]))
	p.divide(last, mid+1, hi, int(last[mid]), b)
}

// spread returns the distortion of a run of cells under its mean: sum f (x - mean)^2.
func (p *partitions) spread(lo, hi int) float64 {
	f, fx := p.f[hi]-p.f[lo], p.fx[hi]-p.fx[lo]
	return max(0, p.fxx[hi]-p.fxx[lo]-fx*fx/f)
}

func (s *sorted) mean(lo, hi int) float64 {
	return (s.fx[hi] - s.fx[lo]) / (s.f[hi] - s.f[lo])
}

// lloyd assigns every value to its cheapest centroid and returns the new
// centroids, ascending; empty ones vanish. With lambda the border between two
// centroids moves towards the rarer one. All values share one mean importance there.
func (s *sorted) lloyd(c []float32, lambda float64) []float32 {
	n := len(s.x)
	share := make([]float64, len(c))
	border := make([]int, len(c)+1)
	border[len(c)] = n
	for j := 1; j < len(c); j++ {
		mid := (float64(c[j-1]) + float64(c[j])) / 2
		border[j] = sort.SearchFloat64s(s.x, mid)
	}
	for j := range c {
		share[j] = (float64(border[j+1]-border[j]) + 0.5) / float64(n)
	}
	if lambda > 0 {
		fmean := s.f[n] / float64(n)
		for j := 1; j < len(c); j++ {
			a, b := float64(c[j-1]), float64(c[j])
			// 0.5 f (x-a)^2 + lambda bits_a = 0.5 f (x-b)^2 + lambda bits_b at x
			x := (a+b)/2 + lambda*(math.Log2(share[j-1])-math.Log2(share[j]))/(fmean*(b-a))
			border[j] = sort.SearchFloat64s(s.x, math.Max(a, math.Min(b, x)))
		}
	}
	var next []float32
	for j := range c {
		if border[j] >= border[j+1] {
			continue
		}
		v := float32(s.mean(border[j], border[j+1]))
		if len(next) == 0 || next[len(next)-1] < v {
			next = append(next, v)
		}
	}
	return next
}
