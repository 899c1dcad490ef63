package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	goruntime "runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A worker is a process that executes networks for the program that measures. It is this
// program, or litert.py. Its arguments name files. It prints a hello, then reads lines
//
//	FILE RUNS
//
// and answers each with the nanoseconds of CPU time that its thread took for this number of
// inferences with file number FILE, after one that does not count: other processes have used
// the caches. Processes apart let EDGEC_CPU, which is read at start,
// have several values in one measurement.

// hello is the first line of a worker, as JSON.
type hello struct {
	Version string `json:"version"`
	Error   string `json:"error,omitempty"` // why it cannot work
}

// inference executes a network once, on an input that stays the same.
type inference func() error

// serve is a worker whose inferences load makes, one for each file.
func serve(load func(files []string) (version string, runs []inference, err error), files []string, in io.Reader, out io.Writer) error {
	goruntime.LockOSThread()
	version, runs, err := load(files)
	h := hello{Version: version}
	if err != nil {
		h.Error = err.Error()
	}
	if err := json.NewEncoder(out).Encode(h); err != nil || h.Error != "" {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var file, n int
		if _, err := fmt.Sscan(lines.Text(), &file, &n); err != nil || file < 0 || file >= len(runs) {
			return fmt.Errorf("worker: %q: no file and number of runs", strings.TrimSpace(lines.Text()))
		}
		t, err := timed(runs[file], n)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, t.Nanoseconds()); err != nil {
			return err
		}
	}
	return nil
}

// timed returns the CPU time of this thread for n inferences after one more.
func timed(run inference, n int) (time.Duration, error) {
	if err := run(); err != nil {
		return 0, err
	}
	begin, err := threadTime()
	if err != nil {
		return 0, err
	}
	for range n {
		if err := run(); err != nil {
			return 0, err
		}
	}
	end, err := threadTime()
	return end - begin, err
}

// threadTime is the CPU time that this thread has used.
func threadTime() (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano()), err
}
