package targets

import (
	"strings"
	"time"
)

// core is what an estimate knows of a processor core.
type core struct {
	name string // as it stands in Board.CPU
	// Instructions for each step of runtime.Info.Work, from the least to the most of the
	// dense networks of docs/SPEED.md (make bench-arm).
	leastStep, mostStep float64
	// Instructions in each cycle, assumed: what such cores are known to reach in loops of
	// integer arithmetic, between a memory-bound and a well-scheduled one.
	leastRate, mostRate float64
}

// cores are the cores of the boards.
var cores = []core{
	{"ARM1176", 1.05, 1.45, 0.5, 0.9},
	{"Cortex-A7:", 0.35, 0.72, 0.5, 1.1},
	{"Cortex-A8", 0.35, 0.72, 0.5, 1.2},
	{"Cortex-A53", 0.26, 0.41, 0.6, 1.3},
	{"Cortex-A72", 0.26, 0.41, 1, 2.2},
	{"Cortex-A76", 0.12, 0.24, 1.5, 3.2},
}

// core returns what is known of the board's core, nil: nothing.
func (b Board) core() *core {
	for i := range cores {
		if strings.Contains(b.CPU, cores[i].name) {
			return &cores[i]
		}
	}
	return nil
}

// Instructions returns between which numbers of instructions one inference of so many steps
// (runtime.Info.Work) takes on a core of the board, from counts for dense networks under an
// emulator. Both are 0 for a board whose core is not known, such as linux-arm64. Sparse lists
// take up to four times as many a step.
func (b Board) Instructions(steps int64) (least, most float64) {
	if c := b.core(); c != nil {
		least, most = float64(steps)*c.leastStep, float64(steps)*c.mostStep
	}
	return least, most
}

// Estimate returns between which times one inference of so many steps takes on a core of the
// board:
//
//	instructions / (instructions a cycle * clock)
//
// Those in a cycle are assumed, since no board was at hand. ok is false for a board whose
// core or clock is not known.
func (b Board) Estimate(steps int64) (least, most time.Duration, ok bool) {
	c := b.core()
	if c == nil || b.MHz == 0 {
		return 0, 0, false
	}
	few, many := b.Instructions(steps)
	cycle := float64(time.Second) / (float64(b.MHz) * 1e6)
	return time.Duration(few / c.mostRate * cycle), time.Duration(many / c.leastRate * cycle), true
}
