package share

import "math"

// sizes are the codebooks that are tried, zero included: the larger, the less a centroid more
// changes.
var sizes = []int{2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256}

// CentroidBits is about what a centroid costs in the file, in bits.
const CentroidBits = 7

// Sizes returns the codebooks worth trying where a weight may cost the given bits on average:
// sizes up to 16 times as many values as those bits can tell apart.
func Sizes(bits float64) []int {
	n := 0
	for n < len(sizes) && float64(sizes[n]) <= math.Exp2(bits+4) {
		n++
	}
	return sizes[:n:n]
}

// Option is a codebook that a layer may have, and what it costs.
type Option struct {
	Size int     // centroids, zero included
	Loss float64 // added to the loss; see Tensor.Distortion
	Bits float64 // of all indexes and of the codebook
}

// Options fits the tensor codebooks of the given sizes, without a rate, and measures them. The
// weights are sorted once, and partitioned once, for the largest size.
func (t Tensor) Options(sizes []int) ([]Option, error) {
	var options []Option
	w := t.sorted()
	for _, k := range sizes {
		b, err := t.fit(w, k, 0)
		if err != nil {
			return nil, err
		}
		options = append(options, Option{k, t.Distortion(b), b.Entropy(t.Mask) + CentroidBits*float64(k)})
	}
	return options, nil
}

// The lambdas that Allocate bisects between, in loss per bit: at the least almost every bit is
// spent, at the most none. lambdaSteps bisections of their logarithm leave no interval.
const (
	leastLambda = 1e-20
	mostLambda  = 1e20
	lambdaSteps = 100
)

// Allocate chooses one of the options of each layer: those that minimise
//
//	Loss + lambda Bits
//
// in each layer, at the least lambda at which all choices together take at most budget bits
// (Shoham, Gersho 1988). It returns their sizes and that lambda. A budget that the
// cheapest options exceed gives these, and the largest lambda, 1e20.
func Allocate(options [][]Option, budget float64) (sizes []int, lambda float64) {
	low, high := leastLambda, mostLambda
	for range lambdaSteps {
		mid := math.Sqrt(low * high)
		if _, bits := choose(options, mid); bits > budget {
			low = mid
		} else {
			high = mid
		}
	}
	sizes, _ = choose(options, high)
	return sizes, high
}

// choose returns the best size for each layer at lambda, and the bits of all.
func choose(options [][]Option, lambda float64) (sizes []int, bits float64) {
	for _, of := range options {
		best := of[0]
		for _, o := range of[1:] {
			if o.Loss+lambda*o.Bits < best.Loss+lambda*best.Bits {
				best = o
			}
		}
		sizes = append(sizes, best.Size)
		bits += best.Bits
	}
	return sizes, bits
}
