package dataset

import (
	"testing"

	"edgec/internal/tensor"
)

// twoLabels is n samples of two bytes around 0 or 100, as label and number say,
// and floats of the same.
func twoLabels(t *testing.T, n int) (ofBytes, ofFloats *Set) {
	t.Helper()
	bytes, labels, floats := make([]byte, 2*n), make([]int, n), make([]float32, 2*n)
	for i := range n {
		labels[i] = i % 2
		for k := range 2 {
			bytes[2*i+k] = byte(100*labels[i] + 50*k)
			floats[2*i+k] = float32(100*labels[i]) - 50*float32(k)
		}
	}
	ofBytes, err := FromBytes(tensor.Shape{1, 1, 2}, bytes, labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	ofFloats = newSet(tensor.Shape{2}, nil, nil, floats, n, ofBytes.Pre)
	ofFloats.Labels, ofFloats.Classes = labels, 2
	return ofBytes, ofFloats
}

// A mix lies between two samples, nearer to the one in its place, and has the label of
// one of the two, more often of the nearer; it depends on the seed and its number only.
func TestMixed(t *testing.T) {
	const n = 2000
	ofBytes, ofFloats := twoLabels(t, n)
	for _, c := range []struct {
		s     *Set
		scale float32 // of a unit of the bytes
	}{{ofBytes, 255}, {ofFloats, 1}} {
		s := c.s
		m, again, other := s.Mixed(5), s.Mixed(5), s.Mixed(6)
		var x, y, z, w [2]float32
		wrong, differ := 0, 0
		for i := range n {
			s.Read(i, x[:])
			m.Read(i, y[:])
			again.Read(i, z[:])
			other.Read(i, w[:])
			if y != z || m.Labels[i] != again.Labels[i] {
				t.Fatalf("sample %d is %v and %v with the same seed", i, y, z)
			}
			if y != w {
				differ++
			}
			if m.Labels[i] != s.Labels[i] {
				wrong++
			}
			moved, also := c.scale*(y[0]-x[0]), c.scale*(y[1]-x[1]) // to a sample of the other label: by up to half of 100
			if ahead := moved * float32(1-2*s.Labels[i]); ahead < -0.6 || ahead > 50.6 || moved-also > 1.1 || also-moved > 1.1 {
				t.Fatalf("sample %d, %v, became %v", i, x, y)
			}
		}
		// half of the others have the other label, and a mix takes it with probability 1/4
		if wrong < n/10 || wrong > n*15/100 || differ < n*3/10 || m.Len() != n || m.Classes != s.Classes {
			t.Errorf("%d of %d labels changed, %d of %d samples differ with another seed", wrong, n, differ, m.Len())
		}
	}
	if labels := ofBytes.WithoutLabels().Mixed(1).Labels; labels != nil {
		t.Errorf("labels %v of samples without", labels)
	}
}
