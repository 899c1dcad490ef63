package eval

import (
	"math/rand/v2"

	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Fidelity is the mean square distance between a network's output y and the
// float network's output f, in percent of the float network's own reconstruction
// error on the same samples,
//
//	100 mean |y - f|^2 / mean |f - x|^2
//
// for networks that reproduce their input x when labels are left aside. It is 0
// for the float network. Where y - f has nothing to do with f - x, the
// reconstruction error grows by as many percent.
//
// Targets are drawn around the teacher's output, one of the two values that
// differ from it by noise, new for each output and each time. The gradient of a
// network that equals its teacher is then zero on average, and its square is the
// Fisher information of outputs with a normal error of that size, up to a factor
// that is the same for all weights: only the variance counts.
type Fidelity struct{}

// Name implements Task.
func (Fidelity) Name() string { return "fidelity" }

// Traits implements Task.
func (Fidelity) Traits() Traits { return Traits{Distance: true, Self: true} }

// Loss implements Task.
func (Fidelity) Loss() train.Loss { return train.MeanSquare{} }

// Score implements Task: mean_k (y_k - f_k)^2 / Unit.
func (Fidelity) Score(r *Reference, out *tensor.Tensor) []float64 {
	k := out.Shape[1]
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		loss[i] = meanSquare(out.Data[i*k:(i+1)*k], r.row(i)) / r.Unit
	}
	return loss
}

// Aim implements Task: the teacher's output is the aim.
func (Fidelity) Aim([]float32, []float32) {}

// Draw implements Task: every target moves by noise, up or down.
func (Fidelity) Draw(y []float32, _ int, noise float64, rng *rand.Rand) int {
	const signs = 64 // in one random number
	size := float32(noise)
	for len(y) > 0 {
		n := min(signs, len(y))
		bits := rng.Uint64()
		for i := range y[:n] {
			if bits>>i&1 != 0 {
				y[i] += size
			} else {
				y[i] -= size
			}
		}
		y = y[n:]
	}
	return -1
}

// Curve implements Task by the curvature of a distance.
func (Fidelity) Curve(dy, _ []float32, unit float64, rng *rand.Rand) { curveDistance(dy, unit, rng) }
