package eval

import (
	"context"
	"edgec/internal/dataset"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Regression is the part of the variance of the target values t that the outputs y
// do not explain, the mean over the K outputs of
//
//	100 sum (y_k - t_k)^2 / sum (t_k - mean t_k)^2  =  100 (1 - R2_k)
//
// in percent. Metrics.R2 and Metrics.MAE are reported beside it.
type Regression struct{ plain }

func regression(_ context.Context, s Subject) (Task, error) {
	if s.Set.Targets == nil || s.NoLabels {
		return nil, nil
	}
	heads, k := s.outputs(), 0
	for _, n := range heads {
		k += n
	}
	if k != s.Set.Width() {
		return nil, fmt.Errorf("edgec: samples have %d target values, the network has outputs of %v; give as many, or leave them aside with --no-labels", s.Set.Width(), heads)
	}
	if constant(s.Set) {
		return nil, fmt.Errorf("edgec: all %d samples have the same target values; check the file, or leave them aside with --no-labels", s.Set.Len())
	}
	return Regression{}, nil
}

// constant reports whether all samples have the same target values.
func constant(set *dataset.Set) bool {
	for i := range set.Len() {
		if !slices.Equal(set.Target(i), set.Target(0)) {
			return false
		}
	}
	return true
}

// Name implements Task.
func (Regression) Name() string { return "regression" }

// Traits implements Task.
func (Regression) Traits() Traits { return Traits{Truth: true, Distance: true} }

// Prepare implements Task: the scales are the variances of the targets.
func (Regression) Prepare(r *Reference) {
	r.Scale = variances(r.Set.Len(), r.Set.Width(), r.Set.Target)
}

// Loss implements Task.
func (Regression) Loss(r *Reference) train.Loss { return train.ScaledSquare{Scale: r.Scale} }

// Score implements Task.
func (Regression) Score(r *Reference, out *tensor.Tensor) []float64 {
	k := out.Shape[1]
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		loss[i] = r.scaledSquare(out.Data[i*k:(i+1)*k], r.Set.Target(i))
	}
	return loss
}

// Chance implements Task: the error of the mean target.
func (Regression) Chance(*Reference) float64 { return 100 }

// Detail implements Task: R2 = 1 - Error/100 and the mean absolute error, in units
// of the targets.
func (Regression) Detail(r *Reference, out *tensor.Tensor, m *Metrics) {
	k, sum := out.Shape[1], 0.0
	for i := range out.Shape[0] {
		for j, t := range r.Set.Target(i) {
			sum += math.Abs(float64(out.Data[i*k+j]) - float64(t))
		}
	}
	m.R2, m.MAE = 1-m.Error/100, sum/float64(max(len(out.Data), 1))
}

// Aim implements Task: the mean of the teacher's output and the target, for the
// reasons of Reconstruction.
func (Regression) Aim(y, _, target []float32) {
	for i, v := range target {
		y[i] = (y[i] + v) / 2
	}
}

// Curve implements Task by the curvature of a scaled distance.
func (Regression) Curve(r *Reference, dy, _ []float32, rng *rand.Rand) { curveScaled(dy, r.Scale, rng) }

// curveScaled fills dy with signs of the size sqrt(2 / (K scale_k)), whose squares
// are the second derivatives of mean_k (y_k - t_k)^2 / scale_k.
func curveScaled(dy []float32, scale []float64, rng *rand.Rand) {
	for i := range dy {
		dy[i] = float32(math.Sqrt(2/(float64(len(dy))*scale[i]))) * float32(2*rng.IntN(2)-1)
	}
}
