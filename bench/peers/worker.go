package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"time"
)

// worker is a column of the table, and the process that fills it.
type worker struct {
	column  string // its head
	version string
	cmd     *exec.Cmd // nil: it could not be started
	in      io.WriteCloser
	out     *bufio.Reader
}

// start starts a worker and waits until it has loaded its files.
func start(cmd *exec.Cmd) (*worker, error) {
	w := &worker{cmd: cmd}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w.in, w.out = in, bufio.NewReader(out)
	var h hello
	line, err := w.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &h)
	}
	if err == nil && h.Error != "" {
		err = errors.New(h.Error)
	}
	if err != nil {
		return nil, errors.Join(err, w.stop())
	}
	w.version = h.Version
	return w, nil
}

// run executes n inferences and returns the CPU time of one.
func (w *worker) run(file, n int) (time.Duration, error) {
	if _, err := fmt.Fprintln(w.in, file, n); err != nil {
		return 0, err
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("%s: %w", w.column, err)
	}
	ns, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return time.Duration(ns / float64(n)), err
}

// stop ends the worker, whose standard input it closes.
func (w *worker) stop() error {
	if w.cmd == nil {
		return nil
	}
	w.in.Close()
	return w.cmd.Wait()
}

// edgecWorker is this program as a worker for edgec, on micro-kernels that cpu names; "": the
// quickest that the processor has.
func edgecWorker(cpu string, files []string) (*exec.Cmd, error) {
	cmd, err := self("edgec", files)
	if err != nil {
		return nil, err
	}
	if cpu != "" {
		cmd.Env = append(os.Environ(), "EDGEC_CPU="+cpu)
	}
	return cmd, nil
}

// onnxRuntimeWorker is this program as a worker for ONNX Runtime.
func onnxRuntimeWorker(files []string) (*exec.Cmd, error) {
	library, err := installed("EDGEC_ORT_LIBRARY", "node_modules/onnxruntime-node/bin/napi-v6/"+goruntime.GOOS+"/"+npmArch()+"/libonnxruntime.so.1")
	if err != nil {
		return nil, err
	}
	return self("onnxruntime", append([]string{library}, files...))
}

// npmArch is what npm calls this processor's architecture.
func npmArch() string {
	if goruntime.GOARCH == "amd64" {
		return "x64"
	}
	return goruntime.GOARCH
}

//go:embed litert.py
var litert string

// liteRTWorker is a Python with litert.py. What LiteRT logs on standard error is dropped.
func liteRTWorker(files []string) (*exec.Cmd, error) {
	python, err := installed("EDGEC_LITERT_PYTHON", "litert/bin/python")
	if err != nil {
		return nil, err
	}
	return exec.Command(python, append([]string{"-c", litert}, files...)...), nil
}

// self is this program as a worker.
func self(kind string, args []string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.Command(program, append([]string{"-worker", kind}, args...)...), nil
}

// installed returns the path of a file that an environment variable names, or that setup.sh
// has installed.
func installed(variable, name string) (string, error) {
	path := os.Getenv(variable)
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(cache, "edgec-bench", name)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not there: bench/setup.sh installs it, %s names another", filepath.Base(path), variable)
	}
	return path, nil
}
