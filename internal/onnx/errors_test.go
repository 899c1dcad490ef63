package onnx

import "testing"

// Every cause ends with what to do about it.
func TestWithRemedy(t *testing.T) {
	for _, c := range []struct{ msg, op, want string }{
		{"it has no shape; export the model with the input's sizes", "", "it has no shape; export the model with the input's sizes"},
		{"it is not supported", "NonMaxSuppression", "it is not supported" + remedies["NonMaxSuppression"]},
		{"3 spatial dimensions are not supported, only 1 and 2", "Conv", "3 spatial dimensions are not supported, only 1 and 2; change the network there and export it again"},
		{"shapes [2] and [3] do not fit together", "Add", "shapes [2] and [3] do not fit together; the file contradicts itself or its values are broken: export it again"},
	} {
		if got := withRemedy(c.msg, c.op, nil); got != c.want {
			t.Errorf("%q of %s: %q, want %q", c.msg, c.op, got, c.want)
		}
	}
}
