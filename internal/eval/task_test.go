package eval

import (
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

func TestChoose(t *testing.T) {
	labelled := openCSV(t, "a,b,label\n5,1,0\n1,5,1\n")
	wrong := openCSV(t, "a,b,label\n5,1,0\n1,5,7\n")
	two := identity(t, 2, 1)
	wide := identity(t, 2, 1)
	wide.Outputs[0].Shape = tensor.Shape{1, 3}
	one := identity(t, 2, 1)
	one.Outputs[0].Shape = tensor.Shape{1, 1}
	for _, tt := range []struct {
		name     string
		g        *graph.Graph
		set      *dataset.Set
		noLabels bool
		want     Task // nil: refused
	}{
		{"labels", two, labelled, false, Classification{}},
		{"labels left aside, as many outputs as inputs", two, labelled, true, Fidelity{}},
		{"no labels to leave aside, as many outputs as inputs", two, labelled.WithoutLabels(), true, Fidelity{}},
		{"no labels, as many outputs as inputs", two, labelled.WithoutLabels(), false, Reconstruction{}},
		{"labels left aside", wide, labelled, true, Agreement{}},
		{"no labels", wide, labelled.WithoutLabels(), false, Agreement{}},
		{"one output without labels", one, labelled.WithoutLabels(), false, nil},
		{"a label out of range", two, wrong, false, nil},
		{"a label out of range, left aside", wide, wrong, true, Agreement{}},
	} {
		if got, err := Choose(tt.g, tt.set, tt.noLabels); got != tt.want || (err != nil) != (tt.want == nil) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

// TestMeasurable: a task that needs labels is measured on a set with labels alone.
func TestMeasurable(t *testing.T) {
	set := openCSV(t, fourSamples)
	for _, tt := range []struct {
		name string
		task Task
		set  *dataset.Set
		want bool
	}{
		{"labels", Classification{}, set, true},
		{"no labels", Classification{}, set.WithoutLabels(), false},
		{"no labels needed", Agreement{}, set.WithoutLabels(), true},
		{"no samples", Agreement{}, set.Subset(nil), false},
		{"no set", Agreement{}, nil, false},
	} {
		if got := Measurable(tt.task, tt.set); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestCurve: draws of gradients are zero on average, and the products of two have on average
// the second derivatives of the divergence of classes, diag(p) - p p^T, or of a distance.
func TestCurve(t *testing.T) {
	const unit = 0.5
	y := []float32{curveTemperature * 1, 0, curveTemperature * -0.5}
	sum := math.E + 1 + math.Exp(-0.5)
	p := []float64{math.E / sum, 1 / sum, math.Exp(-0.5) / sum}
	classes := func(i, j int) float64 {
		if i == j {
			return p[i] - p[i]*p[j]
		}
		return -p[i] * p[j]
	}
	distance := func(i, j int) float64 {
		if i == j {
			return 2 / (3 * unit)
		}
		return 0
	}
	for _, tt := range []struct {
		task Task
		want func(i, j int) float64
	}{{Classification{}, classes}, {Agreement{}, classes}, {Fidelity{}, distance}, {Reconstruction{}, distance}} {
		first, second := curveMoments(tt.task, y, unit)
		for i := range 3 {
			near(t, tt.task.Name()+": the mean gradient", first[i], 0, 0.01)
			for j := range 3 {
				near(t, tt.task.Name()+": the mean product", second[i][j], tt.want(i, j), 0.01)
			}
		}
	}
}

// curveMoments returns the mean of many draws of Curve and that of their products.
func curveMoments(task Task, y []float32, unit float64) (first [3]float64, second [3][3]float64) {
	const n = 200_000
	rng := rand.New(rand.NewPCG(1, 0xd1ce))
	dy := make([]float32, 3)
	for range n {
		task.Curve(dy, y, unit, rng)
		for i, a := range dy {
			first[i] += float64(a) / n
			for j, b := range dy {
				second[i][j] += float64(a) * float64(b) / n
			}
		}
	}
	return first, second
}
