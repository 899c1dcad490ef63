package onnx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/tensor"
)

// TestGiven: sizes and values that a user gives, or data have, complete what a file leaves open.
func TestGiven(t *testing.T) {
	// Both inputs are [batch, seq, 2] or [batch, seq]; c is a number that both meet.
	file := filepath.Join(t.TempDir(), "open.onnx")
	open := newModel(13).input("x", typeFloat, 0, 0, 2).input("z", typeFloat, 0, 0, 2).input("c", typeFloat, 1).
		node("Add", "x,z", "a").node("Mul", "a,c", "y").output("y").bytes()
	if err := os.WriteFile(file, open, 0o644); err != nil {
		t.Fatal(err)
	}
	c := map[string]float64{"c": 2.5}
	find := func(name string, dims []int, integer bool) ([]int, string) {
		if len(dims) != 2 || dims[0] != 0 || dims[1] != 2 || integer {
			t.Errorf("input %s: open sizes %v, whole numbers %v", name, dims, integer)
		}
		return []int{5, 2}, "as the data have it"
	}
	for name, g := range map[string]struct {
		given Options
		shape tensor.Shape // of x
		says  string       // the error, or the notes
	}{
		"sizes":                   {Options{Shapes: map[string][]int{"x": {0, 3, 2}, "z": {0, 3, 2}}, Values: c}, tensor.Shape{1, 3, 2}, ""},
		"what data have":          {Options{Values: c, Find: find}, tensor.Shape{1, 5, 2}, "as the data have it"},
		"nothing":                 {Options{Values: c}, nil, "give one, as in --shape x=?x128x2"},
		"a value of no such name": {Options{Values: map[string]float64{"w": 1}}, nil, `there is no input "w" to set; the inputs are`},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := ReadWith(file, g.given)
			if err != nil {
				if g.shape != nil || !strings.Contains(err.Error(), g.says) {
					t.Errorf("%v; want %s", err, g.says)
				}
				return
			}
			if g.shape == nil || len(got.Inputs) != 2 || !got.Inputs[0].Shape.Equal(g.shape) || !strings.Contains(strings.Join(got.Notes, ";"), g.says) {
				t.Errorf("%v, notes %q; want %v, %q", got.Inputs, got.Notes, g.shape, g.says)
			}
		})
	}
}
