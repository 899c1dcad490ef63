package eval

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Classification counts the samples whose largest output is not the label.
type Classification struct{ plain }

func classification(_ context.Context, s Subject) (Task, error) {
	if s.Set.Labels == nil || s.NoLabels {
		return nil, nil
	}
	if len(s.Graph.Outputs) != 1 {
		return nil, severalOutputs(len(s.Graph.Outputs))
	}
	out := s.outputs()[0]
	for i, l := range s.Set.Labels {
		if l < 0 || l >= out {
			return nil, fmt.Errorf("edgec: sample %d has label %d, the network has %d outputs; check the labels, or ignore them with --no-labels", i, l, out)
		}
	}
	return Classification{}, nil
}

// severalOutputs is the error of labels for a network that has several outputs.
func severalOutputs(n int) error {
	return fmt.Errorf("edgec: the network has %d outputs, and labels belong to one; leave the labels aside with --no-labels", n)
}

// Name implements Task.
func (Classification) Name() string { return "accuracy" }

// Traits implements Task.
func (Classification) Traits() Traits { return Traits{Truth: true} }

// Detail implements Task: whether the outputs are right in another order of the classes.
func (Classification) Detail(r *Reference, out *tensor.Tensor, m *Metrics) {
	m.Hint = orderHint(r.Set, out, m.Error)
}

// Loss implements Task: labels and the teacher's softened classes.
func (Classification) Loss(*Reference) train.Loss { return train.Distill{Weight: 0.7, Temperature: 3} }

// Score implements Task: 1 for a wrong class, 0 for the right one.
func (Classification) Score(r *Reference, out *tensor.Tensor) []float64 {
	return miss(out, func(i int) int { return r.Set.Labels[i] })
}

// miss returns 1 for each row of out whose largest element is not at the wanted
// place, and 0 for the others.
func miss(out *tensor.Tensor, want func(i int) int) []float64 {
	k := out.Shape[1]
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		if train.Argmax(out.Data[i*k:(i+1)*k]) != want(i) {
			loss[i] = 1
		}
	}
	return loss
}

// Chance implements Task: the error of always naming the most frequent class.
func (Classification) Chance(r *Reference) float64 {
	return 100 * (1 - share(len(r.Set.Labels), func(i int) int { return r.Set.Labels[i] }))
}

// Curve implements Task by the Fisher information of the softmax.
func (Classification) Curve(_ *Reference, dy, y []float32, rng *rand.Rand) {
	curveClasses(dy, y, rng)
}

// curveTemperature divides the outputs of a classifier before its classes are
// drawn: it is surer of samples that it was trained on than of others.
const curveTemperature = 3

// curveClasses fills dy with the gradient of the cross entropy with a class c,
// drawn from p = softmax(y/T):
//
//	dy_i = p_i - [i = c]
//
// E[dy dy^T] = diag(p) - p p^T, the second derivative of the divergence of
// classes, in nats (Martens 2020, section 5).
func curveClasses(dy, y []float32, rng *rand.Rand) {
	soft := make([]float32, len(y))
	for i, v := range y {
		soft[i] = v / curveTemperature
	}
	train.Distill{}.Output(dy, soft, drawClass(soft, rng.Float64()), nil)
}

// drawClass returns class c with probability softmax(logits)[c], for u uniform in
// 0..1.
func drawClass(logits []float32, u float64) int {
	top := float64(slices.Max(logits))
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	rest := u * sum
	for c, v := range logits {
		if rest -= math.Exp(float64(v) - top); rest < 0 {
			return c
		}
	}
	return train.Argmax(logits)
}
