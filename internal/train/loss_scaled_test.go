package train

import (
	"math"
	"testing"
)

// TestScaledLosses compares gradients with finite differences, for several outputs, labels and
// teachers.
func TestScaledLosses(t *testing.T) {
	for _, c := range []struct {
		name    string
		loss    Loss
		y       [][]float32
		label   int
		targets [][]float32
	}{
		{"two outputs", ScaledSquare{Scale: []float64{1, 4, 0.5}}, [][]float32{{1, -2}, {3}}, -1, [][]float32{{0.5, 1}, {2}}},
		{"logit and label", Binary{Weight: 0.7}, [][]float32{{0.8}}, 1, nil},
		{"logit, label and teacher", Binary{Weight: 0.7}, [][]float32{{-1.3}}, 0, [][]float32{{2}}},
		{"logit and teacher", Binary{Weight: 0.7}, [][]float32{{0.3}}, -1, [][]float32{{-1}}},
		{"probability and teacher", Binary{Weight: 0.7, Probability: true}, [][]float32{{0.6}}, 1, [][]float32{{0.9}}},
	} {
		dy := make([][]float32, len(c.y))
		for k, y := range c.y {
			dy[k] = make([]float32, len(y))
		}
		at := func() float64 {
			scratch := make([][]float32, len(c.y))
			for k, y := range c.y {
				scratch[k] = make([]float32, len(y))
			}
			return c.loss.Sample(scratch, c.y, []int{c.label}, c.targets)
		}
		c.loss.Sample(dy, c.y, []int{c.label}, c.targets)
		for k := range c.y {
			for i := range c.y[k] {
				const h = 1e-3
				old := c.y[k][i]
				c.y[k][i] = old + h
				up := at()
				c.y[k][i] = old - h
				down := at()
				c.y[k][i] = old
				if want := (up - down) / (2 * h); math.Abs(want-float64(dy[k][i])) > 1e-3*(1+math.Abs(want)) {
					t.Errorf("%s: output %d, element %d: gradient %v, by differences %v", c.name, k, i, dy[k][i], want)
				}
			}
		}
	}
}
