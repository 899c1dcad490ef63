package dataset

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"edgec/internal/tensor"
)

// openCIFAR reads CIFAR-10's binary records (a label byte, 3072 bytes of
// channels first pixels), or CIFAR-100's (coarse and fine label). Files whose
// name starts with test are the test set.
func openCIFAR(folder string, files []string, o Options) (*Splits, error) {
	sort.Strings(files)
	var parts [2][]string
	for _, f := range files {
		name := filepath.Base(f)
		if name == "train.bin" || !strings.HasPrefix(name, "test") {
			parts[0] = append(parts[0], f)
		} else {
			parts[1] = append(parts[1], f)
		}
	}
	if parts[0] == nil {
		parts[0], parts[1] = parts[1], nil
	}
	sp := &Splits{}
	for k, dst := range []**Set{&sp.Train, &sp.Test} {
		if parts[k] == nil {
			continue
		}
		s, err := loadCIFAR(folder, parts[k], o)
		if err != nil {
			return nil, err
		}
		*dst = s
	}
	return sp, nil
}

func loadCIFAR(folder string, files []string, o Options) (*Set, error) {
	const pixels = 3 * 32 * 32
	sample, image, err := fit(tensor.Shape{3, 32, 32}, o, folder)
	if err != nil {
		return nil, err
	}
	var bytes []uint8
	var labels []int
	for _, f := range files {
		data, err := readAll(f, o.room)
		if err != nil {
			return nil, err
		}
		head := 1
		switch {
		case len(data) > 0 && len(data)%(pixels+1) == 0:
		case len(data) > 0 && len(data)%(pixels+2) == 0:
			head = 2
		default:
			return nil, fmt.Errorf("dataset: %s: %d bytes are no whole number of CIFAR records (3073 or 3074 bytes); copy the file again, or give it another name than .bin", f, len(data))
		}
		for i := 0; i < len(data); i += pixels + head {
			labels = append(labels, int(data[i+head-1]))
			bytes = append(bytes, data[i+head:i+head+pixels]...)
		}
	}
	s := newSet(sample, image, bytes, nil, len(labels), o.pre())
	o.source.labels("labels of the CIFAR records")
	return s, s.setLabels(labels, o.outputs(), folder, o)
}
