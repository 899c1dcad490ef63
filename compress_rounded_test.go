package edgec_test

import (
	"math"
	"testing"

	"edgec"
	"edgec/internal/deep"
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
		if c.size == 200 && !deep.On() {
			continue
		}
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

// Within a drop, the sizes that rounded files are tried at close in on the smallest that keeps
// it; their margin has what the float network knows of the samples by heart. A search does so
// for a network that was trained on few samples, and for no other.
func TestRoundedWithin(t *testing.T) {
	p := get(t, classification)
	r := quick()
	r.MaxDrop, r.Seed = 2, 2 // knows the samples that this seed holds out by a point
	ps, keeps, err := edgec.RoundedWithin(p.model(t), p.data, r)
	if err != nil {
		t.Fatal(err)
	}
	good, bad, flattered := ps[0].Size, ps[0].Size/8, false
	for i, q := range ps[1:] {
		t.Logf("%d bytes, drop %+.2f ± %.2f, margin %.2f: %v", q.Size, q.Drop, q.DropError, q.Margin, keeps[i+1])
		if q.Size > good || q.Size < bad*9/10 {
			t.Errorf("%d bytes, when the least to keep the drop was between %d and %d", q.Size, bad, good)
		}
		if q.Meets != (q.Drop+q.Margin-q.DropError <= r.MaxDrop) {
			t.Errorf("a drop of %v at %v of knowledge meets %v: %v", q.Drop, q.Margin-q.DropError, r.MaxDrop, q.Meets)
		}
		flattered = flattered || !q.Meets && q.Drop <= r.MaxDrop
		if q.Margin < q.DropError+1 {
			t.Errorf("a margin of %v at an error of %v, though the network knows the samples", q.Margin, q.DropError)
		}
		switch last := i+2 == len(ps); {
		case keeps[i+1]:
			good = q.Size
		case last || ps[i+2].Size < q.Size*98/100 || ps[i+2].Size > q.Size*102/100: // not fine-tuned
			bad = max(bad, q.Size)
		}
	}
	if good > ps[0].Size/2 || float64(good) > 1.25*float64(bad) {
		t.Errorf("the smallest file that keeps the drop has %d bytes, the largest that does not %d", good, bad)
	}
	if !flattered {
		t.Error("no file seems to keep the drop that does not")
	}
	r.MaxDrop, r.Effort = 4, 0.1
	for trained, few := range map[string]bool{"yes": true, "no": false} {
		r.TrainedOn = trained
		rounded := false
		for _, s := range compress(t, p, r).Stages {
			rounded = rounded || s.Name == "round"
		}
		if rounded != few {
			t.Errorf("trained on the data: %s, rounded: %v", trained, rounded)
		}
	}
}
