package kernel

import "edgec/runtime/format"

// The functions of recurrent layers over many numbers: bit by bit those of one.

// Sigmoids sets y[i] = Sigmoid(x[i]); y may be x, which has no fewer elements.
func Sigmoids(y, x []float32) {
	x = x[:len(y)]
	n := 0
	if best.hasVectors() {
		n = sigmoidBlocks(y, x)
	}
	for i := n; i < len(y); i++ {
		y[i] = Sigmoid(x[i])
	}
}

// Tanhs sets y[i] = Tanh(x[i]); y may be x, which has no fewer elements.
func Tanhs(y, x []float32) {
	x = x[:len(y)]
	n := 0
	if best.hasVectors() {
		n = tanhBlocks(y, x)
	}
	for i := n; i < len(y); i++ {
		y[i] = Tanh(x[i])
	}
}

// exps sets y[i] = exp(x[i]) for x[i] <= 0; y may be x.
func exps(y, x []float32) {
	x = x[:len(y)]
	n := 0
	if best.hasVectors() {
		n = expBlocks(y, x)
	}
	for i := n; i < len(y); i++ {
		y[i] = exp(x[i])
	}
}

// block is how many numbers the functions below hold beside the operands.
const block = 64

// silus sets y[i] = Silu(x[i]); y may be x.
func silus(y, x []float32) {
	var s [block]float32
	for len(x) > 0 {
		n := min(block, len(x))
		Sigmoids(s[:n], x)
		for i, v := range x[:n] {
			y[i] = float32(v * s[i])
		}
		y, x = y[n:], x[n:]
	}
}

// geluTanhs sets y[i] = GeluTanh(x[i]); y may be x.
func geluTanhs(y, x []float32) {
	var t [block]float32
	for len(x) > 0 {
		n := min(block, len(x))
		for i, v := range x[:n] {
			t[i] = geluInner(v)
		}
		Tanhs(t[:n], t[:n])
		for i, v := range x[:n] {
			y[i] = float32(float32(0.5*v) * float32(1+t[i]))
		}
		y, x = y[n:], x[n:]
	}
}

// vectors has the functions of format.OpUnary that compute many numbers at once.
var vectors = [format.UnaryFunctions]func(y, x []float32){
	format.UnarySigmoid:  Sigmoids,
	format.UnaryTanh:     Tanhs,
	format.UnarySilu:     silus,
	format.UnaryGeluTanh: geluTanhs,
}

// Functions returns what sets each element of y to Function of that of x; y may be x.
func Functions(function int, real float32) func(y, x []float32) {
	if f := vectors[function]; f != nil {
		return f
	}
	f := Function(function, real)
	return func(y, x []float32) { Pointwise(y, x, f) }
}
