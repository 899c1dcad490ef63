package main

import (
	"fmt"
	"os"
	"path/filepath"

	"edgec/runtime/format"
)

// pools writes files of one pool each into a folder: networks have few, mostly over all pixels, and
// fits need more kinds.
func pools(dir string) (paths []string, err error) {
	for _, op := range []format.Opcode{format.OpMaxPool, format.OpAvgPool} {
		for _, channels := range []int{1, 2, 3, 5, 8, 12, 16, 20, 32, 64} {
			for _, side := range []int{2, 3} {
				data, err := poolFile(op, 24, channels, side)
				if err != nil {
					return nil, err
				}
				path := filepath.Join(dir, fmt.Sprintf("%v-%d-%d", op, channels, side))
				if err := os.WriteFile(path, data, 0o644); err != nil {
					return nil, err
				}
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}

// poolFile is a pool of side by side pixels, as far apart, over a square image.
func poolFile(op format.Opcode, size, channels, side int) ([]byte, error) {
	in := format.Tensor{DType: format.Int8, Shape: []int{size, size, channels}, Scale: 1.0 / 256, Zero: -128}
	out := in
	out.Shape = []int{size / side, size / side, channels}
	f := &format.File{
		Tensors: []format.Tensor{in, out},
		Instrs: []format.Instr{{Op: op, In: []int{0}, Out: 1, Weight: -1, LUT: -1, KH: side, KW: side, StrideH: side, StrideW: side,
			DilH: 1, DilW: 1, ClampMin: -128, ClampMax: 127}},
		Inputs:  []int{0},
		Outputs: []int{1},
	}
	format.Finish(f)
	data, _, err := format.Encode(f)
	return data, err
}
