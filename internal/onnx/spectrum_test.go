package onnx

import (
	"math"
	"math/cmplx"
	"testing"

	"edgec/internal/tensor"
)

// TestSTFTOfActivations compares frames of a signal with sums of exponentials.
func TestSTFTOfActivations(t *testing.T) {
	const samples, frame, step = 10, 4, 3
	window := []float32{0.25, 1, 0.75, 0.5}
	g, err := Decode(newModel(17).input("x", typeFloat, 0, samples, 1).scalarInts("step", step).floats("w", []int{frame}, window...).node("STFT", "x,step,w", "y").output("y").bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	x := ramp(samples)
	y, err := forward(g, tensor.Of(x, 1, samples, 1))
	if err != nil {
		t.Fatal(err)
	}
	var want []float32
	for at := 0; at+frame <= samples; at += step {
		for k := range frame/2 + 1 {
			var sum complex128
			for j := range frame {
				sum += complex(float64(x[at+j]*window[j]), 0) * cmplx.Exp(complex(0, -2*math.Pi*float64(j*k)/frame))
			}
			want = append(want, float32(real(sum)), float32(imag(sum)))
		}
	}
	closeTo(t, "frames", y[0], tensor.Of(want, 1, 3, 3, 2), 1e-6)
}

// TestDFTRoundTrip: half a spectrum of real samples gives them back.
func TestDFTRoundTrip(t *testing.T) {
	for _, samples := range []int{6, 7} {
		g, err := Decode(newModel(20).input("x", typeFloat, 0, samples, 1).scalarInts("n", samples).node("DFT", "x,n", "f", attribute{"onesided", 1}).
			node("DFT", "f,n", "y", attribute{"onesided", 1}, attribute{"inverse", 1}).output("y").bytes(), "m")
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.Of(ramp(2*samples), 2, samples, 1)
		y, err := forward(g, x)
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, "samples", y[0], x, 1e-6)
	}
}

// TestEinsumOfBatches: sums of products keep samples apart.
func TestEinsumOfBatches(t *testing.T) {
	g, err := Decode(newModel(13).input("x", typeFloat, 0, 2, 3).floats("w", []int{3, 2, 4}, ramp(24)...).node("Einsum", "x,w", "y", attribute{"equation", "bij,jik->bk"}).output("y").bytes(), "m")
	if err != nil {
		t.Fatal(err)
	}
	x, w := ramp(12), ramp(24)
	y, err := forward(g, tensor.Of(x, 2, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, 8)
	for b := range 2 {
		for i := range 2 {
			for j := range 3 {
				for k := range 4 {
					want[b*4+k] += x[b*6+i*3+j] * w[j*8+i*4+k]
				}
			}
		}
	}
	closeTo(t, "sums", y[0], tensor.Of(want, 2, 4), 1e-6)
}
