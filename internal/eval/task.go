package eval

import (
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
	// Loss is what training minimises.
	Loss() train.Loss
	// Score returns the loss of each of the first n samples of the reference for
	// outputs [n, K]. Their mean, times 100, is the task's error in percent.
	Score(r *Reference, out *tensor.Tensor) []float64
	// Aim moves a teacher's outputs y for the input x, in place, to what training
	// aims at.
	Aim(y, x []float32)
	// Draw adds to the targets y, in place, what makes the gradient of a network
	// that equals its teacher informative (see Traits.Self), of standard
	// deviation noise, and returns the class to train on, or -1. label is the
	// sample's, or -1.
	Draw(y []float32, label int, noise float64, rng *rand.Rand) (class int)
	// Curve fills dy with a random gradient of the outputs y whose products
	// E[dy_i dy_j] are the second derivatives of what a file loses. unit is the
	// reference's (see Reference.Unit).
	Curve(dy, y []float32, unit float64, rng *rand.Rand)
}

// Traits are the properties of a task that the search depends on.
type Traits struct {
	Labels   bool // it needs labels
	Distance bool // it measures distances; otherwise it counts samples
	Self     bool // it compares with the float network's own outputs, so that the float network's error is zero
}

// Reference is what outputs are scored against.
type Reference struct {
	Set   *dataset.Set
	Float *tensor.Tensor // outputs of the float network, [n, K]; nil where only labels count
	Unit  float64        // mean distance of the float network's outputs from the input, which distances are divided by
}

// row returns the float network's outputs for sample i.
func (r *Reference) row(i int) []float32 {
	k := r.Float.Shape[1]
	return r.Float.Data[i*k : (i+1)*k]
}

// Choose returns the task for a network and a set: classification where there are
// labels; otherwise reconstruction for a network with as many outputs as inputs,
// and agreement for the others. noLabels leaves labels aside, and compares even a
// network that reproduces its input with the float network.
//
// A label that the network has no output for is an error, and so is a network of
// one output without labels.
func Choose(g *graph.Graph, set *dataset.Set, noLabels bool) (Task, error) {
	in, out := g.Inputs[0].Shape.Sample().Size(), g.Outputs[0].Shape.Sample().Size()
	switch {
	case set.Labels != nil && !noLabels:
		for i, l := range set.Labels {
			if l < 0 || l >= out {
				return nil, fmt.Errorf("edgec: sample %d has label %d, the network has %d outputs; check the labels, or ignore them with --no-labels", i, l, out)
			}
		}
		return Classification{}, nil
	case in == out && noLabels:
		return Fidelity{}, nil
	case in == out:
		return Reconstruction{}, nil
	case out < 2:
		return nil, fmt.Errorf("edgec: the network has one output and the data no labels; give a network with two outputs or more")
	}
	return Agreement{}, nil
}

// Measurable reports whether the task can be measured on the set.
func Measurable(t Task, set *dataset.Set) bool {
	return set != nil && set.Len() > 0 && (!t.Traits().Labels || set.Labels != nil)
}
