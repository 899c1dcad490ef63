package quantize

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// Step returns the step of a uniform grid for the weights [rows, cols] that suits lambda, in
// loss per bit. With entropy-coded values of a fine grid the loss of a weight is
// c step^2 / 24, c being the mean curvature, and one bit less makes it four times as large:
//
//	step = sqrt(12 lambda / (ln 2 c))
//
// (Gish, Pierce 1968), held between the largest weight divided by 127 and the largest weight.
// Weights that are all zero have step 1.
func (m *InputMoments) Step(weights []float32, lambda float64) float64 {
	c, n := 0.0, 0
	for _, b := range m.blocks {
		for j := range b.hi - b.lo {
			c += b.curvature(j)
			n++
		}
	}
	c *= mean(m.curvature)
	top := 0.0
	for _, v := range weights {
		top = math.Max(top, math.Abs(float64(v)))
	}
	if top == 0 {
		return 1
	}
	step := math.Sqrt(12 * lambda / (math.Ln2 * c / float64(n)))
	return math.Max(top/127, math.Min(top, step))
}

// BiasStep returns the step of the biases' grid that suits lambda, as Step does for weights:
// a bias moves the outputs of its row alone, so its curvature is the row's output curvature,
//
//	step = sqrt(12 lambda / (ln 2 * mean output curvature))
//
// in units of the output. It is infinite where no output curvature was seen.
func (m *InputMoments) BiasStep(lambda float64) float64 {
	return math.Sqrt(12 * lambda / (math.Ln2 * mean(m.curvature)))
}

// Round gives weights [rows, cols], row-major, integers of a grid of one scale, -limit to limit,
// column after column: that q for which
//
//	c (w - scale q)^2 / 2 + lambda bits(q)
//
// is least, among the integers from zero to the nearest one. The columns after it then make
// up for the error as far as they can (the order and the update of Frantar et al. 2023, GPTQ;
// the rate in the cost: CERWU 2025). c is the curvature of the loss in this weight. bits is
// the code length under the values' own frequencies, found in two passes; lambda = 0 rounds to
// the nearest integer.
//
// It returns the integers and the loss, to second order. It fails when weights have another
// shape than the inputs that were measured, and with the cause when ctx ends.
//
// Cost: O(rows cols min(cols, 1024)).
func (m *InputMoments) Round(ctx context.Context, weights []float32, rows int, scale float64, limit int, lambda float64) (q []int32, loss float64, err error) {
	if rows != len(m.curvature) || len(weights) != rows*m.cols {
		return nil, 0, fmt.Errorf("quantize: %d weights in %d rows; %d rows of %d inputs were measured", len(weights), rows, len(m.curvature), m.cols)
	}
	q = make([]int32, len(weights))
	for i, v := range weights {
		q[i] = int32(math.Round(float64(v) / scale))
	}
	for range 2 {
		bits := CodeLengths(q, limit)
		loss = 0
		for k := range m.blocks {
			l, err := m.roundBlock(ctx, weights, q, rows/m.groups, k, scale, lambda, bits)
			if err != nil {
				return nil, 0, err
			}
			loss += l
		}
	}
	return q, loss, nil
}

// roundBlock rounds block k of the columns of per rows, those of its group.
func (m *InputMoments) roundBlock(ctx context.Context, weights []float32, q []int32, per, k int, scale, lambda float64, bits []float64) (loss float64, err error) {
	b, group := m.blocks[k], m.group(k)
	n := b.hi - b.lo
	w := make([]float64, n)
	raw := b.u.RawTriangular()
	for r := group * per; r < (group+1)*per; r++ {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		at := r*m.cols + b.lo
		for j := range w {
			w[j] = float64(weights[at+j])
		}
		for j := range w {
			c := m.curvature[r] * b.curvature(j)
			best, e := cheapest(w[j], scale, c, lambda, bits)
			q[at+j] = int32(best)
			loss += c * e * e / 2
			if e == 0 {
				continue
			}
			row := raw.Data[j*raw.Stride : j*raw.Stride+n]
			floats.AddScaled(w[j+1:], -e/row[j], row[j+1:])
		}
	}
	return loss, nil
}

// cheapest returns the integer of least cost for w, among those from zero to the
// nearest one, and the error that it leaves. bits[i] is the length of i-limit.
func cheapest(w, scale, c, lambda float64, bits []float64) (q int, e float64) {
	limit := len(bits) / 2
	nearest := max(-limit, min(limit, int(math.Round(w/scale))))
	step := 1
	if nearest < 0 {
		step = -1
	}
	cost := math.Inf(1)
	for i := 0; ; i += step {
		d := w - scale*float64(i)
		if j := c*d*d/2 + lambda*bits[limit+i]; j < cost {
			q, e, cost = i, d, j
		}
		if i == nearest {
			return q, e
		}
	}
}

// CodeLengths returns -log2 of the smoothed frequency of each integer from -limit to limit
// in q, in bits: the length of v is at index limit + v. Integers beyond the limits count as
// the limits.
func CodeLengths(q []int32, limit int) []float64 {
	bits := make([]float64, 2*limit+1)
	for _, v := range q {
		bits[limit+max(-limit, min(limit, int(v)))]++
	}
	for i, n := range bits {
		bits[i] = math.Log2((float64(len(q)) + 0.5*float64(len(bits))) / (n + 0.5))
	}
	return bits
}
