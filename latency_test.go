package edgec

import (
	"errors"
	"strings"
	"testing"
	"time"

	"edgec/runtime/format"
)

// dense is the file of a dense layer from k inputs to n outputs, without zeros.
func dense(t *testing.T, n, k int) []byte {
	t.Helper()
	values := make([]int8, n*k)
	for i := range values {
		values[i] = int8(i%7 + 1)
	}
	f := &format.File{
		Tensors: []format.Tensor{{DType: format.Int8, Shape: []int{k}, Scale: 1.0 / 256, Zero: -128}, {DType: format.Float32, Shape: []int{n}}},
		Instrs:  []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 1, Weight: 0, LUT: -1, ClampMin: -128, ClampMax: 127}},
		Weights: []format.Weight{{OutC: n, KH: 1, KW: 1, InC: k, Scale: []float32{1.0 / 64}, Values: values}},
		Inputs:  []int{0},
		Outputs: []int{1},
	}
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A time is positive, and that of a network of twenty times the multiplications longer.
func TestLatency(t *testing.T) {
	var times []time.Duration
	for _, n := range []int{16, 320} {
		d, err := latency(dense(t, n, 256), 20*time.Millisecond)
		if err != nil || d <= 0 {
			t.Fatalf("%d outputs: %v, %v", n, d, err)
		}
		times = append(times, d)
	}
	if times[1] <= times[0] {
		t.Errorf("%v for a layer, %v for one of twenty times its size", times[0], times[1])
	}
	if _, err := latency([]byte("no file"), time.Millisecond); err == nil {
		t.Error("what is no file was measured")
	}
}

// Costs are bytes where a size alone is asked for; a time counts as much as a size when
// it leaves as much of timeFill as the size of fill.
func TestCost(t *testing.T) {
	both := Recipe{MaxSize: 1000, MaxLatency: 200}
	for _, c := range []struct {
		r     Recipe
		size  int
		time  time.Duration
		limit int
		want  float64
	}{
		{Recipe{MaxSize: 1000}, 700, 0, 1000, 700},
		{Recipe{MaxLatency: 200}, 1 << 20, 93, 200, 98.5},
		{both, 700, 93, 1000, 700},
		{both, 400, 93, 1000, 492.5},
		{both, 985, 186, 1000, 985},
	} {
		if got := c.r.limit(); got != c.limit {
			t.Errorf("%+v: limit %d, want %d", c.r, got, c.limit)
		}
		near(t, "cost", c.r.cost(c.size, c.time), c.want, 1e-9)
	}
}

// By times a number of weights moves by a factor of two at the most, by sizes freely.
func TestSteady(t *testing.T) {
	for _, c := range []struct {
		latency        time.Duration
		from, to, want int
	}{{0, 1000, 10, 10}, {0, 1000, 9000, 9000}, {1, 1000, 10, 500}, {1, 1000, 9000, 2000}, {1, 1000, 700, 700}, {1, fewest, 1, fewest}} {
		s := &search{recipe: Recipe{MaxLatency: c.latency}}
		if got := s.steady(c.from, c.to); got != c.want {
			t.Errorf("limit %v, %d to %d weights: %d, want %d", c.latency, c.from, c.to, got, c.want)
		}
	}
}

// The answer is measured again, for longer; one that then misses the limit gives way to
// the next, and is listed with the time that counts.
func TestAnswerIsMeasuredAgain(t *testing.T) {
	times := map[string]time.Duration{"a": 101, "b": 100, "c": 10}
	s := &search{recipe: Recipe{MaxDrop: 1, MaxLatency: 100}, tell: func(Progress) {},
		clock: func(file []byte, long time.Duration) (time.Duration, error) {
			if long != answerTimes {
				t.Errorf("measured for %v", long)
			}
			return times[string(file)], nil
		},
		points: []Point{{Size: 1, Bytes: []byte("a"), Latency: 99, Meets: true}, {Size: 2, Bytes: []byte("b"), Latency: 99, Meets: true}, {Size: 3, Bytes: []byte("c"), Latency: 99, Meets: true}}}
	p, ok, err := s.answer()
	if err != nil || !ok || p.Size != 2 || p.Latency != 100 || !p.Meets {
		t.Errorf("answer %+v, %v, %v", p, ok, err)
	}
	if a, c := s.points[0], s.points[2]; a.Latency != 101 || a.Meets || c.Latency != 99 {
		t.Errorf("listed: %+v, %+v", a, c)
	}
	s.recipe.MaxLatency = 9
	if _, ok, _ := s.answer(); ok {
		t.Error("an answer that is too slow")
	}
	s.recipe.MaxLatency, s.clock = 100, func([]byte, time.Duration) (time.Duration, error) { return 0, errors.New("broken") }
	if _, ok, err := s.answer(); ok || err == nil {
		t.Errorf("%v, %v after a measurement that failed", ok, err)
	}
	s.recipe = Recipe{MaxDrop: 1} // nothing is measured
	if p, ok, err := s.answer(); !ok || err != nil || p.Size != 1 {
		t.Errorf("without a limit: %+v, %v, %v", p, ok, err)
	}
}

// The error names the smallest, the best and the fastest file, and the limit.
func TestUnmetLatency(t *testing.T) {
	s := &search{recipe: Recipe{MaxDrop: 1, MaxLatency: 10 * time.Microsecond},
		points: []Point{{Size: 100, Drop: 3, Latency: 30 * time.Microsecond}, {Size: 200, Drop: 0.5, Latency: 40 * time.Microsecond}, {Size: 300, Drop: 9, Latency: 20 * time.Microsecond}}}
	for _, says := range []string{"100 bytes at a drop of 3.00", "loses 0.50 points at 200 bytes", "the fastest takes 20µs of 10µs at a drop of 9.00 points", "latency"} {
		if got := s.unmet().Error(); !strings.Contains(got, says) || strings.Contains(got, "\n") {
			t.Errorf("%q does not say %q", got, says)
		}
	}
}
