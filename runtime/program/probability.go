package program

import (
	"strconv"

	"edgec/runtime"
	"edgec/runtime/kernel"
)

// probabilities returns the probability of each element of output k, y, or nil where
// nothing says that the model is a classifier. They are y itself where the output is a
// softmax or a sigmoid. Where it has a label for each element, or j.Probability says
// so, they are the softmax of y, and of one element 1 / (1 + e^-y).
func (j *Job) probabilities(info runtime.Info, k int, y []float32) []float32 {
	named := k == 0 && len(y) > 1 && len(info.Labels) == len(y)
	switch {
	case info.Probabilities[k]:
		return y
	case !named && !j.Probability:
		return nil
	}
	return softmax(y)
}

// softmax returns the softmax of y, or of a single score the logistic function.
func softmax(y []float32) []float32 {
	x := y
	if len(y) == 1 {
		x = []float32{y[0], 0}
	}
	p := make([]float32, len(x))
	kernel.Softmax(p, x, len(x))
	return p[:len(y)]
}

// appendPercent prints a probability in percent, with two decimals.
func appendPercent(b []byte, p float32) []byte {
	return append(strconv.AppendFloat(b, 100*float64(p), 'f', 2, 64), " %"...)
}
