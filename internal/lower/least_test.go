package lower

import (
	"os"
	"testing"

	"edgec/runtime/format"
)

// SPEC.md has the bytes: 4 of magic, 1 of version, 2 before the graph; in it 1 for the
// number of inputs, for each 1 and its dimensions and 3 for its grid, 1 for the number of
// instructions and the outputs; 2 + 5 for the self-test, 4 for the checksum; labels with
// their lengths.
func TestLeast(t *testing.T) {
	for _, c := range []struct {
		name    string
		inputs  [][]int
		outputs int
		meta    format.Meta
		want    int
	}{
		{"one number", [][]int{{1}}, 1, format.Meta{}, 4 + 1 + 2 + 1 + (1 + 1 + 3) + 1 + 1 + 7 + 4},
		{"a picture", [][]int{{28, 28, 1}}, 1, format.Meta{}, 4 + 1 + 2 + 1 + (1 + 3 + 3) + 1 + 1 + 7 + 4},
		{"two of each", [][]int{{200}, {4}}, 2, format.Meta{}, 4 + 1 + 2 + 1 + (1 + 2 + 3) + (1 + 1 + 3) + 1 + 3 + 7 + 4},
		{"labels", [][]int{{1}}, 1, format.Meta{Labels: []string{"no", "yes"}}, 26 + 2 + 1 + 1 + 3 + 4 + 1 + 1 + 1},
	} {
		if got, err := Least(c.inputs, c.outputs, c.meta); err != nil || got != c.want {
			t.Errorf("%s: %d bytes, %v; want %d", c.name, got, err, c.want)
		}
	}
	if _, err := Least([][]int{{0}}, 1, format.Meta{}); err == nil {
		t.Error("an empty input has a file")
	}
}

// No file is smaller.
func TestLeastBound(t *testing.T) {
	data, err := os.ReadFile("../../testdata/lenet-5-1200.edgec")
	if err != nil {
		t.Fatal(err)
	}
	f, err := format.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	least, err := Least([][]int{f.Tensors[0].Shape}, 1, f.Meta)
	if err != nil || least < 20 || least >= len(data) {
		t.Errorf("bound of %d bytes, %v; a file has %d", least, err, len(data))
	}
}
