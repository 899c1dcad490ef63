package edgec_test

import (
	"os"
	"path/filepath"
	"testing"

	"edgec"
)

// The files in testdata, that README's first commands wrote, have what they were made
// for: at most 10,000 bytes, and at most 0.1 points more errors on MNIST's test set
// than the float networks, 1.12 and 0.49 %.
func TestGoldens(t *testing.T) {
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MNIST; set EDGEC_DATA to the data folder")
	}
	for name, most := range map[string]float64{"lenet-300-100": 1.22, "lenet-5": 0.59} {
		file, err := os.ReadFile(filepath.Join("testdata", name+".edgec"))
		if err != nil {
			t.Fatal(err)
		}
		n, err := edgec.Input(file)
		if err != nil {
			t.Fatal(err)
		}
		data, err := edgec.OpenData(filepath.Join(dir, "mnist"), n, edgec.DataOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := edgec.Evaluate(file, data, edgec.EvaluateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		m := got.Labels
		t.Logf("%s: %d bytes, error %.2f %%", name, len(file), m.Error)
		if len(file) > 10_000 || m.Error > most+1e-9 || m.N != 10_000 {
			t.Errorf("%s: %d bytes, error %.2f %% on %d pictures; at most 10,000 bytes and %.2f %%", name, len(file), m.Error, m.N, most)
		}
	}
}
