package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"image/png"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// detector is a network on pictures of 8 x 8 with two outputs, "scores" [3], a softmax, and
// "boxes" [5, 4]. With a hint it has a second input, "hint" [4].
func detector(t *testing.T, hint bool) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 8))
	image := &graph.Value{Name: "image", Shape: tensor.Shape{1, 1, 8, 8}}
	g := &graph.Graph{Name: "detector", Inputs: []*graph.Value{image}}
	node := func(name string, o graph.Op, in ...*graph.Value) *graph.Value {
		v := &graph.Value{Name: name}
		g.Nodes = append(g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{v}})
		return v
	}
	dense := func(name string, x *graph.Value, out, in int) *graph.Value {
		w := tensor.New(out, in)
		for i := range w.Data {
			w.Data[i] = float32(r.NormFloat64())
		}
		return node(name, op.Dense{}, x, &graph.Value{Name: name + ".w", Shape: w.Shape, Param: graph.NewParam(name+".w", graph.Weight, w)}, nil)
	}
	y := dense("trunk", node("flat", op.Reshape{Shape: []int{64}}, image), 6, 64)
	if hint {
		z := &graph.Value{Name: "hint", Shape: tensor.Shape{1, 4}}
		g.Inputs = append(g.Inputs, z)
		y = node("both", op.Add{}, y, dense("lead", z, 6, 4))
	}
	scores := node("scores", op.Softmax{Axis: 1}, dense("logits", y, 3, 6))
	g.Outputs = []*graph.Value{scores, node("boxes", op.Reshape{Shape: []int{5, 4}}, dense("places", y, 20, 6))}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return encode(t, g)
}

// npzOf zips arrays of float32 with n samples of the given shapes.
func npzOf(t *testing.T, n int, shapes map[string][]int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(9, 10))
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		shape := append(tensor.Shape{n}, shapes[name]...)
		x := make([]float32, shape.Size())
		for i := range x {
			x[i] = r.Float32()
		}
		e, err := w.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		head := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }\n", strings.Trim(shape.String(), "[]"))
		fmt.Fprintf(e, "\x93NUMPY\x01\x00%c%c%s", len(head)&255, len(head)>>8, head)
		binary.Write(e, binary.LittleEndian, x)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestTwoOutputs: a network with two outputs goes through inspect, compress with a folder of
// pictures of another size, and eval.
func TestTwoOutputs(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "detector.onnx", detector(t, false))
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 60 {
		var b bytes.Buffer
		if err := png.Encode(&b, corner(r, 16, i%4)); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join("pictures", fmt.Sprintf("%d.png", i)), b.Bytes())
		write(t, filepath.Join("classes", fmt.Sprint(i%3), fmt.Sprintf("%d.png", i)), b.Bytes())
	}
	command(t, "inspect", "detector.onnx").must(t).has(t, "1x8x8", "output 0", "3, scores", "output 1", "5x4, boxes")
	got := parse[compressed](t, command(t, "compress", "detector.onnx", "--data", "pictures", "--no-training", "--max-drop", "5", "-j", "1", "--json"))
	if got.Task != edgec.TaskVectors || !got.Best.Meets || got.Float.Error != 0 {
		t.Errorf("task %s, float %+v, best %+v", got.Task, got.Float, got.Best)
	}
	command(t, "inspect", "detector.edgec").must(t).has(t, "8x8x1", "output 0", "output 1", "5x4")
	m := parse[evaluated](t, command(t, "eval", "detector.edgec", "--data", "pictures", "--against", "detector.onnx", "--json")).Against
	if m == nil || m.Task != edgec.TaskVectors || m.Error > 10 || m.Error <= 0 || m.Cosine < 0.9 {
		t.Errorf("against the float network: %+v", m)
	}
	command(t, "run", "detector.edgec", "pictures/0.png").must(t).has(t, "output 0 (3)", "output 1 (5x4)")
	for _, line := range []string{"compress detector.onnx --data classes --no-training", "eval detector.edgec --data classes", "eval detector.onnx --data classes"} {
		if r := command(t, strings.Fields(line)...); r.code != exitFailed || !strings.Contains(r.stderr, "2 outputs, and labels belong to one") || !strings.Contains(r.stderr, "--no-labels") {
			t.Errorf("%s: code %d, %s", line, r.code, r.stderr)
		}
	}
	command(t, "eval", "detector.edgec", "--data", "classes", "--against", "detector.onnx", "--no-labels").must(t).has(t, "of the variance")
}

// TestTwoInputs: each input is fed by the array of its name; eval without the float network,
// which knows the names, goes by shapes and says so.
func TestTwoInputs(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "detector.onnx", detector(t, true))
	write(t, "d.npz", npzOf(t, 80, map[string][]int{"image": {1, 8, 8}, "hint": {4}}))
	command(t, "inspect", "detector.onnx").must(t).has(t, "input 0", "1x8x8, image", "input 1", "4, hint")
	v := parse[inspectedONNX](t, command(t, "inspect", "detector.onnx", "--json"))
	if len(v.Inputs) != 2 || v.Inputs[1].Name != "hint" || len(v.Outputs) != 2 || !slices.Equal(v.Outputs[1].Shape, []int{5, 4}) {
		t.Errorf("%+v", v)
	}
	done := command(t, "compress", "detector.onnx", "--data", "d.npz", "--no-training", "--max-drop", "5", "-j", "1").must(t)
	if !strings.Contains(done.stderr, "image [1,8,8] and hint [4]") {
		t.Errorf("notes: %s", done.stderr)
	}
	command(t, "inspect", "detector.edgec").must(t).has(t, "input 0", "8x8x1", "input 1", "4")
	named := parse[evaluated](t, command(t, "eval", "detector.edgec", "--data", "d.npz", "--against", "detector.onnx", "--json")).Against
	if named == nil || named.Error > 10 || named.Error <= 0 {
		t.Errorf("against the float network: %+v", named)
	}
	if r := command(t, "eval", "detector.edgec", "--data", "d.npz"); r.code != exitFailed || !strings.Contains(r.stderr, "no labels to evaluate against") {
		t.Errorf("code %d, %s", r.code, r.stderr)
	}
	write(t, "lone.npz", npzOf(t, 80, map[string][]int{"image": {1, 8, 8}}))
	if r := command(t, "compress", "detector.onnx", "--data", "lone.npz"); r.code != exitFailed || !strings.Contains(r.stderr, `no array for input "hint" of shape [4] among image [80,1,8,8]`) {
		t.Errorf("code %d, %s", r.code, r.stderr)
	}
}
