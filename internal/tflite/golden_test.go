package tflite

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// goldenTol bounds |difference| / max(1, largest reference output): float32 rounding in another
// order of summation through at most 100 layers.
const goldenTol = 1e-4

// TestGoldenFloat runs float networks, as they are read and simplified, against the outputs of
// LiteRT, or of ONNX Runtime for those that have an ONNX form too.
func TestGoldenFloat(t *testing.T) {
	dir := dataDir(t)
	for name, golden := range map[string]string{
		"mlperf-tiny/ad-autoencoder-float": "ad-autoencoder", "mlperf-tiny/vww-mobilenet-float": "vww-mobilenet", "mlperf-tiny/resnet8-float": "resnet8",
		"mediapipe/face_detection_short_range": "face_detection_short_range", "mediapipe/face_detection_full_range_sparse": "face_detection_full_range_sparse",
		"mediapipe/selfie_segmentation": "selfie_segmentation", "mediapipe/hand_recrop": "hand_recrop",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(dir, "models", name+".tflite"))
			if err != nil {
				t.Fatal(err)
			}
			g, err := Decode(data, name)
			if err != nil {
				t.Fatal(err)
			}
			matchGolden(t, g, filepath.Join(dir, "golden", golden))
			before := len(g.Nodes)
			if err := simplify.Run(g); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d nodes, %d simplified", before, len(g.Nodes))
			matchGolden(t, g, filepath.Join(dir, "golden", golden))
		})
	}
}

func dataDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("EDGEC_DATA is not set: it names the folder with networks and their reference outputs")
	}
	return dir
}

// matchGolden compares g's outputs with those in a folder, whose images may have channels last.
func matchGolden(t *testing.T, g *graph.Graph, folder string) {
	t.Helper()
	in := channelsFirst(testnet.Npy(t, filepath.Join(folder, "in0.npy")), g.Inputs[0].Shape)
	tape, err := graph.NewTape(g, in.Shape[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range tape.Forward(in) {
		want := channelsFirst(testnet.Npy(t, filepath.Join(folder, fmt.Sprintf("out%d.npy", i))), g.Outputs[i].Shape)
		closeTo(t, fmt.Sprint("output ", i), y, want)
	}
}

// channelsFirst returns x with its images in the order of shape s.
func channelsFirst(x *tensor.Tensor, s tensor.Shape) *tensor.Tensor {
	if len(x.Shape) != 4 || x.Shape.Sample().Equal(s.Sample()) {
		return x
	}
	n, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	y := tensor.New(n, c, h, w)
	for i, v := range x.Data {
		y.Data[(i/(h*w*c)*c+i%c)*h*w+i/c%(h*w)] = v
	}
	return y
}

func closeTo(t *testing.T, what string, got, want *tensor.Tensor) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Fatalf("%s: shape %v, want %v", what, got.Shape, want.Shape)
	}
	scale, worst := 1.0, 0.0
	for _, v := range want.Data {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i := range want.Data {
		d := math.Abs(float64(got.Data[i]) - float64(want.Data[i]))
		if d != d {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got.Data[i], want.Data[i])
		}
		worst = max(worst, d)
	}
	if worst > goldenTol*scale {
		t.Errorf("%s: difference %g, at most %g allowed", what, worst, goldenTol*scale)
	}
	t.Logf("%s: difference %.2g of %.3g", what, worst, scale)
}
