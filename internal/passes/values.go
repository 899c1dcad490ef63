package passes

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/share"
)

// ValueCodebook gives p, whose weights are integers already, the codebook of the values
// that they have, and a mask of those other than zero. Effective values stay as
// they are. It fails when there are more than share.MaxCentroids values.
func ValueCodebook(p *graph.Param) error {
	if p.Grid == nil {
		return fmt.Errorf("share: parameter %q has no int8 grid yet; quantize before sharing", p.Name)
	}
	if err := setValues(p, p.Quanta()); err != nil {
		return err
	}
	MaskZeros(p)
	return nil
}

// setValues gives p the codebook of the values q, which become its effective values.
func setValues(p *graph.Param, q []int32) error {
	values := append([]int32{0}, q...)
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) > share.MaxCentroids {
		return fmt.Errorf("share: parameter %q: %d values, a codebook has at most %d", p.Name, len(values), share.MaxCentroids)
	}
	book := &graph.Codebook{Centroids: []float32{0}, Index: make([]uint8, len(q))}
	place := map[int32]uint8{0: 0}
	for _, v := range values {
		if v != 0 {
			place[v] = uint8(len(book.Centroids))
			book.Centroids = append(book.Centroids, float32(v))
		}
	}
	for i, v := range q {
		book.Index[i] = place[v]
	}
	p.Book = book
	p.Refresh()
	return nil
}

// MaskZeros prunes the weights of p whose centroid is zero, and makes the others'
// shadows what they have been rounded to.
func MaskZeros(p *graph.Param) {
	p.Mask = make([]float32, len(p.Book.Index))
	for i, c := range p.Book.Index {
		if c != 0 {
			p.Mask[i] = 1
		}
	}
	p.Refresh()
	copy(p.Shadow.Data, p.Value.Data)
}
