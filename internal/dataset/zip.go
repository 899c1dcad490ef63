package dataset

import (
	"archive/zip"
	"fmt"
	"strconv"
	"strings"

	"edgec/runtime/preprocess"
)

// openZip opens an archive.
func openZip(path string) (r *zip.Reader, close func() error, err error) {
	f, size, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	if r, err = zip.NewReader(f, size); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("dataset: %s: %v; the file is truncated or no npz; copy or save it again", path, err)
	}
	return r, f.Close, nil
}

// addAll reads the headers of all entries.
func (z *npzFile) addAll(files []*zip.File) error {
	if len(files) > mostArrays {
		return fmt.Errorf("dataset: %s: holds %d arrays, more than %d; give one array of all samples", z.path, len(files), mostArrays)
	}
	for _, f := range files {
		if err := z.room.stopped(); err != nil {
			return err
		}
		z.add(f)
	}
	return nil
}

// fits refuses an entry whose shape needs more bytes than its compressed ones can hold, or
// than these become in archives of samples. What an archive says of sizes may be wrong:
// the compressed one is at most that of the file, and elements are read as far as they
// are there.
func (z *npzFile) fits(e *npzEntry) error { return z.fitsIn(e, arrayBytes(e.head)) }

// fitsIn is fits for an array that takes so much memory.
func (z *npzFile) fitsIn(e *npzEntry, memory int64) error {
	source := z.source(e)
	compressed := int64(min(e.file.CompressedSize64, 1<<62/deflateTimes))
	need := int64(e.head.Len()) * int64(e.head.ElementBytes())
	times := int64(1)
	if e.file.Method != zip.Store {
		times = deflateTimes
	}
	if need > times*compressed {
		return fmt.Errorf("dataset: %s: the array of shape %s has %d bytes of elements, which %d in the archive cannot hold; the file is damaged, copy it again", source, preprocess.Dims(e.head.Shape), need, compressed)
	}
	if need <= compressed {
		return nil
	}
	return z.room.inflated(compressed, memory, source)
}

// source names an entry in messages, without control characters.
func (z *npzFile) source(e *npzEntry) string {
	return z.path + ": " + strings.Trim(strconv.QuoteToASCII(e.file.Name), `"`)
}

// readLabels reads labels or target values of the samples s. Those that are left aside are
// not read.
func (z *npzFile) readLabels(y *npzEntry, s *Set, o Options) error {
	if o.NoLabels {
		return nil
	}
	if err := z.fitsIn(y, labelBytes(y.head)); err != nil {
		return err
	}
	if err := s.belongs(o.room, z.source(y))(y.head); err != nil {
		return err
	}
	a, err := z.read(y)
	if err != nil {
		return err
	}
	return s.setArray(a, o, z.path)
}
