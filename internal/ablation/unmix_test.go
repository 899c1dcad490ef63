package ablation

import (
	"math"
	"math/rand/v2"
	"testing"
)

// In the quarter of a design, strong effects do not appear in those of other factors.
func TestUnmixed(t *testing.T) {
	const k, sd, close = 121, 0.02, 0.04
	d, err := Screen(k, 1)
	if err != nil {
		t.Fatal(err)
	}
	effects := map[int]float64{7: -0.5, 40: 0.3, 99: 0.2}
	rng := rand.New(rand.NewPCG(3, 1))
	y, there := make([]float64, len(d.Rows)), make([]bool, len(d.Rows))
	for i, row := range d.Rows {
		there[i] = d.Part[i] == 4
		y[i] = sd * rng.NormFloat64()
		for j, e := range effects {
			y[i] += e / 2 * float64(row[j])
		}
	}
	worst := func(found []float64) (most float64) {
		for j, e := range found {
			most = max(most, math.Abs(e-effects[j]))
		}
		return most
	}
	mixed, unmixed := worst(Effects(d.Rows, y, there)), worst(Unmixed(d.Rows, y, there))
	t.Logf("largest error %.3f, unmixed %.3f", mixed, unmixed)
	if unmixed > close || mixed < 2*unmixed {
		t.Errorf("largest error %v, unmixed %v", mixed, unmixed)
	}
}

// In all rows of a design, which are orthogonal, nothing is mixed.
func TestUnmixedOrthogonal(t *testing.T) {
	d, err := Screen(30, 1)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 1))
	y, there := make([]float64, len(d.Rows)), make([]bool, len(d.Rows))
	for i, row := range d.Rows {
		there[i] = true
		y[i] = float64(row[3]) + 0.1*rng.NormFloat64()
	}
	unmixed := Unmixed(d.Rows, y, there)
	for j, e := range Effects(d.Rows, y, there) {
		if math.Abs(unmixed[j]-e) > 1e-9 {
			t.Errorf("factor %d: %v, unmixed %v", j, e, unmixed[j])
		}
	}
}
