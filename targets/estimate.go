package targets

import "time"

// core is what an estimate knows of a processor core.
type core struct {
	// Instructions for each step of runtime.Info.Work, from the least to the most of the
	// dense networks of docs/SPEED.md (make bench-arm).
	leastStep, mostStep float64
	// Instructions in each cycle, assumed: what such cores are known to reach in loops of
	// integer arithmetic, between a memory-bound and a well-scheduled one.
	leastRate, mostRate float64
}

// cores are the cores of the boards, by Board.QEMU.
var cores = map[string]core{
	"arm1176":    {1.05, 1.45, 0.5, 0.9},
	"cortex-a7":  {0.35, 0.72, 0.5, 1.1},
	"cortex-a8":  {0.35, 0.72, 0.5, 1.2},
	"cortex-a53": {0.26, 0.41, 0.6, 1.3},
	"cortex-a72": {0.26, 0.41, 1, 2.2},
	"cortex-a76": {0.12, 0.24, 1.5, 3.2},
}

// Instructions returns between which numbers of instructions one inference of so many steps
// (runtime.Info.Work) takes on a core of the board, from counts for dense networks under an
// emulator. Both are 0 where none were counted, as on amd64. Sparse lists take up to four
// times as many a step.
func (b Board) Instructions(steps int64) (least, most float64) {
	c := cores[b.QEMU]
	return float64(steps) * c.leastStep, float64(steps) * c.mostStep
}

// Estimate returns between which times one inference of so many steps takes on a core of the
// board:
//
//	instructions / (instructions a cycle * clock)
//
// Those in a cycle are assumed, since no board was at hand. ok is false for a board whose
// core or clock is not known.
func (b Board) Estimate(steps int64) (least, most time.Duration, ok bool) {
	c, ok := cores[b.QEMU]
	if !ok || b.MHz == 0 {
		return 0, 0, false
	}
	few, many := b.Instructions(steps)
	cycle := float64(time.Second) / (float64(b.MHz) * 1e6)
	return time.Duration(few / c.mostRate * cycle), time.Duration(many / c.leastRate * cycle), true
}
