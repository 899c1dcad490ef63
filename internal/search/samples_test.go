package search

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
)

// Memorization by the float network makes the margin wider, up to mostMemory.
func TestCorrection(t *testing.T) {
	for _, tt := range []struct {
		test, heldOut []float64
		want          float64
	}{
		{[]float64{0, 0, 0, 1}, []float64{0, 0, 0, 0}, mostMemory},
		{[]float64{0.010, 0.012}, []float64{0.0107}, 0.03},
		{[]float64{0, 0}, []float64{0, 1}, 0},
	} {
		if got := correction(tt.test, tt.heldOut); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%v on the test part, %v held out: %v points, want %v", tt.test, tt.heldOut, got, tt.want)
		}
	}
}

// Every sample is trained on or held out; of a search for a size alone, fewer are held out.
func TestParts(t *testing.T) {
	size := Objective{MaxSize: 9}
	both := within(1)
	both.MaxSize = 9
	noLoss := within(0)
	noLoss.MaxSize = 9
	for _, c := range []struct {
		name      string
		objective Objective
		n, out    int
	}{
		{"for a drop", within(1), 120, 20},
		{"for a size and a drop", both, 120, 20},
		{"for a size and no loss", noLoss, 120, 20},
		{"for a size", size, 120, 10},
		{"more than are needed", within(1), 90_000, mostHeldOut},
		{"no fewer than one", size, 12, 1},
	} {
		in, out := asked(c.objective).parts(counted(t, c.n))
		all := slices.Concat(in, out)
		slices.Sort(all)
		if len(out) != c.out || len(slices.Compact(all)) != c.n || len(in)+len(out) != c.n {
			t.Errorf("%s: %d samples in %d and %d", c.name, c.n, len(in), len(out))
		}
	}
}

// Few samples are trained on in many augmentations, which are bounded by a size and by the
// cost of the teacher.
func TestForms(t *testing.T) {
	const often = 1 << 30
	size := Objective{MaxSize: 9}
	for _, c := range []struct {
		name          string
		objective     Objective
		noAugment     bool
		n             int
		pool          int
		augmentations int
	}{
		{"for a drop, as they are", within(1), false, 100, often, 1},
		{"not wanted", size, true, 100, often, 1},
		{"few", size, false, 100, often, mostAugmentations},
		{"some", size, false, 7_000, often, 3},
		{"many", size, false, 250_000, often, 1},
		{"expensive teacher", size, false, 100, 550, 5},
		{"too expensive", size, false, 100, 50, 1},
	} {
		s := asked(c.objective)
		s.config.Data.NoAugment = c.noAugment
		set := counted(t, c.n)
		from := s.forms(set, c.pool)
		if from.augmentations != c.augmentations || from.n != c.n || from.asked != nil {
			t.Errorf("%s: %d augmentations of %d samples, want %d", c.name, from.augmentations, from.n, c.augmentations)
		}
		if from.make(0) != set {
			t.Errorf("%s: the first augmentation is not the samples as they are", c.name)
		}
		if from.augmentations > 1 && from.make(1) == set {
			t.Errorf("%s: the second augmentation is the samples as they are", c.name)
		}
	}
}

// twoClasses is a table of n samples, of which the first have wrong labels.
func twoClasses(n, wrong int) string {
	var b strings.Builder
	b.WriteString("a,b,label\n")
	for i := range n {
		label := i % 2
		if i < wrong {
			label = 1 - label
		}
		fmt.Fprintf(&b, "%d,%d,%d\n", 1-i%2, i%2, label)
	}
	return b.String()
}

// TestSplitKnown: the float network's error is taken from the test part, unless it knows the
// held-out samples by heart.
func TestSplitKnown(t *testing.T) {
	for _, c := range []struct {
		wrong  int // of 100
		paired bool
	}{{1, false}, {10, true}} {
		data := &dataset.Splits{Train: openCSV(t, twoClasses(60, 0)), Test: openCSV(t, twoClasses(100, c.wrong))}
		s, err := New(Subject{Model: &Network{Name: "identity", Graph: identity(t, 2, 2)}, Data: data}, Config{Objective: within(1)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := float64(c.wrong)
		if c.paired {
			want = 0
		}
		r, err := s.result()
		if err == nil {
			t.Fatal("an answer without files")
		}
		if s.holdout.Paired != c.paired || s.memory.known != want || r.Float.Error != want || s.test == nil {
			t.Errorf("%d errors of 100 on the test part, none held out: paired %v, %v points known, the float network has an error of %v", c.wrong, s.holdout.Paired, s.memory.known, r.Float.Error)
		}
	}
}
