package export_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"edgec"
	"edgec/export"
	"edgec/runtime"
	"edgec/runtime/format"
)

// A compressed network as ONNX has the same integers: packed again, it has as many nonzero
// weights. ONNX needs 13 times the bytes.
func ExampleONNX() {
	file, err := os.ReadFile("../testdata/lenet-5.edgec")
	check(err)
	model, err := export.ONNX(file, "lenet-5")
	check(err)
	path := filepath.Join(os.TempDir(), "lenet-5-int8.onnx")
	check(export.Write(path, model))
	defer os.Remove(path)
	again, err := edgec.Pack(path)
	check(err)
	before, err := runtime.Load(file)
	check(err)
	fmt.Println(len(model)/len(file), again.Kept == before.Info().Kept)
	// Output: 13 true
}

// A network of one dense layer, y = W x + b, from its integers: real weights are 1/64 of
// them, inputs 1/128 of theirs, and biases are on the grid of the sum, 1/(64*128).
func ExampleEncode() {
	f := &format.File{
		Tensors: []format.Tensor{
			{DType: format.Int8, Shape: []int{3}, Scale: 1.0 / 128},
			{DType: format.Float32, Shape: []int{2}},
		},
		Weights: []format.Weight{{
			OutC: 2, KH: 1, KW: 1, InC: 3, Scale: []float32{1.0 / 64},
			Values: []int8{64, 0, 0, 0, 32, -32}, // 1 0 0, 0 0.5 -0.5
			Bias:   []int32{0, 8192},             // 0, 1
		}},
		Instrs: []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 1, Weight: 0, LUT: -1, ClampMin: -128, ClampMax: 127}},
		Inputs: []int{0}, Outputs: []int{1},
	}
	file, sizes, err := export.Encode(f)
	check(err)
	m, err := runtime.Load(file)
	check(err)
	s, err := m.NewSession(runtime.Config{})
	check(err)
	check(s.SetInput(0, []float32{0.75, 0.5, 0.25}))
	s.Run()
	fmt.Println(len(file) == sizes.Total(), m.SelfTest(), s.Output(0))
	// Output: true <nil> [0.75 1.125]
}

// The file appears whole or not at all.
func ExampleWrite() {
	dir, err := os.MkdirTemp("", "edgec-")
	check(err)
	defer os.RemoveAll(dir)
	fmt.Println(export.Write(filepath.Join(dir, "a.edgec"), []byte("bytes")))
	err = export.Write(filepath.Join(dir, "missing", "a.edgec"), []byte("bytes"))
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// <nil>
	// true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
