package edgec_test

import (
	"math"
	"testing"

	"edgec"
)

// A size that few weights have to go for is filled with rounded ones, which fine-tuning may
// make better, and that is enough; one that many have to go for is tried, and one that most
// have to go for is not even fine-tuned.
func TestFillRounded(t *testing.T) {
	p := get(t, classification)
	r := quick()
	for _, c := range []struct {
		size, most int // files beside int8
		enough     bool
	}{{900, 2, true}, {200, 2, false}, {140, 1, false}} {
		r.MaxDrop, r.MaxSize = 0, c.size
		ps, lost, enough, err := edgec.FillRounded(p.model(t), p.data, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range ps {
			t.Logf("%d bytes, %d of %d weights, up to %d centroids, drop %+.2f ± %.2f", q.Size, q.Kept, q.Weights, q.Centroids, q.Drop, q.DropError)
		}
		if enough != c.enough || len(ps) < 2 || len(ps) > 1+c.most {
			t.Errorf("%d bytes: enough %v, %d files", c.size, enough, len(ps))
		}
		// the float network knows these samples: its error here is below that on the test part
		if drop := ps[len(ps)-1].Drop; drop >= lost || c.enough && math.Abs(lost) > 0.7 {
			t.Errorf("%d bytes: a drop of %v, %v on the same samples", c.size, drop, lost)
		}
		for _, q := range ps[1:] {
			if q.Size > c.size || q.Size < c.size*9/10 {
				t.Errorf("%d of %d bytes", q.Size, c.size)
			}
		}
	}
}

// Fine-tuning makes what rounding leaves better, by what it is judged by.
func TestRoundedIsTuned(t *testing.T) {
	p := get(t, reconstruction)
	r := quick()
	r.MaxSize, r.Effort = 220, 1
	ps, _, _, err := edgec.FillRounded(p.model(t), p.data, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range ps {
		t.Logf("%d bytes, %d of %d weights, up to %d centroids, drop %+.2f ± %.2f", q.Size, q.Kept, q.Weights, q.Centroids, q.Drop, q.DropError)
	}
	if len(ps) != 3 || ps[2].Drop > 0.9*ps[1].Drop {
		t.Errorf("%d files", len(ps))
	}
}
