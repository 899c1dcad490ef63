package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"edgec/runtime/preprocess"
)

// Limits of files, beside those of memory.
const (
	mostEntries  = 1 << 20  // of a folder
	mostArrays   = 1 << 12  // of an .npz file
	mostColumns  = 1 << 20  // of a line of CSV
	mostLine     = 16 << 20 // bytes of a line of CSV
	mostPicture  = 256 << 20
	deflateTimes = 1032 // bytes that DEFLATE makes of one at most (RFC 1951)
)

// open opens a regular file, and returns its size.
func open(path string) (*os.File, int64, error) {
	info, err := os.Stat(path) // first: opening a pipe waits
	if err != nil {
		return nil, 0, fmt.Errorf("dataset: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("dataset: %s: is not a regular file; save the data in a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("dataset: %w", err)
	}
	return f, info.Size(), nil
}

// readAll reads a file, through gzip if it is compressed. Its memory is counted.
func readAll(path string, r *room) ([]byte, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	from, err := preprocess.Uncompressed(r.reader(f))
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	if _, plain := from.(*bufio.Reader); !plain {
		return r.inflate(from, size, path)
	}
	if size > preprocess.MaxBytes {
		return nil, fmt.Errorf("dataset: %s: holds more than %d bytes; split it", path, int64(preprocess.MaxBytes))
	}
	if err := r.take(size, path); err != nil {
		return nil, err
	}
	data := make([]byte, size)
	n, err := io.ReadFull(from, data)
	if err != nil && !errors.Is(err, io.EOF) { // EOF: of an empty file
		return nil, r.unread(path, n, err)
	}
	return data, nil
}

// unread is the error of a file of which n bytes were read.
func (r *room) unread(path string, n int, err error) error {
	if e := r.stopped(); e != nil {
		return e
	}
	return fmt.Errorf("dataset: %s: %w after %d bytes; the file is truncated or damaged, copy it again", path, err, n)
}

// inflate reads what a gzip file of size bytes holds, in parts, so that little is taken
// for one that holds too much.
func (r *room) inflate(from io.Reader, size int64, path string) ([]byte, error) {
	const most = 8 << 20 // bytes of a part
	var parts [][]byte
	n, next := 0, 64<<10
	for {
		if err := r.inflated(size, int64(n), path); err != nil {
			return nil, err
		}
		if int64(n) > preprocess.MaxBytes {
			return nil, fmt.Errorf("dataset: %s: holds more than %d bytes; split it", path, int64(preprocess.MaxBytes))
		}
		if err := r.take(int64(next), path); err != nil {
			return nil, err
		}
		part := make([]byte, next)
		next = min(2*next, most)
		for k := 0; k < len(part); {
			m, err := from.Read(part[k:])
			k, n = k+m, n+m
			if errors.Is(err, io.EOF) {
				return bytes.Join(append(parts, part[:k]), nil), nil
			}
			if err != nil {
				return nil, r.unread(path, n, err)
			}
		}
		parts = append(parts, part)
	}
}

// shortened returns a field for a message: what it begins with.
func shortened(field string) string {
	const most = 60
	if len(field) <= most {
		return field
	}
	return strings.ToValidUTF8(field[:most], "?") + "..."
}

// list returns the entries of a folder, sorted by name.
func (r *room) list(folder string) ([]fs.DirEntry, error) { return r.listOf(folder, mostEntries) }

func (r *room) listOf(folder string, most int) ([]fs.DirEntry, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []fs.DirEntry
	for {
		part, err := f.ReadDir(1024)
		all = append(all, part...)
		switch {
		case errors.Is(err, io.EOF):
			slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
			return all, nil
		case err != nil:
			return nil, err
		case r.stopped() != nil:
			return nil, r.stopped()
		case len(all) > most:
			return nil, fmt.Errorf("%s: holds more than %d files; put fewer into it, or the samples into an .npz file", folder, most)
		}
	}
}

// pictures counts the memory of the pictures of a folder, size bytes each, before the
// first is read.
func (r *room) pictures(files []fs.DirEntry, size int, folder string) error {
	n := 0
	for _, f := range files {
		if !f.IsDir() && !strings.HasPrefix(f.Name(), ".") && picture(f.Name()) {
			n++
		}
	}
	return r.take(int64(n)*int64(size+perSample), folder)
}

// pictureFile reads the file of a picture.
func pictureFile(path string) ([]byte, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > mostPicture {
		return nil, fmt.Errorf("dataset: %s: has %d bytes, more than %d; make the picture smaller", path, size, mostPicture)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("dataset: %s: %w while it was read; copy it again", path, err)
	}
	return data, nil
}

// csvRoom counts what the fields of a CSV file take, and refuses lines that only a file
// of another kind has.
func (r *room) csvRoom(data []byte, path string) error {
	fields := int64(0)
	for rest, line := data, 1; len(rest) > 0; line++ {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		n := 1 + bytes.Count(rest[:end], []byte(",")) + bytes.Count(rest[:end], []byte(";")) + bytes.Count(rest[:end], []byte("\t"))
		switch {
		case n > mostColumns:
			return fmt.Errorf("dataset: %s: line %d has %d fields, more than %d; give a file with one sample a line", path, line, n, mostColumns)
		case end > mostLine:
			return fmt.Errorf("dataset: %s: line %d has %d bytes, more than %d; give a file with one sample a line", path, line, end, mostLine)
		}
		fields += int64(n)
		rest = rest[end:]
	}
	const perField = 2 * 4 // as it is read, and as a sample
	return r.take(perField*fields+perSample*int64(bytes.Count(data, []byte("\n"))), path)
}

// openNpy reads samples from an .npy file. Its shape is compared with the network's before
// the elements are read.
func openNpy(path string, o Options) (*Splits, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	from := bufio.NewReader(o.room.reader(f))
	a, err := preprocess.NpyHead(from)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	if err := o.takes(a.Shape, path); err != nil {
		return nil, err
	}
	if need := int64(a.Len()) * int64(a.ElementBytes()); need > size {
		return nil, fmt.Errorf("dataset: %s: the array of shape %s needs %d bytes of elements, the file has %d bytes; the file is truncated", path, preprocess.Dims(a.Shape), need, size)
	}
	if err := o.room.elements(a, from, path); err != nil {
		return nil, err
	}
	s, err := samples(a, o, path)
	return &Splits{Train: s}, err
}

// elements reads the elements of an array, after counting its memory.
func (r *room) elements(a *preprocess.Array, from io.Reader, source string) error {
	if err := r.take(arrayBytes(a), source); err != nil {
		return err
	}
	err := a.ReadElements(from)
	switch {
	case r.stopped() != nil:
		return r.stopped()
	case errors.As(err, new(preprocess.Error)):
		return fmt.Errorf("dataset: %s: %w", source, err)
	case err != nil:
		return fmt.Errorf("dataset: %s: %w; the file is damaged, copy it again", source, err)
	}
	return nil
}

// firstDimension returns how many samples an array is of.
func firstDimension(a *preprocess.Array) int {
	if len(a.Shape) == 0 {
		return 1
	}
	return a.Shape[0]
}

// readIdx reads an idx file, through gzip if it is compressed. check sees its shape before
// the elements are read.
func readIdx(path string, r *room, check func(*preprocess.Array) error) (*preprocess.Array, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	x, err := preprocess.OpenIdx(r.reader(f))
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	if err := check(&x.Array); err != nil {
		return nil, err
	}
	need := int64(x.Len()) * int64(x.ElementBytes())
	if need > size*deflateTimes {
		return nil, fmt.Errorf("dataset: %s: the header %s says %d bytes of elements, which a file of %d cannot hold; it is truncated or damaged, copy it again", path, preprocess.Dims(x.Shape), need, size)
	}
	if need > size {
		if err := r.inflated(size, arrayBytes(&x.Array), path); err != nil {
			return nil, err
		}
	}
	if err := r.take(arrayBytes(&x.Array), path); err != nil {
		return nil, err
	}
	a, err := x.ReadAll()
	if e := r.stopped(); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return a, nil
}

// belongs returns the check that an array of labels or target values has as many as there
// are samples, and that its memory can be had.
func (s *Set) belongs(r *room, source string) func(*preprocess.Array) error {
	return func(a *preprocess.Array) error {
		if n := firstDimension(a); n != s.Len() && (s.sequence == 0 || a.Len() != s.Len()) {
			return fmt.Errorf("dataset: %s: %d labels for %d samples; the arrays do not belong together", source, n, s.Len())
		}
		return r.take(labelBytes(a), source)
	}
}

// labelBytes returns what the elements of an array take as numbers of 64 bits, and as
// labels.
func labelBytes(a *preprocess.Array) int64 {
	const perLabel = 8 + 8
	if int64(a.Len()) > math.MaxInt64/perLabel {
		return -1 // more than can be
	}
	return perLabel * int64(a.Len())
}
