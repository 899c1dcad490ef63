package eval

import (
	"math"
	"slices"

	"edgec/internal/tensor"
)

// What tells two units in one output, such as pixels of boxes beside probabilities: the ratio of
// their variances, the least value that the smaller ones must reach, and the least deviation of
// these in parts of that value.
const (
	unitRatio     = 1000
	unitPeak      = 0.05
	unitDeviation = 1e-3
)

// units returns the elements of the outputs of a sample, those of one unit together: each output
// alone, or two parts of it, where the places along one of its dimensions have variances that are
// far apart. The error of the smaller part would not be seen beside that of the larger one.
func (r *Reference) units() (units [][]int) {
	at := 0
	for h, n := range r.Heads {
		all := make([]int, n)
		for i := range all {
			all[i] = at + i
		}
		at += n
		var small, rest []int
		if h < len(r.Shapes) {
			small, rest = r.smallUnit(all, r.Shapes[h])
		}
		if small == nil {
			units = append(units, all)
		} else {
			units = append(units, rest, small)
		}
	}
	return units
}

// Still returns the first output whose deviation is below a thousandth of its largest value, which
// is less than an int8 can tell; -1: there is none.
func (r *Reference) Still() int {
	at := 0
	for h, n := range r.Heads {
		all := make([]int, n)
		for i := range all {
			all[i] = at + i
		}
		at += n
		v, peak := r.spread(all)
		if math.Sqrt(Mean(v)) < unitDeviation*slices.Max(peak) {
			return h
		}
	}
	return -1
}

// of returns the elements of sample i, in buf.
func (r *Reference) of(elements []int, i int, buf []float32) []float32 {
	row := r.row(i)
	for k, e := range elements {
		buf[k] = row[e]
	}
	return buf
}

// spread returns the variance and the largest magnitude of each of the elements.
func (r *Reference) spread(elements []int) (variance, peak []float64) {
	n, buf := r.Float.Shape[0], make([]float32, len(elements))
	variance = variances(n, len(elements), func(i int) []float32 { return r.of(elements, i, buf) })
	peak = make([]float64, len(elements))
	for i := range n {
		for k, x := range r.of(elements, i, buf) {
			peak[k] = max(peak[k], math.Abs(float64(x)))
		}
	}
	return variance, peak
}

// smallUnit returns the elements of an output, a sample of the given shape, whose unit is smaller
// than that of the others, and the others; nil: there are none.
func (r *Reference) smallUnit(all []int, shape tensor.Shape) (small, rest []int) {
	v, peak := r.spread(all)
	most, inner := float64(unitRatio), 1
	for d := len(shape) - 1; d >= 0; d-- {
		size := shape[d]
		if low, ratio := smallPlaces(v, peak, inner, size); ratio > most && size < len(all) {
			most, small, rest = ratio, nil, nil
			for k, e := range all {
				if low[k/inner%size] {
					small = append(small, e)
				} else {
					rest = append(rest, e)
				}
			}
		}
		inner *= size
	}
	return small, rest
}

// smallPlaces returns the places along a dimension of the given size, with inner elements at each
// step, whose variances are below the widest gap between those of all, and that gap as a ratio; 0
// where they are no unit of their own.
func smallPlaces(variance, peak []float64, inner, size int) (low []bool, ratio float64) {
	mean, top := make([]float64, size), make([]float64, size)
	for k, v := range variance {
		at := k / inner % size
		mean[at] += v * float64(size) / float64(len(variance))
		top[at] = max(top[at], peak[k])
	}
	sorted := slices.Sorted(slices.Values(mean))
	limit := 0.0
	for i := 1; i < size; i++ {
		if gap := sorted[i] / sorted[i-1]; gap > ratio {
			ratio, limit = gap, sorted[i]
		}
	}
	low = make([]bool, size)
	highest, largest := 0.0, 0.0
	for i, m := range mean {
		if low[i] = m < limit; low[i] {
			highest, largest = max(highest, m), max(largest, top[i])
		}
	}
	if largest < unitPeak || math.Sqrt(highest) < unitDeviation*largest {
		return low, 0
	}
	return low, ratio
}
