package program

import (
	"edgec/runtime"
	"edgec/runtime/preprocess"
)

// set fills the session's input from a file's contents: see preprocess.Read.
func (j *Job) set(s *runtime.Session, shape []int, data []byte) error {
	sample, err := preprocess.Read(data, shape)
	switch {
	case err != nil:
		return err
	case sample.Bytes == nil:
		return s.SetInputNCHW(0, sample.Values)
	case j.Invert && preprocess.IsPicture(data):
		for i, b := range sample.Bytes {
			sample.Bytes[i] = 255 - b
		}
	}
	return s.SetBytes(0, sample.Bytes)
}

// shapeString writes a shape as "28x28x1".
func shapeString(shape []int) string {
	s := ""
	for i, d := range shape {
		if i > 0 {
			s += "x"
		}
		s += itoa(d)
	}
	return s
}
