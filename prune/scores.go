package prune

import "math"

// tiny keeps quotients finite where all weights are zero.
const tiny = 1e-30

// InputScore is the importance of the weight vector w, judged by one input x that it
// multiplies:
//
//	s(w) = |<x, w>| / sqrt(||w||_2)
//
// x and w have the same length. The score of w = 0 is 0. Sums are in float64, in order.
func InputScore(x, w []float32) float64 {
	dot, squares := 0.0, 0.0
	for i, v := range w {
		dot += float64(x[i]) * float64(v)
		squares += float64(v) * float64(v)
	}
	norm := math.Sqrt(squares)
	return math.Abs(dot) / (math.Sqrt(norm) + tiny)
}

// ResponseScore is the mean of InputScore over many inputs, given the mean response
// E|<x, w>|, such as that of a kernel over the patches of an image:
//
//	s(w) = response / sqrt(||w||_2)
func ResponseScore(response float64, w []float32) float64 {
	squares := 0.0
	for _, v := range w {
		squares += float64(v) * float64(v)
	}
	return response / (math.Sqrt(math.Sqrt(squares)) + tiny)
}

// InputScores sets dst[i] to the InputScore of the single weight w[i], averaged over inputs,
//
//	dst[i] = E|x_i| sqrt|w[i]|
//
// meanAbs holds E|x| of the inputs that the weights multiply and is repeated when it is
// shorter than w (the rows of a dense layer meet the same inputs); nil stands for inputs
// of 1, which biases meet. dst has the length of w or more.
func InputScores(dst, w, meanAbs []float32) {
	for i, v := range w {
		x := float32(1)
		if len(meanAbs) > 0 {
			x = meanAbs[i%len(meanAbs)]
		}
		dst[i] = x * sqrt(abs(v))
	}
}

// MagnitudeScores sets dst[i] = |w[i]| / rms(w), so that layers of different scale compare.
// The scores of zeros are 0. dst has the length of w or more.
func MagnitudeScores(dst, w []float32) {
	squares := 0.0
	for _, v := range w {
		squares += float64(v) * float64(v)
	}
	inv := float32(1 / (math.Sqrt(squares/float64(max(len(w), 1))) + tiny))
	for i, v := range w {
		dst[i] = abs(v) * inv
	}
}

// FisherScores sets
//
//	dst[i] = |w[i]| sqrt(squaredGradient[i] / bits[i]),
//
// the root of the loss per bit that removing w[i] costs, up to a constant factor. squaredGradient
// is a mean of the squared gradient, such as Adam's second moment; bits is what keeping the
// weight costs in the file (see Rates) and positive. All have the length of w or more.
func FisherScores(dst, w, squaredGradient, bits []float32) {
	for i, v := range w {
		dst[i] = abs(v) * sqrt(squaredGradient[i]/bits[i])
	}
}

// Taylor adds the first-order change of the loss without the weights w, to sum:
//
//	sum + sum_i w[i] gradient[i]
//
// A channel's importance is the mean over training steps of the square of this sum over all
// weights of the channel (Molchanov et al. 2019, equation 8).
func Taylor(sum float64, w, gradient []float32) float64 {
	for i, v := range w {
		sum += float64(v) * float64(gradient[i])
	}
	return sum
}

func abs(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }
