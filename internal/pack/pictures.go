package pack

import "edgec/runtime/format"

// Pictures guesses from the range of an image input what its numbers are: 0 to
// 255 and -1 to 1 are told apart from 0 to 1, which is assumed otherwise.
func Pictures(t *format.Tensor) format.Preprocess {
	if len(t.Shape) != 3 {
		return format.Preprocess{}
	}
	lo, hi := t.Scale*float32(-128-t.Zero), t.Scale*float32(127-t.Zero)
	near := func(a, b, width float32) bool { return a > b-width/50 && a < b+width/50 }
	switch {
	case near(lo, 0, 255) && near(hi, 255, 255):
		return format.Preprocess{Bytes255: true}
	case near(lo, -1, 2) && near(hi, 1, 2):
		return format.Preprocess{Mean: []float32{0.5}, Std: []float32{0.5}}
	}
	return format.Preprocess{}
}
