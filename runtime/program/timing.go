package program

import (
	"slices"

	"edgec/runtime"
	"edgec/runtime/internal/sys"
)

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
