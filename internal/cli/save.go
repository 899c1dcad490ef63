package cli

import (
	"fmt"
	"os"

	"edgec/export"
	"edgec/internal/disk"
)

// save writes the answer of a search. A search takes long: where the disk is full, the
// file goes to the system's folder of temporary files, if that has room, and the error
// says so.
func save(out string, file []byte) error {
	err := export.Write(out, file)
	if !disk.Full(err) {
		return err
	}
	f, e := os.CreateTemp("", baseName(out)+"-*.edgec")
	if e != nil {
		return err
	}
	if e := f.Close(); e != nil {
		return err
	}
	if e := export.Write(f.Name(), file); e != nil {
		os.Remove(f.Name())
		return err
	}
	return fmt.Errorf("%w; meanwhile the result is in %s", err, f.Name())
}
