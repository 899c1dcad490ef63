package onnx

import (
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// Layers that share an initializer share the weights, and have biases of their own.
func TestSharedBias(t *testing.T) {
	b := on(13, 2).floats("w", []int{2, 2}, 1, 2, 3, 4).floats("b", []int{2}, 0.5, -0.5).
		node("Gemm", "x,w,b", "h").node("Relu", "h", "r").node("Gemm", "r,w,b", "y").output("y")
	g, err := Decode(b.bytes(), "shared")
	if err != nil {
		t.Fatal(err)
	}
	var weights, biases []*graph.Param
	for _, n := range g.Nodes {
		if op.IsLayer(n) {
			weights, biases = append(weights, n.Inputs[op.WeightInput].Param), append(biases, n.Inputs[op.BiasInput].Param)
		}
	}
	if len(weights) != 2 || weights[0] != weights[1] || biases[0] == biases[1] {
		t.Fatalf("weights %v, biases %v", weights, biases)
	}
	out, err := forward(g, tensor.Of([]float32{1, 1}, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	// h = (4.5, 5.5), y = (4.5 + 3*5.5 + 0.5, 2*4.5 + 4*5.5 - 0.5)
	closeTo(t, "shared", out[0], tensor.Of([]float32{21.5, 30.5}, 1, 2), nodeRelTol)
}
