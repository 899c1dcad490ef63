package eval

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
)

// answers is a set of n samples of k classes, and the outputs of a network that gives
// output perm[label] for all but one of wrong samples.
func answers(n, wrong int, perm []int, names []string) (*dataset.Set, *tensor.Tensor) {
	k, outputs := len(perm), max(len(perm), slices.Max(perm)+1)
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	set, out := &dataset.Set{ClassNames: names, Classes: k}, tensor.New(n, outputs)
	for i := range n {
		label := i % k
		set.Labels = append(set.Labels, label)
		answer := perm[label]
		if wrong > 0 && i%wrong == 0 {
			answer = rng.IntN(k)
		}
		out.Data[i*outputs+answer] = 1
	}
	return set, out
}

// TestOrderHint: another order is said where it was measured, and nowhere else.
func TestOrderHint(t *testing.T) {
	text := []string{"1", "10", "2", "3"}
	for _, c := range []struct {
		name  string
		n     int
		wrong int
		perm  []int
		names []string
		want  string // "": none
	}{
		{"sorted as text, trained by number", 80, 10, []int{0, 3, 1, 2}, text, "with --labels 1,2,3,10"},
		{"two exchanged, without names", 80, 10, []int{1, 0, 2, 3}, nil, "if label 0 is output 1, label 1 is output 0; number the labels so"},
		{"names that no list takes", 80, 0, []int{1, 0, 2, 3}, []string{"a,b", "c", "d", "e"}, "label 0 is output 1"},
		{"three of four classes have names", 80, 0, []int{1, 3, 0}, []string{"run", "up", "walk"}, "with --labels walk,run,class2,up"},
		{"the right order", 80, 4, []int{0, 1, 2, 3}, text, ""},
		{"guessing", 400, 1, []int{0, 1, 2, 3}, text, ""},
		{"one sample for each class", 8, 0, []int{3, 2, 1, 0, 7, 6, 5, 4}, nil, ""},
		{"all in one", 80, 0, []int{2, 2, 2, 2}, text, ""},
		{"one class", 80, 0, []int{2}, nil, ""},
	} {
		set, out := answers(c.n, c.wrong, c.perm, c.names)
		r := &Reference{Set: set}
		m := Summarize(Classification{}, Classification{}.Score(r, out))
		if (Classification{}).Detail(r, out, &m); (m.Hint == "") != (c.want == "") || !strings.Contains(m.Hint, c.want) {
			t.Errorf("%s, error %.1f: %q, want %q", c.name, m.Error, m.Hint, c.want)
		}
	}
}

// TestContraryHint: a yes or no the other way round.
func TestContraryHint(t *testing.T) {
	for _, c := range []struct {
		contrary bool
		n        int
		names    []string
		want     string
	}{{true, 40, []string{"cat", "dog"}, "with --labels dog,cat"}, {true, 40, nil, "0 and 1 are exchanged"}, {false, 40, nil, ""}, {true, 6, nil, ""}} {
		set, out := &dataset.Set{ClassNames: c.names, Classes: 2}, tensor.New(c.n, 1)
		for i := range c.n {
			set.Labels = append(set.Labels, i%2)
			if out.Data[i] = -1; (i%2 == 1) != c.contrary {
				out.Data[i] = 1
			}
		}
		r := &Reference{Set: set}
		m := Summarize(YesNo{}, YesNo{}.Score(r, out))
		if (YesNo{}).Detail(r, out, &m); (m.Hint == "") != (c.want == "") || !strings.Contains(m.Hint, c.want) {
			t.Errorf("%+v: error %.1f, %q", c, m.Error, m.Hint)
		}
	}
}
