package demo

import (
	"time"

	"edgec/internal/tensor"
	"edgec/internal/train"
)

// How long Speed trains, at the least, after a first step that allocates.
const measured = 200 * time.Millisecond

// Speed trains the untrained network for a moment and returns the time that a
// picture takes forward and backward, on the given number of goroutines. It
// depends on the machine and on what else it does; only a forecast may
// follow from it.
func Speed(threads int) (time.Duration, error) {
	const size = 256
	g, err := network(Seed)
	if err != nil {
		return 0, err
	}
	data, err := Data(Seed, size, 0, threads)
	if err != nil {
		return 0, err
	}
	t, err := train.New(g, train.Config{Threads: threads, Batch: size})
	if err != nil {
		return 0, err
	}
	pick := make([]int, size)
	for i := range pick {
		pick[i] = i
	}
	x, labels := tensor.New(g.Inputs[0].Shape.WithBatch(size)...), make([]int, size)
	fill(x, labels, data.Train, pick)
	b := train.Batch{X: []*tensor.Tensor{x}, Labels: labels}
	if _, err := t.Step(b, rate); err != nil {
		return 0, err
	}
	start, pictures := time.Now(), 0
	for time.Since(start) < measured {
		if _, err := t.Step(b, rate); err != nil {
			return 0, err
		}
		pictures += size
	}
	return time.Since(start) / time.Duration(pictures), nil
}
