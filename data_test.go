package edgec

import (
	"os"
	"path/filepath"
	"testing"

	"edgec/internal/dataset"
)

// openCSV opens a table as a data set.
func openCSV(t *testing.T, text string) *dataset.Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sp.Train
}
