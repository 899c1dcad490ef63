package share

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
)

// Found gives p, whose weights are integers already, the codebook of the values
// that they have, and a mask of those other than zero. Effective values stay as
// they are. It fails when there are more than MaxCentroids values.
func Found(p *graph.Param) error {
	if p.Grid == nil {
		return fmt.Errorf("share: parameter %q has no int8 grid yet; quantize before sharing", p.Name)
	}
	q := p.Quanta()
	place := map[int32]int{0: 0}
	for _, v := range q {
		place[v] = 0
	}
	if len(place) > MaxCentroids {
		return fmt.Errorf("share: parameter %q: %d values, a codebook has at most %d", p.Name, len(place), MaxCentroids)
	}
	var values []int32
	for v := range place {
		if v != 0 {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	book := &graph.Codebook{Centroids: []float32{0}, Index: make([]uint8, len(q))}
	for i, v := range values {
		place[v] = i + 1
		book.Centroids = append(book.Centroids, float32(v))
	}
	p.Mask = make([]float32, len(q))
	for i, v := range q {
		book.Index[i] = uint8(place[v])
		if v != 0 {
			p.Mask[i] = 1
		}
	}
	p.Book = book
	p.Refresh()
	return nil
}
