package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openInput adds an input of real numbers whose dimensions have names where they are open.
func (b *modelBuilder) openInput(name string, dims ...dimProto) {
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
	b.graph.bytes(11, v)
}

// openModel adds two inputs [N, seq, 4] and [seq, 4].
func openModel(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "open.onnx")
	x := newModel(13)
	x.openInput("x", dimProto{param: "N"}, dimProto{param: "seq"}, dimProto{value: 4})
	x.openInput("z", dimProto{value: 1}, dimProto{param: "seq"}, dimProto{value: 4})
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
	if _, _, err := ReadWith(path+"2", Options{Shapes: map[string][]int{"ids": {0, 0}}}); err == nil || strings.Contains(err.Error(), "were given") {
		t.Errorf("a shape without a size: %v", err)
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

// TestStateOfOneSample: a batch of one, given by --shape, loses no state. The output is read in
// the shape of the input that it becomes, also where the file has lost which dimension is the batch.
func TestStateOfOneSample(t *testing.T) {
	m := newModel(13)
	m.openInput("x", dimProto{param: "batch"}, dimProto{value: 3})
	m.openInput("state", dimProto{value: 2}, dimProto{param: "batch"}, dimProto{value: 3})
	data := m.int64s("first", 0).int64s("end", 1).int64s("begin", 0).node("Slice", "state,begin,end,begin", "old").
		node("Squeeze", "old,first", "flat").node("Add", "flat,x", "y").
		node("Unsqueeze", "y,first", "row").node("Concat", "row,old", "stateN", attribute{"axis", 0}).output("y").output("stateN").bytes()
	path := filepath.Join(t.TempDir(), "state.onnx")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{0, 1} {
		g, _, err := ReadWith(path, Options{Shapes: map[string][]int{"x": {batch, 3}}})
		if err != nil {
			t.Fatal(err)
		}
		notes, err := g.LinkState(nil, true)
		if err != nil || len(g.State) != 1 || len(notes) != 1 {
			t.Errorf("batch %d: outputs %v, state %v, notes %q, error %v; want one link", batch, g.Outputs, g.State, notes, err)
		}
	}
}
