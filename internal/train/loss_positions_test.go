package train

import (
	"math/rand/v2"
	"testing"
)

// TestPositions compares the loss with the mean of the losses of the positions that count, and
// its gradient with theirs.
func TestPositions(t *testing.T) {
	const positions, classes = 4, 3
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() []float32 {
		x := make([]float32, positions*classes)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for name, c := range map[string]struct {
		labels []int
		taught bool
	}{
		"labels":                 {[]int{0, 2, 1, 1}, false},
		"labels and a teacher":   {[]int{0, 2, 1, 1}, true},
		"two do not count":       {[]int{-1, 2, -1, 1}, true},
		"a teacher alone":        {nil, true},
		"none counts":            {[]int{-1, -1, -1, -1}, true},
		"none counts, no target": {[]int{-1, -1, -1, -1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := Distill{Weight: 0.7, Temperature: 2}
			y, teacher := random(), random()
			var targets [][]float32
			if c.taught {
				targets = [][]float32{teacher}
			}
			got, dy := 0.0, random() // what is in it before does not matter
			got = Positions{d, classes}.Sample([][]float32{dy}, [][]float32{y}, c.labels, targets)
			want, counted := 0.0, 0
			gradient := make([]float32, len(y))
			for p := range positions {
				label := -1
				if c.labels != nil {
					if label = c.labels[p]; label < 0 {
						continue
					}
				}
				counted++
				at := p * classes
				var teach []float32
				if c.taught {
					teach = teacher[at : at+classes]
				}
				want += d.Output(gradient[at:at+classes], y[at:at+classes], label, teach)
			}
			n := float64(max(counted, 1))
			near(t, "loss", got, want/n, 1e-6)
			for i, g := range gradient {
				near(t, "gradient", float64(dy[i]), float64(g)/n, 1e-6)
			}
		})
	}
}
