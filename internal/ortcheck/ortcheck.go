// Package ortcheck runs ONNX models in ONNX Runtime, the oracle of tests: what
// edgec writes must mean to another program what it means here, and what it
// reads must compute the same.
//
// The environment variable EDGEC_ORT_PYTHON names a python that has the packages
// onnx and onnxruntime; tests skip without it.
package ortcheck

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

//go:embed run.py
var script string

// Modes are the two ways in which every model is run: "plain" executes each
// node as it stands, "fused" after all graph optimizations.
var Modes = []string{"plain", "fused"}

// Runner collects models and runs them in one process.
type Runner struct {
	t           testing.TB
	python, dir string
}

// New returns a Runner, or skips the test.
func New(t testing.TB) *Runner {
	t.Helper()
	python := os.Getenv("EDGEC_ORT_PYTHON")
	if python == "" {
		t.Skip("EDGEC_ORT_PYTHON is not set: it names a python that has the packages onnx and onnxruntime")
	}
	return &Runner{t, python, t.TempDir()}
}

// Add stores a model under a name that is fit for a file, and samples for each of its
// float32 inputs, whose dimension 0 is the batch: any number of samples, or a multiple of a
// fixed batch.
func (r *Runner) Add(name string, model []byte, samples ...[]float32) {
	r.t.Helper()
	r.write(name+".onnx", model)
	for i, x := range samples {
		raw := make([]byte, 0, 4*len(x))
		for _, v := range x {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		r.write(fmt.Sprint(name, ".in", i), raw)
	}
}

// AddSingle is Add for a model that is run on one sample at a time, with open sizes of 1:
// any dimension of its inputs may be the batch, or none.
func (r *Runner) AddSingle(name string, model []byte, samples ...[]float32) {
	r.t.Helper()
	r.Add(name, model, samples...)
	r.write(name+".single", nil)
}

func (r *Runner) write(name string, data []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// Run checks every model with onnx.checker and executes it; the test ends if
// one is refused.
func (r *Runner) Run() {
	r.t.Helper()
	text, err := exec.Command(r.python, "-c", script, r.dir).CombinedOutput()
	if err != nil {
		r.t.Fatalf("ONNX Runtime: %v\n%s", err, text)
	}
	r.t.Logf("%s", text)
}

// Output returns output 0 of a model for all samples, of a mode of Modes.
func (r *Runner) Output(name, mode string) []float32 {
	r.t.Helper()
	return r.OutputAt(name, mode, 0)
}

// OutputAt is Output for output k.
func (r *Runner) OutputAt(name, mode string, k int) []float32 {
	r.t.Helper()
	raw, err := os.ReadFile(filepath.Join(r.dir, fmt.Sprint(name, ".", mode, ".", k)))
	if err != nil {
		r.t.Fatal(err)
	}
	y := make([]float32, len(raw)/4)
	for i := range y {
		y[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return y
}
