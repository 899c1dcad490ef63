package search_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/search"
)

// TestInterrupted cancels in stages that a full run shows, after its first steps: the best
// file so far is the answer.
func TestInterrupted(t *testing.T) {
	r := quick()
	r.NoLabels, r.MaxDrop, r.Effort = true, 100, 0.1
	t.Run("autoencoder", func(t *testing.T) { interrupted(t, splitReconstruction(t), r, false) })
	t.Run("classification", func(t *testing.T) {
		deep.Only(t)
		r := quick()
		r.Effort = 0.1
		interrupted(t, get(t, classification), r, true)
	})
}

// some are the stages that a test interrupts: all of them, or every third and the last.
func some(stages []string, all bool) (picked []string) {
	for i, stage := range stages {
		if all || i%3 == 0 || i == len(stages)-1 {
			picked = append(picked, stage)
		}
	}
	return picked
}

// interrupted interrupts the search for r in each of its stages, or in some.
func interrupted(t *testing.T, p *problem, r recipe, all bool) {
	var stages []string
	if _, err := compressWith(context.Background(), p.model(t), p.data, r, func(g search.Progress) {
		if g.Stage != "stage" && g.Stage != "measure" && !slices.Contains(stages, g.Stage) {
			stages = append(stages, g.Stage)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(stages) < 5 {
		t.Fatalf("stages %q: the progress does not tell them apart", stages)
	}
	for _, stage := range some(stages, all) {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			res, err := compressWith(ctx, p.model(t), p.data, r, func(g search.Progress) {
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
			sound(t, p, r, res)
			if res.Interrupted != "interrupted" && stage != stages[len(stages)-1] {
				t.Errorf("interrupted: %q", res.Interrupted)
			}
		})
	}
}

// TestResumed cancels in stages that a full run shows, as above, and resumes with another
// number of threads: the same steps, the same file, and no journal left. Nothing that is on
// record is trained again.
func TestResumed(t *testing.T) {
	r := quick()
	r.NoLabels, r.MaxDrop, r.Effort = true, 100, 0.1
	t.Run("autoencoder", func(t *testing.T) { resumed(t, splitReconstruction(t), r, "learning rate", false) })
	t.Run("classification", func(t *testing.T) {
		deep.Only(t)
		r := quick()
		r.Effort = 0.1
		resumed(t, get(t, classification), r, "learning rate", true)
	})
}

// TestSizeResumed: the same for a size that is used up with rounded weights.
func TestSizeResumed(t *testing.T) {
	r := quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 400, effort(0.1, 1)
	resumed(t, get(t, reconstruction), r, "tune", deep.On())
}

// TestPoolingResumed: the same where neighbouring pixels share weights.
func TestPoolingResumed(t *testing.T) {
	deep.Only(t)
	r := quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 250, 0.1
	resumed(t, get(t, perceptron), r, "pooling", false)
}

// steps lists the steps of a search without their times.
func steps(r *search.Result) (s []string) {
	for _, st := range r.Steps {
		st.Time = 0
		s = append(s, fmt.Sprint(st))
	}
	return s
}

// resumed interrupts and resumes the search for r in each of its stages, or in some. first is one whose
// training is over before the last stage.
func resumed(t *testing.T, p *problem, r recipe, first string, all bool) {
	whole := compress(t, p, r)
	stages := stepNames(whole)
	for _, stage := range some(stages, all) {
		t.Run(stage, func(t *testing.T) {
			r := r
			r.Journal = filepath.Join(t.TempDir(), "search")
			trained := map[string]int{} // steps of each stage in both runs
			run := func(ctx context.Context, tell func(search.Progress)) (*search.Result, error) {
				return compressWith(ctx, p.model(t), p.data, r, func(g search.Progress) {
					if g.Total > 0 {
						trained[g.Stage]++
					}
					tell(g)
				})
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			run(ctx, func(g search.Progress) {
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
			res, err := run(context.Background(), func(search.Progress) {})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(res.Best.Bytes, whole.Best.Bytes) {
				t.Errorf("another file: %d bytes, %d without an interruption", len(res.Best.Bytes), len(whole.Best.Bytes))
			}
			if a, b := steps(res), steps(whole); !slices.Equal(a, b) {
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
	p, r := get(t, classification), quick()
	r.Journal = filepath.Join(t.TempDir(), "search")
	start := func(r recipe) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := compressWith(ctx, p.model(t), p.data, r, func(g search.Progress) {
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
		change     func(*recipe)
	}{
		{"again", "has not ended", func(*recipe) {}},
		{"another seed", "seed 1 instead of 8", func(r *recipe) { r.Resume, r.Seed = true, 8 }},
		{"another teacher", "another teacher", func(r *recipe) { r.Resume, r.Teacher = true, get(t, wideClassification).model(t) }},
		{"no search", "no search to go on with", func(r *recipe) { r.Resume, r.Journal = true, r.Journal+"2" }},
		{"no journal", "no journal", func(r *recipe) { r.Resume, r.Journal = true, "" }},
		{"a budget", "cannot be resumed", func(r *recipe) { r.Budget = time.Hour }},
	} {
		r := r
		c.change(&r)
		if err := start(r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestBudget: without time there is still the int8 file.
func TestBudget(t *testing.T) {
	p, r := get(t, classification), quick()
	r.Budget = 1 // ns
	res := compress(t, p, r)
	sound(t, p, r, res)
	if res.Interrupted != "budget used up" || len(res.Candidates) == 0 {
		t.Errorf("interrupted: %q, %d files", res.Interrupted, len(res.Candidates))
	}
}

// TestUnmet: limits that cannot be met are an error that says what was nearest, with the result
// of what was tried.
func TestUnmet(t *testing.T) {
	p, r := get(t, reconstruction), quick()
	if deep.On() {
		p = get(t, classification)
	}
	r.MaxDrop, r.MaxSize = 0, 40
	res, err := compressWith(context.Background(), p.model(t), p.data, r, nil)
	if err == nil || !strings.Contains(err.Error(), "no file meets the limits: the smallest has ") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v", err)
	}
	if res == nil || len(res.Candidates) == 0 || res.Best.Bytes != nil {
		t.Errorf("result %+v", res)
	}
}

func TestRefused(t *testing.T) {
	p := get(t, classification)
	m := p.model(t)
	few := &dataset.Splits{Train: p.data.Train.Subset(upTo(0, 4))}
	other := get(t, reconstruction)
	badLabel := p.data.Train.Subset(upTo(0, 15))
	badLabel.Labels[3] = 4
	tests := []struct {
		name string
		data *dataset.Splits
		r    recipe
		says []string
	}{
		{"a bad configuration", p.data, recipe{MaxDrop: -1, MaxSize: -2}, []string{"max drop is -1", "max size is -2"}},
		{"few samples", few, recipe{MaxDrop: 1}, []string{"4 training samples", "12"}},
		{"one sample, many times", &dataset.Splits{Train: p.data.Train.Subset(make([]int, 15))}, recipe{MaxDrop: 1}, []string{"all 15 training samples are the same"}},
		{"no training samples", &dataset.Splits{}, recipe{MaxDrop: 1}, []string{"0 training samples"}},
		{"samples of another shape", other.data, recipe{MaxDrop: 1}, []string{"[12]", "[1,8,8]", `"small"`}},
		{"names for other outputs", p.data, recipe{MaxDrop: 1, Labels: []string{"a", "b"}}, []string{"2 labels for 4 outputs"}},
		{"a label out of range", &dataset.Splits{Train: badLabel}, recipe{MaxDrop: 1}, []string{"sample 3 has label 4", "4 outputs", "--no-labels"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := compressWith(context.Background(), m, tt.data, tt.r, nil)
			if err == nil || res != nil {
				t.Fatalf("result %v, error %v", res, err)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("message %q does not say %q", err, s)
				}
			}
		})
	}
}
