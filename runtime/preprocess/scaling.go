package preprocess

import (
	"strconv"

	"edgec/runtime/format"
)

// Scaling says how a byte becomes input, "values (byte / 255 - 0.5) / 0.25": the formula of
// format.Preprocess, with the numbers of the channels between commas.
func Scaling(p format.Preprocess) string {
	s := "byte / 255"
	if p.Bytes255 {
		s = "byte"
	}
	if len(p.Mean) > 0 {
		s = "(" + s + " - " + numbers(p.Mean) + ")"
	}
	if len(p.Std) > 0 {
		s += " / " + numbers(p.Std)
	}
	return "values " + s
}

func numbers(x []float32) string {
	s := ""
	for i, v := range x {
		if i > 0 {
			s += ", "
		}
		s += strconv.FormatFloat(float64(v), 'g', -1, 32)
	}
	if len(x) > 1 {
		s = "[" + s + "]"
	}
	return s
}
