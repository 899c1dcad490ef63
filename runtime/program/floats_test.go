//go:build linux

package program

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The device program computes the float32 instructions of released files as the machine did
// that wrote them, on every CPU.
func TestFloatsEverywhere(t *testing.T) {
	if os.Getenv("EDGEC_DEEP") != "1" {
		t.Skip("builds a program for every CPU: set EDGEC_DEEP=1")
	}
	files, err := filepath.Glob("../format/testdata/v1/floats-*.edgec")
	if err != nil || len(files) == 0 {
		t.Fatalf("no released files with float32 instructions: %v", err)
	}
	for _, c := range cpus {
		t.Run(c.name, func(t *testing.T) {
			words := c.build(t)
			for _, file := range files {
				if got := run(t, words, "--model", file, "--selftest"); !strings.Contains(got, "passed") {
					t.Errorf("%s: %s", filepath.Base(file), got)
				}
			}
		})
	}
}
