//go:build linux

package program

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
	"edgec/runtime"
	"edgec/runtime/format"
)

// echo is a network whose output is its input: byte b comes out as b - 128.
func echo(t testing.TB, shape []int) []byte { return echoOf(t, shape, false) }

// echoOf is an echo network whose ONNX network took channels last, or first.
func echoOf(t testing.TB, shape []int, last bool) []byte {
	t.Helper()
	n := 1
	for _, d := range shape {
		n *= d
	}
	f := &format.File{
		Tensors: []format.Tensor{{Shape: shape, Scale: 1.0 / 255, Zero: -128}, {Shape: []int{n}, Scale: 1.0 / 255, Zero: -128}},
		Instrs:  []format.Instr{{Op: format.OpReshape, In: []int{0}, Out: 1, Weight: -1, LUT: -1, Shape: []int{n}, ClampMin: -128, ClampMax: 127}},
		Inputs:  []int{0}, Outputs: []int{1}, Meta: format.Meta{Input: format.Preprocess{ChannelsLast: last}},
	}
	return encoded(t, f)
}

// echoed turns what an echo network prints with --raw into bytes.
func echoed(printed string) []byte {
	b := []byte(printed)
	for i := range b {
		b[i] += 128
	}
	return b
}

func TestEcho(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if got := echoed(must(t, echo(t, []int{16, 16, 1}), string(all), "--raw")); !bytes.Equal(got, all) {
		t.Errorf("%v", got)
	}
}

// pictureFiles are pictures of every kind, 21x15 pixels: those that Go's
// encoders write, and Pillow's of package preprocess.
func pictureFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	bounds := image.Rect(0, 0, 21, 15)
	source := image.NewNRGBA64(bounds)
	for i := range source.Pix {
		source.Pix[i] = byte(uint32(i) * 2654435761 >> 13) // noise
	}
	p := color.Palette{}
	for i := range 90 {
		p = append(p, color.NRGBA{byte(i), byte(255 - i), byte(3 * i), byte(i * 2)})
	}
	for name, img := range map[string]draw.Image{
		"gray": image.NewGray(bounds), "gray16": image.NewGray16(bounds), "rgb": image.NewRGBA(bounds), "rgb16": image.NewRGBA64(bounds),
		"rgba": image.NewNRGBA(bounds), "rgba16": image.NewNRGBA64(bounds), "palette": image.NewPaletted(bounds, p),
	} {
		from := image.Image(source)
		if strings.HasPrefix(name, "rgb") && !strings.HasPrefix(name, "rgba") {
			from = opaqueImage{source}
		}
		draw.Draw(img, bounds, from, image.Point{}, draw.Src)
		files[name+".png"] = encodePNG(t, img)
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, source, nil); err != nil {
		t.Fatal(err)
	}
	files["go.jpg"] = jpg.Bytes()
	paths, err := filepath.Glob("../preprocess/testdata/*.[jp][pn]g")
	if err != nil || len(paths) < 9 {
		t.Fatalf("%d pictures in testdata, error %v", len(paths), err)
	}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// opaqueImage is an image without its alpha.
type opaqueImage struct{ *image.NRGBA64 }

func (o opaqueImage) At(x, y int) color.Color {
	c := o.NRGBA64At(x, y)
	c.A = 0xffff
	return c
}

// inputShapes are networks that take the pictures as they are, smaller, larger,
// of other proportions, gray and flat.
var inputShapes = [][]int{{15, 21, 3}, {15, 21, 1}, {6, 7, 3}, {32, 32, 3}, {10, 40, 1}, {49}}

// hostShape is the data's shape, channels first.
func hostShape(s []int) tensor.Shape {
	if len(s) == 3 {
		return tensor.Shape{s[2], s[0], s[1]}
	}
	return tensor.Shape(s)
}

// evaluated returns the bytes of each sample as "edgec eval" feeds them to an
// echo network.
func evaluated(t testing.TB, path string, shape []int) []byte {
	t.Helper()
	return evaluatedAs(t, path, echo(t, shape), dataset.Options{Shape: hostShape(shape)})
}

// evaluatedAs is evaluated for a model and the options of its data.
func evaluatedAs(t testing.TB, path string, model []byte, o dataset.Options) []byte {
	t.Helper()
	sp, err := dataset.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Load(model)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, sp.Train.Sample().Size())
	var out []byte
	for i := range sp.Train.Len() {
		sp.Train.Read(i, x)
		if err := s.SetInputNCHW(0, x); err != nil {
			t.Fatal(err)
		}
		s.Run()
		out = append(out, echoed(string(s.OutputBytes(0)))...)
	}
	return out
}

// TestSameChannelsLast: a picture, arrays and raw values of a network that takes channels
// last give eval and run the same bytes, those of the picture's pixels; arrays of channels
// first are refused by both.
func TestSameChannelsLast(t *testing.T) {
	shape, pixels := []int{2, 4, 3}, make([]byte, 24)
	img, reals := image.NewNRGBA(image.Rect(0, 0, 4, 2)), make([]float32, 24)
	for i := range pixels {
		pixels[i], reals[i] = byte(i*10), float32(i*10)/255
		img.Pix[i/3*4+i%3], img.Pix[i/3*4+3] = pixels[i], 255
	}
	o := dataset.Options{Shape: hostShape(shape), ChannelsLast: true}
	model := echoOf(t, shape, true)
	folder := t.TempDir()
	for name, data := range map[string][]byte{
		"x.png": encodePNG(t, img), "bytes.npy": npy("|u1", "(1, 2, 4, 3)", false, pixels), "flat.npy": npy("|u1", "(1, 24)", false, pixels),
		"floats.npy": npy("<f4", "(1, 2, 4, 3)", false, float32s(reals...)), "Fortran.npy": npy("|u1", "(1, 2, 4, 3)", true, turned(pixels, 2, 4, 3)),
		"x.idx": idxOf([]int{1, 2, 4, 3}, pixels), "pixels.raw": pixels, "floats.raw": float32s(reals...),
	} {
		path := filepath.Join(folder, name)
		if name == "x.png" {
			path = filepath.Join(folder, "pictures", name)
			if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if name != "x.idx" {
			if got := echoed(must(t, model, "", "--raw", path)); !bytes.Equal(got, pixels) {
				t.Errorf("%s: run feeds %v", name, got)
			}
		}
		if strings.HasSuffix(name, ".raw") {
			continue
		}
		if name == "x.png" {
			path = filepath.Dir(path)
		}
		if got := evaluatedAs(t, path, model, o); !bytes.Equal(got, pixels) {
			t.Errorf("%s: eval feeds %v", name, got)
		}
	}
	first := write(t, "first.npy", npy("<f4", "(1, 3, 2, 4)", false, float32s(reals...)))
	if _, errs, code := call(model, "", first); code != 1 || !strings.Contains(errs, "1x3x2x4, the network takes 2x4x3, channels last") {
		t.Errorf("run takes channels first: %q", errs)
	}
	if _, err := dataset.Open(first, o); err == nil {
		t.Error("eval takes channels first")
	}
}

// turned returns the elements of an array [a,b,c] in Fortran's order.
func turned(x []byte, a, b, c int) (out []byte) {
	for k := range c {
		for j := range b {
			for i := range a {
				out = append(out, x[(i*b+j)*c+k])
			}
		}
	}
	return out
}

// TestSamePictures: eval's samples, run's input and the device program's have
// the same bytes, for every kind of picture and for all sizes; with EDGEC_DEEP=1
// on every CPU.
func TestSamePictures(t *testing.T) {
	folder, models := t.TempDir(), t.TempDir()
	for name, data := range pictureFiles(t) {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*")) // sorted, as the data set reads them
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{}
	for _, shape := range inputShapes {
		model := echo(t, shape)
		file := filepath.Join(models, fmt.Sprint(len(want)))
		if err := os.WriteFile(file, model, 0o644); err != nil {
			t.Fatal(err)
		}
		want[file] = echoed(must(t, model, "", append([]string{"--raw"}, paths...)...))
		samePictures(t, fmt.Sprint("eval, ", shape), evaluated(t, folder, shape), want[file], paths)
	}
	if testing.Short() {
		return // under scripts/cross.sh this process is the program of another CPU
	}
	for _, c := range cpus {
		if c.arch != goruntime.GOARCH && os.Getenv("EDGEC_DEEP") != "1" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			words := c.build(t)
			for file, want := range want {
				got := run(t, words, append([]string{"--model", file, "--raw"}, paths...)...)
				samePictures(t, filepath.Base(file), echoed(got), want, paths)
			}
		})
	}
}

// samePictures compares the bytes of all pictures, and names those that differ.
func samePictures(t *testing.T, name string, got, want []byte, paths []string) {
	t.Helper()
	size := len(want) / len(paths)
	if len(got) != len(want) || size*len(paths) != len(want) {
		t.Fatalf("%s: %d bytes, run has %d", name, len(got), len(want))
	}
	for i, path := range paths {
		g, w := got[i*size:(i+1)*size], want[i*size:(i+1)*size]
		differ := 0
		for k := range w {
			if g[k] != w[k] {
				differ++
			}
		}
		if differ > 0 {
			t.Errorf("%s: %s: %d of %d bytes differ from run's", name, filepath.Base(path), differ, size)
		}
	}
}

// TestSameArrays: .npy and idx files of one sample give eval and run the same
// bytes, whatever their order.
func TestSameArrays(t *testing.T) {
	shape := []int{2, 4, 3}
	pixels := make([]byte, 24)
	for i := range pixels {
		pixels[i] = byte(i * 10)
	}
	for name, data := range map[string][]byte{
		"first": npy("|u1", "(1, 3, 2, 4)", false, pixels), "last": npy("|u1", "(1, 2, 4, 3)", false, pixels), "flat": npy("|u1", "(1, 24)", false, pixels),
		"Fortran": npy("|u1", "(1, 3, 2, 4)", true, pixels),
	} {
		path := write(t, "x.npy", data)
		got := echoed(must(t, echo(t, shape), "", "--raw", path))
		if want := evaluated(t, path, shape); !bytes.Equal(got, want) {
			t.Errorf("%s: run feeds %v, eval %v", name, got, want)
		}
	}
	path := write(t, "x.idx", idxOf([]int{3, 2, 4}, pixels))
	sum := crc32.NewIEEE()
	for _, b := range evaluated(t, path, []int{2, 4, 1}) {
		sum.Write([]byte{b - 128})
	}
	if got := must(t, echo(t, []int{2, 4, 1}), "", "--idx", path); !strings.Contains(got, fmt.Sprintf("crc32        %08x\n", sum.Sum32())) {
		t.Errorf("idx: %s, eval's bytes have checksum %08x", got, sum.Sum32())
	}
	sum.Reset()
	for _, b := range evaluated(t, path, []int{2, 4, 1}) {
		sum.Write([]byte{255 - b - 128})
	}
	if got := must(t, echo(t, []int{2, 4, 1}), "", "--idx", path, "--invert"); !strings.Contains(got, fmt.Sprintf("crc32        %08x\n", sum.Sum32())) {
		t.Errorf("inverted: %s, the inverted bytes have checksum %08x", got, sum.Sum32())
	}
}

// Options that an action would ignore are refused.
func TestUnused(t *testing.T) {
	path := write(t, "x.idx", idxOf([]int{1, 2, 4}, make([]byte, 8)))
	for args, want := range map[string]string{
		"--idx " + path + " --raw": "--raw changes nothing of --idx", "--idx " + path + " --top 2": "--top changes nothing of --idx",
		"--selftest --invert": "--invert changes nothing of --selftest", "--info --probability": "--probability changes nothing of --info",
		"--selftest x.png": "--selftest takes no files; leave x.png out",
	} {
		if out, errs, code := call(echo(t, []int{2, 4, 1}), "", strings.Fields(args)...); code != 1 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d, %q, %q", args, code, out, errs)
		}
	}
}

// TestGIFOnHostAlone: data sets read GIF too, device programs say that they do not.
func TestGIFOnHostAlone(t *testing.T) {
	var b bytes.Buffer
	if err := gif.Encode(&b, quarter(4, 2), nil); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := call(corners(t), b.String()); code != 1 || !strings.Contains(errs, "neither PNG, JPEG nor .npy") {
		t.Errorf("code %d, %q", code, errs)
	}
	folder := filepath.Dir(write(t, "x.gif", b.Bytes()))
	if got := evaluated(t, folder, []int{4, 4, 1}); !bytes.Equal(got, quarter(4, 2).Pix) {
		t.Errorf("%v", got)
	}
}
