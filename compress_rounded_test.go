package edgec_test

import (
	"testing"

	"edgec"
)

// A size that few weights have to go for is filled with rounded ones, which fine-tuning
// makes better, and that is enough; one that most have to go for is not.
func TestFillRounded(t *testing.T) {
	p := get(t, classification)
	r := quick()
	for _, c := range []struct {
		size   int
		files  int // beside int8
		enough bool
	}{{900, 2, true}, {200, 1, false}} {
		r.MaxDrop, r.MaxSize = 0, c.size
		ps, enough, err := edgec.FillRounded(p.model(t), p.data, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range ps {
			t.Logf("%d bytes, %d of %d weights, up to %d centroids, drop %+.2f ± %.2f", q.Size, q.Kept, q.Weights, q.Centroids, q.Drop, q.DropError)
		}
		if enough != c.enough || len(ps) != 1+c.files {
			t.Errorf("%d bytes: enough %v, %d files", c.size, enough, len(ps))
		}
		for _, q := range ps[1:] {
			if q.Size > c.size || q.Size < c.size*95/100 {
				t.Errorf("%d of %d bytes", q.Size, c.size)
			}
		}
	}
}
