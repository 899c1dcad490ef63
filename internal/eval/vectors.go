package eval

import (
	"context"
	"math"
	"math/rand/v2"

	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Vectors is the distance of the outputs y from the float network's outputs f, in
// percent of the variance of f,
//
//	100 mean |y - f|^2 / mean |f - mean f|^2
//
// the mean over the network's outputs, of which one that holds two units, such as
// boxes beside scores, counts as two; for embeddings, boxes and whatever has no
// classes. It is 0 for the float network and 100 for one whose outputs never
// change. Metrics.Cosine is reported beside it.
type Vectors struct{ plain }

func vectors(_ context.Context, _ Subject) (Task, error) { return Vectors{}, nil }

// Name implements Task.
func (Vectors) Name() string { return "vectors" }

// Traits implements Task.
func (Vectors) Traits() Traits { return Traits{Distance: true, Self: true} }

// relativeNoise is the noise of targets in standard deviations of the outputs: a
// file that is good enough is about as far off (a squared error of 1 %).
const relativeNoise = 0.1

// Prepare implements Task: the scale of an element is the mean variance of the
// output, or part of an output, that it belongs to, and weighs each of them alike.
func (Vectors) Prepare(r *Reference) {
	k := r.Float.Shape[1]
	units := r.units()
	r.Scale = make([]float64, k)
	for _, elements := range units {
		buf := make([]float32, len(elements))
		mean := Mean(variances(r.Float.Shape[0], len(elements), func(i int) []float32 { return r.of(elements, i, buf) }))
		for _, e := range elements {
			r.Scale[e] = mean * float64(len(elements)*len(units)) / float64(k)
		}
	}
	r.Noise = relativeNoise
}

// Loss implements Task.
func (Vectors) Loss(r *Reference) train.Loss { return train.ScaledSquare{Scale: r.Scale} }

// Score implements Task.
func (Vectors) Score(r *Reference, out *tensor.Tensor) []float64 {
	k := out.Shape[1]
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		loss[i] = r.scaledSquare(out.Data[i*k:(i+1)*k], r.row(i))
	}
	return loss
}

// Chance implements Task: the error of the mean output.
func (Vectors) Chance(*Reference) float64 { return 100 }

// Detail implements Task: the mean cosine of the angle between y and f.
func (Vectors) Detail(r *Reference, out *tensor.Tensor, m *Metrics) {
	k, n := out.Shape[1], out.Shape[0]
	sum := 0.0
	for i := range n {
		var dot, a, b float64
		for j, f := range r.row(i) {
			y := float64(out.Data[i*k+j])
			dot += y * float64(f)
			a += y * y
			b += float64(f) * float64(f)
		}
		switch {
		case a > 0 && b > 0:
			sum += dot / math.Sqrt(a*b)
		case a == b:
			sum++
		}
	}
	m.Cosine = sum / float64(max(n, 1))
	if k == 1 {
		m.Accuracy = decisions(out.Data, r.Float.Data)
	}
}

// Draw implements Task: every target moves by noise in its own scale, up or down,
// for the reasons of Fidelity.
func (Vectors) Draw(r *Reference, y []float32, _ []int, noise float64, rng *rand.Rand) {
	if noise == 0 {
		return
	}
	moved := make([]float32, len(y))
	scatter(moved, float32(noise), rng)
	for i, v := range moved {
		y[i] += v * float32(math.Sqrt(r.Scale[i]))
	}
}

// Curve implements Task by the curvature of a scaled distance.
func (Vectors) Curve(r *Reference, dy, _ []float32, rng *rand.Rand) { curveScaled(dy, r.Scale, rng) }

// decisions returns the percent of probabilities a that are above one half where those of b are;
// 0 where b has others than probabilities.
func decisions(a, b []float32) float64 {
	equal := 0
	for i, v := range a {
		if b[i] < 0 || b[i] > 1 {
			return 0
		}
		if (v > 0.5) == (b[i] > 0.5) {
			equal++
		}
	}
	return 100 * float64(equal) / float64(max(len(a), 1))
}
