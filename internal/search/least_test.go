package search

import (
	"testing"

	"edgec/runtime/format"
)

// A size that no file can have is refused with the least one.
func TestPossible(t *testing.T) {
	const parts = "that is the header, the shapes of inputs and outputs, the self-test and the checksum"
	for _, c := range []struct {
		size int
		meta format.Meta
		want string
	}{
		{0, format.Meta{}, ""}, // not asked for
		{28, format.Meta{}, ""},
		{27, format.Meta{}, "edgec: max size is 27 bytes, and no file of this network can have fewer than 28: " + parts + ", without a single layer; allow more"},
		{10, format.Meta{Labels: []string{"a", "b"}}, "edgec: max size is 10 bytes, and no file of this network can have fewer than 39: " + parts + ", and the labels, without a single layer; allow more"},
	} {
		err := Objective{MaxSize: c.size}.Possible([][]int{{1, 8, 8}}, 1, c.meta)
		if got := text(err); got != c.want {
			t.Errorf("%d bytes: %q, want %q", c.size, got, c.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
