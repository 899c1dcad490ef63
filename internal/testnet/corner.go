package testnet

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"edgec/runtime/format"
)

// Corner is a network that says which quarter of a 4x4 picture is light.
func Corner(name string) *format.File {
	f := &format.File{
		Tensors: []format.Tensor{{DType: format.Int8, Shape: []int{4, 4, 1}, Scale: 1.0 / 256, Zero: -128}, {DType: format.Float32, Shape: []int{4}}},
		Instrs:  []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 1, Weight: 0, LUT: -1, ClampMin: -128, ClampMax: 127}},
		Weights: []format.Weight{{OutC: 4, KH: 1, KW: 1, InC: 16, Scale: []float32{1.0 / 64}, Values: make([]int8, 64)}},
		Inputs:  []int{0},
		Outputs: []int{1},
		Meta:    format.Meta{Name: name, Labels: []string{"top left", "top right", "bottom left", "bottom right"}},
	}
	for y := range 4 {
		for x := range 4 {
			f.Weights[0].Values[(y/2*2+x/2)*16+y*4+x] = 64
		}
	}
	return f
}

// LightCorner is a PNG picture of n x n pixels whose quarter at the top right is light.
func LightCorner(t testing.TB, n int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, n, n))
	for y := range n / 2 {
		for x := n / 2; x < n; x++ {
			img.SetGray(x, y, color.Gray{Y: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
