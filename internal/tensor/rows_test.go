package tensor

import (
	"slices"
	"testing"
)

// Rows of several tensors lie one after another, and Split takes them apart again.
func TestJoinSplit(t *testing.T) {
	a := Of([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2)
	b := Of([]float32{10, 20}, 2, 1)
	j := Join(a, b)
	if !j.Shape.Equal(Shape{2, 5}) || !slices.Equal(j.Data, []float32{1, 2, 3, 4, 10, 5, 6, 7, 8, 20}) {
		t.Errorf("joined: %v %v", j.Shape, j.Data)
	}
	c, d := New(2, 2, 2), New(2, 1)
	Split(j, c, d)
	if !slices.Equal(c.Data, a.Data) || !slices.Equal(d.Data, b.Data) {
		t.Errorf("split: %v and %v", c.Data, d.Data)
	}
	if one := Join(a); !one.Shape.Equal(Shape{2, 4}) || &one.Data[0] != &a.Data[0] {
		t.Errorf("a single part is copied, or has shape %v", one.Shape)
	}
	defer func() {
		if recover() == nil {
			t.Error("rows of another length are split")
		}
	}()
	Split(j, c)
}
