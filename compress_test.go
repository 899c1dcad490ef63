package edgec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec"
	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/runtime"
	"edgec/runtime/format"
)

// quick is a recipe for the small problems; their samples are too small to be
// distorted.
func quick() edgec.Recipe { return edgec.Recipe{MaxDrop: 3, Effort: 0.4, Threads: 2, Seed: 1} }

func compress(t *testing.T, p *problem, r edgec.Recipe) *edgec.Report {
	t.Helper()
	report, err := edgec.Compress(context.Background(), p.model(t), p.data, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// execute runs a file sample by sample in one session of the runtime and
// returns the outputs.
func execute(t *testing.T, file []byte, set *dataset.Set) [][]float32 {
	t.Helper()
	m, err := runtime.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, set.Sample().Size())
	var out [][]float32
	for i := 0; i < set.Len(); i++ {
		set.Read(i, x)
		if err := s.SetInputNCHW(0, x); err != nil {
			t.Fatal(err)
		}
		s.Run()
		out = append(out, slices.Clone(s.Output(0)))
	}
	return out
}

// errorOf is the percentage of samples whose largest output is not the label.
func errorOf(out [][]float32, labels []int) float64 {
	wrong := 0
	for i, y := range out {
		if train.Argmax(y) != labels[i] {
			wrong++
		}
	}
	return 100 * float64(wrong) / float64(len(out))
}

// sound checks what holds for every report with an answer.
//
// Complexity: a list of conditions that have nothing to do with each other.
//
//gocyclo:ignore
func sound(t *testing.T, p *problem, r *edgec.Report) {
	t.Helper()
	b := r.Best
	if !b.Meets || b.Size != len(b.Bytes) || b.Size == 0 {
		t.Fatalf("the answer has %d bytes of %d, meets: %v", b.Size, len(b.Bytes), b.Meets)
	}
	if r.Recipe.MaxDrop > 0 && !(b.Drop <= r.Recipe.MaxDrop) || r.Recipe.MaxSize > 0 && b.Size > r.Recipe.MaxSize {
		t.Errorf("%d bytes at a drop of %v for %+v", b.Size, b.Drop, r.Recipe)
	}
	if math.Abs(b.Metrics.Error-r.Float.Error-b.Drop) > 1e-9 {
		t.Errorf("error %v of the file and %v of the network, but a drop of %v", b.Metrics.Error, r.Float.Error, b.Drop)
	}
	if !(b.DropError >= 0) || b.Margin < b.DropError || b.Metrics.Task != r.Task || b.Metrics.N == 0 {
		t.Errorf("measured: %+v, standard error %v", b.Metrics, b.DropError)
	}
	if b.Kept > b.Weights || b.Weights > r.FloatParams || b.MACs > r.FloatMACs || r.FloatBytes != len(p.file) {
		t.Errorf("%d of %d weights, %d of %d MACs; the network has %d weights in %d bytes", b.Kept, b.Weights, b.MACs, r.FloatMACs, r.FloatParams, r.FloatBytes)
	}
	listed := false
	for _, q := range r.Tried {
		if q.Size != len(q.Bytes) {
			t.Errorf("a file of %d bytes is listed with %d", len(q.Bytes), q.Size)
		}
		if _, err := runtime.Load(q.Bytes); err != nil {
			t.Errorf("a file that was tried does not load: %v", err)
		}
		if q.Drop+q.Margin <= r.Recipe.MaxDrop && r.Recipe.MaxSize == 0 && (r.Recipe.MaxLatency == 0 || q.Latency <= r.Recipe.MaxLatency) && q.Size < b.Size {
			t.Errorf("a smaller file of %d bytes meets the recipe with a margin too, the answer has %d", q.Size, b.Size)
		}
		if q.Meets && r.Recipe.MaxDrop == 0 && q.Drop < b.Drop {
			t.Errorf("a file with a drop of %v fits too, the answer has %v", q.Drop, b.Drop)
		}
		listed = listed || bytes.Equal(q.Bytes, b.Bytes)
	}
	if !listed || len(r.Front) == 0 || len(r.Stages) == 0 {
		t.Errorf("%d files tried, the answer among them: %v; %d on the front, %d stages", len(r.Tried), listed, len(r.Front), len(r.Stages))
	}
}

// TestCompressDrop: the smallest file within a drop, measured by the runtime
// from its bytes.
func TestCompressDrop(t *testing.T) {
	p := get(t, classification)
	r := compress(t, p, quick())
	sound(t, p, r)
	if r.Task != edgec.TaskAccuracy || !r.TrainedOn || r.Interrupted != "" || r.Model != "small" {
		t.Errorf("task %q, trained on the data: %v, interrupted: %q, model %q", r.Task, r.TrainedOn, r.Interrupted, r.Model)
	}
	if r.Best.Size > r.FloatBytes/6 || r.Best.Size >= r.Tried[0].Size || r.Best.Kept > r.FloatParams/2 {
		t.Errorf("%d bytes and %d weights of %d and %d: nothing was won", r.Best.Size, r.Best.Kept, r.FloatBytes, r.FloatParams)
	}
	want := errorOf(execute(t, r.Best.Bytes, p.data.Test), p.data.Test.Labels)
	if got := r.Test.File; math.Abs(got.Error-want) > 1e-9 || got.N != p.data.Test.Len() || math.Abs(got.Accuracy+got.Error-100) > 1e-9 {
		t.Errorf("the report says %+v on the test set, the runtime has an error of %v", got, want)
	}
	m, err := edgec.Evaluate(r.Best.Bytes, p.data.Test, 3)
	if err != nil || m != r.Test.File {
		t.Errorf("Evaluate: %+v, %v; the report says %+v", m, err, r.Test.File)
	}
	float, err := p.model(t).EvaluateFloat(p.data.Test, 2)
	if err != nil || float != r.Test.Float {
		t.Errorf("EvaluateFloat: %+v, %v; the report says %+v", float, err, r.Test.Float)
	}
	if most := float.Error + r.Recipe.MaxDrop + 4*r.Best.DropError; want > most {
		t.Errorf("test error %v of the file, %v of the network; four standard errors above the limit are %v", want, float.Error, most)
	}
	checkJSON(t, r)
}

// checkJSON: a report is read back with its recipe, so that a run can be
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
	want := r.Recipe
	want.Threads = 0 // does not change results
	if a, b := mustJSON(t, back.Recipe), mustJSON(t, want); a != b || back.Best.Size != r.Best.Size || back.Best.Bytes != nil || len(back.Tried) != len(r.Tried) {
		t.Errorf("read back: recipe %s, want %s; best %+v", a, b, back.Best)
	}
}

func mustJSON(t *testing.T, v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestCompressIsReproducible: equal seeds give equal files on any number of
// threads.
func TestCompressIsReproducible(t *testing.T) {
	p := get(t, classification)
	r := quick()
	two := compress(t, p, r)
	r.Threads = 1
	one := compress(t, p, r)
	if len(one.Tried) != len(two.Tried) {
		t.Fatalf("%d files on one thread, %d on two", len(one.Tried), len(two.Tried))
	}
	for i := range one.Tried {
		if !bytes.Equal(one.Tried[i].Bytes, two.Tried[i].Bytes) {
			t.Errorf("file %d differs: %d and %d bytes", i, one.Tried[i].Size, two.Tried[i].Size)
		}
	}
	if !bytes.Equal(one.Best.Bytes, two.Best.Bytes) {
		t.Error("the answers differ")
	}
}

// TestCompressSize: the best file within a size; with both limits both hold.
func TestCompressSize(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.MaxSize = 0, 500
	size := compress(t, p, r)
	sound(t, p, size)
	if size.Best.Size < 350 {
		t.Errorf("%d bytes where 500 may be had: what is left could have kept more weights", size.Best.Size)
	}
	// a size is filled by the number of weights, or, where all are kept, by finer values
	fills := []int{350}
	if deep.On() {
		fills = append(fills, 900)
	}
	for _, most := range fills {
		r.MaxSize = most
		largest := 0
		for _, q := range compress(t, p, r).Tried {
			if q.Size <= most {
				largest = max(largest, q.Size)
			}
		}
		if largest < most*9/10 {
			t.Errorf("the largest file within %d bytes has %d", most, largest)
		}
	}
	if deep.On() {
		r.MaxSize = 568 // between the files with and without the weights of dead units, which go together
		if tied := compress(t, p, r); tied.Best.Size > 568 {
			t.Errorf("%d bytes where 568 were asked for", tied.Best.Size)
		}
	}
	r.MaxDrop, r.MaxSize = 4, 700
	both := compress(t, p, r)
	sound(t, p, both)
	if both.Best.Size > 700 || both.Best.Drop > 4 {
		t.Errorf("%d bytes at a drop of %v", both.Best.Size, both.Best.Drop)
	}
}

// TestCompressTies: where dense layers read pictures, pixels share weights as long as the network
// bears it, for a small size and within a drop.
func TestCompressTies(t *testing.T) {
	p := get(t, perceptron)
	for _, asked := range []struct {
		drop float64
		size int
		lost float64 // points on the test set
	}{{0, 400, 6}, {4, 0, 5}} {
		if asked.drop > 0 && !deep.On() {
			continue
		}
		r := quick()
		r.MaxDrop, r.MaxSize, r.Effort = asked.drop, asked.size, 1
		report := compress(t, p, r)
		sound(t, p, report)
		tied, refused, params := 0, 0, 32*4*side*side+4*32
		for _, s := range report.Stages {
			if s.Name != "ties" {
				continue
			}
			if s.Params >= params {
				t.Errorf("%+v: %d weights are left of %d", asked, s.Params, params)
			}
			if params = s.Params; s.Accepted {
				tied++
			} else {
				refused++
			}
		}
		if tied == 0 || refused > 1 {
			t.Errorf("%+v: pixels were tied %d times, and refused %d times", asked, tied, refused)
		}
		if m, err := format.Decode(report.Best.Bytes); err != nil || m.Instrs[0].Op != format.OpAvgPool {
			t.Errorf("%+v: the file starts with %v, %v", asked, m.Instrs[0].Op, err)
		}
		t.Logf("%+v: %d bytes, error %v, float %v", asked, report.Best.Size, report.Test.File.Error, report.Test.Float.Error)
		if lost := report.Test.File.Error - report.Test.Float.Error; lost > asked.lost {
			t.Errorf("%+v: the file loses %v points", asked, lost)
		}
	}
}

// TestCompressWithoutLabels: the float network is the teacher, and the metric
// is agreement with it.
func TestCompressWithoutLabels(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.NoLabels, r.MaxDrop = true, 4
	report := compress(t, p, r)
	sound(t, p, report)
	if report.Task != edgec.TaskAgreement || report.Float.Error != 0 {
		t.Errorf("task %q, the network disagrees with itself by %v", report.Task, report.Float.Error)
	}
	m, err := edgec.Agreement(report.Best.Bytes, p.model(t), p.data.Test, true, 2)
	if err != nil || m != report.Test.File || m.Error > 10 {
		t.Errorf("Agreement: %+v, %v; the report says %+v", m, err, report.Test.File)
	}
	bare := &problem{p.file, &dataset.Splits{Train: p.data.Train.WithoutLabels(), Test: p.data.Test.WithoutLabels()}}
	r.NoLabels, r.NoTraining = false, !deep.On()
	again := compress(t, bare, r)
	sound(t, bare, again)
	if again.Task != edgec.TaskAgreement {
		t.Errorf("task %q of data without labels", again.Task)
	}
}

// TestCompressTeacher: another network is imitated when it is named, a good one or a
// liar.
func TestCompressTeacher(t *testing.T) {
	p := get(t, classification)
	teacher := get(t, wideClassification)
	liar, err := onnx.Decode(teacher.file, "liar.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, last := range liar.Params()[len(liar.Params())-2:] { // every class takes the weights of the one before
		d, row := last.Shadow.Data, len(last.Shadow.Data)/4
		copy(d, append(slices.Clone(d[3*row:]), d[:3*row]...))
		for i := range d {
			d[i] *= 20 // and is sure of it
		}
		last.Refresh()
	}
	file, err := onnx.Encode(liar)
	if err != nil {
		t.Fatal(err)
	}
	r := quick()
	r.MaxDrop, r.MaxSize = 0, 200 // so small that weights are pruned by training
	if !deep.On() {
		r.MaxDrop, r.MaxSize, r.TrainedOn = 50, 0, "no" // nothing is rounded before
	}
	var drops []float64
	for _, file := range [][]byte{teacher.file, file} {
		if r.Teacher, err = edgec.OpenBytes(file, "teacher.onnx"); err != nil {
			t.Fatal(err)
		}
		report := until(t, p, r, "prune")
		if report.Teacher != "teacher" {
			t.Errorf("the report names the teacher %q", report.Teacher)
		}
		i := slices.IndexFunc(report.Stages, func(s edgec.Stage) bool { return s.Name == "warm-up" })
		drops = append(drops, report.Stages[i].Drop) // later ones learn less from a liar
	}
	if drops[0] > 3 || drops[1] < 6 {
		t.Errorf("the first steps lose %v points after a good teacher, %v after a liar", drops[0], drops[1])
	}

	unlabelled := &dataset.Splits{Train: p.data.Train.WithoutLabels(), Test: p.data.Test.WithoutLabels()}
	for want, c := range map[string]struct {
		data   *dataset.Splits
		change func(*edgec.Recipe)
	}{
		"have to be alike":       {p.data, func(r *edgec.Recipe) { r.Teacher = get(t, reconstruction).model(t) }},
		"leave the teacher out":  {p.data, func(r *edgec.Recipe) { r.NoLabels = true }},
		"or give labels":         {unlabelled, func(*edgec.Recipe) {}},
		"a teacher but no train": {p.data, func(r *edgec.Recipe) { r.NoTraining = true }},
	} {
		r := r
		c.change(&r)
		if _, err := edgec.Compress(context.Background(), p.model(t), c.data, r, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestCompressReconstruction: a network with as many outputs as inputs and no
// labels is measured by its distance, 100 for the float network.
func TestCompressReconstruction(t *testing.T) {
	p := get(t, reconstruction)
	r := quick()
	r.MaxDrop = 60
	report := compress(t, p, r)
	sound(t, p, report)
	if len(report.Tried) < 2 || report.Best.Kept >= report.Tried[0].Kept {
		t.Errorf("%d files, %d of %d weights kept: nothing was pruned", len(report.Tried), report.Best.Kept, report.Tried[0].Kept)
	}
	if report.Task != edgec.TaskReconstruction || math.Abs(report.Float.Error-100) > 1e-9 || report.Test != nil {
		t.Errorf("task %q, error %v, test %v", report.Task, report.Float.Error, report.Test)
	}
	distance := func(out func(i int) []float32) float64 {
		sum, x := 0.0, make([]float32, 12)
		for i := 0; i < p.data.Train.Len(); i++ {
			p.data.Train.Read(i, x)
			for k, v := range out(i) {
				sum += (float64(v) - float64(x[k])) * (float64(v) - float64(x[k]))
			}
		}
		return sum
	}
	out := execute(t, report.Best.Bytes, p.data.Train)
	nothing := make([]float32, 12)
	if file, zero := distance(func(i int) []float32 { return out[i] }), distance(func(int) []float32 { return nothing }); file > zero/3 {
		t.Errorf("the file's outputs are %v from its inputs, zeros %v", file, zero)
	}
}

// upTo returns the numbers from first to end-1.
func upTo(first, end int) (n []int) {
	for i := first; i < end; i++ {
		n = append(n, i)
	}
	return n
}

// TestCompressFidelity: with labels left aside, a network with as many outputs as inputs
// is measured by how far its outputs are from the float network's, in percent of the
// float network's own distance from the inputs.
func TestCompressFidelity(t *testing.T) {
	p := get(t, reconstruction)
	split := *p
	rest, test := p.data.Train.Subset(upTo(0, 600)), p.data.Train.Subset(upTo(600, 800))
	split.data = &dataset.Splits{Train: rest, Test: test}
	r := quick()
	r.NoLabels, r.MaxDrop = true, 100
	report := compress(t, &split, r)
	sound(t, &split, report)
	if report.Task != edgec.TaskFidelity || report.Float.Error != 0 || report.Test.Float.Error != 0 || report.Test.File.Accuracy != 0 {
		t.Errorf("task %q, float %+v, test %+v", report.Task, report.Float, report.Test)
	}
	if report.Best.Kept >= report.Tried[0].Kept*3/4 {
		t.Errorf("%d of %d weights kept", report.Best.Kept, report.Tried[0].Kept)
	}
	g, err := onnx.Decode(p.file, "small.onnx")
	if err != nil {
		t.Fatal(err)
	}
	float, err := train.NewPredictor(g, 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(test.Len(), 12)
	test.Batch(upTo(0, test.Len()), x)
	want := float.Run(test.Len(), func(lo, hi int, dst *tensor.Tensor) { copy(dst.Data, x.Rows(lo, hi).Data) })
	file, own := 0.0, 0.0
	for i, y := range execute(t, report.Best.Bytes, test) {
		for k, v := range y {
			w := float64(want.Data[12*i+k])
			file += (float64(v) - w) * (float64(v) - w)
			own += (float64(x.Data[12*i+k]) - w) * (float64(x.Data[12*i+k]) - w)
		}
	}
	if got := report.Test.File.Error; math.Abs(got-100*file/own) > 1e-6*got || got <= 0 || got > 120 {
		t.Errorf("the file's error is %v, its distance %v of %v", got, file, own)
	}
	m, err := edgec.Agreement(report.Best.Bytes, p.model(t), test, true, 2)
	if err != nil || m != report.Test.File {
		t.Errorf("Agreement: %+v, %v; the report says %+v", m, err, report.Test.File)
	}
	if m, err = edgec.Agreement(report.Best.Bytes, p.model(t), test, false, 2); err != nil || m.Task != edgec.TaskReconstruction || m.Error <= 100 {
		t.Errorf("against the inputs: %+v, %v", m, err)
	}
	r.Teacher = p.model(t)
	if _, err := edgec.Compress(context.Background(), p.model(t), split.data, r, nil); err == nil || !strings.Contains(err.Error(), "leave the teacher out") {
		t.Errorf("with a teacher: %v", err)
	}
}

// until returns the report of a search that ends before the named stage; with EDGEC_DEEP it
// goes through, to an answer that is sound.
func until(t *testing.T, p *problem, r edgec.Recipe, stage string) *edgec.Report {
	t.Helper()
	if deep.On() {
		report := compress(t, p, r)
		sound(t, p, report)
		return report
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	report, err := edgec.Compress(ctx, p.model(t), p.data, r, func(g edgec.Progress) {
		if g.Stage == stage {
			cancel()
		}
	})
	if report == nil || ctx.Err() == nil {
		t.Fatalf("not ended before %q: %v", stage, err)
	}
	return report
}

// everyStage is a problem and a recipe whose search goes through warm-up, pruning in rounds,
// one-shot pruning and files: a small network, unless slow tests are asked for.
func everyStage(t *testing.T) (*problem, edgec.Recipe) {
	r := quick()
	if deep.On() {
		return get(t, classification), r
	}
	r.MaxDrop = 60
	return get(t, reconstruction), r
}

// TestCompressInterrupted cancels in every stage that a full run shows, after
// its first steps: what has been made so far is the answer.
func TestCompressInterrupted(t *testing.T) {
	p, r := everyStage(t)
	var stages []string
	if _, err := edgec.Compress(context.Background(), p.model(t), p.data, r, func(g edgec.Progress) {
		if !slices.Contains(stages, g.Stage) {
			stages = append(stages, g.Stage)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(stages) < 5 {
		t.Fatalf("stages %q: the progress does not tell them apart", stages)
	}
	for _, stage := range stages {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			report, err := edgec.Compress(ctx, p.model(t), p.data, r, func(g edgec.Progress) {
				if g.Stage == stage && (g.Total == 0 || g.Done > 2) {
					cancel()
				}
			})
			if err != nil {
				if !strings.Contains(err.Error(), "before any file was made") && !strings.Contains(err.Error(), "no file meets the limits") {
					t.Fatalf("error %v", err)
				}
				if stage != stages[0] && !strings.Contains(err.Error(), "no file meets") {
					t.Errorf("no file yet in stage %q: %v", stage, err)
				}
				return
			}
			sound(t, p, report)
			if report.Interrupted != "interrupted" && stage != stages[len(stages)-1] {
				t.Errorf("interrupted: %q", report.Interrupted)
			}
		})
	}
}

// TestCompressWithoutTraining: weights are pruned and rounded by what their inputs have
// in common, with labels and without, to a loss and to a size; nothing is trained.
func TestCompressWithoutTraining(t *testing.T) {
	for name, c := range map[string]struct {
		problem func() (*problem, error)
		change  func(*edgec.Recipe)
	}{
		"labels":         {classification, func(*edgec.Recipe) {}},
		"no labels":      {classification, func(r *edgec.Recipe) { r.NoLabels = true }},
		"reconstruction": {reconstruction, func(r *edgec.Recipe) { r.MaxDrop = 10 }},
		"size":           {classification, func(r *edgec.Recipe) { r.MaxDrop, r.MaxSize = 0, 500 }},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := get(t, c.problem), quick()
			r.NoTraining = true
			c.change(&r)
			report := compress(t, p, r)
			sound(t, p, report)
			if report.Float.N != report.Best.Metrics.N {
				t.Errorf("the float network is measured on %d samples, the file on %d", report.Float.N, report.Best.Metrics.N)
			}
			plain := report.Tried[0]
			if report.Best.Size > plain.Size*3/4 || report.Best.Kept >= plain.Kept {
				t.Errorf("%d bytes with %d weights, without pruning %d bytes with %d", report.Best.Size, report.Best.Kept, plain.Size, plain.Kept)
			}
			for _, s := range report.Stages {
				if s.Name != "int8" && s.Name != "round" {
					t.Errorf("stage %q", s.Name)
				}
			}
		})
	}
}

// TestCompressFilters: a network that is worth it gets narrower, cut by cut, before
// single weights are pruned.
func TestCompressFilters(t *testing.T) {
	p := get(t, wideClassification)
	r := quick()
	r.Effort = 0.02
	if !deep.On() {
		r.TrainedOn = "no" // nothing is rounded before
	}
	report := until(t, p, r, "prune")
	before, cuts := report.FloatMACs, 0
	for _, s := range report.Stages {
		if s.Name != "filters" {
			continue
		}
		if s.MACs >= before {
			t.Errorf("a cut left %d of %d multiplications", s.MACs, before)
		}
		if s.Accepted {
			before = s.MACs
			cuts++
		}
	}
	if cuts == 0 || deep.On() && report.Best.MACs > before {
		t.Errorf("%d cuts to %d multiplications, the file has %d", cuts, before, report.Best.MACs)
	}
}

// TestCompressResumed cancels in every stage that a full run shows, as above, and
// resumes with another number of threads: the same steps, the same file, and no
// journal left. Nothing that is on record is trained again.
func TestCompressResumed(t *testing.T) {
	p, r := everyStage(t)
	resumed(t, p, r, "warm-up")
}

// TestSizeResumed: the same for a size that is filled with rounded weights.
func TestSizeResumed(t *testing.T) {
	r := quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 400, 1
	resumed(t, get(t, reconstruction), r, "tune")
}

// TestTiesResumed: the same where pixels share weights.
func TestTiesResumed(t *testing.T) {
	deep.Only(t)
	r := quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 250, 0.1
	resumed(t, get(t, perceptron), r, "ties")
}

// resumed interrupts and resumes the search for r in each of its stages. first is one whose
// training is over before the last stage.
func resumed(t *testing.T, p *problem, r edgec.Recipe, first string) {
	whole := compress(t, p, r)
	var stages []string
	for _, s := range whole.Stages {
		if !slices.Contains(stages, s.Name) {
			stages = append(stages, s.Name)
		}
	}
	notes := func(r *edgec.Report) (s []string) {
		for _, st := range r.Stages {
			st.Seconds = 0
			s = append(s, fmt.Sprint(st))
		}
		return s
	}
	for _, stage := range stages {
		t.Run(stage, func(t *testing.T) {
			r := r
			r.Journal = filepath.Join(t.TempDir(), "search")
			trained := map[string]int{} // steps of each stage in both runs
			run := func(ctx context.Context, tell func(edgec.Progress)) (*edgec.Report, error) {
				return edgec.Compress(ctx, p.model(t), p.data, r, func(g edgec.Progress) {
					if g.Total > 0 {
						trained[g.Stage]++
					}
					tell(g)
				})
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			run(ctx, func(g edgec.Progress) {
				if g.Stage == stage && g.Note != "" {
					cancel()
				}
			})
			before := maps.Clone(trained)
			files, err := os.ReadDir(r.Journal)
			if err != nil || len(files) < 2 {
				t.Fatalf("%d entries are on record, %v", len(files), err)
			}
			r.Resume, r.Threads = true, 3
			report, err := run(context.Background(), func(edgec.Progress) {})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(report.Best.Bytes, whole.Best.Bytes) {
				t.Errorf("another file: %d bytes, %d without an interruption", len(report.Best.Bytes), len(whole.Best.Bytes))
			}
			if a, b := notes(report), notes(whole); !slices.Equal(a, b) {
				t.Errorf("other steps:\n%s\nwithout an interruption:\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
			}
			if _, err := os.Stat(r.Journal); !os.IsNotExist(err) {
				t.Errorf("the journal is still there: %v", err)
			}
			if stage == stages[len(stages)-1] && (trained[first] != before[first] || trained[first] == 0) {
				t.Errorf("%q was trained again", first)
			}
		})
	}
}

// A journal belongs to one search, which is over or goes on.
func TestJournalRefused(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.Journal = filepath.Join(t.TempDir(), "search")
	start := func(r edgec.Recipe) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := edgec.Compress(ctx, p.model(t), p.data, r, func(g edgec.Progress) {
			if g.Stage == "int8" {
				cancel()
			}
		})
		return err
	}
	if err := start(r); err != nil && strings.Contains(err.Error(), "journal") {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		change     func(*edgec.Recipe)
	}{
		{"again", "has not ended", func(*edgec.Recipe) {}},
		{"another seed", "another recipe", func(r *edgec.Recipe) { r.Resume, r.Seed = true, 8 }},
		{"another teacher", "another recipe", func(r *edgec.Recipe) { r.Resume, r.Teacher = true, get(t, wideClassification).model(t) }},
		{"no search", "no search to go on with", func(r *edgec.Recipe) { r.Resume, r.Journal = true, r.Journal+"2" }},
		{"no journal", "no journal", func(r *edgec.Recipe) { r.Resume, r.Journal = true, "" }},
		{"a budget", "cannot be resumed", func(r *edgec.Recipe) { r.Budget = time.Hour }},
	} {
		r := r
		c.change(&r)
		if err := start(r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestCompressBudget: without time there is still the plain int8 file.
func TestCompressBudget(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.Budget = 1 // ns
	report := compress(t, p, r)
	sound(t, p, report)
	if report.Interrupted != "budget used up" || len(report.Tried) == 0 {
		t.Errorf("interrupted: %q, %d files", report.Interrupted, len(report.Tried))
	}
}

// TestCompressUnmet: limits that cannot be met are an error that says what was
// nearest, with the report of what was tried.
func TestCompressUnmet(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.MaxSize = 0, 20
	report, err := edgec.Compress(context.Background(), p.model(t), p.data, r, nil)
	if err == nil || !strings.Contains(err.Error(), "no file meets the limits: the smallest has ") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v", err)
	}
	if report == nil || len(report.Tried) == 0 || report.Best.Bytes != nil {
		t.Errorf("report %+v", report)
	}
}

// TestCompressTrainedOn: what a drop is taken from follows from the recipe.
func TestCompressTrainedOn(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.Budget = 1 // the first file is enough
	for _, tt := range []struct {
		says string
		test *dataset.Set
		want bool
	}{{"", p.data.Test, true}, {"", nil, false}, {"no", p.data.Test, false}, {"yes", nil, true}} {
		r.TrainedOn, r.MaxDrop = tt.says, 10
		report, err := edgec.Compress(context.Background(), p.model(t), &dataset.Splits{Train: p.data.Train, Test: tt.test}, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, p, report)
		if report.TrainedOn != tt.want || (report.Test != nil) != (tt.test != nil) {
			t.Errorf("trained on %q, test part %v: %v, tested %v", tt.says, tt.test != nil, report.TrainedOn, report.Test != nil)
		}
	}
}

func TestCompressRefuses(t *testing.T) {
	p := get(t, classification)
	m := p.model(t)
	few := &dataset.Splits{Train: p.data.Train.Subset([]int{0, 1, 2, 3})}
	other := get(t, reconstruction)
	badLabel := p.data.Train.Subset([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14})
	badLabel.Labels[3] = 4
	tests := []struct {
		name string
		data *dataset.Splits
		r    edgec.Recipe
		says []string
	}{
		{"a bad recipe", p.data, edgec.Recipe{MaxDrop: -1, MaxSize: -2}, []string{"max drop is -1", "max size is -2"}},
		{"few samples", few, edgec.Recipe{MaxDrop: 1}, []string{"4 training samples", "12"}},
		{"no training samples", &dataset.Splits{}, edgec.Recipe{MaxDrop: 1}, []string{"0 training samples"}},
		{"samples of another shape", other.data, edgec.Recipe{MaxDrop: 1}, []string{"[12]", "[1,8,8]", `"small"`}},
		{"names for other outputs", p.data, edgec.Recipe{MaxDrop: 1, Labels: []string{"a", "b"}}, []string{"2 labels for 4 outputs"}},
		{"a label out of range", &dataset.Splits{Train: badLabel}, edgec.Recipe{MaxDrop: 1}, []string{"sample 3 has label 4", "4 outputs", "--no-labels"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := edgec.Compress(context.Background(), m, tt.data, tt.r, nil)
			if err == nil || report != nil {
				t.Fatalf("report %v, error %v", report, err)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("message %q does not say %q", err, s)
				}
			}
		})
	}
}

// TestEvaluateRefuses: files and data that do not belong together.
func TestEvaluateRefuses(t *testing.T) {
	p, other := get(t, classification), get(t, reconstruction)
	r := quick()
	r.Budget, r.MaxDrop = 1, 100
	file := compress(t, p, r).Best.Bytes
	bad := p.data.Test.Subset([]int{0, 1, 2})
	bad.Labels[1] = 9
	check := func(err error, says string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not say %q", err, says)
		}
	}
	_, err := edgec.Evaluate(file, p.data.Test.WithoutLabels(), 1)
	check(err, "no labels")
	_, err = edgec.Evaluate(file, bad, 1)
	check(err, "sample 1 has label 9")
	_, err = edgec.Evaluate(file[:len(file)/2], p.data.Test, 1)
	if err == nil {
		t.Error("half a file was evaluated")
	}
	labelled := other.data.Train.Subset([]int{0, 1})
	labelled.Labels = []int{0, 1}
	_, err = edgec.Evaluate(file, labelled, 1)
	check(err, "12 values, the network takes 64")
	small, err := edgec.OpenBytes(other.file, "other.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = edgec.Agreement(file, small, other.data.Train, true, 1); err == nil {
		t.Error("agreement of different networks")
	}
}

func TestOpenRefuses(t *testing.T) {
	p := get(t, classification)
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "half a file": p.file[:len(p.file)/2]} {
		if _, err := edgec.OpenBytes(data, "x.onnx"); err == nil || !strings.Contains(err.Error(), "x.onnx") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := edgec.Open(t.TempDir() + "/none.onnx"); err == nil || !strings.Contains(err.Error(), "none.onnx") {
		t.Errorf("no file: %v", err)
	}
	b := newBuilder(5, 3)
	b.layer(op.Dense{}, 2, 3)
	b.g.Params()[0].Value.Data[4] = float32(math.NaN())
	broken, err := onnx.Encode(b.g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := edgec.OpenBytes(broken, "x.onnx"); err == nil || !strings.Contains(err.Error(), "x.onnx") || !strings.Contains(err.Error(), `"layer0.w": value 4 is NaN`) {
		t.Errorf("NaN: %v", err)
	}
	m := p.model(t)
	if !m.Input().Equal([]int{1, side, side}) || m.Outputs() != 4 || m.Params() != 8*9+8+72*16+16+64+4 || m.MACs() != 36*72+72*16+64 || m.Bytes != len(p.file) || m.Name != "small" {
		t.Errorf("input %v, %d outputs, %d parameters, %d MACs, %d bytes, name %q", m.Input(), m.Outputs(), m.Params(), m.MACs(), m.Bytes, m.Name)
	}
	if s := m.String(); strings.Count(s, "\n") != 5 {
		t.Errorf("String:\n%s", s)
	}
}
