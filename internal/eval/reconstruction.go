package eval

import (
	"math"
	"math/rand/v2"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Reconstruction is the mean square distance between output and input, 100 for
// the float network; for networks that reproduce their input.
type Reconstruction struct{}

// Name implements Task.
func (Reconstruction) Name() string { return "reconstruction" }

// Traits implements Task.
func (Reconstruction) Traits() Traits { return Traits{Distance: true} }

// Loss implements Task.
func (Reconstruction) Loss() train.Loss { return train.MeanSquare{} }

// Score implements Task: mean_k (y_k - x_k)^2 / Unit.
func (Reconstruction) Score(r *Reference, out *tensor.Tensor) []float64 {
	loss := make([]float64, out.Shape[0])
	for i, d := range distances(r.Set, out) {
		loss[i] = d / r.Unit
	}
	return loss
}

// Aim implements Task: the mean of the teacher's output and the input. The
// input alone is not the aim, since the float network is good at what it was
// trained on; its output alone has no gradient for a network that equals it.
func (Reconstruction) Aim(y, x []float32) {
	for i, v := range x {
		y[i] = (y[i] + v) / 2
	}
}

// Draw implements Task: targets have no class and no noise.
func (Reconstruction) Draw([]float32, int, float64, *rand.Rand) int { return -1 }

// Curve implements Task by the curvature of a distance.
func (Reconstruction) Curve(dy, _ []float32, unit float64, rng *rand.Rand) {
	curveDistance(dy, unit, rng)
}

// curveDistance fills dy with signs of the size sqrt(2 / (K unit)), so that
// E[dy_i dy_j] = 2 / (K unit) [i = j], the second derivative of
// mean_k (y_k - f_k)^2 / unit.
func curveDistance(dy []float32, unit float64, rng *rand.Rand) {
	size := float32(math.Sqrt(2 / (float64(len(dy)) * unit)))
	for i := range dy {
		dy[i] = size * float32(2*rng.IntN(2)-1)
	}
}

// distances returns the mean square distance of each of the first samples of set
// from outputs [n, K] that reproduce it.
func distances(set *dataset.Set, out *tensor.Tensor) []float64 {
	k := out.Shape[1]
	d := make([]float64, out.Shape[0])
	x := make([]float32, set.Sample().Size())
	for i := range d {
		set.Read(i, x)
		d[i] = meanSquare(out.Data[i*k:(i+1)*k], x)
	}
	return d
}

// meanSquare returns mean_i (a_i - b_i)^2 over the elements of a.
func meanSquare(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		e := float64(v) - float64(b[i])
		sum += e * e / float64(len(a))
	}
	return sum
}
