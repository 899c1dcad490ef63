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

// Add stores a model under a name that is fit for a file, and samples for its
// one float32 input, whose dimension 0 is the batch: any number of them, or a
// multiple of a fixed batch.
func (r *Runner) Add(name string, model []byte, samples []float32) {
	r.t.Helper()
	raw := make([]byte, 0, 4*len(samples))
	for _, v := range samples {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	for ext, data := range map[string][]byte{".onnx": model, ".in": raw} {
		if err := os.WriteFile(filepath.Join(r.dir, name+ext), data, 0o600); err != nil {
			r.t.Fatal(err)
		}
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
	raw, err := os.ReadFile(filepath.Join(r.dir, name+"."+mode))
	if err != nil {
		r.t.Fatal(err)
	}
	y := make([]float32, len(raw)/4)
	for i := range y {
		y[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return y
}
