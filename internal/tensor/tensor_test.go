package tensor

import (
	"math"
	"testing"
)

func TestShapeSize(t *testing.T) {
	tests := []struct {
		name  string
		shape Shape
		want  int
	}{
		{"scalar", Shape{}, 1},
		{"nil is a scalar", nil, 1},
		{"vector", Shape{7}, 7},
		{"batch of images", Shape{2, 3, 4, 5}, 120},
		{"empty", Shape{3, 0, 2}, 0},
		{"negative", Shape{3, -1}, -1},
		{"negative behind an empty dimension", Shape{0, -1}, -1},
		{"the largest that fits", Shape{math.MaxInt}, math.MaxInt},
		{"overflow", Shape{math.MaxInt, 2}, -1},
		{"overflow that wraps to a small number", Shape{1 << 32, 1 << 32}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.shape.Size(); got != tt.want {
				t.Errorf("size of %v is %d, want %d", tt.shape, got, tt.want)
			}
		})
	}
}

func TestShapeCopies(t *testing.T) {
	s := Shape{1, 2, 3}
	c, b := s.Clone(), s.WithBatch(9)
	c[1], b[1] = 7, 8
	if !s.Equal(Shape{1, 2, 3}) {
		t.Errorf("a copy changed the shape to %v", s)
	}
	if !b.Equal(Shape{9, 8, 3}) {
		t.Errorf("with batch 9: %v", b)
	}
	if !s.Sample().Equal(Shape{2, 3}) || s.Equal(Shape{1, 2}) || s.Equal(Shape{1, 2, 4}) {
		t.Errorf("sample %v of %v, or Equal is wrong", s.Sample(), s)
	}
	if got := s.String(); got != "[1,2,3]" {
		t.Errorf("String: %q", got)
	}
}

func TestNewAndOf(t *testing.T) {
	dims := []int{2, 3}
	x := New(dims...)
	dims[0] = 5
	if !x.Shape.Equal(Shape{2, 3}) || len(x.Data) != 6 {
		t.Errorf("shape %v with %d elements; the caller's slice must not matter", x.Shape, len(x.Data))
	}
	data := []float32{1, 2, 3, 4}
	y := Of(data, 2, 2)
	y.Data[0] = 9
	if data[0] != 9 {
		t.Error("Of copied its data")
	}
	for name, f := range map[string]func(){
		"negative dimension": func() { New(2, -1) },
		"overflow":           func() { New(math.MaxInt, 3) },
		"too few elements":   func() { Of(data, 5) },
		"too many elements":  func() { Of(data, 3) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestCloneAndRows(t *testing.T) {
	x := Of([]float32{0, 1, 2, 3, 4, 5}, 3, 2)
	c := x.Clone()
	c.Data[0], c.Shape[0] = 9, 8
	if x.Data[0] != 0 || x.Shape[0] != 3 {
		t.Error("Clone aliases its source")
	}
	r := x.Rows(1, 3)
	if !r.Shape.Equal(Shape{2, 2}) || r.Data[0] != 2 || len(r.Data) != 4 {
		t.Errorf("rows 1..2: %v %v", r.Shape, r.Data)
	}
	if r.Data[3] = 7; x.Data[5] != 7 {
		t.Error("Rows does not alias")
	}
	if e := x.Rows(2, 2); e.Shape[0] != 0 || len(e.Data) != 0 {
		t.Errorf("no rows: %v %v", e.Shape, e.Data)
	}
}

func TestFirstNonFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		data []float32
		want int
	}{
		{nil, -1},
		{[]float32{0, -1, math.MaxFloat32, math.SmallestNonzeroFloat32}, -1},
		{[]float32{0, nan, inf}, 1},
		{[]float32{inf}, 0},
		{[]float32{1, 2, -inf}, 2},
	}
	for _, tt := range tests {
		if got := Of(tt.data, len(tt.data)).FirstNonFinite(); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.data, got, tt.want)
		}
	}
}
