package search

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/passes"
	"edgec/internal/simplify"
	"edgec/runtime/format"
)

// pipelines are the stages of the search, followed by the passes that make a file from a
// one-shot run and from a state without training.
func pipelines() map[string][]string {
	var before []string
	for _, s := range stages {
		before = append(before, s.name)
	}
	names := func(ps []pass) []string {
		list := slices.Clone(before)
		for _, p := range ps {
			list = append(list, p.name)
		}
		return list
	}
	return map[string][]string{"trained": names(trainedPasses), "untrained": names(untrainedPasses)}
}

// TestPassOrder: both pipelines keep passOrder and what follows from it where a pass is left
// out, no pass is walked twice, and none is without a row.
func TestPassOrder(t *testing.T) {
	type pair struct{ first, then string }
	because := map[pair]string{}
	all := pipelines()["trained"]
	for _, o := range passOrder {
		if !slices.Contains(all, o.first) || !slices.Contains(all, o.then) {
			t.Fatalf("%q before %q: no such pass in %q", o.first, o.then, all)
		}
		if o.because == "" {
			t.Errorf("%q before %q without a reason", o.first, o.then)
		}
		because[pair{o.first, o.then}] = o.because
	}
	for _, via := range all { // the transitive closure
		for _, a := range all {
			for _, b := range all {
				first, ok1 := because[pair{a, via}]
				then, ok2 := because[pair{via, b}]
				if _, known := because[pair{a, b}]; !known && ok1 && ok2 {
					because[pair{a, b}] = first + ", and " + then
				}
			}
		}
	}
	for name, list := range pipelines() {
		if sorted := slices.Sorted(slices.Values(list)); len(slices.Compact(sorted)) != len(list) {
			t.Errorf("%s: a pass twice in %q", name, list)
		}
		for i, p := range list {
			if !slices.Contains(all, p) {
				t.Errorf("%s: pass %q is not among %q", name, p, all)
			}
			for _, later := range list[i+1:] {
				if why, wrong := because[pair{later, p}]; wrong {
					t.Errorf("%s: %q must come before %q, because %s", name, later, p, why)
				}
			}
		}
	}
	for _, p := range all {
		if !slices.ContainsFunc(passOrder, func(o struct{ first, then, because string }) bool { return p == o.first || p == o.then }) {
			t.Errorf("pass %q has no row", p)
		}
	}
}

// Making a file walks a table of passes, and names the pass that leaves a graph that is not
// valid, or that fails.
func TestDraftRun(t *testing.T) {
	var walked []string
	did := func(name string) pass {
		return pass{name: name, run: func(context.Context, *Study, *draft) error {
			walked = append(walked, name)
			return nil
		}}
	}
	d := &draft{net: identity(t, 3, 1)}
	passes := []pass{did("dead"), did("tune"), did("finalize")}
	if err := d.run(context.Background(), nil, passes); err != nil || strings.Join(walked, " ") != "dead tune finalize" {
		t.Errorf("walked %v: %v", walked, err)
	}
	walked = nil
	passes[1].run = func(_ context.Context, _ *Study, d *draft) error {
		d.net.Outputs[0] = &graph.Value{Name: "lost", Shape: d.net.Outputs[0].Shape}
		return nil
	}
	if err := d.run(context.Background(), nil, passes); err == nil || !strings.Contains(err.Error(), `after pass "tune"`) || len(walked) != 1 {
		t.Errorf("a graph that lost its output: %v, walked %v", err, walked)
	}
	passes[0].run = func(context.Context, *Study, *draft) error { return errBudget }
	if err := d.run(context.Background(), nil, passes); err != errBudget {
		t.Errorf("a pass that failed: %v", err)
	}
}

// A file made without training skips the pass that trains, and no other.
func TestUntrainedPasses(t *testing.T) {
	var names []string
	for _, p := range trainedPasses {
		if p.name != tunePass.name {
			names = append(names, p.name)
		}
	}
	var untrained []string
	for _, p := range untrainedPasses {
		untrained = append(untrained, p.name)
	}
	if !slices.Equal(names, untrained) {
		t.Errorf("%q without training, want %q", untrained, names)
	}
}

// mnist returns MNIST and LeNet-300-100, and skips the test where there is no data folder, or
// where EDGEC_DEEP is not set.
func mnist(t *testing.T) Subject {
	t.Helper()
	if os.Getenv("EDGEC_DEEP") == "" {
		t.Skip("takes long; set EDGEC_DEEP=1")
	}
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MNIST and the float network; set EDGEC_DATA to the data folder")
	}
	g, _, err := onnx.Read(filepath.Join(dir, "models/lenet/lenet-300-100.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if err := simplify.Run(g); err != nil {
		t.Fatal(err)
	}
	m := &Network{Name: "lenet-300-100", Graph: g}
	data, err := dataset.Open(filepath.Join(dir, "mnist"), dataset.Options{Shape: m.inputs()[0]})
	if err != nil {
		t.Fatal(err)
	}
	return Subject{Model: m, Data: data}
}

// lifted decodes a file to a network with its codebooks.
func lifted(t *testing.T, f *format.File) *graph.Graph {
	t.Helper()
	g, err := lower.Lift(f, "lifted")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Shareable(g) {
		if err := passes.ValueCodebook(p); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// A network that was fine-tuned at fixed masks travels as a delta of at most a
// tenth of its file.
func TestDeltaOfFineTune(t *testing.T) {
	subject := mnist(t)
	base, err := os.ReadFile("../../testdata/lenet-300-100.edgec")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(context.Background(), subject, Config{Objective: within(1), Effort: 0.05}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := format.Decode(base)
	if err != nil {
		t.Fatal(err)
	}
	g := lifted(t, f)
	if err := s.tune(context.Background(), g, topRate/tuneRateDivisor, fileTraining, 0); err != nil {
		t.Fatal(err)
	}
	if err := finalize(g); err != nil {
		t.Fatal(err)
	}
	tuned, _, err := lower.Encode(g, s.exportConfig())
	if err != nil {
		t.Fatal(err)
	}
	delta, err := format.Diff(base, tuned)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := format.Patch(base, delta); err != nil || !bytes.Equal(got, tuned) {
		t.Fatalf("the patched file differs: %v", err)
	}
	moved, n := changed(t, f, tuned)
	t.Logf("%d of %d weights have moved; a delta of %d bytes for a file of %d", moved, n, len(delta), len(tuned))
	if moved < n/100 {
		t.Error("nothing was tuned")
	}
	if len(delta)*10 > len(tuned) {
		t.Errorf("a delta of %d bytes for a file of %d: at most a tenth is promised", len(delta), len(tuned))
	}
}

// changed counts the weights of f that are not zero, and those with another value in a file.
func changed(t *testing.T, f *format.File, file []byte) (moved, n int) {
	t.Helper()
	now, err := format.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Weights {
		for j, v := range f.Weights[i].Values {
			if v != 0 {
				n++
				if now.Weights[i].Values[j] != v {
					moved++
				}
			}
		}
	}
	return moved, n
}
