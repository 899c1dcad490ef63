package eval

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// sequence is what the tasks of networks have in common that name a class at each position of
// a sample: their outputs [T,V] are the logits of V classes at T positions. A position whose
// label is dataset.Ignored does not count.
type sequence struct {
	plain
	positions, classes int
	probability        bool // outputs are probabilities; otherwise logits
}

// NextToken is the task of a language model: the cross-entropy of its answer at each position
// with the token at the next one,
//
//	-ln softmax(y)[next]   in nats, the mean over all positions that count
//
// A hundredth of a nat is a point: for small drops, a percent of the perplexity. Metrics.Bits
// has it in bits, a point being 1 / (100 ln 2) = 0.0144 bits. Samples weigh by their positions.
type NextToken struct{ sequence }

// Tagging counts the positions whose largest output is not the label.
type Tagging struct{ sequence }

// PositionAgreement counts the positions whose largest output is not the float network's.
type PositionAgreement struct{ sequence }

// positions chooses the task of samples that have a class at each position.
func positions(_ context.Context, s Subject) (Task, error) {
	if s.Set.PositionLabels == nil || s.NoLabels {
		return nil, nil
	}
	q, ok := sequenceOf(s.Graph)
	if s.Set.Positions() == 1 {
		q, ok = step(s.shapes())
	}
	if !ok || q.positions != s.Set.Positions() {
		return nil, fmt.Errorf("edgec: samples have classes at %d positions, the network has outputs of %v; give a class for each position, or leave them aside with --no-labels", s.Set.Positions(), s.outputs())
	}
	return q.labelled(s.Set)
}

// labelled returns the task of samples with a class at each position.
func (q sequence) labelled(set *dataset.Set) (Task, error) {
	for i, l := range set.PositionLabels {
		if l >= q.classes {
			return nil, fmt.Errorf("edgec: sample %d has label %d at position %d, the network tells %d classes apart; check the labels, or ignore them with --no-labels", i/q.positions, l, i%q.positions, q.classes)
		}
	}
	if set.NextTokens {
		return NextToken{q}, nil
	}
	return Tagging{q}, nil
}

// step returns the only position of a network that names the next token of one, from the shape of
// its only output.
func step(outputs []tensor.Shape) (q sequence, ok bool) {
	if len(outputs) != 1 || outputs[0].Size() < 2 {
		return q, false
	}
	return sequence{positions: 1, classes: outputs[0].Size()}, true
}

// sequenceOf returns the positions and classes of a network's only output [1,T,V].
func sequenceOf(g *graph.Graph) (q sequence, ok bool) {
	if len(g.Outputs) != 1 {
		return q, false
	}
	shape := g.Outputs[0].Shape
	if len(shape) != 3 || shape[1] < 2 || shape[2] < 2 {
		return q, false
	}
	return sequence{positions: shape[1], classes: shape[2]}, true
}

// positionAgreement is the task of unlabelled samples of a network that ends in a softmax at
// each position, or takes a token there.
func positionAgreement(_ context.Context, s Subject) (Task, error) {
	q, ok := sequenceOf(s.Graph)
	if !ok {
		return nil, nil
	}
	n := s.Graph.Producer(s.Graph.Outputs[0])
	is := n != nil && op.IsNormalizer(n.Op)
	for _, v := range s.Graph.Inputs {
		is = is || v.Elem == graph.Integer && v.Shape.Sample().Size() == q.positions
	}
	if !is {
		return nil, nil
	}
	return PositionAgreement{q}, nil
}

// Traits implements Task.
func (q sequence) Traits() Traits { return Traits{Truth: true, Positions: q.positions} }

// Traits implements Task.
func (t PositionAgreement) Traits() Traits { return Traits{Self: true, Positions: t.positions} }

// Traits implements Task.
func (t NextToken) Traits() Traits { return Traits{Truth: true, Positions: t.positions, Nats: true} }

// Name implements Task.
func (NextToken) Name() string { return "next token" }

// Name implements Task.
func (Tagging) Name() string { return "position accuracy" }

// Name implements Task.
func (PositionAgreement) Name() string { return "position agreement" }

// Prepare implements Task: the unit is the mean number of positions of a sample that count, so
// that the mean over samples is the mean over positions.
func (q sequence) Prepare(r *Reference) {
	counted := 0
	for _, l := range r.Set.PositionLabels {
		if l != dataset.Ignored {
			counted++
		}
	}
	r.Unit = float64(max(counted, 1)) / float64(max(r.Set.Len(), 1))
	if r.Set.PositionLabels == nil {
		r.Unit = float64(q.positions)
	}
}

// Loss implements Task: labels and the teacher's classes at each position.
func (q sequence) Loss(*Reference) train.Loss {
	return train.Positions{Distill: train.Distill{Weight: 0.7, Temperature: 3}, Classes: q.classes}
}

// Loss implements Task: labels and the teacher's classes at each position. The classes are not
// softened: how likely the rare ones are is what is measured.
func (t NextToken) Loss(*Reference) train.Loss {
	return train.Positions{Distill: train.Distill{Weight: 0.7, Temperature: 1}, Classes: t.classes}
}

// at returns the outputs of sample i at position p.
func (q sequence) at(out []float32, i, p int) []float32 {
	from := (i*q.positions + p) * q.classes
	return out[from : from+q.classes]
}

// sum adds f of every position of sample i that has a label, with it.
func (q sequence) sum(set *dataset.Set, i int, f func(p, label int) float64) float64 {
	sum := 0.0
	for p, l := range set.LabelsAt(i) {
		if l != dataset.Ignored {
			sum += f(p, l)
		}
	}
	return sum
}

// Score implements Task: the nats of a sample, in units of the mean number of positions.
func (t NextToken) Score(r *Reference, out *tensor.Tensor) []float64 {
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		loss[i] = t.sum(r.Set, i, func(p, l int) float64 { return t.nats(t.at(out.Data, i, p), l) }) / r.Unit
	}
	return loss
}

// nats returns -ln of the probability of class l.
func (q sequence) nats(y []float32, l int) float64 {
	if q.probability {
		const least = 1e-12 // a zero of float32 is no impossibility
		return -math.Log(max(float64(y[l]), least))
	}
	top := y[0]
	for _, v := range y {
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range y {
		sum += math.Exp(float64(v - top))
	}
	return math.Log(sum) - float64(y[l]-top)
}

// wrong is 1 where the largest of y is not at l, else 0.
func wrong(y []float32, l int) float64 {
	if train.Argmax(y) != l {
		return 1
	}
	return 0
}

// Score implements Task: the share of positions with another class than the label.
func (t Tagging) Score(r *Reference, out *tensor.Tensor) []float64 {
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		loss[i] = t.sum(r.Set, i, func(p, l int) float64 { return wrong(t.at(out.Data, i, p), l) }) / r.Unit
	}
	return loss
}

// Score implements Task: the share of positions with another class than the float network's.
func (t PositionAgreement) Score(r *Reference, out *tensor.Tensor) []float64 {
	loss := make([]float64, out.Shape[0])
	for i := range loss {
		for p := range t.positions {
			loss[i] += wrong(t.at(out.Data, i, p), train.Argmax(t.at(r.Float.Data, i, p))) / float64(t.positions)
		}
	}
	return loss
}

// counts returns how often each class is a label.
func (q sequence) counts(set *dataset.Set) (count []float64, all float64) {
	count = make([]float64, q.classes)
	for _, l := range set.PositionLabels {
		if l != dataset.Ignored {
			count[l]++
			all++
		}
	}
	return count, max(all, 1)
}

// Bits returns points of NextToken, hundredths of a nat, in bits.
func Bits(points float64) float64 { return points / 100 / math.Ln2 }

// Chance implements Task: the entropy of the tokens alone, which the best answer reaches that
// does not look at what came before.
func (t NextToken) Chance(r *Reference) float64 {
	count, all := t.counts(r.Set)
	sum := 0.0
	for _, n := range count {
		if n > 0 {
			sum -= n / all * math.Log(n/all)
		}
	}
	return 100 * sum
}

// Chance implements Task: the error of always naming the most frequent class.
func (t Tagging) Chance(r *Reference) float64 {
	count, all := t.counts(r.Set)
	most := 0.0
	for _, n := range count {
		most = max(most, n)
	}
	return 100 * (1 - most/all)
}

// Chance implements Task: the disagreement of always naming the float network's most frequent
// class.
func (t PositionAgreement) Chance(r *Reference) float64 {
	n := r.Float.Shape[0] * t.positions
	return 100 * (1 - share(n, func(k int) int { return train.Argmax(t.at(r.Float.Data, k/t.positions, k%t.positions)) }))
}

// Detail implements Task: bits a token, the positions whose largest output is right, and the
// samples of which all are.
func (t NextToken) Detail(r *Reference, out *tensor.Tensor, m *Metrics) {
	m.Bits = Bits(m.Error)
	miss := Tagging(t).Score(r, out)
	m.Accuracy = 100 - 100*Mean(miss)
	m.Whole = whole(miss)
}

// Detail implements Task: the samples of which all positions are right.
func (t Tagging) Detail(r *Reference, out *tensor.Tensor, m *Metrics) {
	m.Accuracy, m.Whole = 100-m.Error, whole(t.Score(r, out))
}

// Detail implements Task: the samples of which all positions agree.
func (t PositionAgreement) Detail(r *Reference, out *tensor.Tensor, m *Metrics) {
	m.Accuracy, m.Whole = 100-m.Error, whole(t.Score(r, out))
}

// whole returns the percent of samples without a loss.
func whole(loss []float64) float64 {
	n := 0
	for _, l := range loss {
		if l == 0 {
			n++
		}
	}
	return 100 * float64(n) / float64(max(len(loss), 1))
}

// Draw implements Task: the classes are drawn from the teacher's softmax at each position.
func (t PositionAgreement) Draw(_ *Reference, y []float32, labels []int, _ float64, rng *rand.Rand) {
	for p := range labels {
		labels[p] = drawClass(t.at(y, 0, p), rng.Float64())
	}
}

// Curve implements Task by the Fisher information of the softmax at each position. Positions
// are drawn apart, each with the weight of the mean: a square of 1/T.
func (q sequence) Curve(_ *Reference, dy, y []float32, rng *rand.Rand) {
	q.curve(dy, y, curveClasses, rng)
}

// Curve implements Task as Tagging does, with classes drawn from the softmax as it is.
func (t NextToken) Curve(_ *Reference, dy, y []float32, rng *rand.Rand) {
	t.curve(dy, y, func(dy, y []float32, rng *rand.Rand) {
		train.Distill{}.Output(dy, y, drawClass(y, rng.Float64()), nil)
	}, rng)
}

func (q sequence) curve(dy, y []float32, one func(dy, y []float32, rng *rand.Rand), rng *rand.Rand) {
	weight := float32(1 / math.Sqrt(float64(q.positions)))
	for p := range q.positions {
		d := q.at(dy, 0, p)
		one(d, q.at(y, 0, p), rng)
		for k := range d {
			d[k] *= weight
		}
	}
}

// probabilities reports whether each row of classes holds probabilities that add up to one.
func probabilities(x []float32, classes int) bool {
	const off = 1e-2 // of sums of rounded probabilities
	for len(x) > 0 {
		sum := 0.0
		for _, v := range x[:classes] {
			if v < 0 || v > 1 {
				return false
			}
			sum += float64(v)
		}
		if math.Abs(sum-1) > off {
			return false
		}
		x = x[classes:]
	}
	return true
}
