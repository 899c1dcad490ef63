package passes

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"edgec/internal/graph"
)

// Step returns the step of p's grid that suits a lambda, in loss for a bit: with
// entropy-coded values of a fine grid the loss of a weight is c step^2 / 24, where c is
// the curvature of its column, and one bit less makes it four times as large, so that
//
//	step = sqrt(12 lambda / (ln 2 * mean of c))
//
// (Gish, Pierce 1968), held between the largest weight divided by 127 and the largest
// weight.
func (m *InputMoments) Step(p *graph.Param, lambda float64) float64 {
	c, n := 0.0, 0
	for _, b := range m.blocks {
		for j := range b.hi - b.lo {
			c += b.curvature(j)
			n++
		}
	}
	c *= mean(m.minds)
	top := 0.0
	for _, v := range p.Value.Data {
		top = math.Max(top, math.Abs(float64(v)))
	}
	if top == 0 {
		return 1
	}
	step := math.Sqrt(12 * lambda / (math.Ln2 * c / float64(n)))
	return math.Max(top/127, math.Min(top, step))
}

// BiasStep returns the step of the biases' grid that suits a lambda, as Step does for
// weights: a bias moves the outputs of its row alone, so that its curvature is the row's
// mind,
//
//	step = sqrt(12 lambda / (ln 2 * mean of minds))
//
// in units of the output; infinite where the loss minds nothing.
func (m *InputMoments) BiasStep(lambda float64) float64 {
	return math.Sqrt(12 * lambda / (math.Ln2 * mean(m.minds)))
}

// curvature is that of the mean square of an output in column j: a weight that moves there
// by e, while the columns after it make up for it as far as they can, makes an error of mean
// square curvature e^2.
func (b block) curvature(j int) float64 {
	u := b.u.At(j, j)
	return 1 / (u * u)
}

// OutputCurvature returns the second derivative of the loss in the outputs of each row, summed over
// their places; see MeasureMoments.
func (m *InputMoments) OutputCurvature() []float64 { return m.minds }

// AbsMax returns the largest magnitude of each row's outputs, after the activation.
func (m *InputMoments) AbsMax() []float64 { return m.peaks }

// Scaled returns the moments of weights that are scaled: those of each row by rows, those
// that meet each column of each group by columns, by whose inverse the inputs are.
func (m *InputMoments) Scaled(rows, columns []float64) *InputMoments {
	s := &InputMoments{groups: m.groups, cols: m.cols, minds: make([]float64, len(m.minds)), peaks: make([]float64, len(m.peaks))}
	for r, k := range rows {
		s.minds[r], s.peaks[r] = m.minds[r]/(k*k), m.peaks[r]*k
	}
	for k, b := range m.blocks {
		at := k/(len(m.blocks)/m.groups)*m.cols + b.lo
		n := b.hi - b.lo
		u := mat.NewTriDense(n, mat.Upper, nil)
		for i := range n {
			for j := i; j < n; j++ {
				u.SetTri(i, j, b.u.At(i, j)*columns[at+j])
			}
		}
		s.blocks = append(s.blocks, block{b.lo, b.hi, u})
	}
	return s
}

// Curvatures returns the curvature of the loss in each weight of p; see Round.
func (m *InputMoments) Curvatures(p *graph.Param) []float32 {
	c := make([]float32, len(p.Value.Data))
	per := p.Channels() / m.groups
	for k, b := range m.blocks {
		group := k / (len(m.blocks) / m.groups)
		for r := group * per; r < (group+1)*per; r++ {
			for j := range b.hi - b.lo {
				c[r*m.cols+b.lo+j] = float32(m.minds[r] * b.curvature(j))
			}
		}
	}
	return c
}

func mean(x []float64) float64 { return floats.Sum(x) / math.Max(float64(len(x)), 1) }

// Round gives the weights of p integers of its grid, which has one scale, column after
// column: that q for which
//
//	c (w - scale q)^2 / 2 + lambda * bits(q)
//
// is least, zero among them; the columns after it then make up for the error as far as
// they can (the order and the update of Frantar et al. 2023, GPTQ; the lambda of a bit
// in it: CERWU 2025). c is the curvature of the loss in this weight, see MeasureMoments. bits is
// the code length under the values' own frequencies, found in two passes. They become p's
// codebook; its shadow stays as it is, and so does its mask, see MaskZeros. It returns the
// loss, to second order.
//
// It fails if p has no grid of one scale, or other shapes than when it was measured.
func (m *InputMoments) Round(p *graph.Param, lambda float64) (loss float64, err error) {
	if p.Grid == nil || len(p.Grid.Scale) != 1 {
		return 0, fmt.Errorf("share: parameter %q has no grid of one scale", p.Name)
	}
	if rowLen(p) != m.cols || p.Channels()%m.groups != 0 {
		return 0, fmt.Errorf("share: parameter %q has rows of %d weights, %d were measured", p.Name, rowLen(p), m.cols)
	}
	scale := float64(p.Grid.Scale[0])
	q := make([]int32, len(p.Value.Data))
	for i, v := range p.Value.Data {
		q[i] = int32(math.Round(float64(v) / scale))
	}
	for range 2 {
		bits := codeLengths(q, p.Grid.Max)
		loss = 0
		for k, b := range m.blocks {
			group := k / (len(m.blocks) / m.groups)
			loss += m.roundBlock(p, q, b, group, scale, lambda, bits)
		}
	}
	return loss, setValues(p, q)
}

// roundBlock rounds one block of columns of the rows of a group.
func (m *InputMoments) roundBlock(p *graph.Param, q []int32, b block, group int, scale, lambda float64, bits []float64) (loss float64) {
	per := p.Channels() / m.groups
	n := b.hi - b.lo
	w := make([]float64, n)
	raw := b.u.RawTriangular()
	for r := group * per; r < (group+1)*per; r++ {
		at := r*m.cols + b.lo
		for j := range w {
			w[j] = float64(p.Value.Data[at+j])
		}
		for j := range w {
			c := m.minds[r] * b.curvature(j)
			best, e := cheapest(w[j], scale, c, lambda, bits)
			q[at+j] = int32(best)
			loss += c * e * e / 2
			if e == 0 {
				continue
			}
			row := raw.Data[j*raw.Stride:]
			e /= row[j]
			for t := j + 1; t < n; t++ {
				w[t] -= e * row[t]
			}
		}
	}
	return loss
}

// cheapest returns the integer of least cost for w, among those from zero to the
// nearest one, and the error that it leaves. bits[i] is the length of i-max.
func cheapest(w, scale, c, lambda float64, bits []float64) (q int, e float64) {
	top := len(bits) / 2
	nearest := max(-top, min(top, int(math.Round(w/scale))))
	step := 1
	if nearest < 0 {
		step = -1
	}
	cost := math.Inf(1)
	for i := 0; ; i += step {
		d := w - scale*float64(i)
		if j := c*d*d/2 + lambda*bits[top+i]; j < cost {
			q, e, cost = i, d, j
		}
		if i == nearest {
			return q, e
		}
	}
}

// codeLengths returns -log2 of the frequency of each integer from -top to top.
func codeLengths(q []int32, top int) []float64 {
	bits := make([]float64, 2*top+1)
	for _, v := range q {
		bits[top+max(-top, min(top, int(v)))]++
	}
	for i, n := range bits {
		bits[i] = math.Log2((float64(len(q)) + 0.5*float64(len(bits))) / (n + 0.5))
	}
	return bits
}
