package edgec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
)

// counted returns n samples of one byte, with labels 0 and 1 in turns.
func counted(t *testing.T, n int) *dataset.Set {
	t.Helper()
	x, labels := make([]byte, n), make([]int, n)
	for i := range labels {
		x[i], labels[i] = byte(i), i%2
	}
	set, err := dataset.FromBytes(tensor.Shape{1, 1, 1}, x, labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Every sample is trained on or held out; of a search for a size alone, fewer are held out.
func TestParts(t *testing.T) {
	for _, c := range []struct {
		name   string
		recipe Recipe
		n, out int
	}{
		{"for a drop", Recipe{MaxDrop: 1}, 120, 20},
		{"for a size and a drop", Recipe{MaxDrop: 1, MaxSize: 9}, 120, 20},
		{"for a size", Recipe{MaxSize: 9}, 120, 10},
		{"more than are needed", Recipe{MaxDrop: 1}, 90_000, mostHeld},
		{"no fewer than one", Recipe{MaxSize: 9}, 12, 1},
	} {
		s := &search{recipe: c.recipe}
		in, out := s.parts(counted(t, c.n))
		all := slices.Concat(in, out)
		slices.Sort(all)
		if len(out) != c.out || len(slices.Compact(all)) != c.n || len(in)+len(out) != c.n {
			t.Errorf("%s: %d samples in %d and %d", c.name, c.n, len(in), len(out))
		}
	}
}

// Few samples are trained on in many forms, which a size bounds, and an expensive teacher.
func TestForms(t *testing.T) {
	const often = 1 << 30
	for _, c := range []struct {
		name   string
		recipe Recipe
		n      int
		pool   int
		copies int
	}{
		{"for a drop, as they are", Recipe{MaxDrop: 1}, 100, often, 1},
		{"not wanted", Recipe{MaxSize: 9, NoAugment: true}, 100, often, 1},
		{"few", Recipe{MaxSize: 9}, 100, often, mostForms},
		{"some", Recipe{MaxSize: 9}, 7_000, often, 3},
		{"many", Recipe{MaxSize: 9}, 250_000, often, 1},
		{"expensive teacher", Recipe{MaxSize: 9}, 100, 550, 5},
		{"too expensive", Recipe{MaxSize: 9}, 100, 50, 1},
	} {
		s := &search{recipe: c.recipe}
		set := counted(t, c.n)
		from := s.forms(set, c.pool)
		if from.copies != c.copies || from.n != c.n || from.asked != nil {
			t.Errorf("%s: %d forms of %d samples, want %d", c.name, from.copies, from.n, c.copies)
		}
		if from.make(0) != set {
			t.Errorf("%s: the first form is not the samples as they are", c.name)
		}
		if from.copies > 1 && from.make(1) == set {
			t.Errorf("%s: the second form is that of the samples as they are", c.name)
		}
	}
}

// TestSplitKnown: the float network's error is taken from the test part, unless it knows the
// held-out samples by heart.
func TestSplitKnown(t *testing.T) {
	lines := func(n, wrong int) string {
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
	for _, c := range []struct {
		wrong  int // of 100
		paired bool
	}{{1, false}, {10, true}} {
		data := &dataset.Splits{Train: openCSV(t, lines(60, 0)), Test: openCSV(t, lines(100, c.wrong))}
		s, err := newSearch(context.Background(), &Model{Name: "identity", graph: identity(t, 2, 2)}, data, Recipe{MaxDrop: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		known, reference := float64(c.wrong), float64(c.wrong)
		if c.paired {
			known, reference = 0, 0
		}
		if s.judge.paired != c.paired || s.known != known || s.report.Float.Error != reference || s.honest == nil {
			t.Errorf("%d errors of 100 on the test part, none held out: paired %v, %v points known, the float network has an error of %v", c.wrong, s.judge.paired, s.known, s.report.Float.Error)
		}
	}
}
