package export

import (
	"fmt"

	"edgec/internal/disk"
)

// Write puts data into the file at path, or leaves what was there: it writes a
// temporary file beside it, syncs it to the disk and renames it. The error names
// the path.
func Write(path string, data []byte) error {
	if err := disk.Write(path, data, 0o644); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
