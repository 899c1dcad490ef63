package eval

import (
	"context"
	"math"
	"math/rand/v2"

	"edgec/internal/dataset"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Reconstruction is the mean square distance between output and input, 100 for
// the float network; for networks that reproduce their input.
type Reconstruction struct{ plain }

// reconstruction does not fit a network that is further from its input than the mean input is: it
// makes something else of the same size, such as a sequence of another one. Vectors are its task,
// unless it ends with the probabilities of classes.
func reconstruction(ctx context.Context, s Subject) (Task, error) {
	if !s.reproduces() {
		return nil, nil
	}
	set := s.Set.First(confidenceSamples)
	out, err := Predict(ctx, View(Reconstruction{}, s.Graph), set, set.Len(), s.Threads)
	if err != nil {
		return nil, err
	}
	r := Reference{Set: set, Float: out}
	if (Reconstruction{}).Prepare(&r); set.Len() > 1 && (Reconstruction{}).Chance(&r) <= 100 {
		if n := s.Graph.Producer(s.Graph.Outputs[0]); n != nil && op.IsNormalizer(n.Op) {
			return nil, nil
		}
		return Vectors{}, nil
	}
	return Reconstruction{}, nil
}

// Name implements Task.
func (Reconstruction) Name() string { return "reconstruction" }

// Traits implements Task.
func (Reconstruction) Traits() Traits { return Traits{Distance: true, Relative: true} }

// Loss implements Task.
func (Reconstruction) Loss(*Reference) train.Loss { return train.MeanSquare{} }

// Prepare implements Task: the unit is the float network's mean square distance
// from the input, or 1 for one that is perfect.
func (Reconstruction) Prepare(r *Reference) { r.ownError() }

// ownError sets the unit to the float network's mean square distance from the
// input.
func (r *Reference) ownError() {
	if r.Unit = Mean(distances(r.Set, r.Float)); r.Unit == 0 {
		r.Unit = 1
	}
	r.Noise = math.Sqrt(r.Unit)
}

// Chance implements Task: the error of the mean input.
func (Reconstruction) Chance(r *Reference) float64 {
	k := r.Set.Sample().Size()
	v := variances(r.Set.Len(), k, func(i int) []float32 {
		x := make([]float32, k)
		r.Set.Read(i, x)
		return x
	})
	return 100 * Mean(v) / r.Unit
}

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
func (Reconstruction) Aim(y, x, _ []float32) {
	for i, v := range x {
		y[i] = (y[i] + v) / 2
	}
}

// Curve implements Task by the curvature of a distance.
func (Reconstruction) Curve(r *Reference, dy, _ []float32, rng *rand.Rand) {
	curveDistance(dy, r.Unit, rng)
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
