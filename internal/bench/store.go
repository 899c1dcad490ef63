package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"edgec/export"
)

const (
	store  = "docs/benchmarks.json"
	coders = "docs/coders.json"
	orders = "docs/orders.json"
	page   = "docs/BENCHMARKS.md"

	goldens = "testdata"
)

// load reads results, none where there is no file yet.
func load[T any](path string) (results []T, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &results); err != nil {
		return nil, fmt.Errorf("%s: %w; restore it, or remove it to measure anew", path, err)
	}
	return results, nil
}

// save keeps results and writes the page anew.
func save[T any](path string, results []T) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	if err := export.Write(path, append(data, '\n')); err != nil {
		return err
	}
	return write()
}

// write makes the page of what is stored.
func write() error {
	results, err := load[result](store)
	if err != nil {
		return err
	}
	against, err := load[coded](coders)
	if err != nil {
		return err
	}
	units, err := load[moved](orders)
	if err != nil {
		return err
	}
	return export.Write(page, []byte(markdown(results, against, units)))
}

// replace puts got where the same was measured before, or at the end.
func replace[T interface{ same(T) bool }](results []T, got T) []T {
	for i, r := range results {
		if r.same(got) {
			results[i] = got
			return results
		}
	}
	return append(results, got)
}
