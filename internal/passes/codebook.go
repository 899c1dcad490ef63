package passes

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/share"
)

// tensorOf returns the plain data of p with importance f, parallel to its weights, for package
// share. It fails without a grid.
func tensorOf(p *graph.Param, f []float32) (share.Tensor, error) {
	if p.Grid == nil {
		return share.Tensor{}, fmt.Errorf("passes: parameter %q has no int8 grid yet; quantize before sharing", p.Name)
	}
	return share.Tensor{Weights: p.Shadow.Data, Mask: p.Mask, Importance: f, Scale: p.Grid.Scale, Limit: p.Grid.Max}, nil
}

func rowLen(p *graph.Param) int { return max(len(p.Shadow.Data)/max(p.Channels(), 1), 1) }

// FitCodebook gives p a codebook of at most k centroids, zero included, fitted to its kept
// shadow weights with importance f (parallel to the weights); see share.Tensor.Fit. p must
// have its grid. The effective value is refreshed by the caller.
func FitCodebook(p *graph.Param, f []float32, k int, lambda float64) error {
	t, err := tensorOf(p, f)
	if err != nil {
		return err
	}
	b, err := t.Fit(k, lambda)
	if err != nil {
		return fmt.Errorf("passes: parameter %q: %w", p.Name, err)
	}
	p.Book = (*graph.Codebook)(b)
	return nil
}

// AssignCentroids gives every kept weight of p, which has a grid and a codebook, the centroid
// that costs least, and returns the number of weights that changed; see share.Tensor.Assign.
func AssignCentroids(p *graph.Param, f []float32, lambda float64) (changed int) {
	t := share.Tensor{Weights: p.Shadow.Data, Mask: p.Mask, Importance: f, Scale: p.Grid.Scale, Limit: p.Grid.Max}
	return t.Assign((*share.Codebook)(p.Book), lambda)
}

// AllocateCodebooks gives each of ps a codebook of a size of its own: those sizes, 2 to
// 256, that together lose least (with the importances f[i] of ps[i]) while a kept weight
// costs at most the given bits on average, index and share of the codebook. It returns the
// lambda, in nats of loss per bit, at which the sizes were chosen and the weights assigned;
// see share.Allocate.
func AllocateCodebooks(ps []*graph.Param, f [][]float32, bits float64) (lambda float64, err error) {
	if !(bits > 1 && bits <= 8) {
		return 0, fmt.Errorf("passes: %v bits for a weight; give more than 1, at most 8", bits)
	}
	options := make([][]share.Option, len(ps))
	kept := 0
	for i, p := range ps {
		kept += p.Kept()
		t, err := tensorOf(p, f[i])
		if err != nil {
			return 0, err
		}
		if options[i], err = t.Options(share.Sizes(bits)); err != nil {
			return 0, fmt.Errorf("passes: parameter %q: %w", p.Name, err)
		}
	}
	sizes, lambda := share.Allocate(options, bits*float64(kept))
	for i, p := range ps {
		if err := FitCodebook(p, f[i], sizes[i], lambda); err != nil {
			return 0, err
		}
		p.Refresh()
	}
	return lambda, nil
}

// FinalizeCodebook rounds the centroids to the int8 values that the file holds, merges
// equal ones and drops unused ones; see share.Codebook.Finalize. After it CheckCodebook holds.
func FinalizeCodebook(p *graph.Param) {
	(*share.Codebook)(p.Book).Finalize(p.Mask)
	p.Refresh()
}

// CheckCodebook verifies that every effective weight of p is an integer centroid of its grid,
// that centroid 0 is zero, and that no pruned weight has come back. Parameters without a
// codebook pass.
func CheckCodebook(p *graph.Param) error {
	if p.Book == nil {
		return nil
	}
	if err := p.Check(); err != nil {
		return err
	}
	if err := (*share.Codebook)(p.Book).Check(p.Mask, p.Grid.Max); err != nil {
		return fmt.Errorf("passes: parameter %q: %w", p.Name, err)
	}
	return nil
}

// ValueCodebook gives p, whose weights are integers already, the codebook of the values
// that they have, and a mask of those that are not zero. Effective values stay as
// they are. It fails when there are more than share.MaxCentroids values.
func ValueCodebook(p *graph.Param) error {
	if p.Grid == nil {
		return fmt.Errorf("passes: parameter %q has no int8 grid yet; quantize before sharing", p.Name)
	}
	if err := setValues(p, p.Quanta()); err != nil {
		return err
	}
	MaskZeros(p)
	return nil
}

// setValues gives p the codebook of the values q, which become its effective values.
func setValues(p *graph.Param, q []int32) error {
	b, err := share.FromValues(q)
	if err != nil {
		return fmt.Errorf("passes: parameter %q: %w", p.Name, err)
	}
	p.Book = (*graph.Codebook)(b)
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
