package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"edgec"
	"edgec/internal/onnx"
	"edgec/runtime"
	"edgec/runtime/format"
)

// checkInput refuses what is no file; what says what was expected. isEdgec
// reports that the file starts as an .edgec file does.
func checkInput(path, what string) (isEdgec bool, err error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return false, fmt.Errorf("%s: is a folder; give %s", path, what)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w; give %s", path, reason(err), what)
	}
	defer f.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("%s: %w", path, reason(err))
	}
	return format.Is(head[:n]), nil
}

// readEdgec returns a compressed file that the runtime can load.
func readEdgec(path string) ([]byte, *runtime.Model, error) {
	isEdgec, err := checkInput(path, "an .edgec file, as edgec compress makes it")
	if err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, reason(err))
	}
	m, err := runtime.Load(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
		if !isEdgec && strings.EqualFold(filepath.Ext(path), ".onnx") {
			err = hinted{err, "make an .edgec file of it with edgec compress"}
		}
		return nil, nil, err
	}
	return data, m, nil
}

// openONNX reads a float network.
func openONNX(path string) (*edgec.Model, error) {
	isEdgec, err := checkInput(path, "an ONNX file")
	if err != nil {
		return nil, err
	}
	if isEdgec {
		return nil, fmt.Errorf("%s: is an .edgec file; give the ONNX network that it was made from", path)
	}
	m, err := edgec.Open(path)
	var e *onnx.Error
	if errors.As(err, &e) && e.Op != "" {
		err = hinted{err, "export the network again without this node, or cut it before"}
	}
	return m, err
}

// baseName is the name of a file without folder and extension.
func baseName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// checkOutput refuses, before any work starts, an output that could not be
// written at the end: a folder, one of the inputs, a file in a folder that is
// missing or not writable.
func checkOutput(out string, inputs ...string) error {
	info, err := os.Stat(out)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s: is a folder; give the name of a file", out)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s: is no regular file; give another name", out)
	case err == nil:
		for _, in := range inputs {
			if i, err := os.Stat(in); err == nil && os.SameFile(i, info) {
				return fmt.Errorf("%s: would be written over the input %s; give another name", out, in)
			}
		}
	}
	dir := filepath.Dir(out)
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("%s: folder %s: %w; make it first", out, dir, reason(err))
	} else if !info.IsDir() {
		return fmt.Errorf("%s: %s is no folder; give another name", out, dir)
	}
	f, err := os.CreateTemp(dir, ".edgec-*")
	if err != nil {
		return fmt.Errorf("%s: cannot write into %s: %w; choose another folder", out, dir, reason(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// checkFolder refuses, before any work starts, a folder that files could not be written into at
// the end, or that has the name of one of the other outputs.
func checkFolder(dir string, others ...string) error {
	for _, o := range others {
		if o != "" && sameName(dir, o) {
			return fmt.Errorf("%s: is the name of another output; give the folder another one", dir)
		}
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		return checkOutput(dir) // where it will be made
	case !info.IsDir():
		return fmt.Errorf("%s: is a file; give the name of a folder", dir)
	}
	return checkOutput(filepath.Join(dir, "front.edgec"))
}

// reason leaves out operation and path, which the message has already.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// sameName reports that two paths name one file, which need not exist.
func sameName(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}
