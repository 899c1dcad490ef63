package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openModel adds two inputs [N, seq, 4] and [seq, 4].
func openModel(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "open.onnx")
	x := newModel(13)
	for name, dims := range map[string][]dimProto{"x": {{param: "N"}, {param: "seq"}, {value: 4}}, "z": {{value: 1}, {param: "seq"}, {value: 4}}} {
		var shape, tensorType, typ, v message
		for _, d := range dims {
			var dim message
			if d.param != "" {
				dim.str(2, d.param)
			} else {
				dim.int(1, d.value)
			}
			shape.bytes(1, dim)
		}
		tensorType.int(1, typeFloat)
		tensorType.bytes(2, shape)
		typ.bytes(1, tensorType)
		v.str(1, name)
		v.bytes(2, typ)
		x.graph.bytes(11, v)
	}
	data := x.node("Add", "x,z", "y").output("y").bytes()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestShapesOfOpenInputs: sizes reach dimensions of the same name in other inputs; wrong
// ones are refused with what would fit.
func TestShapesOfOpenInputs(t *testing.T) {
	path := openModel(t)
	if _, _, err := Read(path); err == nil || !strings.Contains(err.Error(), "--shape x=?x128x4, or") {
		t.Errorf("without sizes: %v", err)
	}
	g, _, err := ReadWith(path, Options{Shapes: map[string][]int{"x": {1, 7, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	if s := g.Outputs[0].Shape; s.Size() != 28 {
		t.Errorf("output of shape %v, want 28 elements", s)
	}
	short := newModel(13).input("ids", typeFloat, 0, 0).floats("positions", []int{1, 3}, 1, 2, 3).node("Add", "ids,positions", "y").output("y").bytes()
	if err := os.WriteFile(path+"2", short, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadWith(path+"2", Options{Shapes: map[string][]int{"ids": {0, 8}}}); err == nil || !strings.HasSuffix(err.Error(), "(ids=?x8): give those that it was made for") {
		t.Errorf("more positions than the network has: %v", err)
	}
	for want, shapes := range map[string]map[string][]int{
		`the inputs are`:          {"w": {1}},
		"one size for each":       {"x": {1, 7}},
		"is 4 in the file, not 5": {"x": {1, 7, 5}},
		"and ":                    {"x": {1, 7, 4}, "z": {1, 8, 4}},
		"sizes from 1 on":         {"x": {-1, 7, 4}},
	} {
		if _, _, err := ReadWith(path, Options{Shapes: shapes}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", shapes, err, want)
		}
	}
}
