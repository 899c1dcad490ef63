package onnx

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// TestGoldenSequences runs networks of attention and state, as they are read and simplified,
// against the outputs of ONNX Runtime. most bounds the operators that are left.
func TestGoldenSequences(t *testing.T) {
	dir := dataDir(t)
	for _, c := range []struct {
		name, folder string
		shapes       map[string][]int
		norms, most  int
	}{
		{"gpt-nano-sort", "language", map[string][]int{"idx": {0, 6}}, 7, 80},
		{"char-transformer", "language", nil, 9, 110},
		{"stories260k", "language", map[string][]int{"ids": {0, 48}}, 11, 290},
		{"stories260k-step", "language", nil, 11, 500},
		{"silero-vad-16k", "speech", map[string][]int{"input": {0, 576}, "state": {2, 0, 128}}, 0, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _, err := ReadWith(filepath.Join(dir, "models", c.folder, c.name+".onnx"), Options{Shapes: c.shapes})
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join(dir, "golden", c.name)
			matchElements(t, g, golden)
			if err := simplify.Run(g); err != nil {
				t.Fatal(err)
			}
			matchElements(t, g, golden)
			norms := 0
			for _, n := range g.Nodes {
				norms += bit(n.Op.Name() == "Normalize")
			}
			if norms != c.norms || len(g.Nodes) > c.most {
				t.Errorf("%d operators, at most %d expected; %d normalizations, want %d", len(g.Nodes), c.most, norms, c.norms)
			}
		})
	}
}

// matchElements is matchGolden for networks whose batch is not first in the file, or is
// missing: elements are compared in their order.
func matchElements(t *testing.T, g *graph.Graph, golden string) {
	t.Helper()
	var in []*tensor.Tensor
	for i, v := range g.Inputs {
		x := testnet.Npy(t, filepath.Join(golden, fmt.Sprintf("in%d.npy", i)))
		in = append(in, tensor.Of(x.Data, slices.Concat([]int{len(x.Data) / v.Shape.Size()}, v.Shape[1:])...))
	}
	got, err := forward(g, in...)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range got {
		want := testnet.Npy(t, filepath.Join(golden, fmt.Sprintf("out%d.npy", i)))
		if len(want.Data) != len(y.Data) {
			t.Fatalf("output %d has %d elements, want %d", i, len(y.Data), len(want.Data))
		}
		closeTo(t, fmt.Sprint("output ", i), y, tensor.Of(want.Data, y.Shape...), goldenTol)
	}
}
