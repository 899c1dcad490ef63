package preprocess

import (
	"math"
	"slices"
)

// Sample is one input of a network; one of Bytes and Values is set.
type Sample struct {
	Bytes   []byte    // bytes of a picture, [H,W,C], not scaled yet (format.Preprocess says how)
	Values  []float32 // real numbers in the order of the ONNX network: see Read
	Resized bool      // a picture had another size
}

// Read reads the input of a network that takes shape, [H,W,C] for images, from
// a file's contents: a PNG or JPEG picture, a .npy array, or raw values, told
// apart by their first bytes. The result may alias data.
//
// A picture is resized: see Pixels. The ONNX network takes an image as [C,H,W], or as
// [H,W,C] with last (format.Preprocess.ChannelsLast). An array has the network's shape,
// or channels last, or is flat in the order of the ONNX network; a batch of one may
// stand before it. uint8 is taken for bytes of a picture, other types for real numbers.
// A raw file is as long as the input has elements (bytes of a picture, channels last),
// or four times as long (float32, little endian, in the order of the ONNX network).
// Numbers that are NaN, infinite or too large for float32 are an error.
func Read(data []byte, shape []int, last bool) (Sample, error) {
	switch {
	case len(data) == 0:
		return Sample{}, Error("it is empty; give a PNG, JPEG, .npy or raw file")
	case IsPicture(data):
		return readPicture(data, shape)
	case IsNpy(data):
		return readArray(data, shape, last)
	}
	return readRaw(data, shape)
}

func readArray(data []byte, shape []int, last bool) (Sample, error) {
	a, err := Npy(data)
	if err != nil {
		return Sample{}, err
	}
	first, ok := Layout(a.Shape, shape, last)
	if !ok && len(a.Shape) > 1 && a.Shape[0] == 1 {
		first, ok = Layout(a.Shape[1:], shape, last) // a batch of one
	}
	if !ok {
		order := ""
		if last {
			order = ", channels last"
		}
		return Sample{}, Error("the array has shape " + Dims(a.Shape) + ", the network takes " + Dims(shape) + order)
	}
	if err := a.Finite(); err != nil {
		return Sample{}, err
	}
	if len(a.Shape) > len(shape) && a.Shape[0] == 1 {
		a.Shape = a.Shape[1:]
	}
	if len(shape) == 3 && !last && first == a.IsBytes() { // bytes want channels last, numbers want them first
		if first {
			a.Shape = []int{shape[2], shape[0], shape[1]}
			a = a.Transpose(1, 2, 0)
		} else {
			a = a.Transpose(2, 0, 1)
		}
	}
	if a.IsBytes() {
		return Sample{Bytes: a.Bytes()}, nil
	}
	return Sample{Values: a.Float32s()}, nil
}

// Layout says how an array's shape fits a network's, [H,W,C] for images: with
// channels first or in the ONNX network's flat order (first), or with channels
// last; [H,W] is an image of one channel. Where both fit, the ONNX network's
// order is meant. With last the ONNX network takes [H,W,C], and no array has its
// channels first. ok is false for other shapes.
func Layout(array, shape []int, last bool) (first, ok bool) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if len(array) == 1 || len(shape) == 1 {
		size := 1
		for _, d := range array {
			size *= d
		}
		return !last, size == n
	}
	if len(shape) == 3 && !last {
		switch {
		case slices.Equal(array, []int{shape[2], shape[0], shape[1]}):
			return true, true
		case shape[2] == 1 && slices.Equal(array, shape[:2]):
			return true, true
		}
	}
	return false, slices.Equal(array, shape)
}

// readRaw reads bytes or little-endian float32.
func readRaw(data []byte, shape []int) (Sample, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	switch len(data) {
	case n:
		return Sample{Bytes: data}, nil
	case 4 * n:
		x := make([]float32, n)
		for i := range x {
			b := data[4*i:]
			x[i] = math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
			if x[i]-x[i] != 0 {
				return Sample{}, notFinite(i, float64(x[i]))
			}
		}
		return Sample{Values: x}, nil
	}
	return Sample{}, Error("neither PNG, JPEG nor .npy, and " + itoa(len(data)) + " bytes are not a raw input of shape " + Dims(shape) +
		" (" + itoa(n) + " bytes of pixels or " + itoa(4*n) + " bytes of float32); give one of these")
}
