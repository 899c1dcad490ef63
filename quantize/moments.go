package quantize

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"edgec/internal/gemm"
)

const (
	blockCols      = 1024  // most columns of a block; a layer of 2304 inputs has three
	leastCurvature = 0.01  // least output curvature, as a fraction of the mean over the channels
	damping        = 0.003 // added to the diagonal, as a fraction of its mean (Frantar, Alistarh 2023, SparseGPT's percdamp)
)

// MomentSums adds up the second moments of the inputs of a layer, and the curvature of the
// loss in its outputs. NewMomentSums makes one.
type MomentSums struct {
	groups, cols int
	centered     bool
	h            [][]float32 // of each group and block of columns, [n, n]
	mean         []float64   // of each group's columns
	n            float64     // patches of a group

	curvature, absMax []float64 // of each row
}

// NewMomentSums prepares for a layer of rows outputs whose weights are [rows, cols], in groups
// of rows that meet different inputs (1 for dense layers and plain convolutions). centered
// takes moments about the mean, for layers with a bias: what rounding does to the mean of
// an output the bias can make up for.
//
// Memory: 4 groups cols min(cols, 1024) bytes.
func NewMomentSums(groups, rows, cols int, centered bool) *MomentSums {
	s := &MomentSums{groups: groups, cols: cols, centered: centered, mean: make([]float64, groups*cols),
		curvature: make([]float64, rows), absMax: make([]float64, rows)}
	for range groups {
		for lo := 0; lo < cols; lo += blockCols {
			k := min(blockCols, cols-lo)
			s.h = append(s.h, make([]float32, k*k))
		}
	}
	return s
}

// AddInputs adds the inputs that group g meets, patches [n, cols], row-major, in the order of
// the weights. All groups get the same number of patches, the first one first.
//
// Cost: n cols min(cols, 1024) multiplications.
func (s *MomentSums) AddInputs(g int, patches []float32) {
	count := len(patches) / s.cols
	for i, v := range patches {
		s.mean[g*s.cols+i%s.cols] += float64(v)
	}
	at := g * (len(s.h) / s.groups)
	for lo := 0; lo < s.cols; lo += blockCols {
		k := min(blockCols, s.cols-lo)
		gemm.Mul(true, false, k, k, count, patches[lo:], s.cols, patches[lo:], s.cols, true, s.h[at], k)
		at++
	}
	if g == 0 {
		s.n += float64(count)
	}
}

// AddOutputs adds outputs y and draws of the loss's gradient in them, both [n, rows, places],
// row-major. samples is the number of samples in all calls together. passes reports whether
// the fused activation passes a gradient where the output is y; nil: always.
//
// The square of a draw must have the curvature of the loss as its expectation: for a
// classifier, softmax minus a class drawn from it (Martens 2020, section 5).
func (s *MomentSums) AddOutputs(y, gradient []float32, places, samples int, passes func(y float32) bool) {
	for i, d := range gradient {
		c, v := i/places%len(s.curvature), y[i]
		if passes == nil || passes(v) {
			s.curvature[c] += float64(d) * float64(d) / float64(samples)
		}
		s.absMax[c] = max(s.absMax[c], math.Abs(float64(v)))
	}
}

// Factor returns the moments in the form that rounding needs. The MomentSums are used up.
// Output curvatures below a hundredth of their mean are raised to it. It fails when the
// second moments cannot be inverted.
func (s *MomentSums) Factor(ctx context.Context) (*InputMoments, error) {
	m := &InputMoments{groups: s.groups, cols: s.cols, curvature: s.curvature, absMax: s.absMax}
	least := leastCurvature * mean(s.curvature)
	for r, v := range m.curvature {
		m.curvature[r] = math.Max(v, least)
	}
	at := 0
	for g := range s.groups {
		for lo := 0; lo < s.cols; lo += blockCols {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			h := s.hessian(at, g, lo)
			u, err := inverseFactor(h)
			if err != nil { // inputs that are constant but for float32's rounding
				u, err = inverseFactor(s.robust(h, at))
			}
			if err != nil {
				return nil, err
			}
			m.blocks = append(m.blocks, block{lo, min(lo+blockCols, s.cols), u})
			at++
		}
	}
	return m, nil
}

// hessian returns E[x x^T] of block at, the columns of group g from lo on, damped.
func (s *MomentSums) hessian(at, g, lo int) *mat.SymDense {
	k := min(blockCols, s.cols-lo)
	h := mat.NewSymDense(k, nil)
	trace := 0.0
	for i := range k {
		for j := i; j < k; j++ {
			v := float64(s.h[at][i*k+j]) / s.n
			if s.centered {
				v -= s.mean[g*s.cols+lo+i] / s.n * s.mean[g*s.cols+lo+j] / s.n
			}
			h.SetSym(i, j, v)
		}
		trace += h.At(i, i)
	}
	for i := range k {
		h.SetSym(i, i, h.At(i, i)+damping*trace/float64(k)+1e-12)
	}
	return h
}

// robust returns h of block at with as much more on its diagonal as float32 may have rounded
// away from second moments that are large beside the variance.
func (s *MomentSums) robust(h *mat.SymDense, at int) *mat.SymDense {
	k, top := h.SymmetricDim(), 0.0
	for i := range k {
		top = max(top, float64(s.h[at][i*k+i])/s.n)
	}
	const rounding = 1e-5 // of sums of some thousand products
	for i := range k {
		h.SetSym(i, i, max(h.At(i, i), 0)+rounding*top*float64(k))
	}
	return h
}

// inverseFactor returns the upper triangle U with U^T U = h^-1.
func inverseFactor(h *mat.SymDense) (*mat.TriDense, error) {
	var c mat.Cholesky
	if !c.Factorize(h) {
		return nil, errors.New("quantize: the inputs are too large, or not finite: their second moments are not positive definite; scale the samples, or give others")
	}
	var inv mat.SymDense
	if err := c.InverseTo(&inv); err != nil && math.IsInf(c.Cond(), 0) {
		return nil, fmt.Errorf("quantize: the second moments of the inputs: %w; give more samples", err)
	}
	var d mat.Cholesky
	if !d.Factorize(&inv) {
		return nil, errors.New("quantize: the inverse of the second moments of the inputs is not positive definite; give more samples")
	}
	u := mat.NewTriDense(h.SymmetricDim(), mat.Upper, nil)
	d.UTo(u)
	return u, nil
}

// InputMoments are the second moments of the inputs that the rows of a weight meet, factored,
// and the curvature of the loss in the outputs of each row. MomentSums.Factor makes them.
type InputMoments struct {
	groups    int
	cols      int       // of a row
	blocks    []block   // of the groups, one after the other
	curvature []float64 // of each row: the loss is half of this times the mean square of the error
	absMax    []float64 // of each row, the largest magnitude of an output
}

// block is a run of columns of one group, and
//
//	U with U^T U = (H + damp I)^-1,   H = E[x x^T] of these columns,
//
// an upper triangle: the Cholesky factor of the inverse. Correlations between blocks
// are left out.
type block struct {
	lo, hi int
	u      *mat.TriDense
}

// curvature is that of the mean square of an output in column j: a weight that moves there
// by e, while the columns after it make up for it as far as they can, makes an error of mean
// square curvature e^2.
func (b block) curvature(j int) float64 {
	u := b.u.At(j, j)
	return 1 / (u * u)
}

// group returns the group of block k.
func (m *InputMoments) group(k int) int { return k / (len(m.blocks) / m.groups) }

// OutputCurvature returns the second derivative of the loss in the outputs of each row,
// summed over their places. The caller does not change it.
func (m *InputMoments) OutputCurvature() []float64 { return m.curvature }

// AbsMax returns the largest magnitude of each row's outputs, after the activation. The
// caller does not change it.
func (m *InputMoments) AbsMax() []float64 { return m.absMax }

// Curvatures returns the curvature of the loss in each weight, [rows, cols]: the row's output
// curvature times that of the column, when later columns make up for an error as far as
// they can.
func (m *InputMoments) Curvatures() []float32 {
	rows := len(m.curvature)
	c := make([]float32, rows*m.cols)
	per := rows / m.groups
	for k, b := range m.blocks {
		g := m.group(k)
		for r := g * per; r < (g+1)*per; r++ {
			for j := range b.hi - b.lo {
				c[r*m.cols+b.lo+j] = float32(m.curvature[r] * b.curvature(j))
			}
		}
	}
	return c
}

// Scaled returns the moments of weights that are scaled: those of each row by rows, those
// that meet each column of each group by columns, by whose inverse the inputs are.
func (m *InputMoments) Scaled(by *Scaling) *InputMoments {
	s := &InputMoments{groups: m.groups, cols: m.cols, curvature: make([]float64, len(m.curvature)), absMax: make([]float64, len(m.absMax))}
	for r, k := range by.Rows {
		s.curvature[r], s.absMax[r] = m.curvature[r]/(k*k), m.absMax[r]*k
	}
	for k, b := range m.blocks {
		at := m.group(k)*m.cols + b.lo
		n := b.hi - b.lo
		u := mat.NewTriDense(n, mat.Upper, nil)
		for i := range n {
			for j := i; j < n; j++ {
				u.SetTri(i, j, b.u.At(i, j)*by.Columns[at+j])
			}
		}
		s.blocks = append(s.blocks, block{b.lo, b.hi, u})
	}
	return s
}

func mean(x []float64) float64 { return floats.Sum(x) / math.Max(float64(len(x)), 1) }
