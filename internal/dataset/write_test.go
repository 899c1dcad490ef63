package dataset

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/tensor"
)

func TestWriteIdx(t *testing.T) {
	bytes := make([]uint8, 6*4)
	for i := range bytes {
		bytes[i] = uint8(11 * i)
	}
	all, err := FromBytes(tensor.Shape{1, 2, 2}, bytes, []int{2, 0, 1, 1, 0, 2}, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	sp := &Splits{Train: all.Subset([]int{5, 1, 2}), Test: all.Subset([]int{0})}
	if err := WriteIdx(folder, sp); err != nil {
		t.Fatal(err)
	}
	back, err := Open(folder, Options{Shape: tensor.Shape{1, 2, 2}, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct{ got, want *Set }{{back.Train, sp.Train}, {back.Test, sp.Test}} {
		if !slices.Equal(p.got.Labels, p.want.Labels) {
			t.Errorf("labels %v, want %v", p.got.Labels, p.want.Labels)
		}
		for i := range p.want.Len() {
			a, b := make([]byte, 4), make([]byte, 4)
			p.got.Bytes(i, a)
			p.want.Bytes(i, b)
			if !slices.Equal(a, b) {
				t.Errorf("sample %d: %v, want %v", i, a, b)
			}
		}
	}
	if files, _ := filepath.Glob(filepath.Join(folder, "*.part")); len(files) > 0 {
		t.Errorf("left %v", files)
	}
}

func TestWriteIdxRefuses(t *testing.T) {
	folder := t.TempDir()
	colour, err := FromBytes(tensor.Shape{3, 2, 2}, make([]uint8, 12), []int{0}, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	gray, err := FromBytes(tensor.Shape{1, 2, 2}, make([]uint8, 4), []int{0}, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Set{colour, gray.WithoutLabels()} {
		if err := WriteIdx(folder, &Splits{Train: s}); err == nil || !strings.Contains(err.Error(), "no gray pictures") {
			t.Errorf("shape %v: error %v", s.Sample(), err)
		}
	}
	if err := WriteIdx(filepath.Join(folder, "absent"), &Splits{Train: gray}); err == nil {
		t.Error("a folder that is not there: no error")
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestWriteNpy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	want := []float32{1, -2.5, 3e-7, 4, 5, 6}
	if err := WriteNpy(path, tensor.Shape{2, 3}, want); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil || len(file)%64 != 6*4 || file[len(file)-6*4-1] != '\n' {
		t.Errorf("%d bytes, %v: the elements do not begin at a multiple of 64 after a line end", len(file), err)
	}
	back, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 6)
	for i := range back.Train.Len() {
		back.Train.Read(i, got[3*i:3*i+3])
	}
	if !back.Train.Sample().Equal(tensor.Shape{3}) || !slices.Equal(got, want) {
		t.Errorf("%v of shape %v, want %v", got, back.Train.Sample(), want)
	}
	if err := WriteNpy(filepath.Join(path, "y.npy"), tensor.Shape{1}, want[:1]); err == nil || !strings.Contains(err.Error(), "dataset: ") {
		t.Errorf("below a file: %v", err)
	}
}
