package networks

import (
	"path/filepath"
	"testing"

	"edgec"
	"edgec/runtime"
)

func TestLike(t *testing.T) {
	e := extent{In: 490, Out: 12, MACs: 2656768}
	for _, o := range []extent{e, {490, 12, 2664768}, {490, 12, 2648768}} {
		if !e.like(o) {
			t.Errorf("%+v is not like %+v", e, o)
		}
	}
	for _, o := range []extent{{491, 12, 2656768}, {490, 10, 2656768}, {490, 12, 2700000}, {490, 12, 2600000}} {
		if e.like(o) {
			t.Errorf("%+v is like %+v", e, o)
		}
	}
}

// Names are unique, those of dense networks exist, and committed files load.
func TestAll(t *testing.T) {
	names := map[string]bool{}
	for _, n := range All {
		if names[n.Name] || n.ONNX == "" {
			t.Errorf("%s: twice, or without ONNX file", n.Name)
		}
		names[n.Name] = true
		if !names[n.DenseName()] {
			t.Errorf("%s: no dense network %s before it", n.Name, n.DenseName())
		}
	}
	for _, n := range All {
		if n.Pruned == "" {
			continue
		}
		data, err := (&Network{Pruned: filepath.Join("..", n.Pruned)}).File("")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := runtime.Load(data); err != nil {
			t.Errorf("%s: %v", n.Pruned, err)
		}
	}
	if some, err := Select("^lenet5$"); err != nil || len(some) != 1 {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := Select("none"); err == nil {
		t.Error("a pattern without a network was taken")
	}
}

// The extent of a quantized file of the repository.
func TestMeasure(t *testing.T) {
	path := filepath.Join("..", Main, "testdata", "corner", "corner-int8.onnx")
	got, err := measure(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := edgec.Pack(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.In != 64 || got.Out != 4 || got.MACs != p.MACsFrom {
		t.Errorf("%+v", got)
	}
}
