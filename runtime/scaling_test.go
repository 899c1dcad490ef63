package runtime

import (
	"math"
	"slices"
	"testing"

	"edgec/runtime/format"
)

// scaledFile is a dense layer over an input of the given shape, scaled along axis.
func scaledFile(axis int, scale []float32, zero []int, shape ...int) *format.File {
	b := newBuilder(31)
	f := b.finish(b.dense(b.input(shape...), 2))
	f.Scaling = []format.Scaling{{Axis: axis, Scale: scale, Zero: zero}}
	return f
}

func TestScaledInput(t *testing.T) {
	s := session(t, loaded(t, scaledFile(0, []float32{12, 0.5, 1.0 / 4096, 1}, []int{-8444, 3, 0, 2147483647}, 4)))
	for _, c := range []struct {
		x    []float32
		want []int8
	}{
		{[]float32{101325, 0, 0, -2147483647}, []int8{0, 3, 0, -1}},    // 101325/12 = 8443.75
		{[]float32{101322, 0.25, 1.0 / 8192, 0}, []int8{0, 4, 1, 127}}, // 8443.5 and the halves away from zero
		{[]float32{0, -0.25, -1.0 / 8192, float32(math.Inf(-1))}, []int8{-128, 2, -1, -128}},
		{[]float32{float32(math.NaN()), float32(math.Inf(1)), 127.0 / 4096, 1e10}, []int8{-128, 127, 127, 127}},
	} {
		if err := s.SetInput(0, c.x); err != nil {
			t.Fatal(err)
		}
		if got := s.Input(0); !slices.Equal(got, c.want) {
			t.Errorf("%v is set as %v, want %v", c.x, got, c.want)
		}
	}
	if !s.m.Info().Scaled[0] {
		t.Error("Info does not say that the input is scaled")
	}
}

// Images are scaled by channel in both orders, bytes after their preprocessing.
func TestScaledImage(t *testing.T) {
	f := scaledFile(2, []float32{1, 0.5}, []int{0, -10}, 2, 2, 2)
	f.Meta.Input = format.Preprocess{Bytes255: true}
	s := session(t, loaded(t, f))
	want := []int8{1, 10, 2, 12, 3, 14, 4, 16} // [H,W,C]: x and 2x - 10
	for name, set := range map[string]func() error{
		"channels last":  func() error { return s.SetInput(0, []float32{1, 10, 2, 11, 3, 12, 4, 13}) },
		"channels first": func() error { return s.SetInputNCHW(0, []float32{1, 2, 3, 4, 10, 11, 12, 13}) },
		"bytes":          func() error { return s.SetBytes(0, []byte{1, 10, 2, 11, 3, 12, 4, 13}) },
	} {
		clear(s.Input(0))
		if err := set(); err != nil {
			t.Fatal(err)
		}
		if got := s.Input(0); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	rows := session(t, loaded(t, scaledFile(0, []float32{1, 2}, []int{0, 1}, 2, 3)))
	if err := rows.SetInput(0, []float32{1, 2, 3, 4, 6, 8}); err != nil {
		t.Fatal(err)
	}
	if got := rows.Input(0); !slices.Equal(got, []int8{1, 2, 3, 3, 4, 5}) {
		t.Errorf("rows: %v", got)
	}
}
