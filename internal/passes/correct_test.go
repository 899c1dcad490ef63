package passes

import (
	"math"
	"testing"

	"edgec/internal/tensor"
)

func TestCorrectBias(t *testing.T) {
	b, g := lenet(t, 11)
	x := b.Inputs(64)
	cfg := Config{}
	if err := Calibrate(g, Samples(x, 64), cfg); err != nil {
		t.Fatal(err)
	}
	// Three bits only: rounding shifts the means visibly.
	if err := Weights(g, cfg); err != nil {
		t.Fatal(err)
	}
	for _, l := range layers(g) {
		for c := range l.w.Grid.Scale {
			l.w.Grid.Scale[c] *= 127.0 / 3
		}
		l.w.Refresh()
	}
	if err := Biases(g, cfg); err != nil {
		t.Fatal(err)
	}
	float := withoutGrids(g)
	// off is the difference of the outputs' means, for each output.
	off := func() (d [5]float64) {
		want, got := run(t, float, x), run(t, g, x)
		for i := range want {
			d[i%5] += float64(want[i]-got[i]) / float64(x.Shape[0])
		}
		return d
	}
	before := off()
	if err := CorrectBias(g, Samples(x, 32)); err != nil {
		t.Fatal(err)
	}
	last := layers(g)[3].b
	largest := 0.0
	for c, m := range off() {
		largest = max(largest, math.Abs(before[c]))
		if step := float64(last.Grid.ScaleOf(c)) * float64(int64(1)<<last.Grid.Shift); math.Abs(m) > step {
			t.Errorf("output %d: mean off by %v, was %v; a step of the bias is %v", c, m, before[c], step)
		}
	}
	if largest < 0.01 {
		t.Errorf("the coarse grid shifted the means by %v only: the test shows nothing", largest)
	}
}

// What bias correction holds is counted from the shapes, and the samples that
// it meets are cut to it.
// A search that is stopped between the two passes over the samples gets an error.
func TestCorrectBiasStopped(t *testing.T) {
	b, g := lenet(t, 11)
	all, passes := Samples(b.Inputs(8), 8), 0
	once := func(yield func([]*tensor.Tensor) bool) {
		if passes++; passes == 1 {
			all(yield)
		}
	}
	if err := CorrectBias(g, once); err == nil || passes != 2 {
		t.Errorf("%d passes over the samples, error %v", passes, err)
	}
}

func TestCorrectBiasHolds(t *testing.T) {
	b, g := lenet(t, 11)
	w := newWalk(g)
	w.start([]*tensor.Tensor{b.Inputs(1)})
	most := 0
	for i := range g.Nodes {
		if err := w.step(i, w.acts[0]); err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, x := range w.acts[0] {
			held += len(x.Data)
		}
		most = max(most, held)
	}
	if got := w.liveFloats(); got != most {
		t.Errorf("%d numbers are held of a sample, counted as %d", most, got)
	}
	for _, n := range []int{1, 32, 33, 70, 100} {
		sizes := []int{}
		total := 0
		for batch := range firstSamples(Samples(b.Inputs(70), 32), n) {
			sizes = append(sizes, batch[0].Shape[0])
			total += batch[0].Shape[0]
		}
		if total != min(n, 70) {
			t.Errorf("the first %d of 70 samples are batches of %v", n, sizes)
		}
	}
}
