package pack

import (
	"fmt"
	"slices"

	"edgec/runtime/format"
)

// Encode returns the bytes of f, in which weights have a codebook of the values that they
// hold where that takes less, and where the bytes went. f is in the form of format.Finish;
// its codebooks are changed.
//
// Cost: three times that of format.Encode. It compares the code lengths of each tensor in a
// file without further codebooks and in one where all tensors have theirs.
func Encode(f *format.File) ([]byte, *format.Sizes, error) {
	without, sizes, err := format.Encode(f)
	if err != nil {
		return nil, nil, fmt.Errorf("pack: %w", err)
	}
	books := make([][]int8, len(f.Weights))
	for i := range f.Weights {
		if w := &f.Weights[i]; w.Book == nil {
			books[i] = values(w.Values)
			w.Book = books[i]
		}
	}
	all, allSizes, err := format.Encode(f)
	if err != nil {
		return nil, nil, fmt.Errorf("pack: %w", err)
	}
	for i := range f.Weights {
		if books[i] != nil && bits(&sizes.Weights[i]) <= bits(&allSizes.Weights[i]) {
			f.Weights[i].Book = nil
		}
	}
	mixed, mixedSizes, err := format.Encode(f)
	if err != nil {
		return nil, nil, fmt.Errorf("pack: %w", err)
	}
	if len(all) < len(mixed) {
		mixed, mixedSizes = all, allSizes
	}
	if len(without) <= len(mixed) {
		mixed, mixedSizes = without, sizes
	}
	return mixed, mixedSizes, nil
}

// values returns the distinct values and zero, ascending; nil for all of int8.
func values(q []int8) []int8 {
	v := append(slices.Clone(q), 0)
	slices.Sort(v)
	if v = slices.Compact(v); len(v) > 255 {
		return nil
	}
	return slices.Clip(v)
}

// bits returns what a weight tensor takes, but for what a codebook does not change.
func bits(w *format.WeightSizes) float64 { return w.Masks + w.Indexes + w.Codebooks }
