package cli

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"edgec"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// pngOf encodes a picture.
func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestClassOrder: a network whose classes are folders in the order of their numbers. The
// default order is that of training tools; the hint names the right one, --labels takes it,
// and the file carries it on.
func TestClassOrder(t *testing.T) {
	workplace(t)
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 80 {
		write(t, filepath.Join("pics", []string{"1", "2", "10", "11"}[i%4], fmt.Sprint(i, ".png")), pngOf(t, corner(rng, 8+i%2*8, i%4)))
	}
	write(t, "pics/2/photo.webp", []byte("RIFF"))
	r := command(t, "eval", "corner.onnx", "--data", "pics").must(t)
	r.has(t, `classes 0 "1", 1 "10", 2 "11", 3 "2", sorted as text`, "by number it would be 1,2,10,11", "80 pictures read, 40 resized", "1 file not read: 1 .webp")
	if !strings.Contains(r.stderr, "with --labels 1,2,10,11") {
		t.Errorf("no hint: %s", r.stderr)
	}
	wrong := parse[evaluated](t, command(t, "eval", "corner.onnx", "--data", "pics", "--json").must(t))
	if wrong.Labels.Accuracy > 50 || !strings.Contains(wrong.Labels.Hint, "--labels 1,2,10,11") || wrong.Source.Resized != 40 || wrong.Source.Skipped[".webp"] != 1 {
		t.Errorf("in the order of text: %+v, %+v", wrong.Labels, wrong.Source)
	}
	right := parse[evaluated](t, command(t, "eval", "corner.onnx", "--data", "pics", "--labels", "1,2,10,11", "--json").must(t))
	if right.Labels.Accuracy < 95 || right.Labels.Hint != "" || right.Source.Order != "in the order of --labels" {
		t.Errorf("in the order of numbers: %+v, %+v", right.Labels, right.Source)
	}
	got := parse[compressed](t, command(t, quick("compress", "corner.onnx", "--data", "pics", "--labels", "1,2,10,11", "--no-training", "--max-drop", "5", "--json")...).must(t))
	if got.Source.Kind != "pictures" || got.Source.Pictures != 80 || len(got.Source.Classes) != 4 || len(got.Report.Warnings) > 0 && strings.Contains(got.Report.Warnings[0], "chance") {
		t.Errorf("%+v, %q", got.Source, got.Report.Warnings)
	}
	command(t, "run", "corner.edgec", "light.png").must(t).has(t, "light.png: 2 ")
	file := parse[evaluated](t, command(t, "eval", "corner.edgec", "--data", "pics", "--json").must(t))
	if file.Labels.Accuracy < 90 || file.Source.Order != "in the order of the file's labels" {
		t.Errorf("the file: %+v, %+v", file.Labels, file.Source)
	}
	write(t, "pics/12/x.png", pngOf(t, corner(rng, 8, 1)))
	oneError(t, command(t, "eval", "corner.edgec", "--data", "pics"), "5 folders of pictures, the network has 4 classes")
}

// TestLabelsOfData: the names that the data has are stored if they are asked for.
func TestLabelsOfData(t *testing.T) {
	workplace(t)
	rng := rand.New(rand.NewPCG(9, 8))
	for i := range 40 {
		write(t, filepath.Join("pics", []string{"a top left", "b top right", "c bottom left", "d bottom right"}[i%4], fmt.Sprint(i, ".png")), pngOf(t, corner(rng, 8, i%4)))
	}
	command(t, quick("compress", "corner.onnx", "--data", "pics", "--labels", "data", "--no-training", "--max-drop", "10")...).must(t)
	command(t, "run", "corner.edgec", "light.png").must(t).has(t, "light.png: b top right")
	oneError(t, command(t, quick("compress", "corner.onnx", "--data", "data", "--labels", "data")...), "no class names", "--labels data")
}

// TestLabelColumn: the flag of eval and compress, and what is said of the column.
func TestLabelColumn(t *testing.T) {
	workplace(t)
	rng := rand.New(rand.NewPCG(2, 8))
	var csv strings.Builder
	for range 120 {
		q := rng.IntN(4)
		fmt.Fprintf(&csv, "%d,", rng.IntN(4)) // as good a column of labels
		for _, v := range corner(rng, 8, q).Pix[1:] {
			fmt.Fprintf(&csv, "%.3f,", float64(v)/255)
		}
		fmt.Fprintln(&csv, q)
	}
	write(t, "d.csv", []byte(csv.String()))
	oneError(t, command(t, "eval", "corner.onnx", "--data", "d.csv"), "columns 1 and 65 both may be the labels", "--label-column")
	r := command(t, "eval", "corner.onnx", "--data", "d.csv", "--label-column", "65").must(t)
	r.has(t, "read as   labels from column 65; values as they are")
	got := parse[compressed](t, command(t, quick("compress", "corner.onnx", "--data", "d.csv", "--label-column", "65", "--no-training", "--max-drop", "10", "--json")...).must(t))
	if got.Source.LabelColumn != 65 || got.Source.Kind != "csv" {
		t.Errorf("%+v", got.Source)
	}
	oneError(t, command(t, "eval", "corner.onnx", "--data", "d.csv", "--label-column", "activity"), `no column "activity"`, "1 to 65")
}

// TestOneClassOfLabels: a set of one class is said before the search and in the report.
func TestOneClassOfLabels(t *testing.T) {
	workplace(t)
	rng := rand.New(rand.NewPCG(9, 8))
	for i := range 40 {
		write(t, filepath.Join("pics", "1", fmt.Sprint(i, ".png")), pngOf(t, corner(rng, 8, 0)))
	}
	command(t, "eval", "corner.onnx", "--data", "pics").must(t).has(t, `warning: all labels are 0 "1"`)
	r := command(t, quick("compress", "corner.onnx", "--data", "pics", "--no-training")...)
	before, _, _ := strings.Cut(r.stderr, "int8")
	if !strings.Contains(before, `warning: all labels are 0 "1"`) || !strings.Contains(before, "have the same answer") {
		t.Errorf("said before the search: %s", before)
	}
	got := parse[compressed](t, command(t, quick("compress", "corner.onnx", "--data", "pics", "--no-training", "--json")...).must(t))
	if w := strings.Join(got.Report.Warnings, "; "); !strings.Contains(w, "have the same answer") || !strings.Contains(got.Source.String(), "set of one class") {
		t.Errorf("said in the report: %s; %s", w, got.Source)
	}
	if r := command(t, "eval", "corner.onnx", "--data", "pics", "--labels", "data"); r.code != exitUsage {
		t.Errorf("eval --labels data: %d, %s", r.code, r.stderr)
	}
}

// meanNet takes pictures [N,8,8,3], as Keras networks do, and gives the mean of each
// channel, less 0.25 of the first.
func meanNet() *graph.Graph {
	x := &graph.Value{Name: "picture", Shape: tensor.Shape{1, 8, 8, 3}}
	first, mixed, mean, y := &graph.Value{Name: "first"}, &graph.Value{Name: "mixed"}, &graph.Value{Name: "mean"}, &graph.Value{Name: "y"}
	w := tensor.New(3, 3, 1, 1)
	for c := range 3 {
		w.Data[4*c] = 1
	}
	w.Data[0] = 0.75
	param := &graph.Value{Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}
	return &graph.Graph{Name: "means", Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "turn", Op: op.Transpose{Perm: []int{0, 3, 1, 2}}, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{first}},
		{Name: "conv", Op: op.Conv2D{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, Inputs: []*graph.Value{first, param, nil}, Outputs: []*graph.Value{mixed}},
		{Name: "pool", Op: op.GlobalAvgPool{}, Inputs: []*graph.Value{mixed}, Outputs: []*graph.Value{mean}},
		{Name: "flat", Op: op.Reshape{Shape: []int{3}}, Inputs: []*graph.Value{mean}, Outputs: []*graph.Value{y}},
	}}
}

// npyOf is an array of NumPy.
func npyOf(descr string, shape string, body []byte) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr, shape)
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(head)), byte(len(head)>>8))
	return append(append(b, head...), body...)
}

// TestChannelsLast: a network as Keras exports it takes a picture in each of its forms, in
// eval and in run, and refuses an array of channels first.
func TestChannelsLast(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "means.onnx", encode(t, meanNet()))
	command(t, "inspect", "means.onnx").must(t).has(t, "3x8x8, channels last in the file")
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range 60 {
		img := image.NewRGBA(image.Rect(0, 0, 8, 8))
		for p := range 64 {
			v := [3]uint8{uint8(rng.IntN(60)), uint8(rng.IntN(60)), uint8(rng.IntN(60))}
			v[i%3] += 120
			img.SetRGBA(p%8, p/8, color.RGBA{v[0], v[1], v[2], 255})
		}
		write(t, fmt.Sprintf("pics/%c/%d.png", 'a'+i%3, i), pngOf(t, img))
	}
	command(t, quick("compress", "means.onnx", "--data", "pics", "--no-training", "--max-drop", "5")...).must(t)
	if got := parse[evaluated](t, command(t, "eval", "means.edgec", "--data", "pics", "--against", "means.onnx", "--json").must(t)); got.Labels.Accuracy < 95 || got.Against.Error > 1 {
		t.Errorf("labels %+v, against %+v", got.Labels, got.Against)
	}
	command(t, "inspect", "means.edgec").must(t).has(t, "format 1.2", "8x8x3, byte / 255, numbers channels last")
	img, pixels := image.NewRGBA(image.Rect(0, 0, 8, 8)), []byte{}
	var floats, first []byte
	for p := range 64 {
		img.SetRGBA(p%8, p/8, color.RGBA{40, 110, 20, 255})
		pixels = append(pixels, 40, 110, 20)
	}
	for i, b := range pixels {
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(float32(b)/255))
		first = binary.LittleEndian.AppendUint32(first, math.Float32bits(float32(pixels[i/64])/255))
	}
	write(t, "p.png", pngOf(t, img))
	write(t, "p.raw", pixels)
	write(t, "p.npy", npyOf("|u1", "1, 8, 8, 3", pixels))
	write(t, "f.raw", floats)
	write(t, "f.npy", npyOf("<f4", "8, 8, 3", floats))
	write(t, "flat.npy", npyOf("<f4", "1, 192", floats))
	for _, name := range []string{"p.png", "p.raw", "p.npy", "f.raw", "f.npy", "flat.npy"} {
		got := parse[struct{ Outputs []float64 }](t, command(t, "run", "means.edgec", name, "--json").must(t)).Outputs
		for c, want := range []float64{30.0 / 255, 110.0 / 255, 20.0 / 255} {
			if len(got) != 3 || math.Abs(got[c]-want) > 0.02 {
				t.Errorf("%s: %v, want mean %.3f of channel %d", name, got, want, c)
			}
		}
	}
	write(t, "first.npy", npyOf("<f4", "1, 3, 8, 8", first))
	oneError(t, command(t, "run", "means.edgec", "first.npy"), "first.npy: the array has shape 1x3x8x8, the network takes 8x8x3, channels last")
	write(t, "square.npy", npyOf("<f4", "1, 4, 16, 3", floats))
	oneError(t, command(t, "run", "means.edgec", "square.npy"), "shape 1x4x16x3, the network takes 8x8x3")
}

// TestRunSays: run counts what it read, on standard error and in JSON.
func TestRunSays(t *testing.T) {
	withFile(t)
	r := command(t, "run", "corner.edgec", "light.png", "light.png").must(t)
	if !strings.Contains(r.stderr, "2 pictures read, 2 resized to 8x8x1; values byte / 255") || strings.Contains(r.stdout, "resized") {
		t.Errorf("stderr %q, stdout %q", r.stderr, r.stdout)
	}
	if r = command(t, "run", "corner.edgec", "light.png", "--quiet").must(t); r.stderr != "" {
		t.Errorf("--quiet: %q", r.stderr)
	}
	got := parse[struct{ Source edgec.Source }](t, command(t, "run", "corner.edgec", "light.png", "--json").must(t)).Source
	if got.Kind != "pictures" || got.Pictures != 1 || got.Resized != 1 || got.Scaling != "values byte / 255" {
		t.Errorf("%+v", got)
	}
	got = parse[struct{ Source edgec.Source }](t, command(t, "run", "corner.edgec", "--idx", "data/t10k-images-idx3-ubyte", "--json").must(t)).Source
	if got.Kind != "idx" || got.Pictures != 200 || got.Resized != 0 {
		t.Errorf("idx: %+v", got)
	}
}
