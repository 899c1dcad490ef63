package train

import (
	"fmt"
	"math"
	"testing"
)

// softmax is the definition, for logits of moderate size.
func softmax(y []float32, t float64) []float64 {
	sum := 0.0
	p := make([]float64, len(y))
	for i, v := range y {
		p[i] = math.Exp(float64(v) / t)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// slowDistill is the formula in the comment of Distill.
func slowDistill(d Distill, y []float32, label int, teacher []float32) float64 {
	a := d.Weight
	switch {
	case teacher == nil:
		a = 0
	case label < 0:
		a = 1
	}
	loss := 0.0
	if label >= 0 {
		loss -= (1 - a) * math.Log(softmax(y, 1)[label])
	}
	if teacher != nil {
		p, q := softmax(teacher, d.Temperature), softmax(y, d.Temperature)
		for i := range p {
			loss += a * d.Temperature * p[i] * math.Log(p[i]/q[i])
		}
	}
	return loss
}

func TestDistill(t *testing.T) {
	r := newRand(1)
	for _, d := range []Distill{{0.7, 3, 0}, {0, 1, 0}, {1, 2, 0}, {0.5, 1, 0}} {
		for _, label := range []int{-1, 0, 4} {
			for _, taught := range []bool{false, true} {
				if label < 0 && !taught {
					continue
				}
				t.Run(fmt.Sprintf("%+v label %d taught %v", d, label, taught), func(t *testing.T) {
					y := normal(r, 6).Data
					var teacher []float32
					if taught {
						teacher = normal(r, 6).Data
					}
					checkLoss(t, d, func(y []float32) float64 { return slowDistill(d, y, label, teacher) }, y, label, teacher)
				})
			}
		}
	}
}

func TestMeanSquare(t *testing.T) {
	r := newRand(2)
	y, teacher := normal(r, 7).Data, normal(r, 7).Data
	checkLoss(t, MeanSquare{}, func(y []float32) float64 {
		sum := 0.0
		for i := range y {
			sum += (float64(y[i]) - float64(teacher[i])) * (float64(y[i]) - float64(teacher[i]))
		}
		return sum / 7
	}, y, -1, teacher)
}

// checkLoss compares a loss with its formula, and its gradient with the
// formula's differences in float64 (stencil of fourth order).
func checkLoss(t *testing.T, l Loss, formula func(y []float32) float64, y []float32, label int, teacher []float32) {
	t.Helper()
	dy := make([]float32, len(y))
	for i := range dy {
		dy[i] = float32(math.NaN()) // must be overwritten
	}
	var targets [][]float32
	if teacher != nil {
		targets = [][]float32{teacher}
	}
	near(t, "loss", l.Sample([][]float32{dy}, [][]float32{y}, []int{label}, targets), formula(y), 1e-12)
	const h = 1.0 / 256 // exact steps; the stencil errs by h^4
	for i, v := range y {
		at := func(steps float32) float64 {
			y[i] = v + steps*h
			defer func() { y[i] = v }()
			return formula(y)
		}
		want := (at(-2) - 8*at(-1) + 8*at(1) - at(2)) / (12 * h)
		near(t, fmt.Sprintf("gradient of output %d", i), float64(dy[i]), want, 1e-6)
	}
}

// TestLossesAtExtremes: logits far apart neither overflow nor give NaN.
func TestLossesAtExtremes(t *testing.T) {
	y, teacher := []float32{1e4, -1e4, 0}, []float32{-1e4, 1e4, 3}
	dy := make([]float32, 3)
	if loss := (Distill{0.7, 3, 0}).Output(dy, y, 1, teacher); !(loss > 1e3 && loss < 1e6) {
		t.Errorf("loss %v", loss)
	}
	for i, v := range dy {
		if !(v >= -1.0001 && v <= 1.0001) {
			t.Errorf("gradient[%d] is %v", i, v)
		}
	}
	near(t, "loss of the right answer", (Distill{0, 1, 0}).Output(dy, y, 0, nil), 0, 1e-12)
	near(t, "log-sum-exp", logSumExp([]float32{1000, 1000}, 1), 1000+math.Ln2, 1e-12)
	if got := (Distill{0.7, 3, 0}).Output(dy, y, -1, nil); got != 0 || dy[0] != 0 {
		t.Errorf("neither label nor teacher: loss %v, gradient %v", got, dy)
	}
}

func TestCosine(t *testing.T) {
	tests := []struct{ done, hold, floor, want float64 }{
		{0, 0.5, 0, 1}, {0.5, 0.5, 0.1, 1}, {1, 0.5, 0.1, 0.1}, {0.75, 0.5, 0, 0.5}, {2, 0, 0.25, 0.25}, {0.5, 0, 0.5, 0.75},
	}
	for _, tt := range tests {
		near(t, fmt.Sprintf("Cosine%v", tt), Cosine(tt.done, tt.hold, tt.floor), tt.want, 1e-12)
	}
	last := 1.0
	for i := 0; i <= 100; i++ {
		v := Cosine(float64(i)/100, 0.2, 0.01)
		if v > last || v < 0.01-1e-12 {
			t.Fatalf("Cosine(%v) = %v after %v", float64(i)/100, v, last)
		}
		last = v
	}
}
