package edgec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"edgec"
	"edgec/internal/deep"
	"edgec/internal/demo"
	"edgec/runtime"
)

func compress(t *testing.T, m *edgec.Model, d *edgec.Data, o edgec.Options) *edgec.Report {
	t.Helper()
	report, err := edgec.Compress(context.Background(), m, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// sound checks what holds for every report with an answer.
func sound(t *testing.T, m *edgec.Model, r *edgec.Report) {
	t.Helper()
	b := r.Best
	if !b.Meets || b.Size != len(b.Bytes) || b.Size == 0 || r.Model != m.Name {
		t.Fatalf("the answer of %q has %d bytes of %d, meets: %v", r.Model, b.Size, len(b.Bytes), b.Meets)
	}
	if most := r.Options.MaxDrop; most != nil && !(b.Drop <= *most) || r.Options.MaxSize > 0 && b.Size > r.Options.MaxSize {
		t.Errorf("%d bytes at a drop of %v for %+v", b.Size, b.Drop, r.Options)
	}
	if len(r.Stages) == 0 || b.Sizes == nil {
		t.Errorf("%d stages, sizes %v", len(r.Stages), b.Sizes)
	}
	soundMeasures(t, m, r)
	soundTried(t, r)
	soundFront(t, r)
}

// soundMeasures checks the answer's measures against those of the network.
func soundMeasures(t *testing.T, m *edgec.Model, r *edgec.Report) {
	t.Helper()
	b := r.Best
	if math.Abs(b.Metrics.Error-r.Float.Error-b.Drop) > 1e-9 {
		t.Errorf("error %v of the file and %v of the network, but a drop of %v", b.Metrics.Error, r.Float.Error, b.Drop)
	}
	if !(b.DropError >= 0) || b.Margin < b.DropError || b.Metrics.Task != r.Task || r.Float.Task != r.Task || b.Metrics.N == 0 {
		t.Errorf("measured: %+v, standard error %v", b.Metrics, b.DropError)
	}
	soundFiles(t, m, r)
}

// soundFiles checks the counts of weights, the files that were tried, and the front.
func soundFiles(t *testing.T, m *edgec.Model, r *edgec.Report) {
	t.Helper()
	b := r.Best
	if b.Kept > b.Weights || b.Weights > r.FloatParams || b.MACs > r.FloatMACs || r.FloatBytes != m.Bytes || r.FloatParams != m.Params() || r.FloatMACs != m.MACs() {
		t.Errorf("%d of %d weights, %d of %d MACs; the network has %d weights in %d bytes", b.Kept, b.Weights, b.MACs, r.FloatMACs, r.FloatParams, r.FloatBytes)
	}
}

// soundTried checks that the files that were tried load, and that the answer is
// one of them.
func soundTried(t *testing.T, r *edgec.Report) {
	t.Helper()
	listed := false
	for _, f := range r.Tried {
		if f.Size != len(f.Bytes) {
			t.Errorf("a file of %d bytes is listed with %d", len(f.Bytes), f.Size)
		}
		if _, err := runtime.Load(f.Bytes); err != nil {
			t.Errorf("a file that was tried does not load: %v", err)
		}
		listed = listed || bytes.Equal(f.Bytes, r.Best.Bytes)
	}
	if !listed {
		t.Errorf("the answer is none of the %d files that were tried", len(r.Tried))
	}
}

// soundFront checks that each file of the front is larger than the one before it,
// and better.
func soundFront(t *testing.T, r *edgec.Report) {
	t.Helper()
	if len(r.Front) == 0 {
		t.Fatal("no file is on the front")
	}
	for i, f := range r.Front[1:] {
		if before := r.Front[i]; f.Size <= before.Size || f.Drop >= before.Drop {
			t.Errorf("file %d of the front is beaten by the one before", i+1)
		}
	}
}

// TestCompress: the report of a search says what was asked for, found and measured, and the
// same as Evaluate.
func TestCompress(t *testing.T) {
	m, d := glyphs(t)
	o := edgec.Options{MaxDrop: new(2.0), NoTraining: true, Threads: 2, Labels: demo.Classes}
	stages := map[string]bool{}
	o.Progress = func(p edgec.Progress) { stages[p.Stage] = true }
	r := compress(t, m, d, o)
	sound(t, m, r)
	if r.Task != edgec.TaskAccuracy || !r.TrainedOn || r.Interrupted != "" || r.Seconds <= 0 || r.Teacher != "" {
		t.Errorf("task %q, trained on the data: %v, interrupted: %q, %v s, teacher %q", r.Task, r.TrainedOn, r.Interrupted, r.Seconds, r.Teacher)
	}
	if r.Best.Size > r.FloatBytes/6 || r.Best.Size >= r.Tried[0].Size || r.Best.Kept > r.FloatParams/2 {
		t.Errorf("%d bytes and %d weights of %d and %d: nothing was won", r.Best.Size, r.Best.Kept, r.FloatBytes, r.FloatParams)
	}
	for _, s := range r.Stages {
		if !stages[s.Name] {
			t.Errorf("stage %q was not shown", s.Name)
		}
	}
	got, err := edgec.Evaluate(r.Best.Bytes, d, edgec.EvaluateOptions{Threads: 3})
	if err != nil || *got.Labels != r.Test.File || got.Part != edgec.Test || got.Samples != d.Len(edgec.Test) {
		t.Errorf("Evaluate: %+v, %v; the report says %+v", got, err, r.Test.File)
	}
	float, err := m.Evaluate(d, edgec.EvaluateOptions{Threads: 2})
	if err != nil || float != r.Test.Float {
		t.Errorf("the float network: %+v, %v; the report says %+v", float, err, r.Test.Float)
	}
	if most := float.Error + *o.MaxDrop + 4*r.Best.DropError; r.Test.File.Error > most {
		t.Errorf("test error %v of the file, %v of the network; four standard errors above the limit are %v", r.Test.File.Error, float.Error, most)
	}
	checkJSON(t, r)
}

// checkJSON: a report is read back with its options, so that a run can be
// repeated; the bytes stay out.
func checkJSON(t *testing.T, r *edgec.Report) {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back edgec.Report
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	want := r.Options
	want.Threads, want.Progress = 0, nil // they change no result
	if !reflect.DeepEqual(back.Options, want) || back.Best.Size != r.Best.Size || back.Best.Bytes != nil || len(back.Tried) != len(r.Tried) {
		t.Errorf("read back: options %+v, want %+v; best %+v", back.Options, want, back.Best)
	}
	back.Options, back.Best.Bytes = r.Options, r.Best.Bytes
	for _, list := range [][2][]edgec.File{{back.Front, r.Front}, {back.Tried, r.Tried}} {
		for i := range list[0] {
			list[0][i].Bytes = list[1][i].Bytes
		}
	}
	back.Options.Progress, r.Options.Progress = nil, nil
	got, was := reflect.ValueOf(back), reflect.ValueOf(*r)
	for i := range got.NumField() {
		if a, b := got.Field(i).Interface(), was.Field(i).Interface(); !reflect.DeepEqual(a, b) {
			t.Errorf("read back: %s is %.300q, want %.300q", got.Type().Field(i).Name, fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b))
		}
	}
}

// TestOptionsJSON: a drop of 0 is told from none.
func TestOptionsJSON(t *testing.T) {
	for _, c := range []struct {
		o    edgec.Options
		want string
	}{
		{edgec.Options{}, `{"seed":0}`},
		{edgec.Options{MaxDrop: new(0.0), MaxSize: 4096}, `{"max_drop":0,"max_size":4096,"seed":0}`},
		{edgec.Options{MaxLatency: time.Microsecond, Seed: 3, Threads: 2, Journal: "j", Resume: true}, `{"max_latency_ns":1000,"seed":3}`},
	} {
		data, err := json.Marshal(c.o)
		if err != nil || string(data) != c.want {
			t.Errorf("%s, %v; want %s", data, err, c.want)
		}
		var back edgec.Options
		if err := json.Unmarshal(data, &back); err != nil || (back.MaxDrop == nil) != (c.o.MaxDrop == nil) {
			t.Errorf("%s is read back as %+v, %v", data, back, err)
		}
	}
}

// TestCompressNoLossAndSize: with both limits the answer is the smallest file without a loss.
func TestCompressNoLossAndSize(t *testing.T) {
	deep.Only(t) // internal/search tests the same on a smaller network
	m, d := glyphs(t)
	r := compress(t, m, d, edgec.Options{MaxDrop: new(0.0), MaxSize: 12_000, NoTraining: true})
	sound(t, m, r)
	if r.Best.Drop > 0 || r.Best.Size > 12_000 {
		t.Errorf("%d bytes at a drop of %v", r.Best.Size, r.Best.Drop)
	}
	for _, f := range r.Tried {
		if want := f.Drop <= 0 && f.Size <= 12_000; f.Meets != want {
			t.Errorf("%d bytes at a drop of %v: meets %v", f.Size, f.Drop, f.Meets)
		}
	}
}

// TestCompressTeacher: the report names the teacher.
func TestCompressTeacher(t *testing.T) {
	m, d := glyphs(t)
	o := edgec.Options{MaxDrop: new(100.0), Teacher: open(t, demo.ONNX, "another.onnx"), Budget: 1}
	if r := compress(t, m, d, o); r.Teacher != "another" {
		t.Errorf("teacher %q", r.Teacher)
	}
}

// TestCompressBudget: without time there is still the int8 file, and the report says so.
func TestCompressBudget(t *testing.T) {
	m, d := glyphs(t)
	r := compress(t, m, d, edgec.Options{MaxDrop: new(5.0), Budget: 1})
	sound(t, m, r)
	if r.Interrupted != "budget used up" {
		t.Errorf("interrupted: %q", r.Interrupted)
	}
}

// TestCompressUnmet: limits that cannot be met are an error, with the report of what was tried.
func TestCompressUnmet(t *testing.T) {
	m, d := triples(t)
	r, err := edgec.Compress(context.Background(), m, d, edgec.Options{MaxSize: 40, NoTraining: true})
	if err == nil || !strings.Contains(err.Error(), "no file meets the limits: the smallest has ") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v", err)
	}
	if r == nil || len(r.Tried) == 0 || r.Best.Bytes != nil {
		t.Errorf("report %+v", r)
	}
}

// TestCompressRefuses: what the search refuses is an error without a report.
func TestCompressRefuses(t *testing.T) {
	m, d := glyphs(t)
	other, rest := triples(t)
	for says, c := range map[string]struct {
		data *edgec.Data
		o    edgec.Options
	}{
		"max size is -2":            {d, edgec.Options{MaxSize: -2}},
		"takes [1,20,20]":           {rest, edgec.Options{}},
		"2 labels for 16 outputs":   {d, edgec.Options{Labels: []string{"a", "b"}}},
		"a teacher but no training": {d, edgec.Options{NoTraining: true, Teacher: m}},
		"have to be alike":          {d, edgec.Options{Teacher: other}},
		"no journal to resume":      {d, edgec.Options{Resume: true}},
	} {
		r, err := edgec.Compress(context.Background(), m, c.data, c.o)
		if err == nil || r != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("report %v, error %v, want %q", r, err, says)
		}
	}
}
