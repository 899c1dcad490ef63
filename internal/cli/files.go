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
	"edgec/internal/disk"
	"edgec/internal/onnx"
	"edgec/runtime"
	"edgec/runtime/format"
)

// checkInput returns an error unless path is a file that can be read; what names the
// kind that was expected. isEdgec reports whether the file starts like an .edgec file.
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
	isEdgec, err := checkInput(path, "an .edgec file that edgec compress made")
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
			err = hinted{err, "make an .edgec file from it with edgec compress"}
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
		err = hinted{err, "export the network without this node, or cut it before the node"}
	}
	return m, err
}

// baseName is the name of a file without folder and extension.
func baseName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// checkOutput returns an error, before any work starts, if out cannot be written at
// the end: it is a folder or one of the inputs, or its folder is missing or read-only.
func checkOutput(out string, inputs ...string) error {
	info, err := os.Stat(out)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s: is a folder; give the name of a file", out)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s: is not a regular file; give another name", out)
	case err == nil:
		for _, in := range inputs {
			if i, err := os.Stat(in); err == nil && os.SameFile(i, info) {
				return fmt.Errorf("%s: would overwrite the input %s; give another name", out, in)
			}
		}
	}
	dir := filepath.Dir(out)
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("%s: folder %s: %w; make it first", out, dir, reason(err))
	} else if !info.IsDir() {
		return fmt.Errorf("%s: %s is not a folder; give another name", out, dir)
	}
	disk.Sweep(dir)
	if err := disk.Probe(dir); err != nil {
		return fmt.Errorf("%s: cannot write into %s: %w; choose another folder", out, dir, reason(err))
	}
	return nil
}

// checkFolder returns an error, before any work starts, if files cannot be written to
// dir at the end, or if dir is also the name of another output.
func checkFolder(dir string, others ...string) error {
	for _, o := range others {
		if o != "" && sameName(dir, o) {
			return fmt.Errorf("%s: is the name of another output; give the folder another name", dir)
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
