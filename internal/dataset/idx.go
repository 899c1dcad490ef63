package dataset

import (
	"fmt"
	"path/filepath"
	"strings"

	"edgec/runtime/preprocess"
)

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
	load := func(o Options, images, labels string) (*Set, error) {
		if images == "" {
			return nil, nil
		}
		return loadIdx(images, labels, o)
	}
	var err error
	if len(files) == 1 && !strings.Contains(filepath.Base(files[0]), "label") {
		sp.Train, err = load(o, files[0], "")
		return sp, err
	}
	if sp.Train, err = load(o, find("train-images"), find("train-labels")); err != nil {
		return nil, err
	}
	if sp.Test, err = load(o.ofTest(), find("t10k-images", "test-images"), find("t10k-labels", "test-labels")); err != nil {
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
	a, err := readIdx(images, o.room, func(a *preprocess.Array) error {
		_, _, _, err := layout(a.Shape, o, images)
		return err
	})
	if err != nil {
		return nil, err
	}
	s, err := samples(a, o, images)
	if err != nil || labels == "" {
		return s, err
	}
	l, err := readIdx(labels, o.room, s.belongs(o.room, labels))
	if err != nil {
		return nil, err
	}
	o.labelsFrom(filepath.Base(labels))
	return s, s.setArray(l, o, labels)
}
