package eval

import (
	"context"
	"fmt"
	"math/rand/v2"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Task is what the quality of a network means. Its methods are pure functions
// and may be called from several goroutines.
type Task interface {
	// Name identifies the task in reports, "accuracy".
	Name() string
	// Traits says what kind of task it is.
	Traits() Traits
	// Prepare sets the units of a reference whose outputs are known.
	Prepare(r *Reference)
	// Loss is what training minimises.
	Loss(r *Reference) train.Loss
	// Score returns the loss of each of the first n samples of the reference for
	// outputs [n, K]. Their mean, times 100, is the task's error in percent.
	Score(r *Reference, out *tensor.Tensor) []float64
	// Chance returns the error, in percent, of the best answer that does not look
	// at the input.
	Chance(r *Reference) float64
	// Detail adds to m what people ask for beside the error.
	Detail(r *Reference, out *tensor.Tensor, m *Metrics)
	// Aim moves a teacher's outputs y, in place, to what training aims at, for the
	// input x and the sample's target values, nil if it has none.
	Aim(y, x, target []float32)
	// Draw adds to the targets y, in place, what makes the gradient of a network
	// that equals its teacher informative (see Traits.Self), of standard
	// deviation noise, and puts the classes to train on into labels, in place: that
	// of the sample, or one for each of its Traits.Positions. It has the sample's own
	// before, or -1.
	Draw(r *Reference, y []float32, labels []int, noise float64, rng *rand.Rand)
	// Curve fills dy with a random gradient of the outputs y whose products
	// E[dy_i dy_j] are the second derivatives of what a file loses.
	Curve(r *Reference, dy, y []float32, rng *rand.Rand)
}

// Traits are the properties of a task that the search depends on.
type Traits struct {
	Truth    bool // it needs labels or target values
	Distance bool // it measures distances; otherwise it counts samples
	Self     bool // it compares with the float network's own outputs, so that the float network's error is zero
	Relative bool // a point is a percent of the float network's own error
	Nats     bool // it measures a cross-entropy: a point is a hundredth of a nat, about a percent of the perplexity
	// Positions is the number of classes that a sample has, one at each position; 0: one in all.
	Positions int
}

// Reference is what outputs are scored against.
type Reference struct {
	Set   *dataset.Set
	Float *tensor.Tensor // outputs of the float network, [n, K]; nil where only labels count
	Heads []int          // elements of each output of the network; their sum is K
	// Shapes are those of the outputs of a sample; nil: not known
	Shapes []tensor.Shape
	Unit   float64   // what all distances are divided by, where there is one such unit
	Scale  []float64 // what the square distance of each element is divided by, where they differ
	Noise  float64   // standard deviation of targets while importance is measured; see Task.Draw
}

// row returns the float network's outputs for sample i.
func (r *Reference) row(i int) []float32 {
	k := r.Float.Shape[1]
	return r.Float.Data[i*k : (i+1)*k]
}

// scaledSquare returns mean_k (a_k - b_k)^2 / Scale_k.
func (r *Reference) scaledSquare(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		e := float64(v) - float64(b[i])
		sum += e * e / r.Scale[i]
	}
	return sum / float64(len(a))
}

// plain has the methods of tasks whose targets are the teacher's outputs as they
// are.
type plain struct{}

// Prepare implements Task.
func (plain) Prepare(*Reference) {}

// Detail implements Task.
func (plain) Detail(*Reference, *tensor.Tensor, *Metrics) {}

// Aim implements Task.
func (plain) Aim(_, _, _ []float32) {}

// Draw implements Task: the classes are the labels.
func (plain) Draw(*Reference, []float32, []int, float64, *rand.Rand) {}

// Subject is a network whose task is chosen, with the samples to judge it by.
type Subject struct {
	Graph    *graph.Graph
	Set      *dataset.Set
	Recorded *dataset.Set // of a network with state, some samples with the state that they meet; nil: Set has all inputs
	NoLabels bool         // leaves labels and targets aside
	Threads  int
}

// outputs returns the elements of each output of a sample.
func (s Subject) outputs() []int {
	var heads []int
	for _, v := range s.Graph.Outputs {
		heads = append(heads, v.Shape.Sample().Size())
	}
	return heads
}

// shapes returns the shape of each output of a sample.
func (s Subject) shapes() (shapes []tensor.Shape) {
	for _, v := range s.Graph.Outputs {
		shapes = append(shapes, v.Shape.Sample())
	}
	return shapes
}

// reproduces reports whether the network has as many outputs as inputs.
func (s Subject) reproduces() bool {
	g := s.Graph
	return len(g.Outputs) == 1 && len(g.Inputs) == 1 && g.Inputs[0].Shape.Sample().Size() == g.Outputs[0].Shape.Sample().Size()
}

// choices are asked in order; the first that fits is the task. An error says what
// does not fit.
var choices = []func(ctx context.Context, s Subject) (Task, error){
	positions, regression, yesNo, classification, fidelity, reconstruction, positionAgreement, agreement, vectors,
}

// Choose returns the task for a network and samples. A class at each position makes it the next
// token's, or tagging; target values make it regression, labels classification, or yes or no for
// a network of one output. Without them, a network with as many outputs as inputs, and near
// to these, is judged by reconstruction, or, if labels are left aside, by fidelity to the float network;
// a classifier by agreement with it; and any other network by the distance of its
// vectors.
//
// A label that the network has no output for is an error.
func Choose(ctx context.Context, s Subject) (Task, error) {
	for _, choose := range choices {
		if t, err := choose(ctx, s); t != nil || err != nil {
			return t, err
		}
	}
	return nil, fmt.Errorf("edgec: no task fits the network; please report it")
}

// ForOutputs returns the task of labels or target values for outputs [n, K] of a network that is
// not at hand; shapes are those of a sample's outputs. A network of one output is taken to give
// probabilities if all of them lie in 0..1. A label without an output is an error.
func ForOutputs(set *dataset.Set, out *tensor.Tensor, shapes [][]int) (Task, error) {
	k, outputs := out.Shape[1], len(shapes)
	switch {
	case set.PositionLabels != nil && outputs == 1 && (set.Positions() == 1 || len(shapes[0]) == 2 && shapes[0][0] == set.Positions()):
		q := sequence{positions: set.Positions(), classes: k / set.Positions()}
		q.probability = probabilities(out.Data, q.classes)
		return q.labelled(set)
	case set.PositionLabels != nil:
		return nil, fmt.Errorf("edgec: samples have classes at %d positions, the network has outputs of %v; give a class for each position", set.Positions(), shapes)
	case set.Targets != nil && set.Width() == k:
		return Regression{}, nil
	case set.Labels == nil:
		return nil, fmt.Errorf("edgec: the data has no labels to evaluate by; compare with the float network")
	case outputs > 1:
		return nil, severalOutputs(outputs)
	case k == 1:
		unit := true
		for _, y := range out.Data {
			unit = unit && y >= 0 && y <= 1
		}
		return YesNo{Probability: unit}, checkYesNo(set.Labels)
	}
	return Classification{}, checkLabels(set.Labels, k)
}

// checkLabels returns an error for a label without an output.
func checkLabels(labels []int, classes int) error {
	for i, l := range labels {
		if l < 0 || l >= classes {
			return fmt.Errorf("edgec: sample %d has label %d, the network has %d outputs; check the labels", i, l, classes)
		}
	}
	return nil
}

// Measurable reports whether the task can be measured on the set.
func Measurable(t Task, set *dataset.Set) bool {
	return set != nil && set.Len() > 0 && (!t.Traits().Truth || set.Labeled())
}

// share returns the share of the most frequent class among n classes that class
// gives.
func share(n int, class func(i int) int) float64 {
	count, most := map[int]int{}, 0
	for i := range n {
		c := class(i)
		count[c]++
		most = max(most, count[c])
	}
	return float64(most) / float64(max(n, 1))
}

// variances returns the variance of each of k elements over n rows, at least a
// tiny part of the largest, so that constant elements can be divided by.
func variances(n, k int, row func(i int) []float32) []float64 {
	mean, square := make([]float64, k), make([]float64, k)
	for i := range n {
		for j, v := range row(i) {
			mean[j] += float64(v) / float64(n)
		}
	}
	top := 0.0
	for i := range n {
		for j, v := range row(i) {
			d := float64(v) - mean[j]
			square[j] += d * d / float64(n)
			top = max(top, square[j])
		}
	}
	const least = 1e-6
	for j := range square {
		square[j] = max(square[j], least*top, 1e-30)
	}
	return square
}
