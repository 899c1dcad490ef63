package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"edgec"
	"edgec/internal/dataset"
)

// The files in testdata are those that docs/BENCHMARKS.md has figures of: as many bytes,
// as many errors.
func TestGoldens(t *testing.T) {
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("needs MNIST; set EDGEC_DATA to the data folder")
	}
	t.Chdir("../..")
	results, err := load[result](store)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.golden == "" {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join(goldens, r.golden))
			if err != nil {
				t.Fatal(err)
			}
			of := measured(results, r)
			if len(of) == 0 || of[0].Seed != 0 {
				t.Fatal("the page has no figures of its first seed")
			}
			m, err := edgec.Open(filepath.Join(dir, "models", r.model))
			if err != nil {
				t.Fatal(err)
			}
			data, err := dataset.Open(filepath.Join(dir, r.data), dataset.Options{Shape: m.Input(), Classes: m.Outputs()})
			if err != nil {
				t.Fatal(err)
			}
			got, err := edgec.Evaluate(file, data.Test, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(file) != of[0].Bytes || math.Abs(got.Error-of[0].Error) > 1e-9 || got.N != 10_000 {
				t.Errorf("%d bytes, %.2f %% of %d pictures wrong; the page says %d bytes and %.2f %%; measure the row again", len(file), got.Error, got.N, of[0].Bytes, of[0].Error)
			}
		})
	}
}
