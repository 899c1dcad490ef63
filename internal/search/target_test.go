package search

import (
	"strings"
	"testing"
	"time"

	"edgec/internal/eval"
	"edgec/targets"
)

// On a target, the time of a larger layer is longer, and both limits are of the board.
func TestPredictedNeed(t *testing.T) {
	board, err := targets.Find("rpi-zero")
	if err != nil {
		t.Fatal(err)
	}
	s := asked(Objective{MaxLatency: time.Millisecond, MaxMemory: 1 << 20})
	s.config.Target, s.clock = &board, predicted(board)
	var needs []Need
	for _, n := range []int{16, 320} {
		need, err := s.need(dense(t, n, 256), 0)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := s.need(dense(t, n, 256), time.Second); again != need {
			t.Errorf("%+v, then %+v", need, again)
		}
		needs = append(needs, need)
	}
	// 304 more outputs, of 256 weights in 16 bits each
	if more := needs[1].Memory - needs[0].Memory; more < 304*256*2 || more > 304*256*2+40*304 {
		t.Errorf("%d bytes more", more)
	}
	if needs[0].Latency <= 0 || needs[1].Latency < 10*needs[0].Latency {
		t.Errorf("%v and %v", needs[0].Latency, needs[1].Latency)
	}
	if _, err := s.need([]byte("no file"), 0); err == nil {
		t.Error("bytes that are no file have a prediction")
	}
}

// Without a target the memory is that of this machine, and without a limit nothing is measured.
func TestFootprint(t *testing.T) {
	s := asked(Objective{MaxMemory: 1 << 20})
	small, err := s.need(dense(t, 16, 256), 0)
	large, _ := s.need(dense(t, 320, 256), 0)
	if err != nil || small.Latency != 0 || small.Memory < 16*256 || large.Memory-small.Memory < 304*256 {
		t.Errorf("%v: %+v and %+v", err, small, large)
	}
	s.config.Objective = Objective{MaxSize: 1}
	if n, err := s.need([]byte("no file"), 0); err != nil || n != (Need{}) {
		t.Errorf("%v: %+v", err, n)
	}
}

// A memory is a limit like the others: alone, with a size, and with a drop.
func TestMemoryLimit(t *testing.T) {
	drop := 1.0
	for _, c := range []struct {
		o     Objective
		size  int
		need  Need
		meets bool
		cost  float64
	}{
		{Objective{MaxMemory: 1000}, 1 << 20, Need{Memory: 1000}, true, 1000},
		{Objective{MaxMemory: 1000}, 1, Need{Memory: 1001}, false, 1001},
		{Objective{MaxMemory: 1000, MaxSize: 100}, 90, Need{Memory: 500}, true, 90},
		{Objective{MaxMemory: 1000, MaxSize: 100}, 10, Need{Memory: 500}, true, 50},
		{Objective{MaxMemory: 1000, MaxDrop: &drop}, 10, Need{Memory: 500}, false, 5},
	} {
		c.o.MaxLatency = 0
		lost := 0.0
		if c.o.MaxDrop != nil {
			lost = 2
		}
		if got := c.o.meets(c.size, lost, c.need); got != c.meets {
			t.Errorf("%+v: %d bytes, %+v meets %v", c.o, c.size, c.need, got)
		}
		if c.o.MaxDrop == nil {
			near(t, "cost", c.o.cost(c.size, c.need), c.cost, 1e-9)
		}
	}
	if err := (Objective{MaxMemory: -1}).validate(); err == nil || !strings.Contains(err.Error(), "max memory is -1") {
		t.Errorf("error %v", err)
	}
	o := Objective{MaxMemory: 1000}
	cs := []Candidate{of(10, 1), of(20, 0)}
	cs[0].Memory, cs[1].Memory = 1500, 3000
	if err := o.unmet(cs, "more time"); !strings.Contains(err.Error(), "takes 1,500 of 1,000 bytes at a drop of 1.00 points") {
		t.Errorf("error %v", err)
	}
	if got := o.verdict(cs[0]); got != "too much memory" {
		t.Errorf("verdict %q", got)
	}
}

// Where only a time is asked for, a file that has lost most of what the network knows is no
// answer, and the error names the fastest that has not. With a drop or a size it is one.
func TestDestroyed(t *testing.T) {
	float := eval.Metrics{Error: 1, Chance: 89}
	cs := []Candidate{of(100, 43), of(200, 5), of(300, 0)}
	cs[0].Latency, cs[1].Latency, cs[2].Latency = 90, 300, 200
	o := Objective{MaxLatency: 100}
	err := o.destroyed(cs[0], cs, float)
	if err == nil || !strings.Contains(err.Error(), "loses 43.00 of 88.00 points; the nearest that keeps it loses 0.00 points and takes 200ns of 100ns; ") {
		t.Errorf("error %v", err)
	}
	drop := 50.0
	for _, o := range []Objective{{MaxLatency: 100, MaxDrop: &drop}, {MaxSize: 100}, {MaxLatency: 100, AnyLoss: true}} {
		if err := o.destroyed(cs[0], cs, float); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := o.destroyed(cs[1], cs, float); err != nil {
		t.Errorf("a drop of 5 points: %v", err)
	}
	if err := o.destroyed(cs[0], cs, eval.Metrics{Error: 90, Chance: 89}); err != nil {
		t.Errorf("a network that knows nothing: %v", err)
	}
}

// A target needs a limit, and a board that can be predicted.
func TestTargetConfig(t *testing.T) {
	four, _ := targets.Find("rpi-4")
	any, _ := targets.Find("linux-arm64")
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Target: &four}, "neither a latency nor a memory"},
		{Config{Target: &any, Objective: Objective{MaxLatency: 1}}, "times on linux-arm64 cannot be predicted"},
		{Config{Target: &four, Objective: Objective{MaxMemory: 1}}, ""},
	} {
		if err := c.config.Validate(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
}
