package program

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// collect adds times to samples.
func collect(times []int64) *samples {
	s := &samples{kept: make([]int64, 0, mostKept), every: 1}
	for _, t := range times {
		s.add(t)
	}
	return s
}

// Statistics are those of their definitions, also where not every time is kept.
func TestSamples(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 1000, mostKept, mostKept + 1, 5*mostKept + 7} {
		times := make([]int64, n)
		sum := 0.0
		for i := range times {
			times[i] = int64(1000 + random.IntN(100_000))
			sum += float64(times[i])
		}
		mean, squares := sum/float64(n), 0.0
		for _, x := range times {
			squares += (float64(x) - mean) * (float64(x) - mean)
		}
		s := collect(times)
		deviation := 0.0
		if n > 1 {
			deviation = math.Sqrt(squares / float64(n-1))
		}
		if s.runs != n || s.min != slices.Min(times) || s.max != slices.Max(times) || math.Abs(s.mean-mean) > 1e-6*mean || math.Abs(s.deviation()-deviation) > 1e-6*mean {
			t.Errorf("%d times: %d, %v to %v, mean %v and deviation %v, want %v and %v", n, s.runs, s.min, s.max, s.mean, s.deviation(), mean, deviation)
		}
		if len(s.kept) > mostKept || n > mostKept && len(s.kept) < mostKept/2 {
			t.Errorf("%d of %d times are kept", len(s.kept), n)
		}
		for i, x := range s.kept {
			if x != times[i*s.every] {
				t.Fatalf("kept time %d of %d is not run %d", i, n, i*s.every)
			}
		}
	}
}

// Tails are given where runs lie beyond them, and doubts are told.
func TestSampleWarnings(t *testing.T) {
	same := func(n int, times ...int64) []int64 {
		return append(slices.Repeat([]int64{1000}, n-len(times)), times...)
	}
	for _, c := range []struct {
		name      string
		times     []int64
		p90, p99  bool
		want      string
		unwelcome string
	}{
		{"few", same(60), false, false, "p90 takes 100 runs and p99 1000; these are 60", "longer"},
		{"some", same(999), true, false, "p99 takes 1000 runs; these are 999", "longer"},
		{"many", same(1000), true, true, "", "p9"},
		{"tail", append(same(980), slices.Repeat([]int64{10_000}, 20)...), true, true, "p99 is 10 times the median", "p90"},
		{"heat", append(same(900), slices.Repeat([]int64{1200}, 300)...), true, true, "the last quarter took 20 % longer", "p99"},
	} {
		s := collect(c.times)
		got := strings.Join(s.warnings(), "\n")
		if !strings.Contains(got, c.want) || strings.Contains(got, c.unwelcome) || (c.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		var f facts
		s.facts(&f)
		text := lines(t, f)
		if strings.Contains(text, "p90 ") != c.p90 || strings.Contains(text, "p99 ") != c.p99 || !strings.Contains(text, "median                1 us\n") {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

// A measurement has the runs and the time that are asked for.
func TestMeasure(t *testing.T) {
	run := func() int64 { return 1000 }
	if s := (Timing{Runs: 7}).measure(run); s.runs != 7 || s.fewer {
		t.Errorf("%d runs, want 7", s.runs)
	}
	if s := (Timing{Runs: 7, Duration: 20e6}).measure(run); s.runs < 8 || s.took < 20e6 {
		t.Errorf("%d runs in %d ns, want 20 ms", s.runs, s.took)
	}
	slow := func() int64 {
		time.Sleep(time.Millisecond)
		return 1e6
	}
	if s := (Timing{Duration: 1e6}).measure(slow); s.runs != leastRun {
		t.Errorf("%d slow runs, want %d", s.runs, leastRun)
	}
}

// asDevice, in the environment, makes the test behave as a device program with a model.
const asDevice = "EDGEC_TEST_AS_DEVICE"

// With --until-eof a program ends when its standard input does, and not before.
func TestUntilEOF(t *testing.T) {
	if os.Getenv(asDevice) != "" {
		os.Exit(Program{Model: corners(t)}.Main([]string{"device", "--bench", "--duration", "1m", "--until-eof"}, os.Stdin, os.Stdout, os.Stderr))
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestUntilEOF$")
	cmd.Env = append(os.Environ(), asDevice+"=1")
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, syscall.ENOEXEC) {
		t.Skip("the test runs under an emulator, whose programs this system does not start by itself")
	} else if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("ended before its input: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	hold.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the exit code is 0")
		}
	case <-time.After(10 * time.Second):
		cmd.Process.Kill()
		t.Fatal("goes on without its input")
	}
}

// --duration takes a time with its unit.
func TestDuration(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int64 // nanoseconds; 0: an error
	}{
		{[]string{"--bench", "--duration", "250ms"}, 250e6}, {[]string{"--bench"}, boardDuration}, {[]string{"--bench", "5", "--duration=1s"}, second}, {[]string{"--bench", "--duration", "1.5m"}, 90 * second},
		{[]string{"--bench", "--duration", "10"}, 0}, {[]string{"--bench", "--duration", "-1s"}, 0}, {[]string{"--bench", "--duration", "2h"}, 0}, {[]string{"--bench", "--duration"}, 0},
	} {
		j := &Job{}
		if _, err := j.parse(c.args); (err == nil) != (c.want > 0) || err == nil && j.Timing.Duration != c.want {
			t.Errorf("%q: %v, %v", c.args, j.Timing.Duration, err)
		}
	}
}
