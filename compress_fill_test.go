package edgec_test

import (
	"testing"

	"edgec"
)

// A size that all weights fit is filled by their values; a rate at which tuning does harm
// is lowered until it does not.
func TestFillValues(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.MaxSize = 0, 900
	files := func(rate float64) []edgec.Point {
		ps, err := edgec.FillValues(p.model(t), p.data, r, rate)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range ps {
			t.Logf("rate %v: %d bytes, %d of %d weights, up to %d centroids, drop %+.2f ± %.2f", rate, q.Size, q.Kept, q.Weights, q.Centroids, q.Drop, q.DropError)
		}
		return ps
	}
	usual := files(2e-3)
	if q := usual[1]; q.Size > r.MaxSize || q.Size < r.MaxSize*9/10 || q.Kept < q.Weights*9/10 {
		t.Errorf("%d of %d bytes, %d of %d weights", q.Size, r.MaxSize, q.Kept, q.Weights)
	}
	harmful := files(3)
	least := harmful[1].Drop
	for _, q := range harmful[2:] {
		least = min(least, q.Drop)
	}
	if first := harmful[1].Drop; first < 20 || least > 5 {
		t.Errorf("a drop of %v became one of %v in %d files", first, least, len(harmful)-1)
	}
}
