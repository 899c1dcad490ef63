package dataset

import (
	"archive/zip"
	"fmt"
	"strings"

	"edgec/runtime/preprocess"
)

// npzFile is an archive of arrays, whose headers are read first.
type npzFile struct {
	path    string
	room    *room
	names   []string
	entries map[string]*npzEntry
}

// npzEntry is an array of an archive.
type npzEntry struct {
	file *zip.File
	head *preprocess.Array // nil when it cannot be read
	err  error             // why
}

// openNpz reads samples and labels by the names that people give them.
func openNpz(path string, o Options) (*Splits, error) {
	r, close, err := openZip(path)
	if err != nil {
		return nil, err
	}
	defer close()
	z := &npzFile{path: path, room: o.room, entries: map[string]*npzEntry{}}
	if err := z.addAll(r.File); err != nil {
		return nil, err
	}
	if len(o.Inputs) > 1 {
		return z.several(o)
	}
	x, y := z.pick("x_train", "train_x", "train_images", "X_train", "x", "X", "images", "data", "features"), z.pick(labelNames...)
	if x == nil && len(o.Inputs) == 1 {
		x = z.pick(o.Inputs[0].Name)
	}
	if x == nil {
		return nil, fmt.Errorf("dataset: %s: no array named x, x_train or images among %v", path, z.names)
	}
	sp := &Splits{}
	if sp.Train, err = z.set(x, y, o); err != nil {
		return nil, err
	}
	if xt := z.pick("x_test", "test_x", "test_images", "X_test"); xt != nil {
		sp.Test, err = z.set(xt, z.pick(testLabelNames...), o)
	}
	return sp, err
}

// add reads the header of an entry. What is not picked later, text for example,
// may be of a kind that is not read.
func (z *npzFile) add(f *zip.File) {
	e := &npzEntry{file: f}
	e.head, e.err = z.head(f)
	name := strings.TrimSuffix(f.Name, ".npy")
	z.names = append(z.names, name)
	z.entries[name] = e
}

func (z *npzFile) head(f *zip.File) (*preprocess.Array, error) {
	r, err := f.Open()
	if err != nil {
		return nil, z.fault(f, err)
	}
	defer r.Close()
	a, err := preprocess.NpyHead(z.room.reader(r))
	if err != nil {
		return nil, z.fault(f, err)
	}
	return a, nil
}

func (z *npzFile) fault(f *zip.File, err error) error {
	return fmt.Errorf("dataset: %s: %s: %w; the file is damaged, or the array is of a kind that is not read", z.path, f.Name, err)
}

// samples returns how many samples an array of labels or target values is of.
func (e *npzEntry) samples() int {
	if len(e.head.Shape) == 0 {
		return 1
	}
	return e.head.Shape[0]
}

// pick returns the first array that has one of the names, nil without.
func (z *npzFile) pick(names ...string) *npzEntry {
	for _, n := range names {
		if e := z.entries[n]; e != nil {
			return e
		}
	}
	return nil
}

// set makes samples of x, with labels y or nil. Shapes are compared with the
// network's before the elements are read.
func (z *npzFile) set(x, y *npzEntry, o Options) (*Set, error) {
	for _, e := range []*npzEntry{x, y} {
		if e != nil && e.err != nil {
			return nil, e.err
		}
	}
	if _, _, _, err := layout(x.head.Shape, o, z.path); err != nil {
		return nil, err
	}
	if y != nil && y.samples() != x.head.Shape[0] {
		return nil, fmt.Errorf("dataset: %s: %d labels for %d samples; the arrays do not belong together", z.path, y.samples(), x.head.Shape[0])
	}
	a, err := z.read(x)
	if err != nil {
		return nil, err
	}
	s, err := samples(a, o, z.path)
	if err != nil || y == nil {
		return s, err
	}
	return s, z.readLabels(y, s, o)
}

// read reads the elements of an entry, as many as its header and its size in the archive
// allow.
func (z *npzFile) read(e *npzEntry) (*preprocess.Array, error) {
	if err := z.fits(e); err != nil {
		return nil, err
	}
	r, err := e.file.Open()
	if err != nil {
		return nil, z.fault(e.file, err)
	}
	defer r.Close()
	from := z.room.reader(r)
	a, err := preprocess.NpyHead(from)
	if err != nil {
		return nil, z.fault(e.file, err)
	}
	return a, z.room.elements(a, from, z.source(e))
}
