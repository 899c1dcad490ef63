//go:build !noasm

package search_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/cpu"

	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/search"
)

var updateTried = flag.Bool("update-tried", false, "record the hashes of the files that searches try, in testdata/tried.txt")

// triedCase is a search whose files are on record.
type triedCase struct {
	name    string
	problem func(t *testing.T) *problem
	change  func(t *testing.T, r *recipe)
	clock   search.Clock
	deep    bool
}

// lenet is a real network with MNIST.
func lenet(name string) func(*testing.T) *problem {
	return func(t *testing.T) *problem {
		dir := os.Getenv("EDGEC_DATA")
		if dir == "" {
			t.Skip("needs MNIST and the float network; set EDGEC_DATA to the data folder")
		}
		file, err := os.ReadFile(filepath.Join(dir, "models/lenet", name+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		data, err := dataset.Open(filepath.Join(dir, "mnist"), dataset.Options{Shape: []int{1, 28, 28}, Classes: 10})
		if err != nil {
			t.Fatal(err)
		}
		return &problem{file, data}
	}
}

var triedCases = []triedCase{
	{name: "drop", problem: small(classification), change: func(*testing.T, *recipe) {}, deep: true},
	{name: "drop, not trained on the data", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.TrainedOn, r.Effort = "no", 0.1 }},
	{name: "size", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxSize, r.Effort = 0, 500, 0.1 }},
	{name: "size and drop", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxSize, r.Effort = 4, 700, 0.1 }, deep: true},
	{name: "size that needs pruning", problem: small(perceptron), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxSize, r.Effort = 0, 250, 0.1 }, deep: true},
	{name: "drop with pooled pixels", problem: small(perceptron), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.Effort = 4, 0.2 }, deep: true},
	{name: "channels", problem: small(wideClassification), change: func(_ *testing.T, r *recipe) { r.Effort = 0.01 }, deep: true},
	{name: "time", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxLatency, r.Effort = 0, 900, 0.1 }, clock: byKept},
	{name: "time and size", problem: small(classification), change: func(_ *testing.T, r *recipe) {
		r.MaxDrop, r.MaxLatency, r.MaxSize, r.Effort = 0, 1500, 400, 0.1
	}, clock: byKept, deep: true},
	{name: "time and drop", problem: small(wideClassification), change: func(_ *testing.T, r *recipe) { r.Effort, r.MaxLatency = 0.01, 70*time.Microsecond }, clock: byShape, deep: true},
	{name: "time and a large drop", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxLatency, r.Effort = 12, 1500, 0.1 }, clock: byKept, deep: true},
	{name: "no training", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.NoTraining = true }},
	{name: "no training, size", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.NoTraining, r.MaxDrop, r.MaxSize = true, 0, 500 }},
	{name: "no training, no labels", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.NoTraining, r.NoLabels = true, true }},
	{name: "teacher", problem: small(classification), change: func(t *testing.T, r *recipe) {
		r.MaxDrop, r.MaxSize, r.Effort, r.Teacher = 0, 200, 0.1, get(t, wideClassification).model(t)
	}, deep: true},
	{name: "few samples", problem: fewSamples, change: func(_ *testing.T, r *recipe) { r.MaxDrop = 10 }},
	{name: "autoencoder", problem: small(reconstruction), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.Effort = 60, 0.1 }},
	{name: "autoencoder, size", problem: small(reconstruction), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxSize, r.Effort = 0, 220, 0.5 }},
	{name: "autoencoder, no labels", problem: splitReconstruction, change: func(_ *testing.T, r *recipe) { r.NoLabels, r.MaxDrop, r.Effort = true, 100, 0.1 }},
	{name: "no labels", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.NoLabels, r.MaxDrop, r.Effort = true, 4, 0.1 }, deep: true},
	{name: "criterion input", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.Criterion, r.Effort = "input", 0.1 }, deep: true},
	{name: "criterion magnitude", problem: small(classification), change: func(_ *testing.T, r *recipe) { r.Criterion, r.Effort = "magnitude", 0.1 }, deep: true},
	{name: "LeNet-300-100, size", problem: lenet("lenet-300-100"), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.MaxSize, r.Effort = 0, 3100, 0.02 }, deep: true},
	{name: "LeNet-5, drop", problem: lenet("lenet-5"), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.Effort = 0.5, 0.01 }, deep: true},
	{name: "LeNet-5, no training", problem: lenet("lenet-5"), change: func(_ *testing.T, r *recipe) { r.MaxDrop, r.NoTraining = 0.5, true }, deep: true},
}

// TestTried compares every file that a search tries, in order, with what is on record in
// testdata/tried.txt: a change of the search that is meant to change nothing changes none.
// The record is of one kind of CPU, since training rounds differently on others.
func TestTried(t *testing.T) {
	if runtime.GOARCH != "amd64" || !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		t.Skip("the record is of amd64 with AVX2 and FMA")
	}
	const path = "testdata/tried.txt"
	record := readTried(t, path)
	for _, c := range triedCases {
		t.Run(c.name, func(t *testing.T) {
			if c.deep && !*updateTried {
				deep.Only(t)
			}
			p, r := c.problem(t), quick()
			c.change(t, &r)
			since := time.Now()
			got := tried(t, p, r, c.clock)
			t.Logf("%d files in %v", len(got), time.Since(since))
			if *updateTried {
				record[c.name] = got
				return
			}
			want := record[c.name]
			if len(want) == 0 {
				t.Fatalf("%s has no record; run this test with -update-tried", path)
			}
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("file %d of %d differs from the record: %s, want %s", i, len(got), got[i], want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d files were tried, %d are on record", len(got), len(want))
			}
		})
	}
	if *updateTried {
		writeTried(t, path, record)
	}
}

// tried runs a search and returns the hashes of its files, and that of the answer.
func tried(t *testing.T, p *problem, r recipe, clock search.Clock) []string {
	report, err := searched(t, p, r, clock)
	if err != nil && !strings.Contains(err.Error(), "no file meets") {
		t.Fatal(err)
	}
	var hashes []string
	for _, q := range append(slices.Clone(report.Candidates), report.Best) {
		hashes = append(hashes, fmt.Sprintf("%.6x", sha256.Sum256(q.Bytes)))
	}
	return hashes
}

// readTried reads lines of a name, a colon and hashes.
func readTried(t *testing.T, path string) map[string][]string {
	record := map[string][]string{}
	data, err := os.ReadFile(path)
	if err != nil && !*updateTried {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if name, hashes, ok := strings.Cut(line, ":"); ok {
			record[name] = strings.Fields(hashes)
		}
	}
	return record
}

func writeTried(t *testing.T, path string, record map[string][]string) {
	var b strings.Builder
	for _, c := range triedCases {
		fmt.Fprintf(&b, "%s: %s\n", c.name, strings.Join(record[c.name], " "))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
