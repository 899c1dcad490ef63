package onnx

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// goldenTol bounds |difference| / max(1, largest reference output): float32
// rounding in another order of summation through at most 60 layers.
const goldenTol = 2e-5

// TestGoldenNetworks runs whole networks, as they are read and simplified,
// against the outputs of ONNX Runtime.
func TestGoldenNetworks(t *testing.T) {
	dir := dataDir(t)
	networks := map[string]string{
		"lenet-5": "lenet", "lenet-300-100": "lenet", "keras-cnn": "lenet", "case-study": "lenet", "cntk-mnist": "lenet",
		"resnet8": "mlperf-tiny", "kws-dscnn": "mlperf-tiny", "vww-mobilenet": "mlperf-tiny", "ad-autoencoder": "mlperf-tiny",
		"mobilenet-v2-0.35-128": "detect", "ultraface-rfb-320": "detect", "speech-gru": "speech", "char-gru": "language", "mnist-questions": "multi",
	}
	for name, folder := range networks {
		t.Run(name, func(t *testing.T) {
			g, _, err := Read(filepath.Join(dir, "models", folder, name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join(dir, "golden", name)
			var in []*tensor.Tensor
			for i := range g.Inputs {
				in = append(in, testnet.Npy(t, filepath.Join(golden, fmt.Sprintf("in%d.npy", i))))
			}
			if name == "case-study" { // 600 MMAC a sample
				in[0] = in[0].Rows(0, 1)
			}
			matchGolden(t, g, in, golden)
			before := len(g.Nodes)
			if err := simplify.Run(g); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d nodes, %d simplified", before, len(g.Nodes))
			matchGolden(t, g, in, golden)
		})
	}
}

// matchGolden compares g's outputs with those in a folder.
func matchGolden(t *testing.T, g *graph.Graph, in []*tensor.Tensor, folder string) {
	t.Helper()
	got, err := forward(g, in...)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range got {
		want := testnet.Npy(t, filepath.Join(folder, fmt.Sprintf("out%d.npy", i))).Rows(0, in[0].Shape[0])
		closeTo(t, fmt.Sprint("output ", i), y, want, goldenTol)
	}
}

// closeTo compares two tensors within tol of the larger of 1 and the largest
// reference.
func closeTo(t *testing.T, what string, got, want *tensor.Tensor, tol float64) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Fatalf("%s: shape %v, want %v", what, got.Shape, want.Shape)
	}
	scale := 1.0
	for _, v := range want.Data {
		scale = max(scale, math.Abs(float64(v)))
	}
	worst := 0.0
	for i := range want.Data {
		d := math.Abs(float64(got.Data[i]) - float64(want.Data[i]))
		if d != d {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got.Data[i], want.Data[i])
		}
		worst = max(worst, d)
	}
	if worst > tol*scale {
		t.Errorf("%s: difference %g, at most %g allowed", what, worst, tol*scale)
	}
}

// TestRefusedNetworks: whole networks that are out of scope are refused in one
// line that says what they contain and what to do.
func TestRefusedNetworks(t *testing.T) {
	dir := dataDir(t)
	for name, want := range map[string][]string{
		"speech/silero-vad-16k": {"is not a fixed size"},
	} {
		path := filepath.Join(dir, "models", name+".onnx")
		_, _, err := Read(path)
		if err == nil {
			t.Errorf("%s is read", name)
			continue
		}
		t.Log(err)
		for _, w := range append(want, path) {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q lacks %q", name, err, w)
			}
		}
	}
}
