package program

import (
	"math"
	"slices"
	"strconv"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
)

// Timing says how Bench measures. The zero value measures for a second.
type Timing struct {
	Runs     int   // the number of runs, or with Duration the least number; 0: at least 50
	Duration int64 // nanoseconds, at least; 0: only Runs counts, or a second where that is 0 too; at most MaxDuration
	Layers   bool  // the time of each layer too
}

// MaxDuration bounds Timing.Duration: an hour.
const MaxDuration = 3600 * second

// second is a second in nanoseconds.
const second = 1_000_000_000

// The measurement. TFLite's benchmark_model asks for 50 runs and a second, MLPerf Tiny for 10
// seconds on a board, whose clock and temperature take time to settle.
const (
	defaultDuration = second
	boardDuration   = 10 * second
	leastRun        = 50
	longMinutes     = 10 // after which fewer runs have to do
)

// measure executes runs and collects their times.
func (t Timing) measure(run func() int64) *samples {
	least, long := max(t.Runs, 1), t.Duration
	if t.Runs == 0 {
		least = leastRun
		if long == 0 {
			long = defaultDuration
		}
	}
	s := &samples{kept: make([]int64, 0, mostKept), every: 1}
	begin := sys.Now()
	for {
		s.add(run())
		s.took = sys.Now() - begin
		if s.runs >= least && s.took >= long || s.took >= max(longMinutes*60*second, long) {
			s.fewer = s.runs < least
			return s
		}
	}
}

// mostKept bounds the times that are kept: 128 KB of them.
const mostKept = 1 << 14

// samples are the times of runs: all of them up to mostKept; of more runs every second, then
// every fourth, and so on.
type samples struct {
	kept     []int64 // nanoseconds, in the order of the runs
	every    int     // run of this number is kept
	runs     int
	took     int64 // of all, with what is between them
	fewer    bool  // than were asked for
	min, max int64
	mean, m2 float64 // nanoseconds, and the sum of squared distances (Welford 1962)
}

func (s *samples) add(t int64) {
	if s.runs%s.every == 0 {
		if len(s.kept) == mostKept {
			for i := range mostKept / 2 {
				s.kept[i] = s.kept[2*i]
			}
			s.kept = s.kept[:mostKept/2]
			s.every *= 2
		}
		if s.runs%s.every == 0 {
			s.kept = append(s.kept, t)
		}
	}
	if s.runs == 0 || t < s.min {
		s.min = t
	}
	s.max = max(s.max, t)
	s.runs++
	d := float64(t) - s.mean
	s.mean += d / float64(s.runs)
	s.m2 += d * (float64(t) - s.mean)
}

// deviation is the standard deviation in nanoseconds, 0 for a single run.
func (s *samples) deviation() float64 {
	if s.runs < 2 {
		return 0
	}
	return math.Sqrt(s.m2 / float64(s.runs-1))
}

// Runs from which on a tail is known: ten runs lie beyond it.
const runsForP90, runsForP99 = 100, 1000

// facts adds the statistics to f and returns the median in microseconds.
func (s *samples) facts(f *facts) (median float64) {
	sorted := slices.Sorted(slices.Values(s.kept))
	median = micros(sorted[len(sorted)/2])
	f.int("runs", int64(s.runs), "")
	f.real("measured", float64(s.took)/second, "s")
	f.real("min", micros(s.min), "us")
	f.real("median", median, "us")
	f.real("mean", s.mean/1000, "us")
	if s.runs >= runsForP90 {
		f.real("p90", micros(sorted[len(sorted)*9/10]), "us")
	}
	if s.runs >= runsForP99 {
		f.real("p99", micros(sorted[len(sorted)*99/100]), "us")
	}
	f.real("max", micros(s.max), "us")
	f.real("standard deviation", s.deviation()/1000, "us")
	f.as("deviation_us")
	return median
}

// What makes a measurement doubtful: a tail so many times the median, and a median of the
// last quarter so far from that of the first.
const longTail, drift = 10, 1.1

// warnings says what the statistics lack and what is suspicious in them.
func (s *samples) warnings() (texts []string) {
	switch {
	case s.runs < runsForP90:
		texts = append(texts, "p90 takes 100 runs and p99 1000; these are "+itoa(s.runs))
	case s.runs < runsForP99:
		texts = append(texts, "p99 takes 1000 runs; these are "+itoa(s.runs))
	}
	if s.fewer {
		texts = append(texts, "the measurement ended after "+itoa(longMinutes)+" minutes, with fewer runs than were asked for")
	}
	sorted := slices.Sorted(slices.Values(s.kept))
	if median, p99 := sorted[len(sorted)/2], sorted[len(sorted)*99/100]; s.runs >= runsForP99 && p99 >= longTail*median {
		texts = append(texts, "p99 is "+strconv.FormatInt(p99/max(median, 1), 10)+" times the median: something else runs on this machine; stop it and measure again")
	}
	if quarter := len(s.kept) / 4; quarter >= leastRun/4 {
		first, last := middle(s.kept[:quarter]), middle(s.kept[len(s.kept)-quarter:])
		if last > first*drift {
			texts = append(texts, "the last quarter took "+strconv.FormatFloat(100*(last/first-1), 'f', 0, 64)+" % longer than the first: the clock falls, or other work has begun; check cooling and load")
		}
	}
	return texts
}

// micros is a time in microseconds.
func micros(ns int64) float64 { return float64(ns) / 1000 }

// middle is the median of times, in nanoseconds.
func middle(times []int64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return float64(sorted[len(sorted)/2])
}

// Timed returns a function that executes one inference of m, in one session and
// on generated input, and returns the nanoseconds that it took, the input left aside. The error is
// that of NewSession with the limits c.
func Timed(m *runtime.Model, c runtime.Config) (run func() int64, err error) {
	s, err := m.NewSession(c)
	if err != nil {
		return nil, err
	}
	inputs := len(m.Info().Inputs)
	return func() int64 {
		for i := range inputs {
			s.SetTestInput(i, 1+uint32(i)) // a run uses the inputs' memory for other values
		}
		t := sys.Now()
		s.Run()
		return sys.Now() - t
	}, nil
}

// WarmUp calls run until long nanoseconds have passed.
func WarmUp(run func() int64, long int64) {
	for begin := sys.Now(); sys.Now()-begin < long; {
		run()
	}
}

// Times calls run at least least times and for at least long nanoseconds, but at most
// most times, and returns the times, the shortest first.
func Times(run func() int64, least, most int, long int64) []int64 {
	times := make([]int64, 0, most)
	for begin := sys.Now(); len(times) < most; {
		if len(times) >= least && sys.Now()-begin > long {
			break
		}
		times = append(times, run())
	}
	slices.Sort(times)
	return times
}
