package testnet

import (
	"math"
	"os"
	"testing"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// Npy reads a .npy file of numbers as float32.
func Npy(t testing.TB, path string) *tensor.Tensor {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := preprocess.Npy(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	x := tensor.New(a.Shape...)
	copy(x.Data, a.Float32s())
	return x
}

// SQNR returns the ratio of signal to noise in decibels, 10 log10(sum want^2 / sum (want - got)^2).
// The slices have one length. Equal ones give a large number, not an infinite one.
func SQNR(want, got []float32) float64 {
	signal, noise := 0.0, 1e-30
	for i, w := range want {
		signal += float64(w) * float64(w)
		noise += float64(w-got[i]) * float64(w-got[i])
	}
	return 10 * math.Log10(signal/noise)
}
