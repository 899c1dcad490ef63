package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"edgec/internal/disk"
)

// Names in the folder of a fleet.
const (
	documentName  = "desired"
	filesName     = "files"
	reportsName   = "reports"
	reportsSuffix = ".json"
)

// folder is a channel in a folder, such as one that is mounted on all devices, or on a stick that
// is carried to them:
//
//	desired            the signed document
//	files/SHA256       programs and deltas
//	reports/NAME.json  the latest report of each device
type folder struct{ path string }

// NewFolder returns the channel of a folder. Nothing is made.
func NewFolder(path string) Channel { return folder{path} }

func (f folder) String() string { return f.path }
func (f folder) Close() error   { return nil }

// Document is of Channel.
func (f folder) Document(context.Context) ([]byte, error) {
	data, err := readRegular(filepath.Join(f.path, documentName), MostDocument)
	if errors.Is(err, fs.ErrNotExist) {
		if missing := f.there(); missing != nil {
			return nil, missing
		}
	}
	return data, err
}

// there returns an error if the folder is missing, such as that of a stick that is not mounted.
func (f folder) there() error {
	if _, err := os.Stat(f.path); err != nil {
		return fmt.Errorf("the folder of the channel is not there: %v; mount it, or make it", err)
	}
	return nil
}

// subfolder makes a folder of the channel, unless it is there. One that leads elsewhere is refused.
func (f folder) subfolder(name string) error {
	if err := f.there(); err != nil {
		return err
	}
	path := filepath.Join(f.path, name)
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("fleet: %w", err)
	}
	if info, err := os.Lstat(path); err == nil && !info.IsDir() {
		return foreignf("%s is no folder", path)
	}
	return nil
}

// File is of Channel.
func (f folder) File(_ context.Context, sum string, bytes int64) ([]byte, error) {
	return readRegular(filepath.Join(f.path, filesName, sum), bytes)
}

// readRegular reads a file of at most limit bytes. Pipes and devices, which may have no end or no
// beginning, are refused before they are opened.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, foreignf("%s is no regular file", path)
	case info.Size() > limit:
		return nil, foreignf("%s has %d bytes, at most %d are expected", path, info.Size(), limit)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = foreignf("%s has more than %d bytes", path, limit)
	}
	return data, err
}

// look is how often Wait looks at the document.
const look = time.Second

// Wait is of Channel.
func (f folder) Wait(ctx context.Context, longest time.Duration) error {
	before, _ := os.Stat(filepath.Join(f.path, documentName))
	for end := time.Now().Add(longest); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(look, left)):
		}
		now, err := os.Stat(filepath.Join(f.path, documentName))
		if err == nil && (before == nil || now.ModTime() != before.ModTime() || now.Size() != before.Size()) {
			return nil
		}
	}
}

// Report is of Channel.
func (f folder) Report(_ context.Context, device string, data []byte) error {
	return f.write(filepath.Join(reportsName, device+reportsSuffix), data)
}

// Prepare is of Channel.
func (f folder) Prepare(context.Context) error {
	return f.subfolder(reportsName)
}

// Publish is of Channel.
func (f folder) Publish(_ context.Context, document []byte) error {
	return f.write(documentName, document)
}

// Put is of Channel.
func (f folder) Put(_ context.Context, sum string, data []byte) error {
	name := filepath.Join(filesName, sum)
	if has, err := readRegular(filepath.Join(f.path, name), int64(len(data))); err == nil && checksum(has) == sum {
		return nil
	}
	return f.write(name, data)
}

// Prune is of Channel. Other files, which are none of a fleet, stay.
func (f folder) Prune(_ context.Context, keep map[string]bool) error {
	if err := f.subfolder(filesName); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(f.path, filesName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		if name := e.Name(); isSum.MatchString(name) && !keep[name] {
			errs = append(errs, os.Remove(filepath.Join(f.path, filesName, name)))
		}
	}
	return errors.Join(errs...)
}

// write writes a file whole or not at all.
func (f folder) write(name string, data []byte) error {
	if dir := filepath.Dir(name); dir != "." {
		if err := f.subfolder(dir); err != nil {
			return err
		}
	}
	return disk.Write(filepath.Join(f.path, name), data, 0o644)
}

// Reports is of Channel.
func (f folder) Reports(context.Context) (reports []Received, dropped int, err error) {
	dir, err := os.Open(filepath.Join(f.path, reportsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(MostReports)
	if err != nil && err != io.EOF {
		return nil, 0, err
	}
	for _, name := range names {
		device, ok := strings.CutSuffix(name, reportsSuffix)
		if !ok {
			continue // a temporary file
		}
		path := filepath.Join(f.path, reportsName, name)
		data, err := readRegular(path, MostReport)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		r, e := decodeReport(device, data)
		info, statErr := os.Stat(path)
		if err != nil || e != nil || statErr != nil {
			dropped++
			continue
		}
		reports = append(reports, Received{r, info.ModTime()})
	}
	return reports, dropped, nil
}
