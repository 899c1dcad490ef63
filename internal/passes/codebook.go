package passes

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/share"
)

// FitCodebook gives p a codebook of at most k centroids, zero included, fitted to its
// kept shadow weights with importance f (parallel to the weights). p must have
// its grid. Centroids are multiples of the grid's step, distinct and non-zero.
func FitCodebook(p *graph.Param, f []float32, k int, lambda float64) error {
	if p.Grid == nil {
		return fmt.Errorf("share: parameter %q has no int8 grid yet; quantize before sharing", p.Name)
	}
	if k < 2 || k > share.MaxCentroids {
		return fmt.Errorf("share: parameter %q: %d centroids, want 2 to %d", p.Name, k, share.MaxCentroids)
	}
	var w, fk []float32
	row := rowLen(p)
	for i, v := range p.Shadow.Data {
		if p.Mask == nil || p.Mask[i] != 0 {
			s := p.Grid.ScaleOf(i / row)
			w = append(w, v/s)
			fk = append(fk, f[i]*s*s)
		}
	}
	centroids := []float32{0}
	seen := map[float32]bool{0: true}
	for _, c := range share.KMeans(w, fk, k, lambda) {
		q := float32(math.Round(float64(c)))
		q = max(-float32(p.Grid.Max), min(float32(p.Grid.Max), q))
		if !seen[q] {
			seen[q] = true
			centroids = append(centroids, q)
		}
	}
	p.Book = &graph.Codebook{Centroids: centroids, Index: make([]uint8, len(p.Shadow.Data))}
	if len(centroids) == 1 && len(w) > 0 {
		// every kept weight rounds to zero: one step of the grid is the least that keeps them
		p.Book.Centroids = append(centroids, 1)
	}
	AssignCentroids(p, f, lambda)
	return nil
}

func rowLen(p *graph.Param) int { return max(len(p.Shadow.Data)/max(p.Channels(), 1), 1) }

// AssignCentroids gives every kept weight the centroid that costs least (see the
// package comment) and returns how many weights changed. Pruned weights keep
// centroid 0; kept weights never take it, so that the mask stays as it is.
func AssignCentroids(p *graph.Param, f []float32, lambda float64) (changed int) {
	book := p.Book
	if len(book.Centroids) < 2 {
		return 0
	}
	bits := indexBits(p)
	row := rowLen(p)
	for i, v := range p.Shadow.Data {
		if p.Mask != nil && p.Mask[i] == 0 {
			book.Index[i] = 0
			continue
		}
		s := float64(p.Grid.ScaleOf(i / row))
		x, fi := float64(v)/s, float64(f[i])*s*s
		best, cost := 1, math.Inf(1)
		for c := 1; c < len(book.Centroids); c++ {
			e := x - math.Round(float64(book.Centroids[c]))
			// the small constant decides by distance where the importance is zero
			if j := (0.5*fi+1e-12)*e*e + lambda*bits[c]; j < cost {
				best, cost = c, j
			}
		}
		if book.Index[i] != uint8(best) {
			book.Index[i] = uint8(best)
			changed++
		}
	}
	return changed
}

// indexBits returns -log2 of each centroid's share of the kept weights; before
// the first assignment all are equal.
func indexBits(p *graph.Param) []float64 {
	n := make([]float64, len(p.Book.Centroids))
	total := 0.0
	for i, c := range p.Book.Index {
		if c != 0 && (p.Mask == nil || p.Mask[i] != 0) {
			n[c]++
			total++
		}
	}
	for c := range n {
		n[c] = math.Log2((total + 0.5*float64(len(n))) / (n[c] + 0.5))
	}
	return n
}

// Distortion returns 0.5 sum f_i (w_i - effective_i)^2 over the kept weights:
// to second order the loss that quantizing and sharing p adds, in nats when f
// is the Fisher information of a sample.
func Distortion(p *graph.Param, f []float32) float64 {
	p.Refresh()
	d := 0.0
	for i, w := range p.Shadow.Data {
		if p.Mask == nil || p.Mask[i] != 0 {
			e := float64(w) - float64(p.Value.Data[i])
			d += 0.5 * float64(f[i]) * e * e
		}
	}
	return d
}

// Entropy returns the order-0 code length of the kept weights' indexes in
// bits.
func Entropy(p *graph.Param) float64 {
	bits := indexBits(p)
	sum := 0.0
	for i, c := range p.Book.Index {
		if p.Mask == nil || p.Mask[i] != 0 {
			sum += bits[c]
		}
	}
	return sum
}

// FinalizeCodebook rounds the centroids to the int8 values that the file holds, merges
// equal ones and drops unused ones. After it CheckCodebook holds.
func FinalizeCodebook(p *graph.Param) {
	book := p.Book
	used := make([]bool, len(book.Centroids))
	for i, c := range book.Index {
		used[c] = used[c] || p.Mask == nil || p.Mask[i] != 0
	}
	remap := make([]uint8, len(book.Centroids))
	at := map[float32]uint8{0: 0}
	centroids := []float32{0}
	for c := 1; c < len(book.Centroids); c++ {
		if !used[c] {
			continue
		}
		q := float32(math.Round(float64(book.Centroids[c])))
		if _, ok := at[q]; !ok {
			at[q] = uint8(len(centroids))
			centroids = append(centroids, q)
		}
		remap[c] = at[q]
	}
	for i, c := range book.Index {
		book.Index[i] = remap[c]
		if remap[c] == 0 && p.Mask != nil {
			p.Mask[i] = 0 // its centroid has become zero: the weight is pruned
		}
	}
	book.Centroids = centroids
	p.Refresh()
}

// CheckCodebook verifies that every effective weight of p is a centroid on the grid,
// that centroid 0 is zero, and that no pruned weight has come back.
func CheckCodebook(p *graph.Param) error {
	if p.Book == nil {
		return nil
	}
	if err := p.Check(); err != nil {
		return err
	}
	on := map[int32]bool{}
	for i, c := range p.Book.Centroids {
		q := math.Round(float64(c))
		if q != float64(c) || math.Abs(q) > float64(p.Grid.Max) {
			return fmt.Errorf("share: parameter %q: centroid %d is %v, not an integer in -%d..%d", p.Name, i, c, p.Grid.Max, p.Grid.Max)
		}
		on[int32(q)] = true
	}
	for i, q := range p.Quanta() {
		if !on[q] {
			return fmt.Errorf("share: parameter %q: weight %d is %d, not a centroid", p.Name, i, q)
		}
		if q != 0 && p.Mask != nil && p.Mask[i] == 0 {
			return fmt.Errorf("share: parameter %q: pruned weight %d is %d", p.Name, i, q)
		}
	}
	return nil
}
