package edgec_test

import (
	"os"
	"path/filepath"
	"testing"

	"edgec"
	"edgec/internal/dataset"
	"edgec/internal/tensor"
)

// The files in testdata, that README's first commands wrote, have what they were made
// for: at most 10,000 bytes, and at most 0.1 points more errors on MNIST's test set
// than the float networks, 1.12 and 0.49 %.
func TestGoldens(t *testing.T) {
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MNIST; set EDGEC_DATA to the data folder")
	}
	data, err := dataset.Open(filepath.Join(dir, "mnist"), dataset.Options{Shape: tensor.Shape{1, 28, 28}, Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	for name, most := range map[string]float64{"lenet-300-100": 1.22, "lenet-5": 0.59} {
		file, err := os.ReadFile(filepath.Join("testdata", name+".edgec"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := edgec.Evaluate(file, data.Test, 2)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, error %.2f %%", name, len(file), m.Error)
		if len(file) > 10_000 || m.Error > most+1e-9 || m.N != 10_000 {
			t.Errorf("%s: %d bytes, error %.2f %% on %d pictures; at most 10,000 bytes and %.2f %%", name, len(file), m.Error, m.N, most)
		}
	}
}
