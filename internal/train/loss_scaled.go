package train

import "math"

// ScaledSquare is the regression loss
//
//	mean_i (y_i - target_i)^2 / Scale_i
//
// over all elements i of all outputs, which have targets.
type ScaledSquare struct {
	Scale []float64 // above 0; one for each element, output after output
}

// Sample implements Loss.
func (s ScaledSquare) Sample(dy, y [][]float32, _ []int, targets [][]float32) float64 {
	loss, at := 0.0, 0
	n := float64(len(s.Scale))
	for k, out := range y {
		for i, v := range out {
			e := float64(v) - float64(targets[k][i])
			loss += e * e / (n * s.Scale[at])
			dy[k][i] = float32(2 * e / (n * s.Scale[at]))
			at++
		}
	}
	return loss
}

// Binary is the loss of a network of one output that says how likely class 1 is,
//
//	(1-a) H(label, p) + a H(teacher, p),   H(q, p) = -q log p - (1-q) log (1-p)
//
// with a = Weight. Without a label only the second term counts, without a teacher
// only the first, with weight 1.
type Binary struct {
	Weight      float64 // 0..1, the teacher's share
	Probability bool    // outputs are probabilities; otherwise logits
}

// Sample implements Loss.
func (b Binary) Sample(dy, y [][]float32, labels []int, targets [][]float32) float64 {
	var teacher []float32
	if targets != nil {
		teacher = targets[0]
	}
	return b.Output(dy[0], y[0], only(labels), teacher)
}

// Output is Sample for the output; teacher may be nil.
func (b Binary) Output(dy, y []float32, label int, teacher []float32) float64 {
	const tiny = 1e-4 // probabilities are kept this far from 0 and 1: int8 grids hold both
	read := func(v float32) float64 {
		if b.Probability {
			return math.Max(tiny, math.Min(1-tiny, float64(v)))
		}
		return math.Max(tiny, math.Min(1-tiny, Logistic(float64(v))))
	}
	p, q := read(y[0]), float64(label)
	if teacher != nil {
		if q = read(teacher[0]); label >= 0 {
			q = b.Weight*q + (1-b.Weight)*float64(label)
		}
	}
	slope := p - q // of the loss in the logit
	if b.Probability {
		slope /= p * (1 - p)
	}
	dy[0] = float32(slope)
	return -q*math.Log(p) - (1-q)*math.Log(1-p)
}

// Logistic returns 1 / (1 + exp(-x)).
func Logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
