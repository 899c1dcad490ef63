package dataset

import (
	"slices"
	"strings"
	"testing"

	"edgec/internal/tensor"
)

func TestFromBytes(t *testing.T) {
	bytes := make([]uint8, 2*12)
	for i := range bytes {
		bytes[i] = uint8(10 * i)
	}
	s, err := FromBytes(tensor.Shape{3, 2, 2}, bytes, []int{1, 0}, []string{"cat", "dog"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 2 || s.Classes != 2 || !slices.Equal(s.Labels, []int{1, 0}) || s.ClassNames[1] != "dog" {
		t.Errorf("%d samples, %d classes %v, labels %v", s.Len(), s.Classes, s.ClassNames, s.Labels)
	}
	x, back := make([]float32, 12), make([]byte, 12)
	s.Read(1, x)
	for i, v := range x {
		if want := float32(float64(bytes[12+i]) / 255); v != want {
			t.Errorf("element %d is %v, want %v", i, v, want)
		}
	}
	if !s.Bytes(1, back) || back[1] != bytes[12+4] { // channels last: green of the first pixel
		t.Errorf("bytes %v", back)
	}
	for _, c := range []struct {
		shape  tensor.Shape
		labels []int
		want   string
	}{
		{tensor.Shape{4}, []int{0}, "no picture"},
		{tensor.Shape{2, 2, 6}, []int{0}, "no picture"},
		{tensor.Shape{1, 0, 2}, nil, "no picture"},
		{tensor.Shape{1, 4, 4}, []int{0}, "24 bytes for 1 pictures of 16"},
		{tensor.Shape{1, 4, 6}, []int{2}, "label 2"},
		{tensor.Shape{1, 4, 6}, []int{-1}, "label -1"},
	} {
		if _, err := FromBytes(c.shape, bytes, c.labels, []string{"a", "b"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("shape %v, labels %v: error %v, want one with %q", c.shape, c.labels, err, c.want)
		}
	}
}
