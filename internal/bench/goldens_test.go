package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"edgec"
	"edgec/internal/deep"
)

// The files in testdata are those that docs/BENCHMARKS.md has figures of: of a seed of
// each row, as many bytes and as many errors.
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
	seen := map[string]bool{} // networks; without EDGEC_DEEP one file of each is evaluated
	for _, r := range rows {
		if r.golden == "" || seen[r.model] && !deep.On() {
			continue
		}
		seen[r.model] = true
		t.Run(r.name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join(goldens, r.golden))
			if err != nil {
				t.Fatal(err)
			}
			m, err := edgec.Open(filepath.Join(dir, "models", r.model))
			if err != nil {
				t.Fatal(err)
			}
			data, err := edgec.OpenData(filepath.Join(dir, r.data), m, edgec.DataOptions{})
			if err != nil {
				t.Fatal(err)
			}
			measures, err := edgec.Evaluate(file, data, edgec.EvaluateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got := measures.Labels
			some := false
			for _, m := range measured(results, r) {
				some = some || len(file) == m.Bytes && math.Abs(got.Error-m.Error) < 1e-9
			}
			if !some || got.N != 10_000 {
				t.Errorf("%d bytes, %.2f %% of %d pictures wrong: none of the page's figures; measure the row again", len(file), got.Error, got.N)
			}
		})
	}
}
