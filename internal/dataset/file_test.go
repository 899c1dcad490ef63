package dataset

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/x448/float16"

	"edgec/internal/tensor"
)

// write puts a file into folder and returns its path.
func write(t *testing.T, folder, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeAll puts files into a new folder and returns it.
func writeAll(t *testing.T, files map[string][]byte) string {
	t.Helper()
	folder := t.TempDir()
	for name, data := range files {
		write(t, folder, name, data)
	}
	return folder
}

// idx writes an idx file of the given type.
func idx(kind byte, shape []int, values any) []byte {
	b := []byte{0, 0, kind, byte(len(shape))}
	for _, d := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	w := bytes.NewBuffer(b)
	if err := binary.Write(w, binary.BigEndian, values); err != nil {
		panic(err)
	}
	return w.Bytes()
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// count returns the bytes 0..n-1.
func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// sample reads sample i.
func sample(s *Set, i int) []float32 {
	x := make([]float32, s.Sample().Size())
	s.Read(i, x)
	return x
}

// refused checks an error: one line that says every part.
func refused(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	msg := err.Error()
	if !strings.HasPrefix(msg, "dataset: ") || strings.Contains(msg, "\n") {
		t.Errorf("message %q is not one line of this package", msg)
	}
	for _, s := range says {
		if !strings.Contains(msg, s) {
			t.Errorf("message %q does not say %q", msg, s)
		}
	}
}

func mnistFiles(n int) map[string][]byte {
	labels := make([]byte, n)
	for i := range labels {
		labels[i] = byte(i % 3)
	}
	return map[string][]byte{
		"train-images-idx3-ubyte":    idx(8, []int{n, 2, 3}, count(6*n)),
		"train-labels-idx1-ubyte":    idx(8, []int{n}, labels),
		"t10k-images-idx3-ubyte.gz":  gz(idx(8, []int{2, 2, 3}, count(12))),
		"t10k-labels-idx1-ubyte.gz":  gz(idx(8, []int{2}, []byte{2, 0})),
		"an unrelated file of notes": []byte("hello"),
	}
}

func TestIdxFolder(t *testing.T) {
	sp, err := Open(writeAll(t, mnistFiles(5)), Options{Shape: tensor.Shape{1, 2, 3}, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	s := sp.Train
	if s.Len() != 5 || sp.Test.Len() != 2 || s.Classes != 3 || !slices.Equal(s.Labels, []int{0, 1, 2, 0, 1}) || !slices.Equal(sp.Test.Labels, []int{2, 0}) {
		t.Errorf("%d and %d samples, labels %v and %v", s.Len(), sp.Test.Len(), s.Labels, sp.Test.Labels)
	}
	if !s.Image().Equal(tensor.Shape{1, 2, 3}) {
		t.Errorf("image %v", s.Image())
	}
	for i := 0; i < 5; i++ {
		for k, v := range sample(s, i) {
			if want := float32(float64(6*i+k) / 255); v != want {
				t.Errorf("sample %d[%d] = %v, want %v", i, k, v, want)
			}
		}
	}
}

// TestIdxTypes reads every element type, plain and compressed, from one file.
func TestIdxTypes(t *testing.T) {
	tests := []struct {
		name   string
		kind   byte
		values any
		want   []float32
	}{
		{"int8", 9, []int8{-128, 127, 0, 1}, []float32{-128, 127, 0, 1}},
		{"int16", 0xB, []int16{-32768, 3, 4, 5}, []float32{-32768, 3, 4, 5}},
		{"int32", 0xC, []int32{-70000, 3, 4, 5}, []float32{-70000, 3, 4, 5}},
		{"float32", 0xD, []float32{-1.5, 3, 4, 5}, []float32{-1.5, 3, 4, 5}},
		{"float64", 0xE, []float64{-1.25, 3, 4, 5}, []float32{-1.25, 3, 4, 5}},
	}
	for _, tt := range tests {
		for _, compressed := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, compressed), func(t *testing.T) {
				data := idx(tt.kind, []int{2, 2}, tt.values)
				if compressed {
					data = gz(data)
				}
				sp, err := Open(write(t, t.TempDir(), "some.idx", data), Options{})
				if err != nil {
					t.Fatal(err)
				}
				if got := append(sample(sp.Train, 0), sample(sp.Train, 1)...); !slices.Equal(got, tt.want) || sp.Train.Labels != nil || sp.Test != nil {
					t.Errorf("%v, labels %v", got, sp.Train.Labels)
				}
			})
		}
	}
}

func TestIdxRefuses(t *testing.T) {
	good := mnistFiles(5)
	images, labels := good["train-images-idx3-ubyte"], good["train-labels-idx1-ubyte"]
	half := gz(images)
	nan := idx(0xD, []int{2, 2}, []float32{1, 2, 3, float32(math.NaN())})
	tests := []struct {
		name           string
		images, labels []byte
		o              Options
		says           []string
	}{
		{"truncated", images[:len(images)-1], labels, Options{}, []string{"train-images-idx3-ubyte", "29 bytes", "says 30", "truncated"}},
		{"too long", append(slices.Clone(images), 0), labels, Options{}, []string{"more than the 30 bytes"}},
		{"truncated gzip", half[:len(half)-9], labels, Options{}, []string{"truncated or damaged"}},
		{"damaged gzip header", []byte{0x1f, 0x8b, 9, 9, 9}, labels, Options{}, []string{"gzip"}},
		{"no magic", append([]byte("P5"), images...), labels, Options{}, []string{"not an idx file"}},
		{"empty file", nil, labels, Options{}, []string{"not an idx file"}},
		{"unknown type", idx(0x0A, []int{2, 2}, count(4)), labels, Options{}, []string{"0x0a"}},
		{"no dimensions", []byte{0, 0, 8, 0}, labels, Options{}, []string{"0 dimensions"}},
		{"five dimensions", idx(8, []int{1, 1, 1, 1, 1}, count(1)), labels, Options{}, []string{"5 dimensions"}},
		{"header cut off", images[:9], labels, Options{}, []string{"3 dimensions is cut short"}},
		{"a huge product", idx(8, []int{1 << 30, 1 << 30}, count(4)), labels, Options{}, []string{"dimension 1"}},
		{"many samples of nothing", idx(8, []int{1 << 31, 0}, []byte{}), labels, Options{}, []string{"empty or too large"}},
		{"no samples", idx(8, []int{0, 2, 3}, []byte{}), idx(8, []int{0}, []byte{}), Options{}, []string{"no samples"}},
		{"samples without elements", labels, labels, Options{}, []string{"[5]", "dimension 0"}},
		{"fewer labels than images", images, idx(8, []int{4}, count(4)), Options{}, []string{"4 labels for 5 samples", "do not belong together"}},
		{"a label out of range", images, labels, Options{Classes: 2}, []string{"train-labels", "sample 2 has label 2", "2 classes (0 to 1)"}},
		{"a negative label", images, idx(9, []int{5}, []int8{0, 1, -1, 0, 0}), Options{Classes: 2}, []string{"sample 2 has label -1", "from 0"}},
		{"half a label", images, idx(0xD, []int{5}, []float32{0, 1, 1.5, 0, 0}), Options{}, []string{"sample 2 has label 1.5", "whole"}},
		{"a label of NaN", images, idx(0xD, []int{5}, []float32{0, 1, 1, float32(math.NaN()), 0}), Options{}, []string{"sample 3 has label NaN"}},
		{"another shape", images, labels, Options{Shape: tensor.Shape{1, 3, 2}}, []string{"[2,3]", "[1,3,2]"}},
		{"NaN", nan, idx(8, []int{2}, count(2)), Options{}, []string{"sample 1, element 1 is NaN"}},
		{"a mean for each of two channels", images, labels, Options{Mean: []float32{0, 1}}, []string{"2 values of mean", "1 channels"}},
		{"a std of zero", images, labels, Options{Std: []float32{0}}, []string{"std is 0"}},
		{"an infinite mean", images, labels, Options{Mean: []float32{float32(math.Inf(1))}}, []string{"mean is +Inf"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			folder := writeAll(t, map[string][]byte{"train-images-idx3-ubyte": tt.images, "train-labels-idx1-ubyte": tt.labels})
			_, err := Open(folder, tt.o)
			refused(t, err, tt.says...)
		})
	}
	_, err := Open(writeAll(t, map[string][]byte{"train-labels-idx1-ubyte": labels}), Options{})
	refused(t, err, "train-images")
	_, err = Open(t.TempDir(), Options{})
	refused(t, err, "empty")
	_, err = Open(filepath.Join(t.TempDir(), "none"), Options{})
	refused(t, err, "none")
}

// TestIdxOnlyTest: a folder with the test files alone is taken as the data.
func TestIdxOnlyTest(t *testing.T) {
	all := mnistFiles(5)
	sp, err := Open(writeAll(t, map[string][]byte{"t10k-images-idx3-ubyte.gz": all["t10k-images-idx3-ubyte.gz"]}), Options{})
	if err != nil || sp.Train.Len() != 2 || sp.Test != nil {
		t.Errorf("%+v, %v", sp, err)
	}
}

func TestPreprocessing(t *testing.T) {
	x := idx(8, []int{1, 2, 1, 2}, []byte{0, 255, 51, 102}) // two channels
	tests := []struct {
		name string
		o    Options
		want []float32
	}{
		{"default", Options{}, []float32{0, 1, 0.2, 0.4}},
		{"raw", Options{Raw: true}, []float32{0, 255, 51, 102}},
		{"one mean and std", Options{Mean: []float32{0.5}, Std: []float32{0.25}}, []float32{-2, 2, -1.2, -0.4}},
		{"one for each channel", Options{Mean: []float32{0.5, 0.2}, Std: []float32{1, 0.1}}, []float32{-0.5, 0.5, 0, 2}},
		{"raw with mean", Options{Raw: true, Mean: []float32{1}}, []float32{-1, 254, 50, 101}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sp, err := Open(write(t, t.TempDir(), "x.idx", x), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range sample(sp.Train, 0) {
				if math.Abs(float64(v-tt.want[i])) > 1e-5 {
					t.Errorf("element %d is %v, want %v", i, v, tt.want[i])
				}
			}
			b := make([]byte, 4)
			if !sp.Train.Bytes(0, b) || !bytes.Equal(b, []byte{0, 51, 255, 102}) {
				t.Errorf("bytes, channels last: %v", b)
			}
		})
	}
}

// npy writes an array, version 1 or 2 of the format.
func npy(descr string, fortran bool, shape []int, values any, order binary.ByteOrder, version byte) []byte {
	dims := ""
	for _, d := range shape {
		dims += fmt.Sprint(d, ", ")
	}
	f := map[bool]string{false: "False", true: "True"}[fortran]
	return npyHeader(fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, f, dims), values, order, version)
}

func npyHeader(head string, values any, order binary.ByteOrder, version byte) []byte {
	head += "\n"
	b := []byte{0x93, 'N', 'U', 'M', 'P', 'Y', version, 0}
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(head)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	}
	w := bytes.NewBuffer(append(b, head...))
	if err := binary.Write(w, order, values); err != nil {
		panic(err)
	}
	return w.Bytes()
}

var le, be binary.ByteOrder = binary.LittleEndian, binary.BigEndian

func TestNpyTypes(t *testing.T) {
	half := func(x ...float32) (h []uint16) {
		for _, v := range x {
			h = append(h, uint16(float16.Fromfloat32(v)))
		}
		return h
	}
	tests := []struct {
		descr  string
		order  binary.ByteOrder
		values any
		want   []float32
	}{
		{"|b1", le, []byte{0, 1, 1, 0}, []float32{0, 1, 1, 0}},
		{"|i1", le, []int8{-128, 127, 1, 0}, []float32{-128, 127, 1, 0}},
		{"<i2", le, []int16{-300, 300, 1, 0}, []float32{-300, 300, 1, 0}},
		{">u2", be, []uint16{65535, 300, 1, 0}, []float32{65535, 300, 1, 0}},
		{"<i4", le, []int32{-70000, 70000, 1, 0}, []float32{-70000, 70000, 1, 0}},
		{">i4", be, []int32{-70000, 70000, 1, 0}, []float32{-70000, 70000, 1, 0}},
		{"<u4", le, []uint32{1 << 31, 3, 1, 0}, []float32{1 << 31, 3, 1, 0}},
		{"<i8", le, []int64{-1 << 40, 3, 1, 0}, []float32{-1 << 40, 3, 1, 0}},
		{">u8", be, []uint64{1 << 40, 3, 1, 0}, []float32{1 << 40, 3, 1, 0}},
		{"<f2", le, half(-1.5, 65504, 6e-8, 0), []float32{-1.5, 65504, float16.Fromfloat32(6e-8).Float32(), 0}},
		{">f2", be, half(0.25, 3, 1, 0), []float32{0.25, 3, 1, 0}},
		{"<f4", le, []float32{-1.5, 3, 1, 0}, []float32{-1.5, 3, 1, 0}},
		{"=f4", le, []float32{-1.5, 3, 1, 0}, []float32{-1.5, 3, 1, 0}},
		{">f8", be, []float64{-1.5, 1e-3, 1, 0}, []float32{-1.5, 1e-3, 1, 0}},
	}
	for _, tt := range tests {
		for version := byte(1); version <= 3; version++ {
			t.Run(fmt.Sprint(tt.descr, version), func(t *testing.T) {
				path := write(t, t.TempDir(), "x.npy", npy(tt.descr, false, []int{2, 2}, tt.values, tt.order, version))
				sp, err := Open(path, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if got := append(sample(sp.Train, 0), sample(sp.Train, 1)...); !slices.Equal(got, tt.want) {
					t.Errorf("%v, want %v", got, tt.want)
				}
			})
		}
	}
}

// TestNpyOrder: the same array in C and in Fortran order, as bytes and floats.
func TestNpyOrder(t *testing.T) {
	shape := tensor.Shape{2, 3, 4}
	c := count(24)
	f := make([]byte, 24)
	for i := 0; i < 2; i++ {
		for j := 0; j < 3; j++ {
			for k := 0; k < 4; k++ {
				f[i+2*(j+3*k)] = c[(i*3+j)*4+k]
			}
		}
	}
	floats := func(b []byte) []float32 {
		x := make([]float32, len(b))
		for i, v := range b {
			x[i] = float32(v)
		}
		return x
	}
	for name, data := range map[string][]byte{
		"bytes in C order":        npy("|u1", false, shape, c, le, 1),
		"bytes in Fortran order":  npy("|u1", true, shape, f, le, 1),
		"floats in C order":       npy("<f4", false, shape, floats(c), le, 1),
		"floats in Fortran order": npy("<f4", true, shape, floats(f), le, 1),
	} {
		t.Run(name, func(t *testing.T) {
			sp, err := Open(write(t, t.TempDir(), "x.npy", data), Options{Raw: true})
			if err != nil {
				t.Fatal(err)
			}
			if !sp.Train.Sample().Equal(tensor.Shape{1, 3, 4}) {
				t.Fatalf("samples of shape %v", sp.Train.Sample())
			}
			for i := 0; i < 2; i++ {
				if got := sample(sp.Train, i); !slices.Equal(got, floats(c[12*i:12*i+12])) {
					t.Errorf("sample %d: %v", i, got)
				}
			}
		})
	}
}

// TestChannelsLast: pictures are turned round when the network's shape says so.
func TestChannelsLast(t *testing.T) {
	for name, data := range map[string][]byte{
		"bytes":  npy("|u1", false, []int{1, 2, 4, 3}, count(24), le, 1),
		"floats": npy("<i2", false, []int{1, 2, 4, 3}, []int16{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}, le, 1),
	} {
		t.Run(name, func(t *testing.T) {
			sp, err := Open(write(t, t.TempDir(), "x.npy", data), Options{Raw: true, Shape: tensor.Shape{3, 2, 4}})
			if err != nil {
				t.Fatal(err)
			}
			x := sample(sp.Train, 0)
			for c := 0; c < 3; c++ {
				for p := 0; p < 8; p++ {
					if want := float32(p*3 + c); x[c*8+p] != want {
						t.Fatalf("channel %d, pixel %d: %v, want %v", c, p, x[c*8+p], want)
					}
				}
			}
		})
	}
}

func TestNpyRefuses(t *testing.T) {
	good := npy("<f4", false, []int{2, 2}, []float32{1, 2, 3, 4}, le, 1)
	header := func(h string) []byte { return npyHeader(h, []byte{1, 2, 3, 4}, le, 1) }
	tests := []struct {
		name string
		data []byte
		o    Options
		says []string
	}{
		{"truncated elements", good[:len(good)-1], Options{}, []string{"x.npy", "15 bytes", "needs 16", "truncated"}},
		{"truncated header", good[:40], Options{}, []string{"truncated"}},
		{"magic alone", good[:6], Options{}, []string{"not an npy array"}},
		{"a header of nonsense", header("{}"), Options{}, []string{"not understood"}},
		{"text", header("{'descr': '<U5', 'fortran_order': False, 'shape': (2, 2), }"), Options{}, []string{"U5", "not supported"}},
		{"objects", header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }"), Options{}, []string{"type O", "not supported"}},
		{"records", header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2), }"), Options{}, []string{"not understood"}},
		{"complex numbers", header("{'descr': '<c8', 'fortran_order': False, 'shape': (0, 2), }"), Options{}, []string{"c8", "uint8"}},
		{"an absurd size", header("{'descr': '<f99999999999999999999', 'fortran_order': False, 'shape': (0, 2), }"), Options{}, []string{"not supported"}},
		{"a size of nothing", header("{'descr': '<f0', 'fortran_order': False, 'shape': (2, 2), }"), Options{}, []string{"not supported"}},
		{"a negative dimension", header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2), }"), Options{}, []string{"shape (-1, 2)"}},
		{"a huge shape", header("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"), Options{}, []string{"shape (42949"}},
		{"many samples of nothing", header("{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000, 0), }"), Options{}, []string{"empty or too large"}},
		{"no samples", header("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 2), }"), Options{}, []string{"no samples"}},
		{"a scalar", header("{'descr': '|u1', 'fortran_order': False, 'shape': (), }"), Options{}, []string{"[]", "dimension 0"}},
		{"a vector", header("{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }"), Options{}, []string{"[4]", "dimension 0"}},
		{"NaN", npy("<f4", false, []int{2, 2}, []float32{1, 2, float32(math.NaN()), 4}, le, 1), Options{}, []string{"sample 1, element 0 is NaN"}},
		{"beyond float32", npy("<f8", false, []int{2, 2}, []float64{1, 1e39, 3, 4}, le, 1), Options{}, []string{"sample 0, element 1 is +Inf"}},
		{"another shape", good, Options{Shape: tensor.Shape{3}}, []string{"[2]", "[3]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(write(t, t.TempDir(), "x.npy", tt.data), tt.o)
			refused(t, err, tt.says...)
		})
	}
}

// npz zips arrays.
func npz(t *testing.T, arrays map[string][]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range arrays {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNpz(t *testing.T) {
	x := npy("|u1", false, []int{3, 2, 2}, count(12), le, 1)
	xt := npy("|u1", false, []int{1, 2, 2}, count(4), le, 1)
	y := npy("<i8", false, []int{3}, []int64{1, 0, 4}, le, 1)
	column := npy("|u1", false, []int{1, 1}, []byte{3}, le, 1)
	file := npz(t, map[string][]byte{"x_train.npy": x, "y_train.npy": y, "x_test.npy": xt, "y_test.npy": column})
	sp, err := Open(write(t, t.TempDir(), "d.npz", file), Options{Classes: 5})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sp.Train.Labels, []int{1, 0, 4}) || !slices.Equal(sp.Test.Labels, []int{3}) || sp.Train.Classes != 5 {
		t.Errorf("labels %v and %v, %d classes", sp.Train.Labels, sp.Test.Labels, sp.Train.Classes)
	}
	for _, name := range []string{"y", "label", "labels", "target", "targets", "class", "y_true"} {
		sp, err := Open(write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"x.npy": x, name + ".npy": y})), Options{})
		if err != nil || !slices.Equal(sp.Train.Labels, []int{1, 0, 4}) {
			t.Errorf("labels named %s: %+v, %v", name, sp, err)
		}
	}
	names := npyHeader("{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", make([]byte, 20), le, 1)
	if sp, err = Open(write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"x.npy": x, "names.npy": names})), Options{}); err != nil || sp.Train.Len() != 3 {
		t.Errorf("beside an array of text: %v", err)
	}
	sp, err = Open(write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"images.npy": x})), Options{})
	if err != nil || sp.Train.Labels != nil || sp.Train.Len() != 3 || sp.Test != nil {
		t.Errorf("without labels: %+v, %v", sp, err)
	}
	tests := []struct {
		name string
		data []byte
		o    Options
		says []string
	}{
		{"no samples by a known name", npz(t, map[string][]byte{"weights.npy": x}), Options{}, []string{"d.npz", "no array named x", "weights"}},
		{"an entry that is no array", npz(t, map[string][]byte{"x.npy": []byte("hello, world")}), Options{}, []string{"x.npy", "not an npy array"}},
		{"labels of other samples", npz(t, map[string][]byte{"x.npy": x, "y.npy": column}), Options{}, []string{"1 labels for 3 samples"}},
		{"a label out of range", npz(t, map[string][]byte{"x.npy": x, "y.npy": y}), Options{Classes: 4}, []string{"sample 2 has label 4", "0 to 3"}},
		{"half a label", npz(t, map[string][]byte{"x.npy": x, "y.npy": npy("<f4", false, []int{3}, []float32{0, 0.5, 1}, le, 1)}), Options{}, []string{"label 0.5"}},
		{"truncated", file[:len(file)-30], Options{}, []string{"d.npz", "truncated"}},
		{"a test part of another shape", npz(t, map[string][]byte{"x_train.npy": x, "x_test.npy": npy("|u1", false, []int{1, 3, 2}, count(6), le, 1)}), Options{Shape: tensor.Shape{1, 2, 2}}, []string{"[3,2]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(write(t, t.TempDir(), "d.npz", tt.data), tt.o)
			refused(t, err, tt.says...)
		})
	}
}

func TestCIFAR(t *testing.T) {
	record := func(head ...byte) []byte {
		b := slices.Clone(head)
		for i := 0; i < 3072; i++ {
			b = append(b, byte(int(head[len(head)-1])+i/1024))
		}
		return b
	}
	ten := map[string][]byte{
		"data_batch_2.bin": record(7),
		"data_batch_1.bin": append(record(3), record(9)...),
		"test_batch.bin":   record(1),
		"readme.html":      []byte("<html>"),
	}
	sp, err := Open(writeAll(t, ten), Options{Raw: true, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sp.Train.Labels, []int{3, 9, 7}) || !slices.Equal(sp.Test.Labels, []int{1}) {
		t.Errorf("labels %v and %v", sp.Train.Labels, sp.Test.Labels)
	}
	if x := sample(sp.Train, 1); x[0] != 9 || x[1024] != 10 || x[3071] != 11 || !sp.Train.Sample().Equal(tensor.Shape{3, 32, 32}) {
		t.Errorf("sample 1 of shape %v: %v %v %v", sp.Train.Sample(), x[0], x[1024], x[3071])
	}
	hundred, err := Open(writeAll(t, map[string][]byte{"train.bin": record(4, 42), "test.bin": record(5, 17)}), Options{})
	if err != nil || hundred.Train.Labels[0] != 42 || hundred.Test.Labels[0] != 17 {
		t.Errorf("CIFAR-100: %+v, %v", hundred, err)
	}
	one, err := Open(write(t, t.TempDir(), "part.bin", record(2)), Options{})
	if err != nil || one.Train.Labels[0] != 2 {
		t.Errorf("one file: %+v, %v", one, err)
	}
	_, err = Open(writeAll(t, map[string][]byte{"data_batch_1.bin": record(3)[:3000]}), Options{})
	refused(t, err, "data_batch_1.bin", "3000 bytes")
	_, err = Open(writeAll(t, map[string][]byte{"data_batch_1.bin": nil}), Options{})
	refused(t, err, "0 bytes")
	_, err = Open(writeAll(t, ten), Options{Classes: 8})
	refused(t, err, "sample 1 has label 9")
	_, err = Open(writeAll(t, ten), Options{Shape: tensor.Shape{1, 28, 28}})
	refused(t, err, "[3,32,32]", "[1,28,28]")
}

func TestCSV(t *testing.T) {
	two := Options{Shape: tensor.Shape{2}}
	tests := []struct {
		name   string
		text   string
		o      Options
		x      []float32
		labels []int
	}{
		{"numbers alone", "1,2\n3,4.5\n", Options{}, []float32{1, 2, 3, 4.5}, nil},
		{"a header with a label", "a,Label,b\n1,0,2\n3,1,4\n", two, []float32{1, 2, 3, 4}, []int{0, 1}},
		{"a header without", "a,b\n1,2\n3,4\n", two, []float32{1, 2, 3, 4}, nil},
		{"a header that starts with a number", "0,1,target\n1,2,0\n3,4,1\n", two, []float32{1, 2, 3, 4}, []int{0, 1}},
		{"quoted fields", "\"a, b\",\"class\",c\n\"1\",\"0\",\"2\"\n3,1,\"4\"\n", two, []float32{1, 2, 3, 4}, []int{0, 1}},
		{"spaces", " 1 , 2\n3 ,4 \n", two, []float32{1, 2, 3, 4}, nil},
		{"a byte order mark", "\ufeff1,2\n3,4\n", two, []float32{1, 2, 3, 4}, nil},
		{"a byte order mark before the label", "\ufefflabel,a,b\n0,1,2\n1,3,4\n", two, []float32{1, 2, 3, 4}, []int{0, 1}},
		{"Windows lines and blank ones", "1,2\r\n\r\n3,4\r\n", two, []float32{1, 2, 3, 4}, nil},
		{"no newline at the end", "1,2\n3,4", two, []float32{1, 2, 3, 4}, nil},
		{"a label in the first column", "0,1.5,2.5\n1,3,4\n", two, []float32{1.5, 2.5, 3, 4}, []int{0, 1}},
		{"the first column holds more than classes", "7,2,0\n3,4,1\n", Options{Shape: tensor.Shape{2}, Classes: 2}, []float32{7, 2, 3, 4}, []int{0, 1}},
		{"the last column holds more than classes", "0,2,7\n1,4,3\n", Options{Shape: tensor.Shape{2}, Classes: 2}, []float32{2, 7, 4, 3}, []int{0, 1}},
		{"a label before coordinates", "label,x,y\n0,1,2\n1,3,4\n", two, []float32{1, 2, 3, 4}, []int{0, 1}},
		{"coordinates before a label", "x,y,Label\n1,2,0\n3,4,1\n", two, []float32{1, 2, 3, 4}, []int{0, 1}},
		{"coordinates alone", "x,y\n1,2\n3,4\n", two, []float32{1, 2, 3, 4}, nil},
		{"coordinates, the network's shape not known", "y,z\n1,2\n3,4\n", Options{}, []float32{1, 2, 3, 4}, nil},
		{"y of two features", "a,y\n1,2\n3,4\n", two, []float32{1, 2, 3, 4}, nil},
		{"y of three columns", "a,b,y\n1,2,0\n3,4,1\n", two, []float32{1, 2, 3, 4}, []int{0, 1}},
		{"a label in the last column", "1.5,2,0\n3,4,1\n", two, []float32{1.5, 2, 3, 4}, []int{0, 1}},
		{"a border pixel first, the label last", "0,2,1\n0,4,3\n", two, []float32{0, 2, 0, 4}, []int{1, 3}},
		{"the label first, a border pixel last", "1,2,0\n3,4,0\n", two, []float32{2, 0, 4, 0}, []int{1, 3}},
		{"one sample", "1,2,0\n", two, []float32{2, 0}, []int{1}},
		{"exponents", "1e2,-2.5E-1\n", two, []float32{100, -0.25}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sp, err := Open(write(t, t.TempDir(), "d.csv", []byte(tt.text)), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			var x []float32
			for i := 0; i < sp.Train.Len(); i++ {
				x = append(x, sample(sp.Train, i)...)
			}
			if !slices.Equal(x, tt.x) || !slices.Equal(sp.Train.Labels, tt.labels) || (sp.Train.Labels == nil) != (tt.labels == nil) {
				t.Errorf("%v with labels %v, want %v with %v", x, sp.Train.Labels, tt.x, tt.labels)
			}
		})
	}
}

func TestCSVRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		o          Options
		says       []string
	}{
		{"a word", "1,2\n3,four\n", Options{}, []string{"d.csv", "line 2, column 2", `"four"`}},
		{"a word after blank lines and quoted ones", "\"a\nb\",c\n\n1,2\n\n3,x\n", Options{}, []string{"line 6, column 2", `"x"`}},
		{"NaN", "1,2\nnan,4\n", Options{}, []string{"line 2, column 1", "finite"}},
		{"infinity", "1,inf\n", Options{}, []string{"line 1, column 2"}},
		{"beyond float32", "1,1e39\n", Options{}, []string{"line 1, column 2"}},
		{"an empty field", "1,2\n3,\n", Options{}, []string{"line 2, column 2", `""`}},
		{"a short line", "1,2\n3\n", Options{}, []string{"line 2", "wrong number of fields"}},
		{"an open quote", "1,2\n\"3,4\n", Options{}, []string{"line"}},
		{"nothing", "", Options{}, []string{"no samples"}},
		{"a header alone", "a,b,label\n", Options{}, []string{"no samples"}},
		{"labels alone", "label\n1\n2\n", Options{}, []string{"empty or too large"}},
		{"half a label", "a,label\n1,0\n2,0.5\n", Options{}, []string{"line 3 has label 0.5", "whole"}},
		{"a huge label", "a,label\n1,1e20\n", Options{}, []string{"line 2 has label 1e+20"}},
		{"a negative label", "a,label\n1,-1\n", Options{}, []string{"line 2 has label -1"}},
		{"two columns that may be labels", "0,1.5,2\n1,3,4\n", Options{Shape: tensor.Shape{2}}, []string{"columns 1 and 3", "--label-column"}},
		{"two below the classes", "0,1.5,2\n1,3,4\n", Options{Shape: tensor.Shape{2}, Classes: 5}, []string{"columns 1 and 3"}},
		{"coordinates and a column of another name", "x,y,activity\n0,1,0\n1,1,1\n", Options{Shape: tensor.Shape{2}}, []string{"columns 1 and 3"}},
		{"a label out of range", "a,label\n1,3\n", Options{Classes: 3}, []string{"line 2 has label 3", "0 to 2"}},
		{"another width", "1,2\n", Options{Shape: tensor.Shape{5}}, []string{"[2]", "[5]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(write(t, t.TempDir(), "d.csv", []byte(tt.text)), tt.o)
			refused(t, err, tt.says...)
		})
	}
	_, err := Open(write(t, t.TempDir(), "notes.txt", []byte("hello there")), Options{})
	refused(t, err, "notes.txt", "neither idx")
	_, err = Open(write(t, t.TempDir(), "empty", nil), Options{})
	refused(t, err, "neither idx")
}

// encode writes a picture as png, jpg or gif.
func encode(t *testing.T, kind string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&b, img)
	case "jpg":
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 100})
	default:
		err = gif.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func filled(w, h int, c color.Color) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := 0; y < h; y++ {
		for x := 0; x < w; x++ {
			img.Set(x, y, c)
		}
	}
	return img
}

func TestImageFolder(t *testing.T) {
	red, gray := color.NRGBA{200, 10, 30, 255}, color.Gray{90}
	files := map[string][]byte{
		"train/2/a.png":         encode(t, "png", filled(4, 4, gray)),
		"train/10/b.JPG":        encode(t, "jpg", filled(4, 4, gray)),
		"train/1/c.png":         encode(t, "png", filled(4, 4, red)),
		"train/1/d.gif":         encode(t, "gif", filled(4, 4, color.White)),
		"train/1/notes.txt":     []byte("not a picture"),
		"train/1/.hidden.png":   []byte("broken, but hidden"),
		"train/1/sub/e.png":     []byte("broken, but deeper"),
		"train/7/nothing.txt":   []byte("a class without pictures"),
		"train/.cache/broken":   nil,
		"test/10/x.png":         encode(t, "png", filled(9, 5, gray)),
		"test/1/y.png":          encode(t, "png", filled(4, 4, red)),
		"a file beside them.md": []byte("#"),
	}
	sp, err := Open(writeAll(t, files), Options{Shape: tensor.Shape{3, 4, 4}, Raw: true, Classes: 4})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"1", "10", "2", "7"}; !slices.Equal(sp.Train.ClassNames, want) || sp.Train.Classes != 4 {
		t.Errorf("classes %v (%d), want %v", sp.Train.ClassNames, sp.Train.Classes, want)
	}
	if !slices.Equal(sp.Train.Labels, []int{0, 0, 1, 2}) {
		t.Errorf("labels %v", sp.Train.Labels)
	}
	// the test part has no folders 2 and 7: the numbers must not shift
	if !slices.Equal(sp.Test.Labels, []int{0, 1}) {
		t.Errorf("test labels %v", sp.Test.Labels)
	}
	for i, want := range map[int][3]float32{0: {200, 10, 30}, 1: {255, 255, 255}, 3: {90, 90, 90}} {
		x := sample(sp.Train, i)
		for c := 0; c < 3; c++ {
			if x[c*16] != want[c] || x[c*16+15] != want[c] {
				t.Errorf("picture %d: channel %d is %v and %v, want %v", i, c, x[c*16], x[c*16+15], want[c])
			}
		}
	}
	for i, v := range sample(sp.Train, 2) { // JPEG
		if math.Abs(float64(v)-90) > 2 {
			t.Fatalf("JPEG pixel %d is %v", i, v)
		}
	}
	for i, v := range sample(sp.Test, 1) { // resized
		if v != 90 {
			t.Fatalf("resized pixel %d is %v", i, v)
		}
	}
}

func TestUnlabelledImages(t *testing.T) {
	sp, err := Open(writeAll(t, map[string][]byte{
		"a.png": encode(t, "png", filled(5, 3, color.White)), "b.png": encode(t, "png", filled(10, 6, color.Black)),
	}), Options{})
	if err != nil || sp.Train.Labels != nil || sp.Train.Len() != 2 || !sp.Train.Sample().Equal(tensor.Shape{3, 3, 5}) {
		t.Errorf("%+v, %v", sp, err)
	}
}

func TestImagesRefuse(t *testing.T) {
	white := encode(t, "png", filled(4, 4, color.White))
	huge := slices.Clone(white)
	binary.BigEndian.PutUint32(huge[16:], 1<<24) // the width in the header chunk
	binary.BigEndian.PutUint32(huge[20:], 1<<24)
	tests := []struct {
		name  string
		files map[string][]byte
		o     Options
		says  []string
	}{
		{"a truncated picture", map[string][]byte{"a/x.png": white, "b/y.png": white[:len(white)-20]}, Options{}, []string{filepath.Join("b", "y.png"), "not a readable picture"}},
		{"a text named png", map[string][]byte{"a/x.png": []byte("hello")}, Options{}, []string{filepath.Join("a", "x.png"), "repair or remove"}},
		{"a picture that claims to be huge", map[string][]byte{"a/x.png": huge}, Options{}, []string{filepath.Join("a", "x.png"), "not a readable picture"}},
		{"no pictures", map[string][]byte{"a/x.txt": nil, "b/y.txt": nil}, Options{}, []string{"no PNG, JPEG or GIF"}},
		{"a test class that training does not know", map[string][]byte{"train/a/x.png": white, "test/b/y.png": white}, Options{}, []string{filepath.Join("test", "b"), "[a]"}},
		{"more classes than outputs", map[string][]byte{"a/x.png": white, "b/y.png": white, "c/z.png": white}, Options{Classes: 2}, []string{"3 folders", "2 classes", `"c"`}},
		{"a network that takes no pictures", map[string][]byte{"a/x.png": white}, Options{Shape: tensor.Shape{7}}, []string{"[7]", "no picture"}},
		{"two channels", map[string][]byte{"a/x.png": white}, Options{Shape: tensor.Shape{2, 4, 4}}, []string{"[2,4,4]", "1 or 3 channels"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(writeAll(t, tt.files), tt.o)
			refused(t, err, tt.says...)
		})
	}
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"0", "1", "02", "2", "9", "10", "123456789012345678901", "", "010x", "09b", "1x", "a", "a1", "b"}
	for seed := uint64(0); seed < 20; seed++ {
		got := slices.Clone(want)
		newRand(seed).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, naturally)
		if !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

// TestFit: which data a network takes.
func TestFit(t *testing.T) {
	s := func(d ...int) tensor.Shape { return d }
	tests := []struct {
		data, want    tensor.Shape
		sample, image tensor.Shape // nil sample: refused
	}{
		{s(28, 28), nil, s(1, 28, 28), s(1, 28, 28)},
		{s(28, 28), s(1, 28, 28), s(1, 28, 28), s(1, 28, 28)},
		{s(28, 28), s(28, 28), s(28, 28), s(1, 28, 28)},
		{s(28, 28), s(784), s(784), s(1, 28, 28)},
		{s(784), s(1, 28, 28), s(1, 28, 28), s(1, 28, 28)},
		{s(784), s(784), s(784), nil},
		{s(784), nil, s(784), nil},
		{s(3, 4, 5), s(60), s(60), s(3, 4, 5)},
		{s(3, 4, 5), nil, s(3, 4, 5), s(3, 4, 5)},
		{s(3, 4, 5), s(3, 5, 4), nil, nil},
		{s(28, 28), s(27, 28), nil, nil},
		{s(5), s(6), nil, nil},
		{s(0), nil, nil, nil},
	}
	for _, tt := range tests {
		sample, image, err := fit(tt.data, Options{Shape: tt.want}, "x")
		if (err != nil) != (tt.sample == nil) || !sample.Equal(tt.sample) || !image.Equal(tt.image) {
			t.Errorf("data %v for %v: sample %v, image %v, %v", tt.data, tt.want, sample, image, err)
		}
	}
}

// TestTestLast: the last samples become the test part of data that has none.
func TestTestLast(t *testing.T) {
	x := npy("<f4", false, []int{5, 2}, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, le, 4)
	y := npy("<i8", false, []int{5}, []int64{4, 3, 2, 1, 0}, le, 8)
	file := write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"x.npy": x, "y.npy": y}))
	sp, err := Open(file, Options{Classes: 5, TestLast: 2})
	if err != nil {
		t.Fatal(err)
	}
	if sp.Train.Len() != 3 || sp.Test.Len() != 2 || !slices.Equal(sp.Train.Labels, []int{4, 3, 2}) || !slices.Equal(sp.Test.Labels, []int{1, 0}) {
		t.Errorf("labels %v and %v", sp.Train.Labels, sp.Test.Labels)
	}
	got := make([]float32, 2)
	if sp.Test.Read(1, got); got[0] != 8 || got[1] != 9 {
		t.Errorf("the last sample is %v", got)
	}
	whole := write(t, t.TempDir(), "d.npz", npz(t, map[string][]byte{"x_train.npy": x, "x_test.npy": x}))
	for _, tt := range []struct {
		file string
		n    int
		want []string
	}{
		{file, 5, []string{"d.npz", "last 5 samples of 5", "1 to 4"}},
		{file, -1, []string{"d.npz", "last -1 samples"}},
		{whole, 2, []string{"d.npz", "test part of 5 samples already"}},
	} {
		_, err := Open(tt.file, Options{TestLast: tt.n})
		if err == nil {
			t.Errorf("the last %d samples were accepted", tt.n)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q lacks %q", err, w)
			}
		}
	}
}
