package program

import (
	"slices"
	"time"

	"edgec/runtime"
)

// Timed returns a function that executes one inference of m, in one session and
// on generated input, and returns the time that it took, the input left aside. The error is
// that of NewSession with the limits c.
func Timed(m *runtime.Model, c runtime.Config) (run func() time.Duration, err error) {
	s, err := m.NewSession(c)
	if err != nil {
		return nil, err
	}
	inputs := len(m.Info().Inputs)
	return func() time.Duration {
		for i := range inputs {
			s.SetTestInput(i, 1+uint32(i)) // a run uses the inputs' memory for other values
		}
		t := time.Now()
		s.Run()
		return time.Since(t)
	}, nil
}

// WarmUp calls run until the given time has passed.
func WarmUp(run func() time.Duration, long time.Duration) {
	for begin := time.Now(); time.Since(begin) < long; {
		run()
	}
}

// Times calls run at least least times and for at least the given time, but at most
// most times, and returns the times, the shortest first.
func Times(run func() time.Duration, least, most int, long time.Duration) []time.Duration {
	times := make([]time.Duration, 0, most)
	for begin := time.Now(); len(times) < most; {
		if len(times) >= least && time.Since(begin) > long {
			break
		}
		times = append(times, run())
	}
	slices.Sort(times)
	return times
}
