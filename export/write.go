package export

import (
	"fmt"

	"edgec/internal/disk"
)

// Write puts data into the file at path, whole or not at all: it writes a temporary file in
// the same folder, syncs it to the disk and renames it. What was at path before stays there
// if anything fails. The file gets the permissions 0644.
//
// The error names the path and wraps the operating system's: errors.Is(err, fs.ErrNotExist)
// where the folder is missing.
func Write(path string, data []byte) error {
	if err := disk.Write(path, data, 0o644); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
