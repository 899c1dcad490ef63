package dataset

import (
	"slices"
	"testing"

	"edgec/internal/tensor"
)

// speaker is what a language model of 3 positions and 9 tokens expects.
var speaker = Options{Inputs: []Input{{Name: "ids", Shape: tensor.Shape{3}, Integer: true}}, Shape: tensor.Shape{3}, Outputs: [][]int{{3, 9}}}

// TestTokens: the forms in which people give the tokens of a text, and what becomes of them.
func TestTokens(t *testing.T) {
	rows, next := []byte{1, 2, 3, 4, 5, 6}, []byte{2, 3, 7, 5, 6, 8}
	for name, c := range map[string]struct {
		arrays  map[string][]byte
		samples []float32
		labels  []int
		next    bool
	}{
		"a long text is cut into windows": {map[string][]byte{"text.npy": npy("|u1", false, []int{8}, []byte{1, 2, 3, 4, 5, 6, 7, 8}, le, 1)},
			[]float32{1, 2, 3, 4, 5, 6}, []int{2, 3, 4, 5, 6, 7}, true},
		"rows of one more": {map[string][]byte{"ids.npy": npy("<u2", false, []int{2, 4}, []uint16{1, 2, 3, 4, 5, 6, 7, 8}, le, 1)},
			[]float32{1, 2, 3, 5, 6, 7}, []int{2, 3, 4, 6, 7, 8}, true},
		"rows alone": {map[string][]byte{"ids.npy": npy("|u1", false, []int{2, 3}, rows, le, 1)},
			[]float32{1, 2, 3, 4, 5, 6}, []int{2, 3, Ignored, 5, 6, Ignored}, true},
		"rows and what follows": {map[string][]byte{"ids.npy": npy("|u1", false, []int{2, 3}, rows, le, 1), "next.npy": npy("|u1", false, []int{2, 3}, next, le, 1)},
			[]float32{1, 2, 3, 4, 5, 6}, []int{2, 3, 7, 5, 6, 8}, true},
		"some positions do not count": {map[string][]byte{"x.npy": npy("|u1", false, []int{2, 3}, rows, le, 1), "y.npy": npy("<i8", false, []int{2, 3}, []int64{-1, 3, 7, -100, 6, 8}, le, 1)},
			[]float32{1, 2, 3, 4, 5, 6}, []int{Ignored, 3, 7, Ignored, 6, 8}, true},
		"tags": {map[string][]byte{"ids.npy": npy("|u1", false, []int{2, 3}, rows, le, 1), "tags.npy": npy("|u1", false, []int{2, 3}, []byte{0, 1, 1, 0, 8, 2}, le, 1)},
			[]float32{1, 2, 3, 4, 5, 6}, []int{0, 1, 1, 0, 8, 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			sp, err := Open(write(t, t.TempDir(), "d.npz", npz(t, c.arrays)), speaker)
			if err != nil {
				t.Fatal(err)
			}
			s := sp.Train
			if got := numbersOf(s); !slices.Equal(got, c.samples) || !slices.Equal(s.PositionLabels, c.labels) || s.NextTokens != c.next {
				t.Errorf("samples %v, labels %v, next tokens %v; want %v, %v, %v", got, s.PositionLabels, s.NextTokens, c.samples, c.labels, c.next)
			}
			if CanMix(s) || CanAugment(s) || !s.Labeled() || s.Positions() != 3 {
				t.Error("token ids are mixed, or not labelled")
			}
			last := s.Subset([]int{1})
			if !slices.Equal(last.LabelsAt(0), c.labels[3:]) || !slices.Equal(last.PositionLabels, c.labels[3:]) {
				t.Errorf("the second sample alone has the labels %v", last.PositionLabels)
			}
			if s.WithoutLabels().Labeled() {
				t.Error("labels remain")
			}
		})
	}
}

// TestStepTokens: rows of tokens are steps for a network that takes one at a time; the class of each
// is the next token of its row.
func TestStepTokens(t *testing.T) {
	one := tensor.Shape{1}
	rows := map[string][]byte{"ids.npy": npy("|u1", false, []int{2, 4}, []byte{1, 2, 3, 4, 5, 6, 7, 8}, le, 1)}
	for _, out := range [][]int{{9}, {1, 9}} {
		o := Options{Inputs: []Input{{Name: "ids", Shape: one, Integer: true}}, Shape: one, Outputs: [][]int{out}, Sequences: true}
		sp, err := Open(write(t, t.TempDir(), "d.npz", npz(t, rows)), o)
		if err != nil {
			t.Fatal(err)
		}
		s := sp.Train
		if got := numbersOf(s); !slices.Equal(got, []float32{1, 2, 3, 5, 6, 7}) || !slices.Equal(s.PositionLabels, []int{2, 3, 4, 6, 7, 8}) {
			t.Errorf("outputs %v: samples %v, labels %v", out, got, s.PositionLabels)
		}
		if !s.NextTokens || s.Positions() != 1 || s.Labels != nil || !s.Begins(0) || s.Begins(2) || !s.Begins(3) {
			t.Errorf("outputs %v: %+v", out, s)
		}
		if name := sp.Train.sequenceName(); name != "with the next token of each" {
			t.Error(name)
		}
	}
}

// TestTokensRefused: what is no text for the network is said by name and place.
func TestTokensRefused(t *testing.T) {
	ids := npy("|u1", false, []int{1, 3}, []byte{1, 2, 3}, le, 1)
	for name, c := range map[string]struct {
		arrays map[string][]byte
		says   string
	}{
		"a fraction":            {map[string][]byte{"ids.npy": npy("<f4", false, []int{1, 3}, []float32{1, 2.5, 3}, le, 1)}, "element 1 is 2.5, the input takes whole numbers"},
		"a number too large":    {map[string][]byte{"ids.npy": npy("<i8", false, []int{1, 3}, []int64{1, 1<<24 + 1, 3}, le, 1)}, "exact up to 16777216"},
		"a class too many":      {map[string][]byte{"ids.npy": ids, "y.npy": npy("|u1", false, []int{1, 3}, []byte{0, 9, 1}, le, 1)}, "sample 0, position 1 has label 9, the network tells 9 classes apart"},
		"a label of a fraction": {map[string][]byte{"ids.npy": ids, "y.npy": npy("<f4", false, []int{1, 3}, []float32{0, 1, 0.5}, le, 1)}, "position 2 has label 0.5"},
		"a text too short":      {map[string][]byte{"text.npy": npy("|u1", false, []int{3}, []byte{1, 2, 3}, le, 1)}, "array of shape [3]"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(write(t, t.TempDir(), "d.npz", npz(t, c.arrays)), speaker)
			refused(t, err, c.says)
		})
	}
}

// TestTokensOfCSV: a line is a sample; one column more is the token that follows.
func TestTokensOfCSV(t *testing.T) {
	s := opened(t, "d.csv", "1,2,3,4\n5,6,7,8\n", speaker).Train
	if want := []int{2, 3, 4, 6, 7, 8}; !slices.Equal(s.PositionLabels, want) || !s.NextTokens {
		t.Errorf("labels %v, want %v", s.PositionLabels, want)
	}
	s = opened(t, "d.csv", "1,2,3\n5,6,7\n", speaker).Train
	if want := []int{2, 3, Ignored, 6, 7, Ignored}; !slices.Equal(s.PositionLabels, want) {
		t.Errorf("labels %v, want %v", s.PositionLabels, want)
	}
}

// TestIntegersOfSeveral: bytes for an input of whole numbers are no pixels, whichever input it is.
func TestIntegersOfSeveral(t *testing.T) {
	o := Options{Inputs: []Input{{Name: "ids", Shape: tensor.Shape{2}, Integer: true}, {Name: "x", Shape: tensor.Shape{2}}}, Classes: 3}
	file := npz(t, map[string][]byte{
		"ids.npy": npy("|u1", false, []int{2, 2}, []byte{9, 200, 3, 4}, le, 1),
		"x.npy":   npy("<f4", false, []int{2, 2}, []float32{0.5, 1, 2, 3}, le, 1),
		"y.npy":   npy("|u1", false, []int{2}, []byte{0, 2}, le, 1),
	})
	sp, err := Open(write(t, t.TempDir(), "d.npz", file), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := sample(sp.Train, 0); !slices.Equal(got, []float32{9, 200, 0.5, 1}) || !slices.Equal(sp.Train.Labels, []int{0, 2}) {
		t.Errorf("sample %v, labels %v", got, sp.Train.Labels)
	}
}
