package program

import (
	"edgec/runtime/format"
	"edgec/runtime/preprocess"
)

// source counts what the files of a sample, or of several, became input as. Its fields in
// JSON have the names and meanings of those of "edgec eval".
type source struct {
	kind                   string // of the first: "pictures", "npy" or "raw"
	pictures, arrays, raws int
	resized                int  // pictures
	bytes                  bool // some are scaled
}

func (s *source) add(t source) {
	if s.kind == "" {
		s.kind = t.kind
	}
	s.pictures, s.arrays, s.raws, s.resized = s.pictures+t.pictures, s.arrays+t.arrays, s.raws+t.raws, s.resized+t.resized
	s.bytes = s.bytes || t.bytes
}

// read counts a file.
func (s *source) read(data []byte, sample preprocess.Sample) {
	t := source{bytes: sample.Bytes != nil}
	switch {
	case preprocess.IsPicture(data):
		t.kind, t.pictures = "pictures", 1
	case preprocess.IsNpy(data):
		t.kind, t.arrays = "npy", 1
	default:
		t.kind, t.raws = "raw", 1
	}
	if sample.Resized {
		t.resized = 1
	}
	s.add(t)
}

// scaling says how stored values became input.
func (s *source) scaling(p format.Preprocess) string {
	if s.bytes {
		return preprocess.Scaling(p)
	}
	return "values as they are"
}

// json is {"kind":...,"pictures_read":...,"resized":...,"scaling":...}; counts of 0 are left out.
func (s *source) json(p format.Preprocess) []byte {
	b := append([]byte(`{"kind":`), jsonString(s.kind)...)
	if s.pictures > 0 {
		b = append(b, `,"pictures_read":`+itoa(s.pictures)...)
	}
	if s.resized > 0 {
		b = append(b, `,"resized":`+itoa(s.resized)...)
	}
	b = append(b, `,"scaling":`...)
	return append(append(b, jsonString(s.scaling(p))...), '}')
}

// line is what people are told: "2 pictures read, 1 resized to 28x28x1; values byte / 255".
func (s *source) line(shape []int, p format.Preprocess) string {
	text := ""
	for _, k := range []struct {
		n    int
		what string
	}{{s.pictures, "picture"}, {s.arrays, "array"}, {s.raws, "raw file"}} {
		if k.n == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += itoa(k.n) + " " + k.what
		if k.n > 1 {
			text += "s"
		}
	}
	text += " read"
	if s.resized > 0 {
		text += ", " + itoa(s.resized) + " resized to " + preprocess.Dims(shape)
	}
	return text + "; " + s.scaling(p)
}
