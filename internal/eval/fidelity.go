package eval

import (
	"context"
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
type Fidelity struct{ plain }

func fidelity(ctx context.Context, s Subject) (Task, error) {
	if !s.NoLabels {
		return nil, nil
	}
	if t, err := reconstruction(ctx, s); t == nil {
		return nil, err
	}
	return Fidelity{}, nil
}

// Name implements Task.
func (Fidelity) Name() string { return "fidelity" }

// Traits implements Task.
func (Fidelity) Traits() Traits { return Traits{Distance: true, Self: true, Relative: true} }

// Loss implements Task.
func (Fidelity) Loss(*Reference) train.Loss { return train.MeanSquare{} }

// Prepare implements Task: as for Reconstruction.
func (Fidelity) Prepare(r *Reference) { r.ownError() }

// Chance implements Task: the error of the float network's mean output.
func (Fidelity) Chance(r *Reference) float64 {
	return 100 * Mean(variances(r.Float.Shape[0], r.Float.Shape[1], r.row)) / r.Unit
}

// Score implements Task: mean_k (y_k - f_k)^2 / Unit.
func (Fidelity) Score(r *Reference, out *tensor.Tensor) []float64 {
	k := out.Shape[1]
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		loss[i] = meanSquare(out.Data[i*k:(i+1)*k], r.row(i)) / r.Unit
	}
	return loss
}

// Draw implements Task: every target moves by noise, up or down.
func (Fidelity) Draw(_ *Reference, y []float32, _ []int, noise float64, rng *rand.Rand) {
	scatter(y, float32(noise), rng)
}

// scatter moves each element of y by size, up or down.
func scatter(y []float32, size float32, rng *rand.Rand) {
	const signs = 64 // in one random number
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
}

// Curve implements Task by the curvature of a distance.
func (Fidelity) Curve(r *Reference, dy, _ []float32, rng *rand.Rand) { curveDistance(dy, r.Unit, rng) }
