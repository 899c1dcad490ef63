package eval

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// YesNo counts wrong answers of a network of one output, which means yes where it
// is above Threshold. Each of the two classes has the same weight, whatever its
// share of the samples: the error is the balanced error
//
//	100 (wrong yes / all no + wrong no / all yes) / 2
//
// in percent. Metrics.AUC is reported beside it.
type YesNo struct {
	plain
	Probability bool // the output is a probability, and the threshold 0.5; otherwise a logit, and 0
}

func yesNo(_ context.Context, s Subject) (Task, error) {
	heads := s.outputs()
	if s.Set.Labels == nil || s.NoLabels || len(heads) != 1 || heads[0] != 1 {
		return nil, nil
	}
	if err := checkYesNo(s.Set.Labels); err != nil {
		return nil, err
	}
	n := s.Graph.Producer(s.Graph.Outputs[0])
	return YesNo{Probability: n != nil && op.IsProbability(n.Op)}, nil
}

// checkYesNo returns an error for a label that is neither 0 nor 1.
func checkYesNo(labels []int) error {
	for i, l := range labels {
		if l != 0 && l != 1 {
			return fmt.Errorf("edgec: sample %d has label %d; a network of one output tells 0 from 1: give such labels, or target values that are no whole numbers", i, l)
		}
	}
	return nil
}

// Name implements Task.
func (YesNo) Name() string { return "yes or no" }

// Traits implements Task.
func (YesNo) Traits() Traits { return Traits{Truth: true} }

// Threshold is what outputs that mean yes are above.
func (t YesNo) Threshold() float32 {
	if t.Probability {
		return 0.5
	}
	return 0
}

// Loss implements Task: labels and the teacher's probability.
func (t YesNo) Loss(*Reference) train.Loss {
	return train.Binary{Weight: 0.7, Probability: t.Probability}
}

// Score implements Task: a wrong answer of class c counts n / (2 n_c), n_c being
// the number of samples of that class.
func (t YesNo) Score(r *Reference, out *tensor.Tensor) []float64 {
	var count [2]int
	for _, l := range r.Set.Labels {
		count[l]++
	}
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		l := r.Set.Labels[i]
		if (out.Data[i] > t.Threshold()) != (l == 1) {
			loss[i] = float64(len(r.Set.Labels)) / (2 * float64(count[l]))
		}
	}
	return loss
}

// Chance implements Task: half of the classes, or none where there is only one.
func (YesNo) Chance(r *Reference) float64 {
	if share(len(r.Set.Labels), func(i int) int { return r.Set.Labels[i] }) == 1 {
		return 0
	}
	return 50
}

// Detail implements Task: the area under the ROC curve, the probability that a
// sample of class 1 has a larger output than one of class 0, ties counting half
// (Hanley, McNeil 1982).
func (YesNo) Detail(r *Reference, out *tensor.Tensor, m *Metrics) {
	n := out.Shape[0]
	byOutput := make([]int, n)
	for i := range byOutput {
		byOutput[i] = i
	}
	slices.SortFunc(byOutput, func(a, b int) int { return cmp.Compare(out.Data[a], out.Data[b]) })
	ranks, yes := 0.0, 0
	for lo := 0; lo < n; {
		hi := lo
		for hi < n && out.Data[byOutput[hi]] == out.Data[byOutput[lo]] {
			hi++
		}
		for _, i := range byOutput[lo:hi] {
			if r.Set.Labels[i] == 1 {
				ranks += float64(lo+hi+1) / 2 // the mean rank of equals, from 1
				yes++
			}
		}
		lo = hi
	}
	if pairs := float64(yes) * float64(n-yes); pairs > 0 {
		m.AUC = (ranks - float64(yes)*float64(yes+1)/2) / pairs
	}
	if m.Error > 100-orderError && yes > orderFew && n-yes > orderFew {
		m.Hint = contraryHint(r.Set.ClassNames, 100-m.Error)
	}
}

// Curve implements Task by the Fisher information of the probability p: for a
// logit the gradient p - c of the cross entropy with a class c drawn from p, whose
// square is p (1-p) on average; for a probability that divided by p (1-p).
func (t YesNo) Curve(_ *Reference, dy, y []float32, rng *rand.Rand) {
	label := 0
	if rng.Float64() < t.probability(y[0]) {
		label = 1
	}
	train.Binary{Probability: t.Probability}.Output(dy, y, label, nil)
}

// probability returns the probability of class 1.
func (t YesNo) probability(y float32) float64 {
	if t.Probability {
		return float64(y)
	}
	return train.Logistic(float64(y))
}
