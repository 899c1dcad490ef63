package program

import (
	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// set fills input i of the session from a file's contents: see preprocess.Read. Only
// input 0 takes pictures; an array of uint8 holds real numbers for another, and bytes are the
// numbers of an input of whole numbers. last is the order of input 0 in the network that was
// compressed. from counts the file.
func (j *Job) set(s *runtime.Session, i int, info runtime.Info, data []byte, last bool, from *source) error {
	last = last && i == 0
	sample, err := preprocess.Read(data, info.Inputs[i], last)
	if err != nil {
		return err
	}
	if info.Whole[i] && !preprocess.IsPicture(data) {
		for _, b := range sample.Bytes {
			sample.Values = append(sample.Values, float32(b))
		}
		sample.Bytes = nil
	}
	from.read(data, sample)
	switch {
	case sample.Bytes == nil && last:
		return s.SetInput(i, sample.Values)
	case sample.Bytes == nil:
		return s.SetInputNCHW(i, sample.Values)
	case i > 0 && preprocess.IsNpy(data):
		x := make([]float32, len(sample.Bytes))
		for k, b := range sample.Bytes {
			x[k] = float32(b)
		}
		return s.SetInput(i, x)
	case i > 0:
		return Error("input " + itoa(i) + " takes no picture; give an .npy array or " + itoa(4*len(sample.Bytes)) + " bytes of float32")
	case j.Invert && preprocess.IsPicture(data):
		invert(sample.Bytes)
	}
	return s.SetBytes(i, sample.Bytes)
}

// invert makes light pixels dark.
func invert(pixels []byte) {
	for i, b := range pixels {
		pixels[i] = 255 - b
	}
}
