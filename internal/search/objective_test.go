package search

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// candidates returns files of pairs of a size and a drop.
func candidates(sizeDrop ...float64) []Candidate {
	var cs []Candidate
	for i := 0; i < len(sizeDrop); i += 2 {
		cs = append(cs, of(int(sizeDrop[i]), sizeDrop[i+1]))
	}
	return cs
}

// withMargin returns a candidate with a standard-error margin.
func withMargin(size int, drop, margin float64) Candidate {
	c := of(size, drop)
	c.Margin = margin
	return c
}

func sameCandidates(a, b []Candidate) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Size() != b[i].Size() || a[i].Drop != b[i].Drop {
			return false
		}
	}
	return true
}

func TestPareto(t *testing.T) {
	tests := []struct {
		name        string
		tried, want []Candidate
	}{
		{"nothing", nil, nil},
		{"one", candidates(10, 1), candidates(10, 1)},
		{"a trade", candidates(30, 0, 10, 2, 20, 1), candidates(10, 2, 20, 1, 30, 0)},
		{"a beaten one", candidates(10, 1, 20, 2), candidates(10, 1)},
		{"equal sizes", candidates(10, 2, 10, 1), candidates(10, 1)},
		{"equal drops", candidates(20, 1, 10, 1), candidates(10, 1)},
		{"equals", candidates(10, 1, 10, 1), candidates(10, 1)},
		{"a drop below zero", candidates(10, 1, 20, -0.5, 15, 3), candidates(10, 1, 20, -0.5)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Pareto(tt.tried); !sameCandidates(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// TestParetoAgainstPairs compares the front with its definition on random tables with many
// equal sizes and drops, and the answer with the best of all candidates.
func TestParetoAgainstPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	size := func(n int) Objective { return Objective{MaxSize: n} }
	both := func(drop float64, n int) Objective { return Objective{MaxDrop: &drop, MaxSize: n} }
	for range 300 {
		var cs []Candidate
		for range r.IntN(12) {
			cs = append(cs, of(10+r.IntN(6), float64(r.IntN(6))/2))
		}
		front := Pareto(cs)
		checkFront(t, cs, front)
		// without standard errors there is no margin
		for _, o := range []Objective{within(1), size(13), both(1.5, 12), both(0, 13), {}} {
			checkAnswer(t, o, cs, front)
		}
	}
}

// checkFront: a candidate is on the front unless another beats it.
func checkFront(t *testing.T, cs, front []Candidate) {
	t.Helper()
	for _, c := range cs {
		beaten := false
		for _, q := range cs {
			beaten = beaten || q.Size() <= c.Size() && q.Drop <= c.Drop && (q.Size() < c.Size() || q.Drop < c.Drop)
		}
		if beaten == listed(front, c) {
			t.Fatalf("%d bytes at %v: beaten %v, on the front of %d", c.Size(), c.Drop, beaten, len(front))
		}
	}
}

// listed reports whether a front has a candidate of that size and drop.
func listed(front []Candidate, c Candidate) bool {
	for _, q := range front {
		if q.Size() == c.Size() && q.Drop == c.Drop {
			return true
		}
	}
	return false
}

// checkAnswer: the answer meets the objective, no other candidate that does is better, and it
// is on the front.
func checkAnswer(t *testing.T, o Objective, cs, front []Candidate) {
	t.Helper()
	got, ok := o.Select(cs)
	found := false
	for _, q := range cs {
		if !o.meets(q.Size(), q.Drop, q.Latency) {
			continue
		}
		found = true
		if o.limitsOnly() && q.Drop < got.Drop || !o.limitsOnly() && q.Size() < got.Size() {
			t.Fatalf("%+v: the answer has %d bytes at %v, but %d at %v is better", o, got.Size(), got.Drop, q.Size(), q.Drop)
		}
	}
	if found != ok || ok && !o.meets(got.Size(), got.Drop, got.Latency) {
		t.Fatalf("%+v: found %v, there is one %v", o, ok, found)
	}
	if ok && !listed(front, got) {
		t.Fatalf("%+v: the answer of %d bytes at %v is not on the front", o, got.Size(), got.Drop)
	}
}

// The smallest file that meets the limit with its margin is the answer; without
// such a file one with half of it, or else one that just meets the limit.
func TestSelectMargin(t *testing.T) {
	cs := []Candidate{withMargin(10, 0.45, 0.1), withMargin(12, 0.35, 0.1), withMargin(14, 0, 0.1)}
	for _, tt := range []struct {
		most float64
		want int
	}{{0.5, 12}, {0.44, 14}, {0.15, 14}, {0.05, 14}} {
		if got, ok := within(tt.most).Select(cs); !ok || got.Size() != tt.want {
			t.Errorf("at most %v: %d bytes, %v; want %d", tt.most, got.Size(), ok, tt.want)
		}
	}
	cs = []Candidate{withMargin(10, 0.375, 0.1), withMargin(12, 0.35, 0.1)}
	for _, tt := range []struct {
		most float64
		want int
	}{{0.41, 12}, {0.38, 10}} { // with half the margin; without
		if got, ok := within(tt.most).Select(cs); !ok || got.Size() != tt.want {
			t.Errorf("at most %v: %d bytes, %v; want %d", tt.most, got.Size(), ok, tt.want)
		}
	}
}

// An ineligible file is no answer, whatever it loses.
func TestSelectEligible(t *testing.T) {
	better := of(10, 0)
	better.ineligible = true
	if got, ok := (Objective{MaxSize: 20}).Select([]Candidate{better, of(10, 1)}); !ok || got.Drop != 1 {
		t.Errorf("a drop of %v, %v", got.Drop, ok)
	}
}

func TestMeets(t *testing.T) {
	one := 1.0
	tests := []struct {
		o    Objective
		size int
		drop float64
		time time.Duration
		want bool
	}{
		{Objective{MaxDrop: &one}, 1 << 20, 1, 0, true},
		{Objective{MaxDrop: &one}, 1, 1.01, 0, false},
		{Objective{MaxDrop: &one}, 1, -3, 0, true},
		{Objective{MaxSize: 100}, 100, 99, 0, true},
		{Objective{MaxSize: 100}, 101, 0, 0, false},
		{Objective{MaxSize: 100, MaxDrop: &one}, 100, 2, 0, false},
		{Objective{MaxSize: 100, MaxDrop: &one}, 100, 1, 0, true},
		{Objective{MaxSize: 100, MaxDrop: &one}, 101, 1, 0, false},
		{Objective{}, 5, 0, 0, true},
		{Objective{}, 5, 0.01, 0, false},
		{Objective{MaxDrop: &one}, 5, math.NaN(), 0, false},
		{Objective{MaxDrop: &one}, 5, 1, time.Hour, true},
		{Objective{MaxLatency: 50}, 1 << 20, 99, 50, true},
		{Objective{MaxLatency: 50}, 5, 0, 51, false},
		{Objective{MaxLatency: 50, MaxDrop: &one}, 5, 1, 50, true},
		{Objective{MaxLatency: 50, MaxDrop: &one}, 5, 2, 50, false},
		{Objective{MaxLatency: 50, MaxDrop: &one}, 5, 1, 51, false},
		{Objective{MaxLatency: 50, MaxSize: 100}, 100, 99, 50, true},
		{Objective{MaxLatency: 50, MaxSize: 100}, 101, 0, 50, false},
		{Objective{MaxLatency: 50, MaxSize: 100}, 100, 0, 51, false},
	}
	for _, tt := range tests {
		if got := tt.o.meets(tt.size, tt.drop, tt.time); got != tt.want {
			t.Errorf("drop %v, %+v: %d bytes at %v in %v: %v", tt.o.drop(), tt.o, tt.size, tt.drop, tt.time, got)
		}
	}
}

// "No loss and at most 4 KB" is a drop of 0 beside a size: it asks for the smallest file that
// loses nothing, where the size alone would ask for the least loss.
func TestNoLossWithinSize(t *testing.T) {
	zero := 0.0
	o := Objective{MaxDrop: &zero, MaxSize: 4096}
	if o.limitsOnly() {
		t.Error("a drop of 0 was taken for none")
	}
	for _, tt := range []struct {
		size int
		drop float64
		want bool
	}{{4096, 0, true}, {4097, 0, false}, {4096, 0.01, false}, {10, -1, true}} {
		if got := o.meets(tt.size, tt.drop, 0); got != tt.want {
			t.Errorf("%d bytes at a drop of %v: %v", tt.size, tt.drop, got)
		}
	}
	cs := candidates(5000, -2, 4000, -1, 3000, 0, 2000, 0.01)
	if got, ok := o.Select(cs); !ok || got.Size() != 3000 {
		t.Errorf("%d bytes, %v; want 3000", got.Size(), ok)
	}
	if got, ok := (Objective{MaxSize: 4096}).Select(cs); !ok || got.Size() != 4000 {
		t.Errorf("the size alone: %d bytes, %v; want 4000", got.Size(), ok)
	}
	if got, ok := o.Select(cs[3:]); ok {
		t.Errorf("%d bytes at a drop of %v", got.Size(), got.Drop)
	}
}

// Costs are bytes where a size alone is asked for; a time counts as much as a size when
// it leaves as much of timeUtilization as the size of sizeUtilization.
func TestCost(t *testing.T) {
	both := Objective{MaxSize: 1000, MaxLatency: 200}
	for _, c := range []struct {
		o     Objective
		size  int
		time  time.Duration
		limit int
		want  float64
	}{
		{Objective{MaxSize: 1000}, 700, 0, 1000, 700},
		{Objective{MaxLatency: 200}, 1 << 20, 93, 200, 98.5},
		{both, 700, 93, 1000, 700},
		{both, 400, 93, 1000, 492.5},
		{both, 985, 186, 1000, 985},
	} {
		if got := c.o.limit(); got != c.limit {
			t.Errorf("%+v: limit %d, want %d", c.o, got, c.limit)
		}
		near(t, "cost", c.o.cost(c.size, c.time), c.want, 1e-9)
	}
}

// The error names the smallest, the best and the fastest file, and the limit.
func TestUnmetLatency(t *testing.T) {
	o := within(1)
	o.MaxLatency = 10 * time.Microsecond
	cs := candidates(100, 3, 200, 0.5, 300, 9)
	for i, us := range []time.Duration{30, 40, 20} {
		cs[i].Latency = us * time.Microsecond
	}
	for _, says := range []string{"100 bytes at a drop of 3.00", "loses 0.50 points at 200 bytes", "the fastest takes 20µs of 10µs at a drop of 9.00 points", "latency, or leave out --no-training"} {
		if got := o.unmet(cs, "leave out --no-training").Error(); !strings.Contains(got, says) || strings.Contains(got, "\n") {
			t.Errorf("%q does not say %q", got, says)
		}
	}
}
