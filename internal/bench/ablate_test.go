package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec"
	"edgec/internal/ablation"
	"edgec/internal/deep"
)

// atRoot changes to the root of the module, where bench runs.
func atRoot(t *testing.T) {
	t.Helper()
	t.Chdir("../..")
}

// Every constant of the search is varied, or set aside with a reason, and every rule is
// about a constant that is there.
func TestRules(t *testing.T) {
	atRoot(t)
	text, err := os.ReadFile(tuningFile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ablation.Parse(tuningFile, string(text))
	if err != nil {
		t.Fatal(err)
	}
	levels, err := selected(string(text), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(levels)+len(rules.Aside) != len(f.Constants) {
		t.Errorf("%d varied and %d set aside of %d constants", len(levels), len(rules.Aside), len(f.Constants))
	}
	for name, l := range levels {
		if l.Low >= l.High {
			t.Errorf("%s: levels %v do not differ", name, l)
		}
	}
	some, err := selected(string(text), "^topRate$")
	if err != nil || len(some) != 1 {
		t.Errorf("%d levels of one constant, %v", len(some), err)
	}
}

// The search compiles with rows of the design in the place of its constants.
func TestVariantsBuild(t *testing.T) {
	deep.Only(t) // compiles the search
	atRoot(t)
	text, err := os.ReadFile(tuningFile)
	if err != nil {
		t.Fatal(err)
	}
	levels, err := selected(string(text), "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ablation.NewPlan(string(text), levels)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	variant, err := p.File.Variant(p.Rows[1].Values)
	if err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(tuningFile)
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(filepath.Join(dir, "tuning.go"), []byte(variant), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, []byte(`{"Replace": {"`+original+`": "`+filepath.Join(dir, "tuning.go")+`"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "./internal/search").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// docs/TUNING.md is what is stored.
func TestTuningPage(t *testing.T) {
	atRoot(t)
	r, err := ablation.Load(tuningStore)
	if err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile(tuningFile)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ablation.Page(r, string(now), gone)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(tuningPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what is stored; run: go run ./internal/bench -page", tuningPage)
	}
}

// The plan keeps within the budget: slow networks meet half of the rows or a quarter, and a
// budget that is too short is refused.
func TestParts(t *testing.T) {
	levels := map[string]ablation.Level{"a": {Low: 1, High: 4}}
	source := "package x\n\nconst a = 2 // things; some; chosen\n"
	plan, err := ablation.NewPlan(source, levels)
	if err != nil {
		t.Fatal(err)
	}
	s := &study{plan: plan, results: &ablation.Results{}, subjects: []subject{{name: "quick", seconds: 1, maxDrop: 1, maxSize: 1}, {name: "slow", seconds: 100, maxDrop: 1, maxSize: 1}}, queue: queue{workers: 1}}
	rows := float64(len(plan.Rows))
	for _, c := range []struct {
		seconds     float64 // of the design, that fit into the budget
		quick, slow int
	}{
		{rows * (buildSeconds + variedTime*101), 0, 0},
		{rows * (buildSeconds + variedTime*51.1), 0, 2},
		{rows * (buildSeconds/2 + variedTime*50.6), 2, 2},
		{rows * (buildSeconds/2 + variedTime*25.6), 2, 4},
		{rows * (buildSeconds/4 + variedTime*25.3), 4, 4},
		{rows, -1, -1},
	} {
		s.options.budget = time.Duration((c.seconds/screenShare + 2) * float64(time.Second))
		parts, err := s.parts()
		if (err != nil) != (c.quick < 0) || err == nil && (parts["quick"] != c.quick || parts["slow"] != c.slow) {
			t.Errorf("%v: %v, %v", s.options.budget, parts, err)
		}
	}
	s.results.Runs = []ablation.Run{{Key: ablation.Key{ID: plan.Base().ID, Network: "slow"}, Seconds: 3}}
	if got := s.seconds(s.subjects[1]); got != 6 {
		t.Errorf("a run of 3 s is %v for both recipes", got)
	}
}

// Results are gone on with when they are of the same constants, and only when they are
// named.
func TestOpen(t *testing.T) {
	atRoot(t)
	s := &study{path: filepath.Join(t.TempDir(), "runs.json")}
	s.options.constants = "^topRate$"
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	s.results.Runs = []ablation.Run{{Key: ablation.Key{ID: "base", Network: "glyphs"}}}
	if err := s.results.Save(s.path); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		resume, constants string
		ok                bool
	}{{"", "^topRate$", false}, {s.path, "^topRate$", true}, {s.path, "", false}} {
		s.options.resume, s.options.constants = c.resume, c.constants
		if err := s.open(); (err == nil) != c.ok || c.ok && len(s.results.Runs) != 1 {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := newStudy("", ablationOptions{networks: "none", seeds: 1, effort: 1}); err == nil {
		t.Error("a network that is not there")
	}
}

// Other sources give other runs; tests and the constants do not count.
func TestSources(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		tree, err := sourceTree(dir)
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	first := put("a/a.go", "package a")
	for _, name := range []string{"a/a_test.go", tuningFile, "a/README.md", ".git/b.go", "testdata/c.go"} {
		if put(name, "package a") != first {
			t.Errorf("%s counts", name)
		}
	}
	if put("a/a.go", "package b") == first || put("b/b.go", "package b") == first {
		t.Error("a change does not count")
	}
}

// A run is measured once: jobs are what results do not have.
func TestJobs(t *testing.T) {
	v := ablation.Values{Name: "base", ID: "b"}
	at := replicate{ablation.Replicate{Network: "one", Seed: 3, Effort: 0.5}, []ablation.Recipe{ablation.Drop, ablation.Size}, time.Second}
	r := &ablation.Results{}
	all := jobs(r, v, []replicate{at})
	if len(all) != 2 || all[0].variant != all[1].variant || all[0].left.Load() != 2 {
		t.Fatalf("%d jobs", len(all))
	}
	r.Runs = append(r.Runs, ablation.Run{Key: all[0].key})
	if rest := jobs(r, v, []replicate{at}); len(rest) != 1 || rest[0].key != all[1].key {
		t.Errorf("%d jobs are left", len(rest))
	}
}

// Only events of training are steps.
func TestTrained(t *testing.T) {
	for _, c := range []struct {
		p    edgec.Progress
		want int
	}{{edgec.Progress{Stage: "tune", Done: 3, Total: 9}, 1}, {edgec.Progress{Stage: "lambda", Done: 3}, 0}, {edgec.Progress{Stage: "round", Done: 1}, 0}, {edgec.Progress{Stage: "measure", Done: 1, Total: 9}, 0}, {edgec.Progress{Stage: "file", Note: "made"}, 0}} {
		if got := trained(c.p); got != c.want {
			t.Errorf("%+v: %d", c.p, got)
		}
	}
}

// A network of our own is made, and searched, without other data.
func TestFriedman(t *testing.T) {
	dir := t.TempDir()
	some, err := chosen([]string{"friedman"})
	if err != nil {
		t.Fatal(err)
	}
	if err := prepared(some, "", dir); err != nil {
		t.Fatal(err)
	}
	key := ablation.Key{ID: "base", Network: "friedman", Recipe: ablation.Size, Effort: 0.001}
	run, err := some[0].search(measurement{To: dir, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	const chance = 100 // percent of the variance
	if run.Key != key || run.Failed != "" || run.Bytes > some[0].maxSize || run.Error <= 0 || run.Error > chance || run.Steps == 0 || len(run.File) != 16 {
		t.Errorf("%+v", run)
	}
	if _, err := chosen([]string{"none"}); err == nil || !strings.Contains(err.Error(), "LeNet-5") {
		t.Errorf("%v", err)
	}
	if err := prepared(subjects, "", dir); err == nil {
		t.Error("networks from EDGEC_DATA were prepared without it")
	}
}
