package eval

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// spoken returns samples of 2 positions with these labels.
func spoken(t *testing.T, next bool, labels ...int) *dataset.Set {
	t.Helper()
	s := rowsOf(t, len(labels)/2, 2).WithoutLabels()
	return s.WithPositions(labels, 2, next)
}

// logsOf returns the logarithms of probabilities, moved by a number for each row of 2.
func logsOf(p ...float64) *tensor.Tensor {
	out := tensor.New(len(p)/4, 4)
	for i, v := range p {
		out.Data[i] = float32(math.Log(v)) + float32(i/2)
	}
	return out
}

// TestNextToken compares error, chance, bits and accuracy with the textbook.
func TestNextToken(t *testing.T) {
	set := spoken(t, true, 0, 1, 1, dataset.Ignored)
	out := logsOf(0.5, 0.5, 0.25, 0.75, 0.875, 0.125, 0.5, 0.5)
	task, err := ForOutputs(set, out, [][]int{{2, 2}})
	if err != nil || task.Name() != "next token" {
		t.Fatal(task, err)
	}
	h := Unpaired(task, set, nil, 1)
	m := h.Measure(out)
	bits := (1 + math.Log2(4./3) + 3) / 3
	if math.Abs(m.Bits-bits) > 1e-6 || math.Abs(m.Error-100*bits*math.Ln2) > 1e-4 {
		t.Errorf("%v bits, an error of %v; want %v bits", m.Bits, m.Error, bits)
	}
	entropy := (math.Log(3) + 2*math.Log(1.5)) / 3
	if math.Abs(m.Chance-100*entropy) > 1e-9 {
		t.Errorf("chance %v, want %v", m.Chance, 100*entropy)
	}
	if math.Abs(m.Accuracy-200./3) > 1e-9 || m.Whole != 50 {
		t.Errorf("accuracy %v, whole %v; want 66.7 and 50", m.Accuracy, m.Whole)
	}
	soft := tensor.New(2, 4)
	for i, v := range out.Data {
		soft.Data[i] = float32(math.Exp(float64(v) - float64(i/2)))
	}
	other, err := ForOutputs(set, soft, [][]int{{2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if got := Unpaired(other, set, nil, 1).Measure(soft); math.Abs(got.Bits-m.Bits) > 1e-6 {
		t.Errorf("of probabilities %v bits, of logits %v", got.Bits, m.Bits)
	}
}

// TestNextTokenOfSteps: a network that takes one token at a time is measured in bits as one that takes
// all of them, whatever the shape of its output.
func TestNextTokenOfSteps(t *testing.T) {
	set := rowsOf(t, 4, 1).WithoutLabels().WithPositions([]int{0, 1, 1, dataset.Ignored}, 1, true)
	whole := logsOf(0.5, 0.5, 0.25, 0.75, 0.875, 0.125, 0.5, 0.5)
	steps := &tensor.Tensor{Shape: tensor.Shape{4, 2}, Data: whole.Data}
	want := (1 + math.Log2(4./3) + 3) / 3
	for _, shape := range [][]int{{2}, {1, 2}} {
		m, confusion, err := AgainstLabels(set, steps, [][]int{shape}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if m.Task != "next token" || math.Abs(m.Bits-want) > 1e-5 {
			t.Errorf("outputs of %v: %+v; want %v bits", shape, m, want)
		}
		if n := confusion[0][0] + confusion[0][1] + confusion[1][0] + confusion[1][1]; n != 3 {
			t.Errorf("%d tokens are counted, want 3", n)
		}
	}
	if _, _, err := AgainstLabels(set, steps, [][]int{{1}, {1}}, 1); err == nil {
		t.Error("two outputs have one next token")
	}
}

// TestTagging counts positions, each as much as any other.
func TestTagging(t *testing.T) {
	set := spoken(t, false, 0, 1, 1, dataset.Ignored)
	out := logsOf(0.6, 0.4, 0.25, 0.75, 0.875, 0.125, 0.5, 0.5)
	task, err := ForOutputs(set, out, [][]int{{2, 2}})
	if err != nil || task.Name() != "position accuracy" {
		t.Fatal(task, err)
	}
	h := Unpaired(task, set, nil, 1)
	m := h.Measure(out)
	if math.Abs(m.Error-100./3) > 1e-9 || math.Abs(m.Chance-100./3) > 1e-9 || m.Whole != 50 {
		t.Errorf("error %v, chance %v, whole %v; want 33.3, 33.3 and 50", m.Error, m.Chance, m.Whole)
	}
	h.Baseline, h.Paired = h.Losses(out), true
	if e := h.Compare(h.Losses(out)); e.Drop != 0 || e.Error != 100./4 {
		t.Errorf("against itself %+v; want no drop, and one position of 4 as error", e)
	}
}

// tagger takes 2 tokens and gives 3 classes for each.
func tagger(t *testing.T) *graph.Graph {
	t.Helper()
	ids := &graph.Value{Name: "ids", Shape: tensor.Shape{1, 2}, Elem: graph.Integer}
	w := tensor.New(6, 2)
	for i := range w.Data {
		w.Data[i] = float32(i%5) - 2
	}
	flat, y := &graph.Value{Name: "flat"}, &graph.Value{Name: "y"}
	g := &graph.Graph{Inputs: []*graph.Value{ids}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{ids, {Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}, nil}, Outputs: []*graph.Value{flat}},
		{Name: "view", Op: op.Reshape{Shape: []int{2, 3}}, Inputs: []*graph.Value{flat}, Outputs: []*graph.Value{y}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestChoosePositions: labels at positions choose next token or tagging, without labels a network
// of tokens is compared with itself, and what does not fit is refused.
func TestChoosePositions(t *testing.T) {
	g := tagger(t)
	for name, c := range map[string]struct {
		set  *dataset.Set
		says string // name of the task or part of the error
	}{
		"next tokens":      {spoken(t, true, 0, 1, 2, -1), "next token"},
		"tags":             {spoken(t, false, 0, 1, 2, -1), "position accuracy"},
		"none":             {rowsOf(t, 2, 2), "position agreement"},
		"a class too many": {spoken(t, false, 0, 3, 1, 1), "label 3 at position 1"},
		"more positions":   {rowsOf(t, 2, 2).WithPositions([]int{0, 1, 2, 0, 1, 2}, 3, false), "classes at 3 positions"},
	} {
		t.Run(name, func(t *testing.T) {
			task, err := Choose(context.Background(), Subject{Graph: g, Set: c.set, Threads: 1})
			if err != nil && !strings.Contains(err.Error(), c.says) || err == nil && task.Name() != c.says {
				t.Errorf("%v, %v; want %s", task, err, c.says)
			}
		})
	}
	h, err := NewHoldout(context.Background(), g, PositionAgreement{sequence{positions: 2, classes: 3}}, rowsOf(t, 4, 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	if m := h.Float(); m.Error != 0 || m.Accuracy != 100 || m.Whole != 100 {
		t.Errorf("the network against itself: %+v", m)
	}
	other := h.Reference.Float
	row := slices.Clone(other.Data[:3])
	slices.Reverse(row)
	changed := tensor.New(other.Shape...)
	copy(changed.Data, other.Data)
	if copy(changed.Data, row); wrong(row, argmax(other.Data[:3])) == 0 {
		t.Fatal("the case is none: the reversed row has the same class")
	}
	if m := h.Measure(changed); m.Error != 12.5 || m.Whole != 75 {
		t.Errorf("one of 8 positions differs: %+v", m)
	}
}

func argmax(x []float32) int { return slices.Index(x, slices.Max(x)) }

// TestCurvePositions: the squares of the gradients are those of the mean over positions.
func TestCurvePositions(t *testing.T) {
	q := sequence{positions: 2, classes: 2}
	y := []float32{0, 1, 2, -1}
	rng := rand.New(rand.NewPCG(5, 6))
	const draws = 20000
	var sum [4]float64
	dy := make([]float32, 4)
	for range draws {
		NextToken{q}.Curve(nil, dy, y, rng)
		for i, d := range dy {
			sum[i] += float64(d) * float64(d) / draws
		}
	}
	for i := range y {
		at := i / 2 * 2
		a, b := float64(y[at]), float64(y[at+1])
		s := 1 / (1 + math.Exp(b-a))
		if want := s * (1 - s) / 2; math.Abs(sum[i]-want) > 0.05*want {
			t.Errorf("element %d: %v, want %v", i, sum[i], want)
		}
	}
}

// TestConfusionAtPositions: positions are counted by class and answer; those without a class are not.
func TestConfusionAtPositions(t *testing.T) {
	set, q := spoken(t, false, 0, 1, 2, dataset.Ignored, 1, 1), sequence{positions: 2, classes: 3}
	out := tensor.Of([]float32{5, 0, 0, 0, 0, 5, 0, 0, 5, 5, 0, 0, 0, 5, 0, 5, 0, 0}, 3, 6)
	got := Confusion(Tagging{q}, out, set)
	want := [][]int{{1, 0, 0}, {1, 1, 1}, {0, 0, 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
