package kernel

// Sigmoid is 1/(1+e^-x), and Tanh the hyperbolic tangent, by the same operations on every
// CPU, each rounded to float32. They are within 2.3 units in the last place; Tanh is
// Cephes's polynomial below 0.625 (Moshier, tanhf).
func Sigmoid(x float32) float32 {
	if x >= 0 {
		return float32(1 / float32(1+exp(-x)))
	}
	e := exp(x)
	return float32(e / float32(1+e))
}

// Tanh is described at Sigmoid.
func Tanh(x float32) float32 {
	a := x
	if a < 0 {
		a = -a
	}
	if !(a < 0.625) {
		e := exp(float32(-2 * a))
		y := float32(float32(1-e) / float32(1+e))
		if x < 0 {
			return -y
		}
		return y
	}
	z := float32(x * x)
	p := float32(-5.70498872745e-3)
	for _, c := range [...]float32{2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1} {
		p = float32(float32(p*z) + c)
	}
	return float32(float32(float32(p*z)*x) + x)
}
