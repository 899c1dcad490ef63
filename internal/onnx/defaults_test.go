package onnx

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// TestWriteDefaults: attributes that are left at 0 for 1 are written as 1.
func TestWriteDefaults(t *testing.T) {
	for _, o := range []graph.Op{op.Conv2D{}, op.MaxPool{KH: 2, KW: 2}, op.AvgPool{KH: 2, KW: 2}} {
		t.Run(o.Name(), func(t *testing.T) {
			x, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, 2, 4, 4}}, &graph.Value{Name: "y"}
			in := []*graph.Value{x}
			if _, ok := o.(op.Conv2D); ok {
				w := tensor.New(3, 2, 2, 2)
				in = append(in, &graph.Value{Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)})
			}
			g := &graph.Graph{Inputs: in[:1], Outputs: []*graph.Value{y}, Nodes: []*graph.Node{{Name: "n", Op: o, Inputs: in, Outputs: []*graph.Value{y}}}}
			if err := g.InferShapes(); err != nil {
				t.Fatal(err)
			}
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(data, "defaults.onnx")
			if err != nil {
				t.Fatal(err)
			}
			if got := back.Outputs[0].Shape; !got.Equal(y.Shape) {
				t.Errorf("output %v, want %v", got, y.Shape)
			}
		})
	}
}
