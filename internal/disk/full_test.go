package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A full disk, a used-up quota and a limit of file sizes are told by name and with what to
// do; a temporary file is not named.
func TestFull(t *testing.T) {
	for cause, remedy := range map[error]string{syscall.ENOSPC: "no space", syscall.EDQUOT: "quota", syscall.EFBIG: "ulimit -f"} {
		for _, err := range []error{&fs.PathError{Op: "write", Path: "d/.edgec-1.tmp", Err: cause}, &os.LinkError{Op: "rename", Old: "d/.edgec-1.tmp", New: "d/out", Err: cause}, cause} {
			got := explained("d/out", err)
			if s := got.Error(); !Full(fmt.Errorf("export: %w", got)) || !errors.Is(got, cause) || !strings.Contains(s, "d/out: ") || !strings.Contains(s, remedy) || strings.Contains(s, ".tmp") {
				t.Errorf("%v", got)
			}
		}
	}
	if err := explained("d/out", &fs.PathError{Op: "open", Path: "d/.edgec-1.tmp", Err: syscall.EACCES}); Full(err) || strings.Contains(err.Error(), "space") || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

// What the system says of a full device is taken for that.
func TestWriteFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte("x")); !Full(err) {
		t.Errorf("%v is not taken for a full disk", err)
	}
}
