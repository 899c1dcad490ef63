package program

import (
	"bytes"
	"encoding/json"
	"testing"

	"edgec/runtime/format"
)

// tiny is a network of one layer: four inputs, two outputs.
func tiny(t *testing.T) []byte {
	t.Helper()
	f := &format.File{
		Tensors: []format.Tensor{{DType: format.Int8, Shape: []int{4}, Scale: 1.0 / 256, Zero: -128}, {DType: format.Float32, Shape: []int{2}}},
		Instrs:  []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 1, Weight: 0, LUT: -1, ClampMin: -128, ClampMax: 127}},
		Weights: []format.Weight{{OutC: 2, KH: 1, KW: 1, InC: 4, Scale: []float32{1.0 / 64}, Values: []int8{1, 2, 3, 4, 4, 3, 2, 1}}},
		Inputs:  []int{0},
		Outputs: []int{1},
	}
	return encoded(t, f)
}

func TestBenchRunsAsOftenAsAsked(t *testing.T) {
	for _, runs := range []int{1, 100} {
		var out bytes.Buffer
		j := &Job{Action: Bench, Model: tiny(t), Timing: Timing{Runs: runs}, JSON: true, Stdout: &out}
		if err := j.Do(); err != nil {
			t.Fatal(err)
		}
		var got struct{ Runs int }
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Runs != runs {
			t.Errorf("%d runs measured, %d asked for: %v", got.Runs, runs, err)
		}
	}
}
