package prune

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// Each criterion is compared with its formula in the package comment, in float64.
func TestScores(t *testing.T) {
	const tol = 1e-5 // float32
	r := newRand(1)
	const rows, cols = 5, 7
	w := normal(r, rows*cols)
	v, meanAbs, bits, squares := make([]float32, len(w)), make([]float32, cols), make([]float32, len(w)), 0.0
	for i, x := range w {
		v[i], meanAbs[i%cols], bits[i] = r.Float32(), r.Float32(), 1+9*r.Float32()
		squares += float64(x) * float64(x)
	}
	rms := math.Sqrt(squares / float64(len(w)))
	for name, c := range map[string]struct {
		score   func(dst []float32)
		formula func(i int, w float64) float64
	}{
		"fisher":    {func(dst []float32) { FisherScores(dst, w, v, bits) }, func(i int, w float64) float64 { return w * math.Sqrt(float64(v[i]/bits[i])) }},
		"magnitude": {func(dst []float32) { MagnitudeScores(dst, w) }, func(_ int, w float64) float64 { return w / rms }},
		// |<x,w>| / sqrt(||w||_2) of one weight: |x| |w| / sqrt(|w|)
		"input": {func(dst []float32) { InputScores(dst, w, meanAbs) }, func(i int, w float64) float64 { return float64(meanAbs[i%cols]) * w / math.Sqrt(w) }},
	} {
		t.Run(name, func(t *testing.T) {
			dst := make([]float32, len(w))
			c.score(dst)
			for i, x := range w {
				near(t, fmt.Sprintf("score of %v", x), float64(dst[i]), c.formula(i, math.Abs(float64(x))), tol)
			}
			old := dst[3]
			w[3] *= 2
			defer func() { w[3] /= 2 }()
			if c.score(dst); dst[3] < old && name != "magnitude" { // the rms grows too
				t.Errorf("a weight twice as large scores %v after %v", dst[3], old)
			}
		})
	}
	dst := make([]float32, 3)
	if MagnitudeScores(dst, make([]float32, 3)); dst[0] != 0 {
		t.Errorf("zeros score %v", dst)
	}
	if InputScores(dst, []float32{4, -9}, nil); dst[0] != 2 || dst[1] != 3 {
		t.Errorf("biases, which meet the input 1, score %v", dst[:2])
	}
}

// InputScore is the formula; ResponseScore its mean over inputs; InputScores that of vectors
// of one weight.
func TestInputScore(t *testing.T) {
	const tol = 1e-6
	if got := InputScore([]float32{1, 1}, []float32{3, -4}); math.Abs(got-1/math.Sqrt(5)) > tol {
		t.Errorf("|3-4| / sqrt(5) is %v", got)
	}
	if got := InputScore([]float32{1, 2}, []float32{0, 0}); got != 0 {
		t.Errorf("no weights score %v", got)
	}
	r := newRand(2)
	w, mean, response := normal(r, 9), 0.0, 0.0
	one, meanAbs := 0.0, 0.0
	for range 50 {
		x := normal(r, 9)
		mean += InputScore(x, w) / 50
		dot := 0.0
		for i := range x {
			dot += float64(x[i]) * float64(w[i])
		}
		response += math.Abs(dot) / 50
		one += InputScore(x[:1], w[:1]) / 50
		meanAbs += math.Abs(float64(x[0])) / 50
	}
	near(t, "score by the mean response", ResponseScore(response, w), mean, tol)
	dst := make([]float32, 1)
	InputScores(dst, w[:1], []float32{float32(meanAbs)})
	near(t, "score of one weight", float64(dst[0]), one, tol)
}

func TestTaylor(t *testing.T) {
	if got := Taylor(10, []float32{1, 2, -3}, []float32{4, 5, 6}); got != 10+4+10-18 {
		t.Errorf("10 + 4 + 10 - 18 is %v", got)
	}
}

func TestCriterion(t *testing.T) {
	for _, c := range []Criterion{"", Fisher, Magnitude, Input} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	if err := Criterion("size").Validate(); err == nil || !strings.Contains(err.Error(), `"size"`) {
		t.Errorf("unknown criterion: %v", err)
	}
}
