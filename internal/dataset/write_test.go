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
