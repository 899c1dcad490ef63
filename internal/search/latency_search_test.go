package search_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/deep"
	"edgec/internal/search"
)

// timed searches by a clock and checks that every file is listed with its time.
func timed(t *testing.T, p *problem, r recipe, clock search.Clock) *search.Result {
	t.Helper()
	res, err := searched(t, p, r, clock)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, p, r, res)
	for _, q := range res.Candidates {
		if want, _ := clock(q.Bytes, 0); q.Latency != want {
			t.Errorf("a file of %d bytes is listed with %v, it takes %v", q.Size(), q.Latency, want)
		}
	}
	if b := res.Best; b.Latency == 0 || b.Latency > r.MaxLatency {
		t.Errorf("the answer takes %v of %v", b.Latency, r.MaxLatency)
	}
	return res
}

// TestTime: the best file within a time uses it up.
func TestTime(t *testing.T) {
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxLatency, r.Effort = 0, 900, 0.1
	slowest := time.Duration(0)
	for _, q := range timed(t, p, r, byKept).Candidates {
		if q.Latency <= r.MaxLatency {
			slowest = max(slowest, q.Latency)
		}
	}
	if slowest < r.MaxLatency*8/10 {
		t.Errorf("the slowest file within %v takes %v", r.MaxLatency, slowest)
	}
}

// TestTimeAndSize: a longer time loses no more, and with a size beside it both hold.
func TestTimeAndSize(t *testing.T) {
	deep.Only(t)
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxLatency, r.Effort = 0, 900, 0.1
	fast := timed(t, p, r, byKept)
	r.MaxLatency = 2500
	if slow := timed(t, p, r, byKept); slow.Best.Latency <= 900 || slow.Best.Drop > fast.Best.Drop {
		t.Errorf("within %v: %v at a drop of %v; within 900ns: %v at %v", r.MaxLatency, slow.Best.Latency, slow.Best.Drop, fast.Best.Latency, fast.Best.Drop)
	}
	r.MaxSize = 400
	if both := timed(t, p, r, byKept); both.Best.Size() > 400 {
		t.Errorf("%d bytes where 400 were asked for", both.Best.Size())
	}
}

// TestTimeAndDrop: within a drop and a time, channels are cut where pruning does not make the
// network fast enough.
func TestTimeAndDrop(t *testing.T) {
	deep.Only(t)
	p, r := get(t, wideClassification), quick()
	r.Effort, r.MaxLatency = 0.01, 70*time.Microsecond
	fast := timed(t, p, r, byShape)
	all := search.MACs(p.model(t).Graph)
	few, cuts := checkCuts(t, fast, all)
	slow, _ := unhurried(t)
	many, usual := checkCuts(t, slow, all)
	if cuts <= usual || many < 100_000 {
		t.Errorf("%d cuts to %d multiplications, without the limit %d to %d", cuts, few, usual, many)
	}
}

// TestTimeInstead: where all small files within the drop are too slow, weights
// that take less time are looked for.
func TestTimeInstead(t *testing.T) {
	deep.Only(t)
	p, r := get(t, classification), quick()
	r.MaxDrop, r.MaxLatency = 12, 1500
	timed(t, p, r, byKept)
}

// TestTimeUnmet: the error says how fast a file could be had.
func TestTimeUnmet(t *testing.T) {
	p, r := get(t, reconstruction), quick()
	if deep.On() {
		p = get(t, classification)
	}
	r.MaxDrop, r.MaxLatency, r.Effort = 0, startTime/2, 0.1
	res, err := compressTimed(context.Background(), p.model(t), p.data, r, byKept, nil)
	if err == nil || !strings.Contains(err.Error(), "no file meets the limits: ") || !strings.Contains(err.Error(), "of 100ns at a drop") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v", err)
	}
	if res == nil || len(res.Candidates) == 0 || res.Best.Bytes != nil {
		t.Errorf("result %+v", res)
	}
}

// TestTimeResumed: a file that was measured is not measured again, except the answer.
func TestTimeResumed(t *testing.T) {
	p, r := get(t, reconstruction), quick()
	r.MaxDrop, r.MaxLatency, r.Effort = 0, 300, 0.1
	if deep.On() {
		p, r.MaxLatency = get(t, classification), 900
	}
	r.Journal = filepath.Join(t.TempDir(), "search")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first, err := compressTimed(ctx, p.model(t), p.data, r, byKept, func(g search.Progress) {
		if g.Stage == "time" {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Resume = true
	again, err := compressTimed(context.Background(), p.model(t), p.data, r, func(file []byte, long time.Duration) (time.Duration, error) {
		if long != search.AnswerTimes {
			t.Error("a file was measured again")
		}
		return byKept(file, long)
	}, nil)
	// the same network; the first search had no time to put its units in order
	if err != nil || again.Best.Size() > first.Best.Size() || again.Best.Shape.Kept != first.Best.Shape.Kept || again.Best.Error != first.Best.Error {
		t.Errorf("%v: %d bytes of %d weights, %d of %d before", err, again.Best.Size(), again.Best.Shape.Kept, first.Best.Size(), first.Best.Shape.Kept)
	}
}

// TestFarTime: a limit far below what pruned layers take is met by smaller feature maps.
func TestFarTime(t *testing.T) {
	deep.Only(t)
	p, r := get(t, wideClassification), quick()
	all := search.MACs(p.model(t).Graph)
	r.MaxDrop, r.MaxLatency, r.Effort = 0, startTime+time.Duration(all/100), 0.02
	res := timed(t, p, r, byShape)
	slow, _ := unhurried(t)
	if cuts, usual := accepted(res, "channels"), accepted(slow, "channels"); cuts <= usual {
		t.Errorf("%d cuts of channels, %d without the limit", cuts, usual)
	}
	if left := res.Best.Shape.MACs; left < all/200 {
		t.Errorf("%d of %d multiplications are left, where the time allows twice as many", left, all)
	}
}
