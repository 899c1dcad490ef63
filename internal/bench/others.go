package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// others is what general compressors make of the same bytes.
type others struct {
	XZ        int    `json:"xz"`         // the .xz file
	Least     int    `json:"least"`      // the smallest of xz's containers
	LeastForm string `json:"least_form"` // its name, as of xz --format
	Zstd      int    `json:"zstd"`
	Programs  string `json:"programs"` // their versions
}

// forms are xz's containers: raw has no header at all, so that a reader has to be
// told the filter.
var forms = []string{"xz", "lzma", "raw"}

// compressOthers runs xz -9e and zstd -19, the reference programs: no module in
// Go has levels that equal theirs.
func compressOthers(plain []byte) (o others, err error) {
	for _, name := range []string{"xz", "zstd"} {
		if _, err := exec.LookPath(name); err != nil {
			return o, fmt.Errorf("%s is not on PATH: apt-get install xz-utils zstd", name)
		}
	}
	for _, form := range forms {
		n, err := piped(plain, "xz", "-9e", "--threads=1", "--stdout", "--format="+form)
		if err != nil {
			return o, err
		}
		if form == "xz" {
			o.XZ = n
		}
		if o.Least == 0 || n < o.Least {
			o.Least, o.LeastForm = n, form
		}
	}
	// the size of the input lets zstd choose its tables, as for a file
	o.Zstd, err = piped(plain, "zstd", "-19", "--single-thread", "--stdout", "--no-check", fmt.Sprintf("--stream-size=%d", len(plain)))
	if err != nil {
		return o, err
	}
	o.Programs, err = versions()
	return o, err
}

// piped returns how many bytes a program makes of its input.
func piped(in []byte, name string, args ...string) (int, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
		}
		return 0, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return len(out), nil
}

// versions names both programs with their versions.
func versions() (string, error) {
	xz, err := exec.Command("xz", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("xz --version: %w", err)
	}
	zstd, err := exec.Command("zstd", "-q", "-V").Output()
	if err != nil {
		return "", fmt.Errorf("zstd -V: %w", err)
	}
	line, _, _ := strings.Cut(string(xz), "\n")
	return fmt.Sprintf("%s, zstd %s", line, bytes.TrimSpace(zstd)), nil
}
