package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"edgec/runtime/preprocess"
)

// npzFile is an archive of arrays, whose headers are read first.
type npzFile struct {
	path      string
	room      *room
	names     []string
	entries   map[string]*npzEntry
	taken     []string // arrays that were read
	sequences bool     // of a network with state
}

// npzEntry is an array of an archive.
type npzEntry struct {
	name string
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
	z := &npzFile{path: path, room: o.room, sequences: o.Sequences, entries: map[string]*npzEntry{}}
	if err := z.addAll(r.File); err != nil {
		return nil, err
	}
	sp, err := z.splits(o)
	if err != nil {
		return nil, err
	}
	for _, name := range z.names {
		if !slices.Contains(z.taken, name) {
			o.source.unread("array %s", strconv.QuoteToASCII(name))
		}
	}
	return sp, nil
}

// splits finds the arrays of both parts and reads them.
func (z *npzFile) splits(o Options) (*Splits, error) {
	if len(o.Inputs) > 1 {
		return z.several(o)
	}
	x, err := z.single(o)
	if err != nil {
		return nil, err
	}
	sp := &Splits{}
	if sp.Train, err = z.set(x, z.pick(labelNames...), o); err != nil {
		return nil, err
	}
	o.known = sp.Train.ClassNames
	tests := []string{"x_test", "test_x", "test_images", "images_test"}
	if x.name+"_test" != "x_test" && len(o.Inputs) == 1 && o.Inputs[0].Integer {
		tests = append(tests, x.name+"_test", "test_"+x.name)
	}
	if xt := z.pick(tests...); xt != nil {
		sp.Test, err = z.set(xt, z.pick(testLabelNames...), o.ofTest())
	}
	return sp, err
}

// sampleNames are the names that people give to samples.
var sampleNames = []string{"x_train", "train_x", "train_images", "images_train", "x", "images", "data", "features", "inputs", "samples"}

// single finds the samples of a network with one input: by the names that people give
// them, by the input's name, or as the only array of the input's shape.
func (z *npzFile) single(o Options) (*npzEntry, error) {
	x := z.pick(sampleNames...)
	in := Input{Shape: o.Shape, ChannelsLast: o.ChannelsLast}
	if len(o.Inputs) == 1 {
		in = o.Inputs[0]
		if x == nil {
			x = z.pick(in.Name)
		}
		if x == nil && in.Integer {
			x = z.pick(tokenNames...)
		}
	}
	if x != nil {
		return x, nil
	}
	if in.Shape != nil {
		if fits := z.fitting(in, nil); len(fits) == 1 {
			o.source.note("array %s holds the samples: no other has the network's shape", strconv.QuoteToASCII(fits[0]))
			return z.entries[fits[0]], nil
		}
	}
	return nil, fmt.Errorf("dataset: %s: no array named x, x_train or images among %s; give the samples one of these names", z.path, z.described())
}

// add reads the header of an entry. What is not picked later, text for example,
// may be of a kind that is not read.
func (z *npzFile) add(f *zip.File) {
	name := strings.TrimSuffix(f.Name, ".npy")
	e := &npzEntry{name: name, file: f}
	e.head, e.err = z.head(f)
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

// pick returns the first array that has one of the names, in any case, nil without.
func (z *npzFile) pick(names ...string) *npzEntry {
	for _, n := range names {
		if e := z.entries[n]; e != nil {
			return e
		}
		for _, other := range z.names {
			if strings.EqualFold(n, other) {
				return z.entries[other]
			}
		}
	}
	return nil
}

// used records that an array was read.
func (z *npzFile) used(e *npzEntry) { z.taken = append(z.taken, e.name) }

// set makes samples of x, with labels y or nil. Shapes are compared with the
// network's before the elements are read.
func (z *npzFile) set(x, y *npzEntry, o Options) (*Set, error) {
	if x.err != nil {
		return nil, x.err
	}
	z.used(x)
	if err := o.takes(x.head.Shape, z.path); err != nil {
		return nil, err
	}
	if y != nil && y.err == nil && y.samples() != x.head.Shape[0] {
		return nil, fmt.Errorf("dataset: %s: %d labels for %d samples; the arrays do not belong together", z.path, y.samples(), x.head.Shape[0])
	}
	a, err := z.read(x)
	if err != nil {
		return nil, err
	}
	s, err := samples(a, o, z.path)
	if err != nil {
		return nil, err
	}
	return s, z.label(s, y, o)
}

// label attaches the labels y, numbers or names; nil: none. Labels that are left aside are
// not read.
func (z *npzFile) label(s *Set, y *npzEntry, o Options) error {
	if y == nil {
		return nil
	}
	z.used(y)
	o.labelsFrom("array " + strconv.QuoteToASCII(y.name))
	if o.NoLabels {
		return nil
	}
	if y.err == nil {
		return z.readLabels(y, s, o)
	}
	r, err := y.file.Open()
	if err != nil {
		return z.fault(y.file, err)
	}
	defer r.Close()
	names, err := npyText(z.room.reader(r), s.Len())
	if errors.Is(err, errNoText) {
		return y.err
	}
	if err != nil {
		return z.fault(y.file, err)
	}
	return s.setNames(names, o, z.path)
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
