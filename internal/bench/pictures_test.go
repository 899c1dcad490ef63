package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"edgec/runtime/preprocess"
)

// Pictures are the same each time, of all kinds, and different from each other.
func TestPictures(t *testing.T) {
	const n = 9 // each background with and without figures
	path := filepath.Join(t.TempDir(), "p.npy")
	var files [2][]byte
	for i := range files {
		if err := writePictures(path, n); err != nil {
			t.Fatal(err)
		}
		var err error
		if files[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("two runs draw other pictures")
	}
	a, err := preprocess.Npy(files[0])
	if err != nil || !a.IsBytes() || len(a.Shape) != 4 || a.Shape[0] != n || a.Shape[1] != 3 || a.Shape[2] != pictureSide || a.Shape[3] != pictureSide {
		t.Fatalf("shape %v, %v", a, err)
	}
	size := len(canvas{})
	for i := range n {
		p := a.Bytes()[i*size : (i+1)*size]
		sum, square := 0.0, 0.0
		for _, b := range p {
			sum += float64(b)
			square += float64(b) * float64(b)
		}
		mean := sum / float64(size)
		if v := square/float64(size) - mean*mean; v < 25 || mean < 10 || mean > 245 {
			t.Errorf("picture %d has mean %.0f and variance %.0f", i, mean, v)
		}
		for j := range i {
			if bytes.Equal(p, a.Bytes()[j*size:(j+1)*size]) {
				t.Errorf("pictures %d and %d are the same", j, i)
			}
		}
	}
}

// A figure covers what is behind it, and a shape does not reach far beyond its size.
func TestFiguresCover(t *testing.T) {
	a := artist{rand.New(rand.NewPCG(1, 1))}
	c := &canvas{}
	a.figure(c)
	covered := 0
	for _, v := range c {
		if v != 0 {
			covered++
		}
	}
	if part := float64(covered) / float64(len(c)); part < 0.02 || part > 0.9 {
		t.Errorf("a figure covers %.0f %% of the picture", 100*part)
	}
}
