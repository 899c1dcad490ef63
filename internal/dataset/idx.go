package dataset

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"edgec/runtime/preprocess"
)

// readAll reads a file, through gzip if it is compressed, of at most
// preprocess.MaxBytes.
func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	r, err := preprocess.Uncompressed(f)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(r, preprocess.MaxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("dataset: %s: %v after %d bytes; the file is truncated or damaged, copy it again", path, err, len(data))
	case int64(len(data)) > preprocess.MaxBytes:
		return nil, fmt.Errorf("dataset: %s: holds more than %d bytes; split it", path, int64(preprocess.MaxBytes))
	}
	return data, nil
}

// readIdx reads an idx file, through gzip if it is compressed.
func readIdx(path string) (*preprocess.Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	x, err := preprocess.OpenIdx(f)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	a, err := x.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return a, nil
}

// openIdx reads MNIST's own names: train-images, train-labels, t10k-images,
// t10k-labels (or test-). Labels may be missing.
func openIdx(folder string, files []string, o Options) (*Splits, error) {
	sp := &Splits{}
	find := func(parts ...string) string {
		for _, f := range files {
			for _, p := range parts {
				if strings.HasPrefix(filepath.Base(f), p) {
					return f
				}
			}
		}
		return ""
	}
	load := func(images, labels string) (*Set, error) {
		if images == "" {
			return nil, nil
		}
		return loadIdx(images, labels, o)
	}
	var err error
	if len(files) == 1 && !strings.Contains(filepath.Base(files[0]), "label") {
		sp.Train, err = load(files[0], "")
		return sp, err
	}
	if sp.Train, err = load(find("train-images"), find("train-labels")); err != nil {
		return nil, err
	}
	if sp.Test, err = load(find("t10k-images", "test-images"), find("t10k-labels", "test-labels")); err != nil {
		return nil, err
	}
	if sp.Train == nil {
		sp.Train, sp.Test = sp.Test, nil
	}
	if sp.Train == nil {
		return nil, fmt.Errorf("dataset: %s: no idx file whose name has train-images or t10k-images in it; name the files as MNIST's", folder)
	}
	return sp, nil
}

func loadIdx(images, labels string, o Options) (*Set, error) {
	a, err := readIdx(images)
	if err != nil {
		return nil, err
	}
	s, err := samples(a, o, images)
	if err != nil || labels == "" {
		return s, err
	}
	l, err := readIdx(labels)
	if err != nil {
		return nil, err
	}
	o.source.labels("labels from %s", filepath.Base(labels))
	return s, s.setArray(l, o, labels)
}
