package export

import (
	"fmt"
	"os"
	"path/filepath"
)

// Write puts data into the file at path, or leaves what was there: it writes a
// temporary file beside it, syncs it to the disk and renames it. The error names
// the path.
func Write(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("export: %s: %w", path, err)
	}
	return nil
}
