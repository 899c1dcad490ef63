package eval

import (
	"math/rand/v2"

	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Agreement counts the samples whose largest output is not the float network's,
// for classifiers without labels.
//
// A network that equals its teacher has no gradient, and without gradients
// there is no importance. So training draws a class for each sample from the
// teacher's softmax: the square of the gradient is then the Fisher information
// (Martens 2020, section 5).
type Agreement struct{}

// Name implements Task.
func (Agreement) Name() string { return "agreement" }

// Traits implements Task.
func (Agreement) Traits() Traits { return Traits{Self: true} }

// Loss implements Task.
func (Agreement) Loss() train.Loss { return Classification{}.Loss() }

// Score implements Task: 1 where the classes differ, 0 where they agree.
func (Agreement) Score(r *Reference, out *tensor.Tensor) []float64 {
	return miss(out, func(i int) int { return train.Argmax(r.row(i)) })
}

// Aim implements Task: the teacher's logits are the aim.
func (Agreement) Aim([]float32, []float32) {}

// Draw implements Task: the class is drawn from the teacher's softmax.
func (Agreement) Draw(y []float32, _ int, _ float64, rng *rand.Rand) int {
	return drawClass(y, rng.Float64())
}

// Curve implements Task by the Fisher information of the softmax.
func (Agreement) Curve(dy, y []float32, _ float64, rng *rand.Rand) { curveClasses(dy, y, rng) }
