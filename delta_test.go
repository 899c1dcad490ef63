package edgec

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"edgec/export"
	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/runtime/format"
	"edgec/share"
)

// A network that was fine-tuned at fixed masks travels as a delta of at most a
// tenth of its file.
//
// Complexity: a chain of steps, each of which may fail.
//
//gocyclo:ignore
func TestDeltaOfFineTune(t *testing.T) {
	deep.Only(t)
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MNIST and the float network; set EDGEC_DATA to the data folder")
	}
	base, err := os.ReadFile("testdata/lenet-300-100.edgec")
	if err != nil {
		t.Fatal(err)
	}
	model, err := Open(filepath.Join(dir, "models/lenet/lenet-300-100.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Open(filepath.Join(dir, "mnist"), dataset.Options{Shape: model.Input()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSearch(context.Background(), model, data, Recipe{MaxDrop: 1, Effort: 0.05}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := format.Decode(base)
	if err != nil {
		t.Fatal(err)
	}
	g, err := export.Lift(f, "lifted")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range shared(g) {
		if err := share.Found(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.tune(g, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.settle(g, 0); err != nil {
		t.Fatal(err)
	}
	tuned, _, err := export.Encode(g, s.exportConfig())
	if err != nil {
		t.Fatal(err)
	}
	delta, err := format.Diff(base, tuned)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := format.Patch(base, delta); err != nil || !bytes.Equal(got, tuned) {
		t.Fatalf("the patched file differs: %v", err)
	}
	moved, n := 0, 0
	now, err := format.Decode(tuned)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Weights {
		for j, v := range f.Weights[i].Values {
			if v != 0 {
				n++
				if now.Weights[i].Values[j] != v {
					moved++
				}
			}
		}
	}
	t.Logf("%d of %d weights have moved; a delta of %d bytes for a file of %d", moved, n, len(delta), len(tuned))
	if moved < n/100 {
		t.Error("nothing was tuned")
	}
	if len(delta)*10 > len(tuned) {
		t.Errorf("a delta of %d bytes for a file of %d: at most a tenth is promised", len(delta), len(tuned))
	}
}
