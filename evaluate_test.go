package edgec_test

import (
	"math"
	"strings"
	"testing"

	"edgec"
	"edgec/internal/deep"
	"edgec/internal/tensor"
)

// TestEvaluateConfusion: element [l][p] counts samples of class l that are taken for p.
func TestEvaluateConfusion(t *testing.T) {
	m, d := glyphs(t)
	r := compress(t, m, d, edgec.Options{MaxDrop: new(100.0), Budget: 1})
	got, err := edgec.Evaluate(r.Best.Bytes, d, edgec.EvaluateOptions{Part: edgec.Train, Against: m})
	if err != nil {
		t.Fatal(err)
	}
	n, right := 0, 0
	for l, row := range got.Confusion {
		for p, k := range row {
			if n += k; l == p {
				right += k
			}
		}
	}
	if n != d.Len(edgec.Train) || n != got.Labels.N || got.Part != edgec.Train || len(got.Confusion) != d.Classes() {
		t.Errorf("%d samples of %d in %d classes, part %q", n, d.Len(edgec.Train), len(got.Confusion), got.Part)
	}
	if want := 100 * float64(n-right) / float64(n); got.Labels.Error != want || got.Labels.Accuracy != 100-want {
		t.Errorf("%+v, want an error of %v", got.Labels, want)
	}
	if got.Against.Task != edgec.TaskAgreement || got.Against.N != n || got.Against.Error > 10 {
		t.Errorf("against the float network: %+v", got.Against)
	}
}

// TestEvaluateAgreement: with labels left aside, the report and Evaluate say the same.
func TestEvaluateAgreement(t *testing.T) {
	deep.Only(t) // the commands compress and eval are tested for the same
	m, d := glyphs(t)
	r := compress(t, m, d, edgec.Options{MaxDrop: new(4.0), NoTraining: true, NoLabels: true})
	sound(t, m, r)
	if r.Task != edgec.TaskAgreement || r.Float.Error != 0 {
		t.Errorf("task %q, the network disagrees with itself by %v", r.Task, r.Float.Error)
	}
	got, err := edgec.Evaluate(r.Best.Bytes, d, edgec.EvaluateOptions{Against: m, NoLabels: true})
	if err != nil || *got.Against != r.Test.File || got.Labels != nil || got.Confusion != nil {
		t.Errorf("%+v, %v; the report says %+v", got, err, r.Test.File)
	}
}

// TestEvaluateFidelity: a network that reproduces its input is compared with its own outputs,
// or, where labels are not left aside, with its inputs.
func TestEvaluateFidelity(t *testing.T) {
	m, d := triples(t)
	r := compress(t, m, d, edgec.Options{MaxDrop: new(100.0), NoTraining: true, NoLabels: true})
	sound(t, m, r)
	if r.Task != edgec.TaskFidelity || r.Float.Error != 0 || r.Test.Float.Error != 0 || r.Test.File.Accuracy != 0 {
		t.Errorf("task %q, float %+v, test %+v", r.Task, r.Float, r.Test)
	}
	got, err := edgec.Evaluate(r.Best.Bytes, d, edgec.EvaluateOptions{Against: m, NoLabels: true})
	if err != nil || *got.Against != r.Test.File || got.Against.Error <= 0 {
		t.Errorf("%+v, %v; the report says %+v", got, err, r.Test.File)
	}
	got, err = edgec.Evaluate(r.Best.Bytes, d, edgec.EvaluateOptions{Against: m})
	if err != nil || got.Against.Task != edgec.TaskReconstruction || got.Against.Error <= 100 {
		t.Errorf("against the inputs: %+v, %v", got.Against, err)
	}
	float, err := m.Evaluate(d, edgec.EvaluateOptions{})
	if err != nil || float.Task != edgec.TaskReconstruction || math.Abs(float.Error-100) > 1e-9 {
		t.Errorf("the float network: %+v, %v", float, err)
	}
}

// TestEvaluateRefuses: files and data that do not belong together.
func TestEvaluateRefuses(t *testing.T) {
	m, d := glyphs(t)
	other, _ := triples(t)
	file := compress(t, m, d, edgec.Options{MaxDrop: new(100.0), Budget: 1}).Best.Bytes
	ten := open(t, network(t, tensor.New(10, 400)), "ten.onnx")
	wide := openCSV(t, "sixteen.csv", csvOf(400, 3, 16), open(t, network(t, tensor.New(20, 400)), "twenty.onnx"))
	narrow := openCSV(t, "twelve.csv", csvOf(12, 3, 0), other)
	for _, c := range []struct {
		says string
		file []byte
		data *edgec.Data
		o    edgec.EvaluateOptions
	}{
		{"no labels", file, d, edgec.EvaluateOptions{NoLabels: true}},
		{"sample 0 has label 16, the network has 16 outputs", file, wide, edgec.EvaluateOptions{}},
		{"", file[:len(file)/2], d, edgec.EvaluateOptions{}},
		{"12 values, the network takes 400", file, narrow, edgec.EvaluateOptions{}},
		{"samples have shape [1,20,20], network \"triples\" takes [12]", file, d, edgec.EvaluateOptions{Against: other}},
		{"not the same network", file, openCSV(t, "ten.csv", csvOf(400, 3, 0), ten), edgec.EvaluateOptions{Against: ten}},
		{"the data has no test part", file, narrow, edgec.EvaluateOptions{Part: edgec.Test}},
	} {
		got, err := edgec.Evaluate(c.file, c.data, c.o)
		if err == nil || got != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v, error %v does not say %q", got, err, c.says)
		}
	}
}
