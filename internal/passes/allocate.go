package passes

import (
	"fmt"
	"math"

	"edgec/internal/graph"
)

// sizes are the codebooks that AllocateCodebooks chooses from, zero included.
var sizes = []int{2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256}

// bookBits is about what a centroid costs in the file.
const bookBits = 7

// AllocateCodebooks gives each of ps a codebook of a size of its own: those sizes, 2 to
// 256, that together lose least (Distortion, with the importances f[i] of ps[i])
// while a kept weight costs at most the given bits on average, index and share of
// the codebook. It returns the lambda of a bit, in nats of loss, at which the
// sizes were chosen and the weights assigned.
//
// Every layer minimises distortion + lambda * bits on its own, and the lambda is
// found by bisection (Shoham, Gersho 1988).
func AllocateCodebooks(ps []*graph.Param, f [][]float32, bits float64) (lambda float64, err error) {
	if !(bits > 1 && bits <= 8) {
		return 0, fmt.Errorf("share: %v bits for a weight; give more than 1, at most 8", bits)
	}
	ks, lambda, err := bookSizes(ps, f, bits)
	if err != nil {
		return 0, err
	}
	for i, p := range ps {
		if err := FitCodebook(p, f[i], ks[i], lambda); err != nil {
			return 0, err
		}
		p.Refresh()
	}
	return lambda, nil
}

// bookSizes returns the sizes of the codebooks, and the lambda they were chosen at.
func bookSizes(ps []*graph.Param, f [][]float32, bits float64) (ks []int, lambda float64, err error) {
	tried := make([][]allocation, len(ps))
	kept := 0
	for i, p := range ps {
		kept += p.Kept()
		for _, k := range sizes {
			if float64(k) > math.Exp2(bits+4) {
				break // far more than the average
			}
			a, err := allocate(p, f[i], k)
			if err != nil {
				return nil, 0, err
			}
			tried[i] = append(tried[i], a)
		}
	}
	low, high := 1e-20, 1e20 // nats for a bit
	for range 100 {
		mid := math.Sqrt(low * high)
		if _, cost := choose(tried, mid); cost > bits*float64(kept) {
			low = mid
		} else {
			high = mid
		}
	}
	ks, _ = choose(tried, high)
	return ks, high, nil
}

// allocate fits p a codebook of k centroids and measures it.
func allocate(p *graph.Param, f []float32, k int) (allocation, error) {
	if err := FitCodebook(p, f, k, 0); err != nil {
		return allocation{}, err
	}
	return allocation{k, Distortion(p, f), Entropy(p) + bookBits*float64(k)}, nil
}

// allocation is what a codebook of k centroids loses and costs.
type allocation struct {
	k          int
	loss, bits float64
}

// choose returns the best size for each layer at a lambda, and their bits.
func choose(tried [][]allocation, lambda float64) (ks []int, bits float64) {
	for _, of := range tried {
		best := of[0]
		for _, a := range of[1:] {
			if a.loss+lambda*a.bits < best.loss+lambda*best.bits {
				best = a
			}
		}
		ks = append(ks, best.k)
		bits += best.bits
	}
	return ks, bits
}
