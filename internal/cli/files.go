package cli

import (
	"cmp"
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
	"edgec/internal/suggest"
	"edgec/internal/tflite"
	"edgec/runtime"
	"edgec/runtime/format"
)

// checkInput returns an error unless path is a file that can be read; what names the
// kind that was expected. isEdgec reports whether the file starts like an .edgec file.
func checkInput(path, what string) (isEdgec bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, missing(path, err, what)
	}
	if info.IsDir() {
		if found := onnx.Folder(path); found != "" {
			return false, about(path, fmt.Errorf("%s: %s", path, found))
		}
		return false, about(path, fmt.Errorf("%s: is a folder; give %s", path, what))
	}
	f, err := os.Open(path)
	if err != nil {
		return false, missing(path, err, what)
	}
	defer f.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, about(path, fmt.Errorf("%s: %w; copy the file again", path, reason(err)))
	}
	return format.Is(head[:n]), nil
}

// missing is the error for an input at path that cannot be opened because of err. If there
// is none, it names the files beside it whose names are near.
func missing(path string, err error, what string) error {
	question := ""
	switch {
	case path == "":
		return fmt.Errorf("the name of a file is empty; give %s", what)
	case strings.HasPrefix(path, "--"):
		question = "; it looks like a flag: the value before it is missing"
	case errors.Is(err, fs.ErrNotExist):
		question = nearFiles(path)
	case errors.Is(err, fs.ErrPermission):
		question = "; allow reading it (chmod +r), or copy it"
	}
	return about(path, fmt.Errorf("%s: %w; give %s%s", path, reason(err), what, question))
}

// present returns an error if there is nothing at path; what names what was expected.
func present(path, what string) error {
	if _, err := os.Stat(path); err != nil {
		return missing(path, err, what)
	}
	return nil
}

// nearFiles asks whether a file or folder beside path was meant.
func nearFiles(path string) string {
	dir, base := filepath.Split(path)
	for dir != "" && dir != string(filepath.Separator) {
		parent, name := filepath.Split(filepath.Clean(dir))
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir, base = parent, name // the first part of the path that is missing
	}
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil || dir == string(filepath.Separator) { // no network lies among the system's folders
		return ""
	}
	var names, alike []string
	for _, e := range entries {
		names = append(names, e.Name())
		if ext := filepath.Ext(base); ext != "" && filepath.Ext(e.Name()) == ext {
			alike = append(alike, e.Name())
		}
	}
	near := suggest.Nearest(base, names)
	if near == nil && len(alike) == 1 {
		near = alike
	}
	for i, n := range near {
		near[i] = filepath.Join(dir, n)
	}
	return suggest.Ask(near)
}

// readEdgec returns a compressed file that the runtime can load.
func readEdgec(path string) ([]byte, *runtime.Model, error) {
	if _, err := checkInput(path, "an .edgec file that edgec compress made"); err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, about(path, fmt.Errorf("%s: %w", path, reason(err)))
	}
	m, err := loadEdgec(path, data)
	return data, m, err
}

// loadEdgec loads the content of the file at path. Its error has a hint.
func loadEdgec(path string, data []byte) (*runtime.Model, error) {
	m, err := runtime.Load(data)
	if err == nil {
		return m, nil
	}
	err = about(path, fmt.Errorf("%s: %w", path, err))
	hint := howToCompress(path, data)
	if format.Is(data) {
		hint = howToRepair(err)
	}
	if hint != "" {
		err = hinted{err, hint}
	}
	return nil, err
}

// howToRepair is the hint for an .edgec file that cannot be loaded because of err.
func howToRepair(err error) string {
	var newer format.UnsupportedError
	if errors.As(err, &newer) {
		return "a newer edgec wrote the file: update this one, or make the file again with this one"
	}
	if strings.Contains(err.Error(), "; copy ") || strings.Contains(err.Error(), ", copy ") {
		return ""
	}
	return "copy the file again, or make it again with edgec compress or edgec pack"
}

// howToCompress says how to make an .edgec file of a file that is none, "" if it is not
// known what the file is.
func howToCompress(path string, data []byte) string {
	switch ext := strings.ToLower(filepath.Ext(path)); {
	case tflite.Is(data):
		return fmt.Sprintf("make an .edgec file of it: edgec pack %s -o %s.edgec", path, baseName(path))
	case ext == ".onnx":
		return fmt.Sprintf("make an .edgec file of it: edgec compress %s --data DATA", path)
	case ext == ".edd":
		return fmt.Sprintf("a delta is applied to the old file: edgec patch OLD.edgec %s -o NEW.edgec", path)
	}
	return onnx.Foreign(path, data)
}

// openONNX reads a float network whose open sizes are given.
func openONNX(path string, open edgec.OpenOptions) (*edgec.Model, error) {
	isEdgec, err := checkInput(path, "an ONNX or TFLite file")
	if err != nil {
		return nil, err
	}
	if isEdgec {
		return nil, about(path, fmt.Errorf("%s: is an .edgec file; give the network that it was made from", path))
	}
	m, err := edgec.OpenWith(path, open)
	err = about(path, err)
	var e *onnx.Error
	var all *onnx.Errors
	if errors.As(err, &e) && e.Op != "" && strings.Contains(e.Msg, "support") && !(errors.As(err, &all) && all.Readable != nil) {
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
func checkOutput(out string, inputs ...string) error { return about(out, writable(out, inputs)) }

func writable(out string, inputs []string) error {
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
		return fmt.Errorf("%s: folder %s: %w; make it first: mkdir -p %s", out, dir, reason(err), dir)
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
			return about(dir, fmt.Errorf("%s: is the name of another output; give the folder another name", dir))
		}
	}
	switch info, err := os.Stat(dir); {
	case err != nil:
		return checkOutput(dir) // where it will be made
	case !info.IsDir():
		return about(dir, fmt.Errorf("%s: is a file; give the name of a folder", dir))
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
