package cli

import (
	"testing"

	"edgec/runtime/format"
)

// scaledFile is a dense layer over two features that are scaled one by one.
func scaledFile(t *testing.T) []byte {
	t.Helper()
	f := &format.File{
		Tensors: []format.Tensor{{Shape: []int{2}, Scale: 1.0 / 128}, {DType: format.Float32, Shape: []int{1}}},
		Inputs:  []int{0}, Outputs: []int{1},
		Instrs:  []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 1, ClampMin: -128, ClampMax: 127, LUT: -1}},
		Weights: []format.Weight{{OutC: 1, KH: 1, KW: 1, InC: 2, Scale: []float32{0.5}, Values: []int8{3, -4}}},
		Scaling: []format.Scaling{{Scale: []float32{12, 0.5}, Zero: []int{-8444, -40}}},
	}
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A file whose features are scaled one by one says so.
func TestInspectScaledInput(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "scaled.edgec", scaledFile(t))
	command(t, "inspect", "scaled.edgec").must(t).has(t, "format 1.2", "each of 2 channels on a grid of its own")
	got := parse[inspected](t, command(t, "inspect", "scaled.edgec", "--json"))
	if len(got.Scaling) != 1 || got.Scaling[0].Zero[0] != -8444 || got.Scaling[0].Scale[1] != 0.5 {
		t.Errorf("scaling %+v", got.Scaling)
	}
}

// An input that takes an output of the run before is named.
func TestInspectState(t *testing.T) {
	t.Chdir(t.TempDir())
	real := format.Tensor{DType: format.Float32, Shape: []int{2}}
	f := &format.File{Tensors: []format.Tensor{real, real, real}, Inputs: []int{0, 1}, Outputs: []int{2}, State: []format.State{{Output: 0, Input: 1}},
		Instrs: []format.Instr{{Op: format.OpBinary, In: []int{0, 1}, Out: 2, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}}}
	format.Finish(f)
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	write(t, "sums.edgec", data)
	command(t, "inspect", "sums.edgec").must(t).has(t, "float32, state: output 0 of the run before")
	if got := parse[inspected](t, command(t, "inspect", "sums.edgec", "--json")); got.Inputs[1].State != "output0" || got.Inputs[0].State != "" {
		t.Errorf("inputs %+v", got.Inputs)
	}
}
