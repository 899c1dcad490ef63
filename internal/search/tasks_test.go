package search_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/eval"
	"edgec/internal/onnx"
	"edgec/internal/search"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// agreement measures a file against the float network on the test part.
func agreement(t *testing.T, p *problem, file []byte, noLabels bool) eval.Metrics {
	t.Helper()
	g, set := p.model(t).Graph, p.data.Test.WithoutLabels()
	task, err := eval.Choose(context.Background(), eval.Subject{Graph: g, Set: set, NoLabels: noLabels, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	h, err := eval.NewHoldout(context.Background(), g, task, set, 2)
	if err != nil {
		t.Fatal(err)
	}
	out, err := eval.Execute(context.Background(), file, set, set.Len(), 2)
	if err != nil {
		t.Fatal(err)
	}
	return h.Measure(out)
}

// TestWithoutLabels: the float network is the teacher, and the metric is agreement with it,
// where labels are left aside and where there are none.
func TestWithoutLabels(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.NoTraining = 4, !deep.On()
	bare := &problem{p.file, &dataset.Splits{Train: p.data.Train.WithoutLabels(), Test: p.data.Test.WithoutLabels()}}
	for _, c := range []struct {
		problem *problem
		aside   bool
	}{{p, true}, {bare, false}} {
		r.NoLabels = c.aside
		res := compress(t, c.problem, r)
		sound(t, c.problem, r, res)
		if res.Float.Task != "agreement" || res.Float.Error != 0 {
			t.Errorf("left aside %v: task %q, the network disagrees with itself by %v", c.aside, res.Float.Task, res.Float.Error)
		}
		if m := agreement(t, c.problem, res.Best.Bytes, true); m != res.Test.File || m.Error > 10 {
			t.Errorf("left aside %v: agreement %+v; the result says %+v", c.aside, m, res.Test.File)
		}
	}
}

// wrongTeacher is wideClassification with the weights of every class moved to the next one, and
// twenty times as large.
func wrongTeacher(t *testing.T) *search.Network {
	t.Helper()
	m := get(t, wideClassification).model(t)
	params := m.Graph.Params()
	for _, last := range params[len(params)-2:] {
		d, row := last.Shadow.Data, len(last.Shadow.Data)/4
		copy(d, append(slices.Clone(d[3*row:]), d[:3*row]...))
		for i := range d {
			d[i] *= 20 // it is sure of it
		}
		last.Refresh()
	}
	return m
}

// TestTeacher: another network is imitated when it is given, a good one or a wrong one.
func TestTeacher(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxSize = 0, 200 // so small that weights are pruned by training
	if !deep.On() {
		r.MaxDrop, r.MaxSize, r.TrainedOn, r.Effort = 3, 0, "no", 0.1 // they are from the start
	}
	var drops []float64
	for _, teacher := range []*search.Network{get(t, wideClassification).model(t), wrongTeacher(t)} {
		r.Teacher = teacher
		var res *search.Result
		if deep.On() {
			res = compress(t, p, r)
			sound(t, p, r, res)
		} else {
			res = compressUntil(t, p, r, nil, "prune")
		}
		i := slices.IndexFunc(res.Steps, func(s search.Step) bool { return s.Name == "learning rate" })
		drops = append(drops, res.Steps[i].Drop) // later steps learn less from a wrong teacher
	}
	if drops[0] > 3 || drops[1] < 6 {
		t.Errorf("the first steps lose %v points after a good teacher, %v after a wrong one", drops[0], drops[1])
	}
}

// TestTeacherRefused: a teacher that does not belong to the network, or that nothing learns
// from, is an error.
func TestTeacherRefused(t *testing.T) {
	p := get(t, classification)
	unlabelled := &dataset.Splits{Train: p.data.Train.WithoutLabels(), Test: p.data.Test.WithoutLabels()}
	for want, c := range map[string]struct {
		data   *dataset.Splits
		change func(*recipe)
	}{
		"have to be alike":       {p.data, func(r *recipe) { r.Teacher = get(t, reconstruction).model(t) }},
		"leave the teacher out":  {p.data, func(r *recipe) { r.NoLabels = true }},
		"or give labels":         {unlabelled, func(*recipe) {}},
		"a teacher but no train": {p.data, func(r *recipe) { r.NoTraining = true }},
	} {
		r := quick()
		r.Teacher = get(t, wideClassification).model(t)
		c.change(&r)
		if _, err := compressWith(context.Background(), p.model(t), c.data, r, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestReconstruction: a network with as many outputs as inputs and no labels is measured by its
// distance, 100 for the float network.
func TestReconstruction(t *testing.T) {
	p, r := get(t, reconstruction), quick()
	r.MaxDrop = 60
	res := compress(t, p, r)
	sound(t, p, r, res)
	if len(res.Candidates) < 2 || res.Best.Shape.Kept >= res.Candidates[0].Shape.Kept {
		t.Errorf("%d files, %d of %d weights kept: nothing was pruned", len(res.Candidates), res.Best.Shape.Kept, res.Candidates[0].Shape.Kept)
	}
	if res.Float.Task != "reconstruction" || math.Abs(res.Float.Error-100) > 1e-9 || res.Test != nil {
		t.Errorf("task %q, error %v, test %v", res.Float.Task, res.Float.Error, res.Test)
	}
	set, x := p.data.Train, make([]float32, 12)
	file, zero := 0.0, 0.0 // square distances from the inputs
	for i, y := range execute(t, res.Best.Bytes, set) {
		set.Read(i, x)
		for k, v := range x {
			file += (float64(y[k]) - float64(v)) * (float64(y[k]) - float64(v))
			zero += float64(v) * float64(v)
		}
	}
	if file > zero/3 {
		t.Errorf("the file's outputs are %v from its inputs, zeros %v", file, zero)
	}
}

// TestFidelity: with labels left aside, a network with as many outputs as inputs
// is measured by how far its outputs are from the float network's, in percent of the
// float network's own distance from the inputs.
func TestFidelity(t *testing.T) {
	p, r := splitReconstruction(t), quick()
	r.NoLabels, r.MaxDrop, r.Effort = true, 100, effort(0.1, r.Effort)
	res := compress(t, p, r)
	sound(t, p, r, res)
	if res.Float.Task != "fidelity" || res.Float.Error != 0 || res.Test.Float.Error != 0 || res.Test.File.Accuracy != 0 {
		t.Errorf("task %q, float %+v, test %+v", res.Float.Task, res.Float, res.Test)
	}
	if res.Best.Shape.Kept >= res.Candidates[0].Shape.Kept*3/4 {
		t.Errorf("%d of %d weights kept", res.Best.Shape.Kept, res.Candidates[0].Shape.Kept)
	}
	file, own := distances(t, p, res.Best.Bytes)
	if got := res.Test.File.Error; math.Abs(got-100*file/own) > 1e-6*got || got <= 0 || got > 120 {
		t.Errorf("the file's error is %v, its distance %v of %v", got, file, own)
	}
	if m := agreement(t, p, res.Best.Bytes, true); m != res.Test.File {
		t.Errorf("agreement %+v; the result says %+v", m, res.Test.File)
	}
	if m := agreement(t, p, res.Best.Bytes, false); m.Task != "reconstruction" || m.Error <= 100 {
		t.Errorf("against the inputs: %+v", m)
	}
	r.Teacher = p.model(t)
	if _, err := compressWith(context.Background(), p.model(t), p.data, r, nil); err == nil || !strings.Contains(err.Error(), "leave the teacher out") {
		t.Errorf("with a teacher: %v", err)
	}
}

// distances returns the sums of squares of the differences of a file's outputs and of the inputs
// from the float network's outputs, on the test part.
func distances(t *testing.T, p *problem, file []byte) (of, own float64) {
	t.Helper()
	g, err := onnx.Decode(p.file, "small.onnx")
	if err != nil {
		t.Fatal(err)
	}
	float, err := train.NewPredictor(g, 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := p.data.Test.Len()
	x := tensor.New(n, 12)
	p.data.Test.Batch(upTo(0, n), x)
	want := float.Run(n, func(lo, hi int, dst []*tensor.Tensor) { copy(dst[0].Data, x.Rows(lo, hi).Data) })
	for i, y := range execute(t, file, p.data.Test) {
		for k, v := range y {
			w := float64(want.Data[12*i+k])
			of += (float64(v) - w) * (float64(v) - w)
			own += (float64(x.Data[12*i+k]) - w) * (float64(x.Data[12*i+k]) - w)
		}
	}
	return of, own
}
