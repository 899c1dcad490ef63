package search

import (
	"context"
	"errors"
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
		t.Error("bytes that are no file were measured")
	}
}

// Where a time is asked for, a number of weights moves by a factor of two at the most;
// otherwise freely.
func TestClampUpdate(t *testing.T) {
	for _, c := range []struct {
		latency        time.Duration
		from, to, want int
	}{{0, 1000, 10, 10}, {0, 1000, 9000, 9000}, {1, 1000, 10, 500}, {1, 1000, 9000, 2000}, {1, 1000, 700, 700}, {1, fewestWeights, 1, fewestWeights}} {
		if got := (Objective{MaxLatency: c.latency}).clampUpdate(c.from, c.to); got != c.want {
			t.Errorf("limit %v, %d to %d weights: %d, want %d", c.latency, c.from, c.to, got, c.want)
		}
	}
}

// The answer is measured again, for longer; one that then misses the limit gives way to
// the next, and is listed with the time that counts.
func TestAnswerIsMeasuredAgain(t *testing.T) {
	times := map[string]time.Duration{"a": 101, "bb": 100, "ccc": 10}
	o := within(1)
	o.MaxLatency = 100
	s := asked(o)
	s.clock = func(file []byte, long time.Duration) (time.Duration, error) {
		if long != answerTimes {
			t.Errorf("measured for %v", long)
		}
		return times[string(file)], nil
	}
	var cs []Candidate
	for _, file := range []string{"a", "bb", "ccc"} {
		cs = append(cs, Candidate{Bytes: []byte(file), Need: Need{Latency: 99}, Meets: true})
	}
	best, ok, all, err := s.answer(context.Background(), cs)
	if err != nil || !ok || best.Size() != 2 || best.Latency != 100 || !best.Meets {
		t.Errorf("answer %+v, %v, %v", best, ok, err)
	}
	if a, c := all[0], all[2]; a.Latency != 101 || a.Meets || c.Latency != 99 {
		t.Errorf("listed: %+v, %+v", a, c)
	}
	if cs[0].Latency != 99 || !cs[0].Meets {
		t.Errorf("the candidates that were given have changed: %+v", cs[0])
	}
	s.config.Objective.MaxLatency = 9
	if _, ok, _, _ := s.answer(context.Background(), all); ok {
		t.Error("an answer that is too slow")
	}
	s.config.Objective.MaxLatency, s.clock = 100, func([]byte, time.Duration) (time.Duration, error) { return 0, errors.New("broken") }
	if _, ok, _, err := s.answer(context.Background(), all); ok || err == nil {
		t.Errorf("%v, %v after a measurement that failed", ok, err)
	}
	s.config.Objective = within(1) // nothing is measured
	if c, ok, _, err := s.answer(context.Background(), all); !ok || err != nil || c.Size() != 1 {
		t.Errorf("without a limit: %+v, %v, %v", c, ok, err)
	}
}
