package dataset

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// SizesIn finds the sizes that a network's inputs leave open in the arrays of the file at path,
// and says where; see SizesOf.
func SizesIn(path string) func(name string, dims []int, integer bool) (shape []int, note string) {
	return func(name string, dims []int, integer bool) ([]int, string) {
		shape, array := SizesOf(path, Input{Name: name, Integer: integer}, dims)
		return shape, fmt.Sprintf("input %q takes %v, as array %q of %s has it; --shape gives another size", name, tensor.Shape(shape), array, path)
	}
}

// SizesOf returns the shape of a sample that the .npz or .npy file at path has for an input of a
// network whose sizes dims are open where they are 0, and the name of the array. The array has
// the input's name, or one that people give to samples, or is the only one that fits. nil: there
// is none, or the file cannot be read, as opening it says.
func SizesOf(path string, in Input, dims []int) (shape []int, array string) {
	heads := headers(path)
	names := append([]string{in.Name, in.Name + "_train", "train_" + in.Name}, sampleNames...)
	if in.Integer {
		names = append(names, tokenNames...)
	}
	for _, want := range names {
		for name, s := range heads {
			if strings.EqualFold(name, want) && completes(s, dims) {
				return s[1:], name
			}
		}
	}
	for name, s := range heads {
		if completes(s, dims) && !isLabelName(name) {
			if shape != nil {
				return nil, ""
			}
			shape, array = s[1:], name
		}
	}
	return shape, array
}

// completes reports whether an array [n, shape...] has the sizes dims where they are known.
func completes(shape, dims []int) bool {
	if len(shape) != len(dims)+1 {
		return false
	}
	for i, d := range dims {
		if shape[i+1] < 1 || d > 0 && shape[i+1] != d {
			return false
		}
	}
	return true
}

// headers returns the shapes of the arrays in a file, by name.
func headers(path string) map[string][]int {
	heads := map[string][]int{}
	room, err := newRoom(context.Background())
	if err != nil {
		return nil
	}
	if f, err := os.Open(path); err == nil {
		defer f.Close()
		if a, err := preprocess.NpyHead(bufio.NewReader(f)); err == nil {
			heads[strings.TrimSuffix(filepath.Base(path), ".npy")] = a.Shape
			return heads
		}
	}
	r, close, err := openZip(path)
	if err != nil {
		return nil
	}
	defer close()
	z := &npzFile{path: path, room: room, entries: map[string]*npzEntry{}}
	if z.addAll(r.File) != nil {
		return nil
	}
	for name, e := range z.entries {
		if e.head != nil {
			heads[name] = e.head.Shape
		}
	}
	return heads
}
