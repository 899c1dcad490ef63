package program

import (
	"math"

	"edgec/runtime"
)

// set fills the session's input from a file: a PNG or JPEG picture, an .npy
// array, or raw values, told apart by their first bytes.
//
// Raw files are as long as the input has elements (bytes, pixels with channels
// last), or four times as long (float32, little endian, in the order of the
// ONNX network: channels first).
func (j *Job) set(s *runtime.Session, shape []int, data []byte) error {
	switch {
	case isPicture(data):
		return j.setPicture(s, shape, data)
	case len(data) >= 6 && string(data[:6]) == "\x93NUMPY":
		return setArray(s, shape, data)
	}
	switch n := len(s.Input(0)); len(data) {
	case 0:
		return Error("it is empty; give a PNG, JPEG, .npy or raw file")
	case n:
		return s.SetBytes(0, data)
	case 4 * n:
		return s.SetInputNCHW(0, floats(data))
	default:
		return Error("neither PNG, JPEG nor .npy, and " + itoa(len(data)) + " bytes are not a raw input of shape " + shapeString(shape) +
			" (" + itoa(n) + " bytes of pixels or " + itoa(4*n) + " bytes of float32)")
	}
}

func isPicture(data []byte) bool {
	return len(data) >= 8 && string(data[:8]) == "\x89PNG\r\n\x1a\n" || len(data) >= 3 && string(data[:3]) == "\xff\xd8\xff"
}

func (j *Job) setPicture(s *runtime.Session, shape []int, data []byte) error {
	h, w, c := pictureShape(shape)
	if h == 0 {
		return Error("the network takes " + shapeString(shape) + " values, no picture; give an .npy or raw file")
	}
	img, err := Decode(data)
	if err != nil {
		return err
	}
	pixels := Pixels(img, h, w, c)
	if j.Invert {
		for i, b := range pixels {
			pixels[i] = 255 - b
		}
	}
	return s.SetBytes(0, pixels)
}

// pictureShape returns height, width and channels of a network's input: [H,W,C]
// with one or three channels, or the square of a flat input; zeros for others.
func pictureShape(shape []int) (h, w, c int) {
	switch {
	case len(shape) == 3 && (shape[2] == 1 || shape[2] == 3):
		return shape[0], shape[1], shape[2]
	case len(shape) == 2:
		return shape[0], shape[1], 1
	case len(shape) == 1:
		side := int(math.Sqrt(float64(shape[0])) + 0.5)
		if side*side == shape[0] {
			return side, side, 1
		}
	}
	return 0, 0, 0
}

func floats(data []byte) []float32 {
	x := make([]float32, len(data)/4)
	for i := range x {
		b := data[4*i:]
		x[i] = math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
	}
	return x
}
