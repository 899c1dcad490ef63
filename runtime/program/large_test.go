package program

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
)

// endless is a file that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// What is too large for the input is not read to its end, and what claims to be large
// takes no memory.
func TestTooLarge(t *testing.T) {
	model := tiny(t)
	run := func(name string, stdin io.Reader) error {
		return (&Job{Model: model, Files: []string{name}, Stdin: stdin, Stdout: io.Discard}).Do()
	}
	if err := run("-", endless{}); err == nil || !strings.Contains(err.Error(), "standard input: has more than 67108864 bytes, too many for this input; give") {
		t.Errorf("an endless input: %v", err)
	}
	claims := write(t, "x.npy", npy("<f8", "(65536, 4096)", false, make([]byte, 32)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := run(claims, nil)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err == nil || strings.Contains(err.Error(), "\n") || n > 1<<20 {
		t.Errorf("an array that claims 2 GB: %d bytes allocated, %v", n, err)
	}
	if err := run("-", bytes.NewReader([]byte{1, 2, 3, 4})); err != nil {
		t.Errorf("four bytes: %v", err)
	}
}
