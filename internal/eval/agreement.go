package eval

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"edgec/internal/op"
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
type Agreement struct{ plain }

// agreement takes a network for a classifier if it ends in a softmax, or if the
// softmax of its outputs names one class with confidence for most samples.
func agreement(ctx context.Context, s Subject) (Task, error) {
	heads := s.outputs()
	if len(heads) != 1 || heads[0] < 2 || len(s.Graph.Outputs[0].Shape) != 2 {
		return nil, nil
	}
	if n := s.Graph.Producer(s.Graph.Outputs[0]); n != nil && op.IsNormalizer(n.Op) {
		return Agreement{}, nil
	}
	set := cmp.Or(s.Recorded, s.Set)
	out, err := Predict(ctx, train.Logits(s.Graph), set, min(set.Len(), confidenceSamples), s.Threads)
	if err != nil {
		return nil, err
	}
	if confidence(out) < leastConfidence {
		return nil, nil
	}
	return Agreement{}, nil
}

// A network without a softmax is taken for a classifier if the mean of the largest
// probability of softmax(y), over confidenceSamples, is at least leastConfidence:
// trained classifiers have 0.7 to 1, embeddings of unit length in K dimensions
// about 1/K.
const (
	confidenceSamples = 256
	leastConfidence   = 0.5
)

// confidence returns the mean over rows of the largest probability of softmax(y).
func confidence(out *tensor.Tensor) float64 {
	k, sum := out.Shape[1], 0.0
	for i := range out.Shape[0] {
		y := out.Data[i*k : (i+1)*k]
		top, all := float64(slices.Max(y)), 0.0
		for _, v := range y {
			all += math.Exp(float64(v) - top)
		}
		sum += 1 / all
	}
	return sum / float64(out.Shape[0])
}

// Name implements Task.
func (Agreement) Name() string { return "agreement" }

// Traits implements Task.
func (Agreement) Traits() Traits { return Traits{Self: true} }

// Loss implements Task.
func (Agreement) Loss(r *Reference) train.Loss { return Classification{}.Loss(r) }

// Score implements Task: 1 where the classes differ, 0 where they agree.
func (Agreement) Score(r *Reference, out *tensor.Tensor) []float64 {
	return miss(out, func(i int) int { return train.Argmax(r.row(i)) })
}

// Chance implements Task: the disagreement of always naming the float network's
// most frequent class.
func (Agreement) Chance(r *Reference) float64 {
	return 100 * (1 - share(r.Float.Shape[0], func(i int) int { return train.Argmax(r.row(i)) }))
}

// Draw implements Task: the class is drawn from the teacher's softmax.
func (Agreement) Draw(_ *Reference, y []float32, labels []int, _ float64, rng *rand.Rand) {
	labels[0] = drawClass(y, rng.Float64())
}

// Curve implements Task by the Fisher information of the softmax.
func (Agreement) Curve(_ *Reference, dy, y []float32, rng *rand.Rand) { curveClasses(dy, y, rng) }
