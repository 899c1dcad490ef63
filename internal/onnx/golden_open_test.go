package onnx

import (
	"path/filepath"
	"strconv"
	"testing"

	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// TestGoldenForms runs whole networks whose values move: batches at other places than the
// first or none, open sizes, caches, embeddings, control flow that is known.
func TestGoldenForms(t *testing.T) {
	dir := dataDir(t)
	for _, c := range []struct {
		folder, name string
		inputs       int // that are arrays; the last of silero-vad is one number
		shapes       map[string][]int
		outputs      int
	}{
		{"cifar", "resnet20", 1, nil, 1},
		{"language", "char-transformer", 1, nil, 1},
		{"language", "gpt-nano-sort", 1, map[string][]int{"idx": {0, 6}}, 1},
		{"language", "stories260k", 1, map[string][]int{"ids": {0, 48}}, 1},
		{"language", "stories260k-step", 4, nil, 3},
		{"speech", "silero-vad-16k", 2, map[string][]int{"input": {1, 576}, "state": {2, 1, 128}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _, err := ReadWith(filepath.Join(dir, "models", c.folder, c.name+".onnx"), Options{Shapes: c.shapes})
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join(dir, "golden", c.name)
			var in []*tensor.Tensor
			for i, v := range g.Inputs {
				if i >= c.inputs {
					in = append(in, tensor.Of([]float32{16000}, v.Shape...)) // the sampling rate
					continue
				}
				x := testnet.Npy(t, filepath.Join(golden, "in"+strconv.Itoa(i)+".npy"))
				in = append(in, tensor.Of(x.Data, v.Shape.WithBatch(len(x.Data)/v.Shape.Size())...))
			}
			for _, form := range []string{"as read", "simplified"} {
				got, err := forward(g, in...)
				if err != nil {
					t.Fatal(err)
				}
				if len(got) != c.outputs {
					t.Fatalf("%d outputs, want %d", len(got), c.outputs)
				}
				for i, y := range got {
					want := testnet.Npy(t, filepath.Join(golden, "out"+strconv.Itoa(i)+".npy"))
					closeTo(t, form+": output "+strconv.Itoa(i), tensor.Of(y.Data, len(y.Data)), tensor.Of(want.Data, len(want.Data)), goldenTol)
				}
				if err := simplify.Run(g); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
