package onnx

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgec/internal/tensor"
)

// decisionCases end in a decision alone: the scores before it are the output.
func decisionCases() []ownCase {
	tanh := each(math.Tanh)
	begin := func() *modelBuilder { return on(13, 4).node("Tanh", "x", "t") }
	return []ownCase{
		{"ArgMax", begin().node("ArgMax", "t", "y", attribute{"axis", 1}), []int{4}, tanh},
		{"ArgMin and its type", begin().node("ArgMin", "t", "a", attribute{"axis", 1}, attribute{"keepdims", 0}).node("Cast", "a", "y", attribute{"to", typeInt32}), []int{4}, tanh},
		{"TopK", begin().int64s("k", 2).node("TopK", "t,k", "y"), []int{4}, tanh},
		{"threshold", begin().floats("half", nil, 0.5).node("Greater", "t,half", "g").node("Cast", "g", "y", attribute{"to", typeInt64}), []int{4}, tanh},
		{"name of a class", begin().node("ArgMax", "t", "a", attribute{"axis", 1}).strings("names", "cat", "dog").mlNode("ArrayFeatureExtractor", "names,a", "e").
			int64s("s", -1).node("Reshape", "e,s", "y"), []int{4}, tanh},
	}
}

// strings adds an initializer of strings.
func (b *modelBuilder) strings(name string, v ...string) *modelBuilder {
	var m message
	m.int(1, int64(len(v)))
	m.int(2, typeString)
	for _, s := range v {
		m.bytes(6, []byte(s))
	}
	m.str(8, name)
	b.graph.bytes(5, m)
	return b
}

// floatList is an attribute.
type floatList struct {
	name   string
	values []float32
}

// mlNode adds a node of the domain ai.onnx.ml; in and out are comma-separated.
func (b *modelBuilder) mlNode(opType, in, out string, attrs ...floatList) *modelBuilder {
	var m message
	for _, s := range strings.Split(in, ",") {
		m.str(1, s)
	}
	for _, s := range strings.Split(out, ",") {
		m.str(2, s)
	}
	m.str(3, "node_"+out)
	m.str(4, opType)
	for _, l := range attrs {
		var a message
		a.str(1, l.name)
		for _, v := range l.values {
			a.float(7, v)
		}
		m.bytes(5, a)
	}
	m.str(7, "ai.onnx.ml")
	b.graph.bytes(1, m)
	return b
}

func TestDecisionsGiveTheirScores(t *testing.T) {
	for i, c := range decisionCases() {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(c.bytes(0), c.name)
			if err != nil {
				t.Fatal(err)
			}
			x := tensor.New(3, 4)
			rng := rand.New(rand.NewPCG(uint64(i), 8))
			for i := range x.Data {
				x.Data[i] = float32(rng.NormFloat64())
			}
			out, err := forward(g, x)
			if err != nil || len(out) != 1 {
				t.Fatalf("%d outputs, %v", len(out), err)
			}
			closeTo(t, c.name, out[0], tensor.Of(c.want(x.Data), 3, 4), nodeRelTol)
			if len(g.Notes) != 1 || !strings.Contains(g.Notes[0], `output "y" only decides on scores`) || !strings.Contains(g.Notes[0], `the scores "t"`) {
				t.Errorf("notes %q", g.Notes)
			}
		})
	}
}

// A classifier as skl2onnx writes it: label, probabilities, a scaler before and a map behind.
func TestDecisionsBesideScores(t *testing.T) {
	b := on(13, 3).mlNode("Scaler", "x", "s", floatList{"offset", []float32{1, 2, 3}}, floatList{"scale", []float32{0.5, 2, 4}}).
		floats("w", []int{3, 2}, 1, 2, 3, 4, 5, 6).node("MatMul", "s,w", "m").node("Softmax", "m", "p").node("ArgMax", "p", "a", attribute{"axis", 1}).
		strings("names", "cat", "dog").mlNode("ArrayFeatureExtractor", "names,a", "label").mlNode("ZipMap", "p", "map").output("label").output("map")
	g, err := Decode(b.bytes(), "classifier")
	if err != nil {
		t.Fatal(err)
	}
	out, err := forward(g, tensor.Of([]float32{2, 2.5, 3.25}, 1, 3))
	if err != nil || len(out) != 1 {
		t.Fatalf("%d outputs, %v", len(out), err)
	}
	closeTo(t, "probabilities", out[0], tensor.Of(softmaxOf([]float32{0.5 + 3 + 5, 1 + 4 + 6}), 1, 2), nodeRelTol)
	all := strings.Join(g.Notes, "\n")
	for _, want := range []string{`output "label" is left out`, `node "node_a" (ArgMax)`, `node "node_map" (ZipMap)`} {
		if !strings.Contains(all, want) {
			t.Errorf("notes lack %q:\n%s", want, all)
		}
	}
}

// Class numbers and best scores become the scores that they decide on, where no other output gives
// these.
func TestDecisionsAreNotLost(t *testing.T) {
	best := on(13, 4).node("Sigmoid", "x", "s").int64s("k", 2).node("TopK", "s,k", "best,at").floats("w", []int{2, 4}, 1, 2, 3, 4, 5, 6, 7, 8).
		node("Gemm", "x,w", "boxes", attribute{"transB", 1}).output("best").output("boxes")
	g, err := Decode(best.bytes(), "detector")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Outputs) != 2 || g.Outputs[0].Name != "boxes" || g.Outputs[1].Name != "s" || len(g.Notes) != 1 || !strings.Contains(g.Notes[0], "in its place") {
		t.Errorf("outputs %v, notes %q", g.Outputs, g.Notes)
	}

	class := on(13, 4).node("Tanh", "x", "t").node("ArgMax", "t", "class", attribute{"axis", 1}).node("ReduceMax", "t", "sure", attribute{"axes", []int{1}}).output("class").output("sure")
	if g, err = Decode(class.bytes(), "class"); err != nil {
		t.Fatal(err)
	}
	if len(g.Outputs) != 2 || g.Outputs[1].Name != "t" || len(g.Notes) != 1 || !strings.Contains(g.Notes[0], "in its place") {
		t.Errorf("outputs %v, notes %q", g.Outputs, g.Notes)
	}
}

// scikit-learn's selection of features.
func TestFeatures(t *testing.T) {
	g, err := Decode(on(13, 4).int64s("k", 3, 0, 1).domainNode("ai.onnx.ml", "ArrayFeatureExtractor", "x,k", "y").output("y").bytes(), "features")
	if err != nil {
		t.Fatal(err)
	}
	out, err := forward(g, tensor.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 4))
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "features", out[0], tensor.Of([]float32{4, 1, 2, 8, 5, 6}, 2, 3), 0)
}

// Linear models of scikit-learn.
func TestLinearModels(t *testing.T) {
	x := tensor.Of([]float32{1, 2}, 1, 2)
	model := func(opType, outputs string) *modelBuilder {
		return on(13, 2).mlNode(opType, "x", outputs, floatList{"coefficients", []float32{1, 2, 3, 4}}, floatList{"intercepts", []float32{0.5, -0.5}})
	}
	g, err := Decode(model("LinearRegressor", "y").output("y").bytes(), "regressor")
	if err != nil {
		t.Fatal(err)
	}
	out, err := forward(g, x)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "regressor", out[0], tensor.Of([]float32{5.5, 10.5}, 1, 2), nodeRelTol)
	if g, err = Decode(model("LinearClassifier", "label,scores").output("label").output("scores").bytes(), "classifier"); err != nil {
		t.Fatal(err)
	}
	if out, err = forward(g, x); err != nil || len(out) != 1 || len(g.Notes) != 1 {
		t.Fatalf("%d outputs, notes %q, %v", len(out), g.Notes, err)
	}
	closeTo(t, "classifier", out[0], tensor.Of([]float32{5.5, 10.5}, 1, 2), nodeRelTol)
}

// scikit-learn's LogisticRegression divides probabilities of the sum 1 by their sum.
func TestNormalizerOfProbabilities(t *testing.T) {
	model := func(norm string) []byte {
		return on(13, 3).node("Softmax", "x", "p", attribute{"axis", 1}).domainNode("ai.onnx.ml", "Normalizer", "p", "y", attribute{"norm", norm}).output("y").bytes()
	}
	g, err := Decode(model("L1"), "m")
	if err != nil {
		t.Fatal(err)
	}
	out, err := forward(g, tensor.Of([]float32{0, 1, 2}, 1, 3))
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "probabilities", out[0], tensor.Of([]float32{0.09003057, 0.24472848, 0.66524094}, 1, 3), nodeRelTol)
	before := on(13, 3).domainNode("ai.onnx.ml", "Normalizer", "x", "y", attribute{"norm", "L1"}).output("y").bytes()
	for _, b := range [][]byte{model("L2"), model("MAX"), before} {
		if _, err := Decode(b, "m"); err == nil || !strings.Contains(err.Error(), "only L1 of the probabilities of a Softmax") {
			t.Error(err)
		}
	}
}

func TestDecisionsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		model *modelBuilder
		want  []string
	}{
		"the network goes on": {on(13, 4).node("Tanh", "x", "t").node("ArgMax", "t", "a").node("Sqrt", "a", "y").output("y"), []string{`"node_y" (Sqrt)`, `node "node_a" (ArgMax)`, "up to the scores"}},
		"strings":             {on(13, 4).strings("s", "a").node("Add", "x,s", "y").output("y"), []string{`input "s"`, "strings"}},
		"trees":               {on(13, 4).mlNode("TreeEnsembleClassifier", "x", "y").output("y"), []string{`"node_y" (TreeEnsembleClassifier)`, "MLPClassifier"}},
		"a scaler of 3":       {on(13, 4).mlNode("Scaler", "x", "y", floatList{"offset", []float32{1, 2, 3}}).output("y"), []string{"offset", "3 values for 4 features"}},
	} {
		_, err := Decode(c.model.bytes(), name)
		if err == nil || slices.ContainsFunc(c.want, func(s string) bool { return !strings.Contains(err.Error(), s) }) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}
