package search_test

import (
	"math"
	"testing"

	"edgec/internal/search"
)

func logFile(t *testing.T, q search.Candidate) {
	t.Helper()
	t.Logf("%d bytes, %d of %d weights, up to %d centroids, drop %+.2f ± %.2f", q.Size(), q.Shape.Kept, q.Shape.Params, q.Shape.Centroids, q.Drop, q.Error)
}

// A size that few weights have to go for is used up with rounded ones, which fine-tuning may
// make better, and that is enough; one that many have to go for is tried, and one that most
// have to go for is not even fine-tuned.
func TestRoundedLimits(t *testing.T) {
	p, r := get(t, classification), quick()
	r.Effort = effort(0.1, r.Effort)
	for _, c := range []struct {
		size, most int // files beside int8
		enough     bool
	}{{900, 2, true}, {200, 2, false}, {140, 1, false}} {
		r.MaxDrop, r.MaxSize = 0, c.size
		files, lost, enough, err := study(t, p, r).RoundedLimits()
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range files {
			logFile(t, q)
		}
		if enough != c.enough || len(files) < 2 || len(files) > 1+c.most {
			t.Errorf("%d bytes: enough %v, %d files", c.size, enough, len(files))
		}
		// the float network knows these samples: its error here is below that on the test part
		if drop := files[len(files)-1].Drop; drop >= lost || c.enough && math.Abs(lost) > 0.7 {
			t.Errorf("%d bytes: a drop of %v, %v on the same samples", c.size, drop, lost)
		}
		for _, q := range files[1:] {
			if q.Size() > c.size || q.Size() < c.size*9/10 {
				t.Errorf("%d of %d bytes", q.Size(), c.size)
			}
		}
	}
}

// Fine-tuning makes rounded weights better, by the drop.
func TestRoundedIsTuned(t *testing.T) {
	p, r := get(t, reconstruction), quick()
	r.MaxDrop, r.MaxSize, r.Effort = 0, 220, 1
	files, _, _, err := study(t, p, r).RoundedLimits()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range files {
		logFile(t, q)
	}
	if len(files) != 3 || files[2].Drop > 0.95*files[1].Drop {
		t.Errorf("%d files", len(files))
	}
}

// Within a drop, the sizes that rounded files are tried at close in on the smallest that keeps
// it; their margin makes up for memorization.
func TestRoundedDrop(t *testing.T) {
	p, r := get(t, classification), quick()
	r.Effort = effort(0.1, r.Effort)
	r.MaxDrop, r.Seed = 2, 2 // knows the samples that this seed holds out by a point
	files, keeps, err := study(t, p, r).RoundedDrop()
	if err != nil {
		t.Fatal(err)
	}
	good, bad, flattered := files[0].Size(), files[0].Size()/8, false
	for i, q := range files[1:] {
		logFile(t, q)
		if q.Size() > good || q.Size() < bad*9/10 {
			t.Errorf("%d bytes, when the least to keep the drop was between %d and %d", q.Size(), bad, good)
		}
		if q.Meets != (q.Drop+q.Margin-q.Error <= r.MaxDrop) {
			t.Errorf("a drop of %v with a correction of %v meets %v: %v", q.Drop, q.Margin-q.Error, r.MaxDrop, q.Meets)
		}
		flattered = flattered || !q.Meets && q.Drop <= r.MaxDrop
		if q.Margin < q.Error+1 {
			t.Errorf("a margin of %v at an error of %v, though the network knows the samples", q.Margin, q.Error)
		}
		switch last := i+2 == len(files); {
		case keeps[i+1]:
			good = q.Size()
		case last || files[i+2].Size() < q.Size()*98/100 || files[i+2].Size() > q.Size()*102/100: // not fine-tuned
			bad = max(bad, q.Size())
		}
	}
	if good > files[0].Size()/2 || float64(good) > 1.25*float64(bad) {
		t.Errorf("the smallest file that keeps the drop has %d bytes, the largest that does not %d", good, bad)
	}
	if !flattered {
		t.Error("no file seems to keep the drop that does not")
	}
}
