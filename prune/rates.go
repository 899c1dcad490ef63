package prune

import (
	"math"
	"slices"
)

// BiasRate is about what keeping a bias costs in the file, in bits: it has a wide range of
// values and no mask context.
const BiasRate = 5

// valueRate is about what the value of a kept weight costs, in bits; the rest of a rate is
// for the mask.
const valueRate = 2.5

// The least densities that Rates takes a weight's surroundings to have. At the usual one a
// lone weight costs 10.9 bits, at the sparse one 15.8.
const (
	UsualDensity  = 0.003
	SparseDensity = 0.0001
)

// mostDensity bounds densities from above: a weight costs at least one bit anyway.
const mostDensity = 0.9

// Coding describes how the masks of a tensor are coded, as far as Rates needs it. The zero
// value is that of a tensor of any kind.
type Coding struct {
	MinDensity float64 // below which a density counts as this; 0: UsualDensity
	Image      [3]int  // C, H, W of the image that a row reads flattened; zeros: none
	Uses       float64 // multiplications by each weight in an inference; 0: time does not count
}

// Rates estimates what keeping each weight of a matrix costs in an entropy-coded file, in
// bits. mask [rows, cols], row-major, has 1 for weights that are kept now and 0 for others:
//
//	rate[r, c] = max(1, 2.5 + log2((1-q)/q))
//	q          = rowKept[r] colKept[c] / kept, clipped to MinDensity..0.9
//
// 2.5 bits are for the value and the others for the mask, whose coder knows the density of the
// row and of the column. Counts are lowered by about half a weight, so that a lone weight does
// not make its own place look dense. For a convolution a row is one kernel plane and a
// column a position in it.
//
// With an Image, the count of a column is the mean over the 3x3 pixels around it, within
// its channel: a coder that sees neighbours expects weights to gather. With Uses, rates are
// multiplied by it: weights are ranked by bits and time alike.
//
// Cost: O(rows cols + rows d), with d the number of distinct column counts.
func Rates(mask []float32, rows, cols int, at Coding) []float32 {
	rowKept, colKept, kept := counts(mask, rows, cols)
	smooth(colKept, at.Image)
	distinct := slices.Compact(slices.Sorted(slices.Values(colKept)))
	which := make([]int, cols) // of distinct
	for c, n := range colKept {
		which[c], _ = slices.BinarySearch(distinct, n)
	}
	out := make([]float32, len(mask))
	rates := make([]float32, len(distinct))
	for r := 0; r < rows; r++ {
		a := math.Max(rowKept[r]-0.5, 0.1) / math.Max(kept, 1)
		for k, n := range distinct {
			rates[k] = at.rate(a * math.Max(n-0.4, 0.1))
		}
		for c, k := range which {
			out[r*cols+c] = rates[k]
		}
	}
	if at.Uses > 0 {
		for i := range out {
			out[i] *= float32(at.Uses)
		}
	}
	return out
}

// UniformRates returns n rates of the same bits: those of biases (BiasRate), and of tensors
// that have no mask (1).
func UniformRates(n int, bits float32) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = bits
	}
	return out
}

// counts returns the kept weights of each row, of each column and of all.
func counts(mask []float32, rows, cols int) (row, col []float64, all float64) {
	row, col = make([]float64, rows), make([]float64, cols)
	for i, m := range mask {
		row[i/cols] += float64(m)
		col[i%cols] += float64(m)
		all += float64(m)
	}
	return row, col, all
}

// rate returns the bits of a weight where the density is q.
func (at Coding) rate(q float64) float32 {
	least := at.MinDensity
	if least == 0 {
		least = UsualDensity
	}
	q = math.Max(least, math.Min(mostDensity, q))
	return float32(math.Max(1, valueRate+math.Log2((1-q)/q)))
}

// smooth takes the mean over the 3x3 positions around each (of those inside) of the counts n
// of the elements of an image, [C, H, W].
func smooth(n []float64, image [3]int) {
	h, w := image[1], image[2]
	for c := range image[0] {
		plane := n[c*h*w : (c+1)*h*w]
		sharp := slices.Clone(plane)
		for y := range h {
			for x := range w {
				sum, area := 0.0, 0.0
				for v := max(y-1, 0); v < min(y+2, h); v++ {
					for u := max(x-1, 0); u < min(x+2, w); u++ {
						sum, area = sum+sharp[v*w+u], area+1
					}
				}
				plane[y*w+x] = sum / area
			}
		}
	}
}
