package search_test

import (
	"context"
	"testing"
	"time"

	"edgec/internal/search"
)

// late is what a search may take beyond a deadline on a busy machine: its last stages, and a
// second.
const late = 10 * time.Second

// TestRestOfBudget: a budget is used, and not exceeded; the answer is no larger than without the
// rest.
func TestRestOfBudget(t *testing.T) {
	p, r := splitReconstruction(t), quick()
	r.NoLabels, r.MaxDrop, r.Effort = true, 100, 0.05
	whole := compress(t, p, r)
	r.Budget = 12 * max(whole.Time, 100*time.Millisecond)
	rest := compress(t, p, r)
	if len(rest.Candidates) <= len(whole.Candidates) || rest.Best.Size() > whole.Best.Size() {
		t.Errorf("%d files and %d bytes with the rest of a budget, %d and %d without", len(rest.Candidates), rest.Best.Size(), len(whole.Candidates), whole.Best.Size())
	}
	if rest.Time > r.Budget+late {
		t.Errorf("%v of a budget of %v", rest.Time, r.Budget)
	}
}

// TestStopsAtOnce: a search that is interrupted while it rounds, trains or measures comes to its
// end soon, and so does one whose budget ends there.
func TestStopsAtOnce(t *testing.T) {
	p := get(t, classification)
	for _, stage := range []string{"int8", "round", "learning rate"} {
		r := quick()
		r.MaxDrop, r.TrainedOn = 10, "no" // training comes soon
		ctx, cancel := context.WithCancel(context.Background())
		var since time.Time
		_, err := compressWith(ctx, p.model(t), p.data, r, func(g search.Progress) {
			if g.Stage == stage && since.IsZero() {
				since = time.Now()
				cancel()
			}
		})
		cancel()
		if since.IsZero() {
			t.Fatalf("no stage %q: %v", stage, err)
		}
		if took := time.Since(since); took > late {
			t.Errorf("%v after an interruption in stage %q, %v", took, stage, err)
		}
	}
	for _, budget := range []time.Duration{time.Nanosecond, 300 * time.Millisecond} {
		r := quick()
		r.MaxDrop, r.Budget = 10, budget
		since := time.Now()
		res := compress(t, p, r)
		if took := time.Since(since); took > budget+late {
			t.Errorf("%v of a budget of %v", took, budget)
		}
		if res.Interrupted != "budget used up" {
			t.Errorf("a budget of %v: interrupted %q", budget, res.Interrupted)
		}
	}
}
