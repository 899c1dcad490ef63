package eval

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// linear is a dense network whose output k is scale times input k mod in.
func linear(t *testing.T, in, out int, scale float32) *graph.Graph {
	g := identity(t, in, scale)
	n := g.Nodes[0]
	w := tensor.New(out, in)
	for k := range out {
		w.Data[k*in+k%in] = scale
	}
	n.Inputs[1] = &graph.Value{Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

// withNode appends an operator to the output of g.
func withNode(t *testing.T, g *graph.Graph, o graph.Op) *graph.Graph {
	v := &graph.Value{Name: "z"}
	g.Nodes = append(g.Nodes, &graph.Node{Name: "z", Op: o, Inputs: []*graph.Value{g.Outputs[0]}, Outputs: []*graph.Value{v}})
	g.Outputs[0] = v
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestChoose(t *testing.T) {
	labelled := openCSV(t, "a,b,label\n5,1,0\n1,5,1\n")
	wrong := openCSV(t, "a,b,label\n5,1,0\n1,5,7\n")
	bare := labelled.WithoutLabels()
	valued := openFor(t, "a,b,y\n5,1,0.5\n1,5,1.5\n", 1)
	two := identity(t, 2, 1)
	twoHeads := linear(t, 2, 3, 1)
	twoHeads.Outputs = append(twoHeads.Outputs, twoHeads.Outputs[0])
	for _, tt := range []struct {
		name     string
		g        *graph.Graph
		set      *dataset.Set
		noLabels bool
		want     Task // nil: refused
	}{
		{"labels", two, labelled, false, Classification{}},
		{"labels left aside, as many outputs as inputs", two, labelled, true, Fidelity{}},
		{"no labels to leave aside, as many outputs as inputs", two, bare, true, Fidelity{}},
		{"no labels, as many outputs as inputs", two, bare, false, Reconstruction{}},
		{"no labels, as many outputs as inputs, but not these", identity(t, 2, -1), bare, false, Vectors{}},
		{"labels left aside, outputs that name a class", linear(t, 2, 3, 5), labelled, true, Agreement{}},
		{"no labels, a softmax", withNode(t, linear(t, 2, 3, 0.01), op.Softmax{Axis: 1}), bare, false, Agreement{}},
		{"no labels, outputs that name no class", linear(t, 2, 3, 0.01), bare, false, Vectors{}},
		{"no labels, one output", linear(t, 2, 1, 1), bare, false, Vectors{}},
		{"no labels, two outputs of the network", twoHeads, bare, false, Vectors{}},
		{"labels, two outputs of the network", twoHeads, labelled, false, nil},
		{"labels, one output", linear(t, 2, 1, 1), labelled, false, YesNo{}},
		{"labels, a probability", withNode(t, linear(t, 2, 1, 1), op.Sigmoid{}), labelled, false, YesNo{Probability: true}},
		{"a label that is neither yes nor no", linear(t, 2, 1, 1), wrong, false, nil},
		{"target values", linear(t, 2, 1, 1), valued, false, Regression{}},
		{"more outputs than target values", linear(t, 2, 3, 1), valued, false, nil},
		{"target values left aside", linear(t, 2, 1, 1), valued, true, Vectors{}},
		{"a label out of range", two, wrong, false, nil},
		{"a label out of range, left aside", linear(t, 2, 3, 5), wrong, true, Agreement{}},
	} {
		if got, err := Choose(context.Background(), Subject{Graph: tt.g, Set: tt.set, NoLabels: tt.noLabels, Threads: 1}); got != tt.want || (err != nil) != (tt.want == nil) {
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
		task.Curve(&Reference{Unit: unit}, dy, y, rng)
		for i, a := range dy {
			first[i] += float64(a) / n
			for j, b := range dy {
				second[i][j] += float64(a) * float64(b) / n
			}
		}
	}
	return first, second
}
