package cli

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A full disk is said to be one, wherever it was found.
func TestFullDisk(t *testing.T) {
	tmp := os.TempDir()
	on := func(path string, err error) error {
		return fmt.Errorf("export: %w", &fs.PathError{Op: "write", Path: path, Err: err})
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"output", on("/data/out/x.edgec", syscall.ENOSPC), "free some space on the disk of /data/out (df -h /data/out shows what is left), or write to another one; no half-written file is left"},
		{"quota", on("x.edgec", syscall.EDQUOT), "free some space on the disk of . (df -h . shows what is left), or write to another one; no half-written file is left"},
		{"sources of a program", on(tmp+"/edgec-build-1/go.mod", syscall.ENOSPC), "free some space on the disk of " + tmp + " (df -h " + tmp + " shows what is left), or set TMPDIR to a folder on another one; no half-written file is left"},
		{"compiler", fmt.Errorf("targets: building for rpi-4 with go1.26.8: mkdir b001: no space left on device"), "free some space on the disk of " + tmp + " (df -h " + tmp + " shows what is left), or set TMPDIR to a folder on another one; no half-written file is left"},
		{"standard output", on("/dev/stdout", syscall.ENOSPC), "the result does not fit where standard output goes; free some space there, or write it elsewhere"},
		{"something else", on("x.edgec", syscall.EACCES), ""},
	} {
		if f := describe(c.err); f.Hint != c.want || f.ExitCode != exitFailed {
			t.Errorf("%s: %q\nwant %q", c.name, f.Hint, c.want)
		}
	}
}

// A result that does not fit is an error with exit code 1.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no device that is always full: ", err)
	}
	defer full.Close()
	var stderr strings.Builder
	code := Main([]string{"targets"}, strings.NewReader(""), full, &stderr)
	want := "edgec: error: write /dev/full: no space left on device\nedgec: hint: the result does not fit where standard output goes; free some space there, or write it elsewhere\n"
	if code != exitFailed || stderr.String() != want {
		t.Errorf("exit code %d, %q\nwant %q", code, stderr.String(), want)
	}
}
