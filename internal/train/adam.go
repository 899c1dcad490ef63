package train

import "math"

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
	b1, b2, eps := float32(a.beta1), float32(a.beta2), float32(a.eps)
	m, v, g = m[:len(w)], v[:len(w)], g[:len(w)]
	for i := range w {
		d := g[i]
		m[i] = b1*m[i] + (1-b1)*d
		v[i] = b2*v[i] + (1-b2)*d*d
		w[i] -= rate * m[i] / (float32(math.Sqrt(float64(v[i])))*root + eps)
	}
}

// average sets a = decay*a + (1-decay)*w.
func average(a, w []float32, decay float32) {
	a = a[:len(w)]
	for i, v := range w {
		a[i] += (1 - decay) * (v - a[i])
	}
}

// addTo sets dst += src.
func addTo(dst, src []float32) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] += v
	}
}

// Cosine is the learning-rate schedule that stays at 1 until the fraction hold
// of the work is done and then falls to floor on half a cosine; done is 0..1.
func Cosine(done, hold, floor float64) float64 {
	if done <= hold {
		return 1
	}
	u := math.Min(1, (done-hold)/(1-hold))
	return floor + (1-floor)*0.5*(1+math.Cos(math.Pi*u))
}
