package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// asProgram, in the environment, makes the test binary behave as edgec.
const asProgram = "EDGEC_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	programs, err := os.MkdirTemp("", "edgec-test-programs-")
	if err != nil {
		panic(err)
	}
	os.Setenv(programsVariable, programs) // not those of the user
	code := m.Run()
	os.RemoveAll(programs)
	os.Exit(code)
}

// result is what a command line gave.
type result struct {
	stdout, stderr string
	code           int
}

// command executes a command line in the test's process.
func command(t *testing.T, args ...string) result {
	t.Helper()
	return commandUntil(t, context.Background(), nil, args...)
}

// commandUntil is command with a context, and a second reader of standard error.
func commandUntil(t *testing.T, ctx context.Context, watch func(text string), args ...string) result {
	t.Helper()
	var stdout bytes.Buffer
	stderr := &watched{watch: watch}
	code := run(ctx, args, strings.NewReader(""), &stdout, stderr)
	return result{stdout.String(), stderr.String(), code}
}

// watched keeps what is written, and shows it as it comes. It has no ReadFrom,
// which would be taken instead of Write.
type watched struct {
	kept  bytes.Buffer
	watch func(text string)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.watch != nil {
		w.watch(string(b))
	}
	return w.kept.Write(b)
}

func (w *watched) String() string { return w.kept.String() }

// must fails the test unless the command line was successful.
func (r result) must(t *testing.T) result {
	t.Helper()
	if r.code != exitDone {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	return r
}

// has fails the test unless standard output contains every text.
func (r result) has(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(r.stdout, s) {
			t.Errorf("standard output lacks %q:\n%s", s, r.stdout)
		}
	}
}

// parse reads standard output, which must be one JSON value.
func parse[T any](t *testing.T, r result) (v T) {
	t.Helper()
	r.must(t)
	d := json.NewDecoder(strings.NewReader(r.stdout))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	if d.More() {
		t.Fatalf("more than one JSON value: %q", r.stdout)
	}
	return v
}

// cornerNet says which quarter of an 8x8 picture is light.
func cornerNet() *graph.Graph {
	rng := rand.New(rand.NewPCG(1, 2))
	param := func(name string, role graph.Role, at func(i int) float64, shape ...int) *graph.Value {
		p := tensor.New(shape...)
		for i := range p.Data {
			p.Data[i] = float32(at(i) + 0.03*rng.NormFloat64())
		}
		return &graph.Value{Name: name, Shape: p.Shape, Param: graph.NewParam(name, role, p)}
	}
	x := &graph.Value{Name: "picture", Shape: tensor.Shape{1, 1, 8, 8}}
	h := &graph.Value{Name: "filtered"}
	flat := &graph.Value{Name: "flat"}
	y := &graph.Value{Name: "quarters"}
	zero := func(int) float64 { return 0 }
	conv := op.Conv2D{StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, PadT: 1, PadL: 1, Groups: 1, Clamp: op.Clamp{On: true, Lo: 0, Hi: float32(math.Inf(1))}}
	smooth := func(int) float64 { return 1.0 / 9 }
	quarter := func(i int) float64 {
		if at, class := i%16, i/64; at/8*2+at%4/2 == class {
			return 1
		}
		return -0.3
	}
	return &graph.Graph{Name: "corner", Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "conv", Op: conv, Inputs: []*graph.Value{x, param("conv.w", graph.Weight, smooth, 4, 1, 3, 3), param("conv.b", graph.Bias, zero, 4)}, Outputs: []*graph.Value{h}},
		{Name: "flatten", Op: op.Reshape{Shape: []int{64}}, Inputs: []*graph.Value{h}, Outputs: []*graph.Value{flat}},
		{Name: "dense", Op: op.Dense{}, Inputs: []*graph.Value{flat, param("dense.w", graph.Weight, quarter, 4, 64), param("dense.b", graph.Bias, zero, 4)}, Outputs: []*graph.Value{y}},
	}}
}

// encode returns a graph as ONNX.
func encode(t *testing.T, g *graph.Graph) []byte {
	t.Helper()
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// write writes a file below the current folder.
func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// corner is a noisy picture of side x side whose quarter q is light.
func corner(rng *rand.Rand, side, q int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			v := rng.IntN(110)
			if y*2/side*2+x*2/side == q {
				v += 70 + rng.IntN(50)
			}
			img.SetGray(x, y, color.Gray{Y: uint8(v)})
		}
	}
	return img
}

// writeIdx writes n pictures and labels 0 to 3 as MNIST has them; shift is
// added to the labels.
func writeIdx(t *testing.T, folder string, side, train, test, shift int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, part := range []struct { // in this order, or the pictures differ from run to run
		name string
		n    int
	}{{"train", train}, {"t10k", test}} {
		name, n := part.name, part.n
		images := []byte{0, 0, 8, 3, 0, 0, byte(n >> 8), byte(n), 0, 0, 0, byte(side), 0, 0, 0, byte(side)}
		labels := []byte{0, 0, 8, 1, 0, 0, byte(n >> 8), byte(n)}
		for i := range n {
			images = append(images, corner(rng, side, i%4).Pix...)
			labels = append(labels, byte(i%4+shift))
		}
		if n > 0 {
			write(t, filepath.Join(folder, name+"-images-idx3-ubyte"), images)
			write(t, filepath.Join(folder, name+"-labels-idx1-ubyte"), labels)
		}
	}
}

// workplace makes a folder with corner.onnx, data/ and light.png (whose top
// right is light) the current one.
func workplace(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "corner.onnx", encode(t, cornerNet()))
	writeIdx(t, "data", 8, 600, 200, 0)
	var b bytes.Buffer
	if err := png.Encode(&b, corner(rand.New(rand.NewPCG(5, 6)), 32, 1)); err != nil {
		t.Fatal(err)
	}
	write(t, "light.png", b.Bytes())
}

// compressedOnce is the file that the tests of other commands use.
var compressedOnce struct {
	sync.Once
	data []byte
}

// withFile is workplace with corner.edgec.
func withFile(t *testing.T) {
	t.Helper()
	workplace(t)
	compressedOnce.Do(func() {
		command(t, quick("compress", "corner.onnx", "--data", "data", "--labels", "top left,top right,bottom left,bottom right", "--quiet")...).must(t)
		compressedOnce.data = read(t, "corner.edgec")
	})
	if compressedOnce.data == nil {
		t.Fatal("the file for this test could not be made")
	}
	write(t, "corner.edgec", compressedOnce.data)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// quick adds flags that make a search take a second.
func quick(args ...string) []string {
	return append(args, "--effort", "0.1", "--no-augment", "-j", "1")
}

// names lists the current folder and those below it, hidden files included.
func names(t *testing.T) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}
