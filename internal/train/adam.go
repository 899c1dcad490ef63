package train

import (
	"math"

	"edgec/internal/vec"
)

// adam holds the constants of one Adam step.
type adam struct {
	beta1, beta2, eps, lr float64
	step                  int // counted from 1
}

// update moves w by
//
//	m = beta1*m + (1-beta1)*g
//	v = beta2*v + (1-beta2)*g^2
//	w -= lr * (m / (1-beta1^step)) / (sqrt(v / (1-beta2^step)) + eps)
func (a adam) update(w, g, m, v []float32) {
	c1 := 1 - math.Pow(a.beta1, float64(a.step))
	c2 := 1 - math.Pow(a.beta2, float64(a.step))
	rate := float32(a.lr / c1)
	root := float32(1 / math.Sqrt(c2))
	step := vec.AdamStep{Beta1: float32(a.beta1), Beta2: float32(a.beta2), Rate: rate, Root: root, Epsilon: float32(a.eps)}
	step.Update(w, g, m, v)
}

// average sets a = decay*a + (1-decay)*w.
func average(a, w []float32, decay float32) { vec.Average(a[:len(w)], w, 1-decay) }

// addTo sets dst += src.
func addTo(dst, src []float32) { vec.Add(dst[:len(src)], src) }

// Cosine is the learning-rate schedule that stays at 1 until the fraction hold
// of the work is done and then falls to floor on half a cosine; done is 0..1.
func Cosine(done, hold, floor float64) float64 {
	if done <= hold {
		return 1
	}
	u := math.Min(1, (done-hold)/(1-hold))
	return floor + (1-floor)*0.5*(1+math.Cos(math.Pi*u))
}
