package edgec_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec"
	"edgec/internal/deep"
	"edgec/runtime"
)

// The clocks of these tests: a start and a nanosecond for each multiplication, of the
// weights that are left as in lists, or of all.
const startTime = 200 * time.Nanosecond

func byKept(file []byte, _ time.Duration) (time.Duration, error) {
	m, err := runtime.Load(file)
	if err != nil {
		return 0, err
	}
	return startTime + time.Duration(m.Info().KeptMACs), nil
}

func byShape(file []byte, _ time.Duration) (time.Duration, error) {
	m, err := runtime.Load(file)
	if err != nil {
		return 0, err
	}
	return startTime + time.Duration(m.Info().MACs), nil
}

func timed(t *testing.T, p *problem, r edgec.Recipe, clock edgec.Clock) *edgec.Report {
	t.Helper()
	report, err := edgec.CompressTimed(context.Background(), p.model(t), p.data, r, clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, p, report)
	for _, q := range report.Tried {
		if want, _ := clock(q.Bytes, 0); q.Latency != want {
			t.Errorf("a file of %d bytes is listed with %v, it takes %v", q.Size, q.Latency, want)
		}
	}
	if b := report.Best; b.Latency == 0 || b.Latency > r.MaxLatency {
		t.Errorf("the answer takes %v of %v", b.Latency, r.MaxLatency)
	}
	return report
}

// TestCompressLatency: the best file within a time fills it, and with a size beside it
// both hold.
func TestCompressLatency(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.MaxLatency = 0, 900
	fast := timed(t, p, r, byKept)
	fullest := time.Duration(0)
	for _, q := range fast.Tried {
		if q.Latency <= r.MaxLatency {
			fullest = max(fullest, q.Latency)
		}
	}
	if fullest < r.MaxLatency*8/10 {
		t.Errorf("the slowest file within %v takes %v", r.MaxLatency, fullest)
	}
	if !deep.On() {
		return
	}
	r.MaxLatency = 2500
	if slow := timed(t, p, r, byKept); slow.Best.Latency <= 900 || slow.Best.Drop > fast.Best.Drop {
		t.Errorf("within %v: %v at a drop of %v; within 900ns: %v at %v", r.MaxLatency, slow.Best.Latency, slow.Best.Drop, fast.Best.Latency, fast.Best.Drop)
	}
	r.MaxSize = 400
	if both := timed(t, p, r, byKept); both.Best.Size > 400 {
		t.Errorf("%d bytes where 400 were asked for", both.Best.Size)
	}
}

// TestCompressLatencyDrop: within a drop and a time, filters are cut where pruning does
// not make the network fast enough.
func TestCompressLatencyDrop(t *testing.T) {
	deep.Only(t)
	p := get(t, wideClassification)
	r := quick()
	r.Effort, r.MaxLatency = 0.02, 70*time.Microsecond
	cuts := func(report *edgec.Report) (n int) {
		for _, s := range report.Stages {
			if s.Name == "filters" && s.Accepted {
				n++
			}
		}
		return n
	}
	fast := timed(t, p, r, byShape)
	r.MaxLatency = time.Second
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	free, err := edgec.CompressTimed(ctx, p.model(t), p.data, r, byShape, func(g edgec.Progress) {
		if g.Stage == "prune" { // its filters are cut
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if cuts(fast) <= cuts(free) || free.Best.Latency < 100*time.Microsecond {
		t.Errorf("%d cuts to a file of %v, without the limit %d to one of %v", cuts(fast), fast.Best.Latency, cuts(free), free.Best.Latency)
	}
}

// TestCompressLatencyInstead: where all small files within the drop are too slow, weights
// that take less time are looked for.
func TestCompressLatencyInstead(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.MaxLatency = 12, 1500
	timed(t, p, r, byKept)
}

// TestCompressLatencyUnmet: the error says how fast a file could be had.
func TestCompressLatencyUnmet(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.MaxLatency, r.Effort = 0, startTime/2, 0.1
	report, err := edgec.CompressTimed(context.Background(), p.model(t), p.data, r, byKept, nil)
	if err == nil || !strings.Contains(err.Error(), "no file meets the limits: ") || !strings.Contains(err.Error(), "of 100ns at a drop") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v", err)
	}
	if report == nil || len(report.Tried) == 0 || report.Best.Bytes != nil {
		t.Errorf("report %+v", report)
	}
}

// TestCompressLatencyResumed: what was measured is not measured again, but for the answer.
func TestCompressLatencyResumed(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.MaxLatency, r.Effort = 0, 900, 0.1
	r.Journal = filepath.Join(t.TempDir(), "search")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first, err := edgec.CompressTimed(ctx, p.model(t), p.data, r, byKept, func(g edgec.Progress) {
		if g.Stage == "time" {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Resume = true
	again, err := edgec.CompressTimed(context.Background(), p.model(t), p.data, r, func(file []byte, long time.Duration) (time.Duration, error) {
		if long != edgec.AnswerTimes {
			t.Error("a file was measured again")
		}
		return byKept(file, long)
	}, nil)
	if err != nil || !bytes.Equal(first.Best.Bytes, again.Best.Bytes) {
		t.Errorf("%v: %d bytes, %d before", err, again.Best.Size, first.Best.Size)
	}
}
