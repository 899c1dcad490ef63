package dataset

import (
	"archive/zip"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/tensor"
)

// asked is a picture of one channel and four numbers.
var asked = []Input{{Name: "image", Shape: tensor.Shape{1, 2, 2}}, {Name: "letters", Shape: tensor.Shape{4}}}

// TestSeveralArrays: each input has the array of its name, bytes are pixels for input 0 and
// numbers for the others, and subsets, batches and memory have all arrays.
func TestSeveralArrays(t *testing.T) {
	image := npy("|u1", false, []int{3, 2, 2}, count(12), le, 1)
	letters := npy("|u1", false, []int{3, 4}, count(12), le, 1)
	y := npy("<i8", false, []int{3}, []int64{0, 1, 2}, le, 8)
	file := npz(t, map[string][]byte{"letters.npy": letters, "y.npy": y, "image.npy": image, "image_test.npy": image, "test_letters.npy": letters})
	sp, err := Open(write(t, t.TempDir(), "d.npz", file), Options{Inputs: asked, Classes: 3, Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	s := sp.Train
	if !s.Sample().Equal(tensor.Shape{8}) || s.Image() != nil || s.Memory() != 3*(4+4*4) || s.Classes != 3 || sp.Test.Len() != 3 || sp.Test.Labels != nil {
		t.Errorf("samples of %v, picture %v, %d bytes, %d classes", s.Sample(), s.Image(), s.Memory(), s.Classes)
	}
	if in := s.Inputs(); len(in) != 2 || in[0].Name != "image" || !in[0].Shape.Equal(asked[0].Shape) || in[1].Name != "letters" || !in[1].Shape.Equal(asked[1].Shape) {
		t.Errorf("inputs %v", in)
	}
	secondOfSeveral(t, s)
	if text := strings.Join(sp.Source.Notes, "\n"); !strings.Contains(text, "array image of bytes: pixels") || !strings.Contains(text, "array letters of bytes: numbers") {
		t.Errorf("guessed: %s", text)
	}
}

// secondOfSeveral checks the second sample wherever it is read, and that nothing
// that pictures alone can bear is done to it.
func secondOfSeveral(t *testing.T, s *Set) {
	t.Helper()
	want := []float32{4, 5, 6, 7, 4, 5, 6, 7}
	if got := sample(s, 1); !slices.Equal(got, want) {
		t.Errorf("sample 1 is %v", got)
	}
	if got := sample(s.Subset([]int{2, 1}).WithoutLabels(), 1); !slices.Equal(got, want) {
		t.Errorf("sample 1 of a subset is %v", got)
	}
	batch := tensor.New(2, 8)
	s.Batch([]int{0, 1}, batch)
	if !slices.Equal(batch.Data[8:], want) {
		t.Errorf("row 1 of a batch is %v", batch.Data[8:])
	}
	if CanAugment(s) || CanMix(s) || s.Mixed(1) != s || s.Bytes(0, make([]byte, 8)) {
		t.Error("samples of two arrays are distorted, mixed or given as bytes")
	}
}

// TestSeveralByShape: an array of another name is taken where it alone has the shape, and that is
// said. Whole numbers are read exactly.
func TestSeveralByShape(t *testing.T) {
	image := npy("<f4", false, []int{2, 1, 2, 2}, make([]float32, 8), le, 4)
	ids := npy("<i8", false, []int{2, 4}, []int64{0, 1, 2, 1 << 24, 4, 5, 6, 7}, le, 8)
	sp, err := Open(write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"image.npy": image, "tokens.npy": ids})), Options{Inputs: asked})
	if err != nil {
		t.Fatal(err)
	}
	if got := sample(sp.Train, 0); !slices.Equal(got[4:], []float32{0, 1, 2, 1 << 24}) {
		t.Errorf("sample 0 is %v", got)
	}
	if len(sp.Source.Notes) != 1 || !strings.Contains(sp.Source.Notes[0], `array tokens is input "letters"`) {
		t.Errorf("notes: %v", sp.Source.Notes)
	}
}

func TestSeveralRefused(t *testing.T) {
	f4 := func(shape ...int) []byte {
		return npy("<f4", false, shape, make([]float32, tensor.Shape(shape).Size()), le, 4)
	}
	twins := []Input{{Name: "a", Shape: tensor.Shape{4}}, {Name: "b", Shape: tensor.Shape{4}}}
	for _, tt := range []struct {
		name   string
		inputs []Input
		arrays map[string][]byte
		says   []string
	}{
		{"no array", asked, map[string][]byte{"image.npy": f4(3, 1, 2, 2)}, []string{`no array for input "letters" of shape [4]`, "image [3,1,2,2]", "letters [4]"}},
		{"two of the shape", asked, map[string][]byte{"image.npy": f4(3, 1, 2, 2), "p.npy": f4(3, 4), "q.npy": f4(3, 4)}, []string{`"letters"`, "p [3,4]", "q [3,4]"}},
		{"one for two inputs", twins, map[string][]byte{"p.npy": f4(3, 4)}, []string{`"a"`, "p [3,4]"}},
		{"another shape", asked, map[string][]byte{"image.npy": f4(3, 1, 2, 2), "letters.npy": f4(3, 5)}, []string{`array letters for input "letters"`, "[5]", "[4]"}},
		{"other samples", asked, map[string][]byte{"image.npy": f4(3, 1, 2, 2), "letters.npy": f4(2, 4)}, []string{`array letters for input "letters"`, "2 samples", `image for input "image" has 3`}},
		{"half a test part", asked, map[string][]byte{"image.npy": f4(3, 1, 2, 2), "letters.npy": f4(3, 4), "image_test.npy": f4(1, 1, 2, 2)}, []string{"image_test", "each input"}},
		{"large numbers", asked, map[string][]byte{"image.npy": f4(1, 1, 2, 2), "letters.npy": npy("<i8", false, []int{1, 4}, []int64{0, 0, 1<<24 + 1, 0}, le, 8)}, []string{"letters", "element 2 is 16777217"}},
		{"an entry that is no array", asked, map[string][]byte{"image.npy": f4(1, 1, 2, 2), "letters.npy": []byte("hello, world")}, []string{"letters.npy", "not an npy array"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(write(t, t.TempDir(), "d.npz", npz(t, tt.arrays)), Options{Inputs: tt.inputs})
			refused(t, err, append(tt.says, "d.npz")...)
		})
	}
	_, err := Open(write(t, t.TempDir(), "d.npy", f4(3, 4)), Options{Inputs: asked})
	refused(t, err, "d.npy", "2 inputs", "image [1,2,2], letters [4]", ".npz")
	_, err = Open(writeAll(t, mnistFiles(6)), Options{Inputs: asked})
	refused(t, err, "2 inputs", ".npz")
}

// TestSingleByName: a single input finds the array of its name where no usual name is there.
func TestSingleByName(t *testing.T) {
	x := npy("<f4", false, []int{2, 4}, []float32{1, 2, 3, 4, 5, 6, 7, 8}, le, 4)
	path := write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"letters.npy": x}))
	sp, err := Open(path, Options{Shape: tensor.Shape{4}, Inputs: asked[1:]})
	if err != nil || !slices.Equal(sample(sp.Train, 1), []float32{5, 6, 7, 8}) {
		t.Errorf("%v", err)
	}
}

// TestQuestions reads the questions about MNIST's pictures: letters as they are in the file, and
// the pictures that its index names.
func TestQuestions(t *testing.T) {
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("EDGEC_DATA does not name the folder of the data")
	}
	entries := questions(t, dir)
	inputs := []Input{{Name: "image", Shape: tensor.Shape{1, 28, 28}}, {Name: "letters", Shape: tensor.Shape{20}}}
	_, err := Open(filepath.Join(dir, "multi/mnist-questions-test.npz"), Options{Inputs: inputs})
	refused(t, err, `no array for input "image" of shape [1,28,28]`, "index [10000]", "letters [10000,20]")

	pictures := mnistPictures(t, dir)
	const head = 128
	n := (len(entries["index.npy"]) - head) / 4
	image := make([]byte, 0, 784*n)
	for i := range n {
		at := int(binary.LittleEndian.Uint32(entries["index.npy"][head+4*i:]))
		image = append(image, pictures[784*at:784*(at+1)]...)
	}
	entries["image.npy"] = npy("|u1", false, []int{n, 28, 28}, image, le, 1)
	sp, err := Open(write(t, t.TempDir(), "d.npz", npz(t, entries)), Options{Inputs: inputs, Classes: 2})
	if err != nil {
		t.Fatal(err)
	}
	x := sample(sp.Train, n-1)
	for k, v := range x[784:] {
		if want := float32(entries["letters.npy"][head+20*(n-1)+k]); v != want || want > 36 {
			t.Fatalf("letter %d is %v, the file has %v", k, v, want)
		}
	}
	for k, v := range x[:784] {
		if want := float32(image[784*(n-1)+k]) / 255; v != want {
			t.Fatalf("pixel %d is %v, the file has %v", k, v, want)
		}
	}
	if sp.Train.Len() != 10000 || sp.Train.Classes != 2 {
		t.Errorf("%d samples of %d classes", sp.Train.Len(), sp.Train.Classes)
	}
}

// questions returns the entries of the archive.
func questions(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	r, err := zip.OpenReader(filepath.Join(dir, "multi/mnist-questions-test.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	entries := map[string][]byte{}
	for _, f := range r.File {
		e, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if entries[f.Name], err = io.ReadAll(e); err != nil {
			t.Fatal(err)
		}
	}
	return entries
}

// mnistPictures returns the pixels of MNIST's test part.
func mnistPictures(t *testing.T, dir string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "mnist/t10k-images-idx3-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data[16:]
}
