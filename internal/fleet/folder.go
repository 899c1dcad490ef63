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
	"sync"
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
type folder struct {
	path string

	mu   sync.Mutex
	seen fs.FileInfo // of the document that was read last; nil: there was none
	read bool        // Document was called
}

// NewFolder returns the channel of a folder. Nothing is made.
func NewFolder(path string) Channel { return &folder{path: path} }

func (f *folder) String() string { return f.path }
func (f *folder) Close() error   { return nil }

// Document is of Channel.
func (f *folder) Document(context.Context) ([]byte, error) {
	path := filepath.Join(f.path, documentName)
	before, _ := os.Stat(path)
	f.mu.Lock()
	f.seen, f.read = before, true
	f.mu.Unlock()
	data, err := readRegular(path, MostDocument)
	if errors.Is(err, fs.ErrNotExist) {
		if missing := f.there(); missing != nil {
			return nil, missing
		}
	}
	return data, err
}

// there returns an error if the folder is missing, such as that of a stick that is not mounted.
func (f *folder) there() error {
	if _, err := os.Stat(f.path); err != nil {
		return fmt.Errorf("the folder of the channel is not there: %v; mount it, or make it", err)
	}
	return nil
}

// subfolder makes a folder of the channel, unless it is there. One that leads elsewhere is refused.
func (f *folder) subfolder(name string) error {
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
func (f *folder) File(_ context.Context, sum string, bytes int64) ([]byte, error) {
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
func (f *folder) Wait(ctx context.Context, longest time.Duration) error {
	path := filepath.Join(f.path, documentName)
	f.mu.Lock()
	before, read := f.seen, f.read
	f.mu.Unlock()
	if !read {
		before, _ = os.Stat(path)
	}
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
		now, err := os.Stat(path)
		if err == nil && (before == nil || !os.SameFile(now, before) || now.ModTime() != before.ModTime() || now.Size() != before.Size()) {
			return nil
		}
	}
}

// Report is of Channel.
func (f *folder) Report(_ context.Context, device string, data []byte) error {
	return f.write(filepath.Join(reportsName, device+reportsSuffix), data)
}

// Prepare is of Channel.
func (f *folder) Prepare(context.Context) error {
	return f.subfolder(reportsName)
}

// Publish is of Channel.
func (f *folder) Publish(_ context.Context, document []byte) error {
	return f.write(documentName, document)
}

// Put is of Channel.
func (f *folder) Put(_ context.Context, sum string, data []byte) error {
	name := filepath.Join(filesName, sum)
	if has, err := readRegular(filepath.Join(f.path, name), int64(len(data))); err == nil && checksum(has) == sum {
		return nil
	}
	return f.write(name, data)
}

// Prune is of Channel. Other files, which are none of a fleet, stay; what killed processes have left
// goes too.
func (f *folder) Prune(_ context.Context, keep map[string]bool) error {
	if err := f.subfolder(filesName); err != nil {
		return err
	}
	for _, name := range []string{".", filesName, reportsName} {
		disk.Sweep(filepath.Join(f.path, name))
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
func (f *folder) write(name string, data []byte) error {
	if dir := filepath.Dir(name); dir != "." {
		if err := f.subfolder(dir); err != nil {
			return err
		}
	}
	return disk.Write(filepath.Join(f.path, name), data, 0o644)
}

// foreignNames is how many names in the folder of reports are looked at for each report that is
// read: others may lie there too.
const foreignNames = 10

// reporting returns the names of up to most devices that have files in the folder of reports, and
// how many more there are.
func (f *folder) reporting(most int) (devices []string, more int, err error) {
	path := filepath.Join(f.path, reportsName)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err == nil && !info.IsDir() { // opening a pipe would wait for a writer
		err = foreignf("%s is no folder", path)
	}
	if err != nil {
		return nil, 0, err
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(foreignNames * most)
	if err != nil && err != io.EOF {
		return nil, 0, err
	}
	for _, name := range names {
		if device, ok := strings.CutSuffix(name, reportsSuffix); ok {
			devices = append(devices, device)
		}
	}
	most = min(most, len(devices))
	return devices[:most], len(devices) - most, nil
}

// Reports is of Channel.
func (f *folder) Reports(context.Context) (reports []Received, dropped int, err error) {
	devices, dropped, err := f.reporting(MostReports)
	if err != nil {
		return nil, 0, err
	}
	for _, device := range devices {
		path := filepath.Join(f.path, reportsName, device+reportsSuffix)
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
