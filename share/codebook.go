package share

import (
	"fmt"
	"math"
	"slices"
)

// MaxCentroids is the largest codebook, zero included: indexes are bytes.
const MaxCentroids = 256

// Codebook shares weights: weight i is worth Centroids[Index[i]] steps of its grid.
// Centroids[0] is 0, the value of pruned weights. While they are fine-tuned, centroids lie
// between the integers that they are rounded to, halves away from zero.
type Codebook struct {
	Centroids []float32
	Index     []uint8
}

// Tensor is a weight tensor on an int8 grid, [channels, ...], row-major.
type Tensor struct {
	Weights    []float32 // float weights, those of pruned elements too
	Mask       []float32 // 1: kept, 0: pruned; nil: all are kept
	Importance []float32 // second derivative of the loss in each weight, >= 0
	Scale      []float32 // step of the grid: one, or one for each channel
	Limit      int       // the grid ends at -Limit and Limit; 127 for int8 weights
}

// scale returns the step of weight i.
func (t Tensor) scale(i int) float32 {
	if len(t.Scale) == 1 {
		return t.Scale[0]
	}
	return t.Scale[i/max(len(t.Weights)/len(t.Scale), 1)]
}

func kept(mask []float32, i int) bool { return mask == nil || mask[i] != 0 }

// Fit returns a codebook of at most k centroids, zero included, for the kept weights, fitted at
// lambda, in loss per bit (see KMeans), and assigns them (see Assign). Centroids are integers of
// the grid, distinct, and not zero but for the first; where every kept weight rounds to
// zero there is one of one step. k is 2 to MaxCentroids.
//
// Cost: O(n log n + n k) for n weights.
func (t Tensor) Fit(k int, lambda float64) (*Codebook, error) {
	return t.fit(t.sorted(), k, lambda)
}

// sorted returns the kept weights in units of the grid, nil where there are none.
func (t Tensor) sorted() *sorted {
	var w, f []float32
	for i, v := range t.Weights {
		if kept(t.Mask, i) {
			s := t.scale(i)
			w = append(w, v/s)
			f = append(f, t.Importance[i]*s*s)
		}
	}
	if len(w) == 0 {
		return nil
	}
	return newSorted(w, f)
}

// fit is Fit for kept weights that are sorted already.
func (t Tensor) fit(w *sorted, k int, lambda float64) (*Codebook, error) {
	if k < 2 || k > MaxCentroids {
		return nil, fmt.Errorf("share: %d centroids, want 2 to %d", k, MaxCentroids)
	}
	var fitted []float32
	if w != nil {
		fitted = w.centroids(k, lambda)
	}
	centroids := []float32{0}
	seen := map[float32]bool{0: true}
	for _, c := range fitted {
		q := float32(math.Round(float64(c)))
		q = max(-float32(t.Limit), min(float32(t.Limit), q))
		if !seen[q] {
			seen[q] = true
			centroids = append(centroids, q)
		}
	}
	if len(centroids) == 1 && w != nil {
		centroids = append(centroids, 1) // every kept weight rounds to zero: one step keeps them
	}
	b := &Codebook{Centroids: centroids, Index: make([]uint8, len(t.Weights))}
	t.Assign(b, lambda)
	return b, nil
}

// Assign gives every kept weight the centroid that costs least,
//
//	f_i (w_i - scale c_j)^2 / 2 + lambda (-log2 p_j)
//
// with the shares p_j of b's present indexes, and returns the number of weights that changed.
// Pruned weights get centroid 0; kept weights never do, so that the mask stays as it is.
//
// Cost: O(n k) for n weights and k centroids; O(n log k) where lambda is 0.
func (t Tensor) Assign(b *Codebook, lambda float64) (changed int) {
	if len(b.Centroids) < 2 {
		return 0
	}
	bits := b.Bits(t.Mask)
	values := make([]float64, len(b.Centroids)-1) // of the centroids from 1 on
	for c, v := range b.Centroids[1:] {
		values[c] = math.Round(float64(v))
	}
	nearest := lambda == 0 && slices.IsSorted(values)
	for i, v := range t.Weights {
		if !kept(t.Mask, i) {
			b.Index[i] = 0
			continue
		}
		s := float64(t.scale(i))
		x, f := float64(v)/s, float64(t.Importance[i])*s*s
		cost := func(c int) float64 {
			e := x - values[c]
			// the small constant decides by distance where the importance is zero
			return (0.5*f+1e-12)*e*e + lambda*bits[c+1]
		}
		var best int
		if nearest {
			best = firstNearest(values, x, cost)
		} else {
			best = firstCheapest(len(values), cost)
		}
		if b.Index[i] != uint8(best+1) {
			b.Index[i] = uint8(best + 1)
			changed++
		}
	}
	return changed
}

// firstCheapest returns the first of n values of least cost.
func firstCheapest(n int, cost func(c int) float64) int {
	best, least := 0, math.Inf(1)
	for c := range n {
		if j := cost(c); j < least {
			best, least = c, j
		}
	}
	return best
}

// firstNearest returns the first of the ascending values of least cost, when the cost falls
// towards x: that of the nearest value, or of one before it with the same cost.
func firstNearest(values []float64, x float64, cost func(c int) float64) int {
	above, _ := slices.BinarySearch(values, x)
	best := min(above, len(values)-1)
	for best > 0 && cost(best-1) <= cost(best) {
		best--
	}
	return best
}

// Distortion returns 0.5 sum f_i (w_i - scale c_i)^2 over the kept weights, with the rounded
// centroids: to second order the loss that quantizing and sharing adds, in nats when the
// importance is the Fisher information of a sample.
func (t Tensor) Distortion(b *Codebook) float64 {
	d := 0.0
	for i, w := range t.Weights {
		if kept(t.Mask, i) {
			value := float32(math.Round(float64(b.Centroids[b.Index[i]]))) * t.scale(i)
			e := float64(w) - float64(value)
			d += 0.5 * float64(t.Importance[i]) * e * e
		}
	}
	return d
}

// Bits returns -log2 of each centroid's share of the kept weights, the code length of its
// index, smoothed by half a weight. Before the first assignment all are equal.
func (b *Codebook) Bits(mask []float32) []float64 {
	n := make([]float64, len(b.Centroids))
	total := 0.0
	for i, c := range b.Index {
		if c != 0 && kept(mask, i) {
			n[c]++
			total++
		}
	}
	for c := range n {
		n[c] = math.Log2((total + 0.5*float64(len(n))) / (n[c] + 0.5))
	}
	return n
}

// Entropy returns the order-0 code length of the kept weights' indexes, in bits.
func (b *Codebook) Entropy(mask []float32) float64 {
	bits := b.Bits(mask)
	sum := 0.0
	for i, c := range b.Index {
		if kept(mask, i) {
			sum += bits[c]
		}
	}
	return sum
}

// Finalize rounds the centroids to the integers that a file holds, merges equal ones and drops
// unused ones. Weights whose centroid becomes zero are pruned: mask, nil for none, changes
// too. A second call changes nothing.
func (b *Codebook) Finalize(mask []float32) {
	used := make([]bool, len(b.Centroids))
	for i, c := range b.Index {
		used[c] = used[c] || kept(mask, i)
	}
	remap := make([]uint8, len(b.Centroids))
	at := map[float32]uint8{0: 0}
	centroids := []float32{0}
	for c := 1; c < len(b.Centroids); c++ {
		if !used[c] {
			continue
		}
		q := float32(math.Round(float64(b.Centroids[c])))
		if _, ok := at[q]; !ok {
			at[q] = uint8(len(centroids))
			centroids = append(centroids, q)
		}
		remap[c] = at[q]
	}
	for i, c := range b.Index {
		b.Index[i] = remap[c]
		if remap[c] == 0 && mask != nil {
			mask[i] = 0
		}
	}
	b.Centroids = centroids
}

// Check verifies what a file relies on: there are 1 to MaxCentroids centroids, all integers
// within -limit..limit, the first one zero; indexes are below their number, and 0 where the
// mask (nil: none) prunes. The error names the centroid or the weight.
func (b *Codebook) Check(mask []float32, limit int) error {
	if len(b.Centroids) == 0 || len(b.Centroids) > MaxCentroids || b.Centroids[0] != 0 {
		return fmt.Errorf("share: %d centroids; want 1 to %d, the first one zero", len(b.Centroids), MaxCentroids)
	}
	for j, c := range b.Centroids {
		if q := math.Round(float64(c)); q != float64(c) || math.Abs(q) > float64(limit) {
			return fmt.Errorf("share: centroid %d is %v, not an integer in -%d..%d", j, c, limit, limit)
		}
	}
	for i, c := range b.Index {
		switch {
		case int(c) >= len(b.Centroids):
			return fmt.Errorf("share: weight %d has centroid %d of %d", i, c, len(b.Centroids))
		case c != 0 && !kept(mask, i):
			return fmt.Errorf("share: pruned weight %d has centroid %d", i, c)
		}
	}
	return nil
}

// FromValues returns the codebook of the integers q, in which each weight keeps its value. It
// fails when there are more than MaxCentroids values, zero included.
func FromValues(q []int32) (*Codebook, error) {
	values := append([]int32{0}, q...)
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) > MaxCentroids {
		return nil, fmt.Errorf("share: %d values, a codebook has at most %d", len(values), MaxCentroids)
	}
	b := &Codebook{Centroids: []float32{0}, Index: make([]uint8, len(q))}
	at := map[int32]uint8{0: 0}
	for _, v := range values {
		if v != 0 {
			at[v] = uint8(len(b.Centroids))
			b.Centroids = append(b.Centroids, float32(v))
		}
	}
	for i, v := range q {
		b.Index[i] = at[v]
	}
	return b, nil
}
