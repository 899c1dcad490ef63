package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// maxExternal bounds the bytes that the tensors of one model may take from
// other files: a small hostile model could name one large file many times.
const maxExternal = int64(1) << 31

// externals reads tensor data that lies in files beside the model, within the
// folder of the model and nowhere else.
type externals struct {
	folder fs.FS // nil: the model came from memory
	size   int64 // bytes read so far
}

// read returns the need bytes of t's data.
func (x *externals) read(t *tensorProto, need int) ([]byte, error) {
	name := t.external["location"]
	if x == nil || x.folder == nil {
		return nil, fmt.Errorf("its data is in another file, %q; give the model as a file with that one beside it, or save it with all tensors inside (onnx.save_model(m, path, save_as_external_data=False))", name)
	}
	offset, err := number(t.external["offset"], 0)
	if err != nil {
		return nil, err
	}
	length, err := number(t.external["length"], int64(need))
	if err != nil {
		return nil, err
	}
	clean := path.Clean(name)
	switch {
	case name == "" || !fs.ValidPath(clean) || clean == ".":
		return nil, fmt.Errorf("its data is in %q, which is not a file beside the model; copy it there and save the model again", name)
	case length != int64(need):
		return nil, fmt.Errorf("%d bytes of data in %q, its shape needs %d; the file is damaged", length, name, need)
	case x.size > maxExternal-length:
		return nil, fmt.Errorf("the tensors in other files take more than %d bytes; networks of that size are not supported", maxExternal)
	}
	x.size += length
	data, err := x.section(clean, offset, length)
	if err != nil {
		return nil, fmt.Errorf("its data in %q cannot be read: %w", name, err)
	}
	return data, nil
}

// section reads part of a file, having checked that it is there.
func (x *externals) section(name string, offset, length int64) ([]byte, error) {
	info, err := fs.Stat(x.folder, name)
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case offset > info.Size() || length > info.Size()-offset:
		return nil, fmt.Errorf("bytes %d to %d are wanted, the file has %d; it is truncated, copy it again", offset, offset+length, info.Size())
	}
	f, err := x.folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	at, ok := f.(io.ReaderAt)
	if !ok {
		return nil, errors.New("its file system has no random access")
	}
	data := make([]byte, length)
	_, err = at.ReadAt(data, offset)
	if errors.Is(err, io.EOF) {
		err = nil // the section ends with the file
	}
	return data, err
}

// number parses a non-negative decimal number; def stands for an absent one.
func number(s string, def int64) (int64, error) {
	if s == "" {
		return def, nil
	}
	n := int64(0)
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 1<<50 {
			return 0, fmt.Errorf("%q is not an offset or length; the file is damaged", s)
		}
		n = 10*n + int64(c-'0')
	}
	return n, nil
}
