package program

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// ending is a network of two numbers: dense sums, and what follows them.
func ending(t testing.TB, outputs int, op format.Opcode, labels ...string) []byte {
	t.Helper()
	w := []int8{4, 0, 0, 4}[:2*outputs]
	f := &format.File{
		Tensors: []format.Tensor{{Shape: []int{2}, Scale: 0.25}, {DType: format.Float32, Shape: []int{outputs}}},
		Instrs:  []format.Instr{{Op: format.OpDense, In: []int{0}, Out: 1, Weight: 0, LUT: -1, ClampMin: -128, ClampMax: 127}},
		Weights: []format.Weight{{OutC: outputs, KH: 1, KW: 1, InC: 2, Scale: []float32{0.25}, Values: w}},
		Inputs:  []int{0}, Outputs: []int{1}, Meta: format.Meta{Name: "ending", Labels: labels},
	}
	switch op {
	case format.OpSoftmax:
		f.Tensors = append(f.Tensors, format.Tensor{DType: format.Float32, Shape: []int{outputs}})
		f.Instrs = append(f.Instrs, format.Instr{Op: op, In: []int{1}, Out: 2, Weight: -1, LUT: -1})
		f.Outputs = []int{2}
	case format.OpLUT: // a sigmoid of quarters
		f.Tensors[1] = format.Tensor{Shape: []int{outputs}, Scale: 0.25}
		f.Tensors = append(f.Tensors, format.Tensor{Shape: []int{outputs}, Scale: 1.0 / 256, Zero: -128})
		table := [256]int8{}
		for i := range table {
			table[i] = int8(min(math.Round(256/(1+math.Exp(-float64(i-128)/4))), 255) - 128)
		}
		f.LUTs = append(f.LUTs, table)
		f.Instrs = append(f.Instrs, format.Instr{Op: op, In: []int{1}, Out: 2, Weight: -1, LUT: 0})
		f.Outputs = []int{2}
	}
	return tested(t, f)
}

// A probability is printed where the model is known to be a classifier, or said to be one.
// The input is 1, 3, so that the scores are 1 and 3.
func TestProbability(t *testing.T) {
	x := string(float32s(1, 3))
	for _, c := range []struct {
		name  string
		model []byte
		args  string
		want  string
	}{
		{"scores that may be anything", ending(t, 2, 0), "--top 2", "1 3 (88.08 % if a classifier)|0 1 (11.92 % if a classifier)"},
		{"said to be of classes", ending(t, 2, 0), "--top 2 --probability", "1 3 (88.08 %)|0 1 (11.92 %)"}, // 1/(1+e^-2)
		{"with class names", ending(t, 2, 0, "cat", "dog"), "", "dog 3 (88.08 %)"},
		{"a softmax", ending(t, 2, format.OpSoftmax), "", "1 0.880797 (88.08 %)"},
		{"a softmax with class names", ending(t, 2, format.OpSoftmax, "cat", "dog"), "--probability", "dog 0.880797 (88.08 %)"},
		{"one number", ending(t, 1, 0), "", "0 1"},
		{"one number with a name", ending(t, 1, 0, "litres"), "", "litres 1"},
		{"one score", ending(t, 1, 0), "--probability", "0 1 (73.11 %)"}, // 1/(1+e^-1)
		{"one sigmoid", ending(t, 1, format.OpLUT), "", "0 0.73046875 (73.05 %)"},
		{"several sigmoids", ending(t, 2, format.OpLUT, "rain", "wind"), "--top 2", "wind 0.953125 (95.31 %)|rain 0.73046875 (73.05 %)"},
	} {
		got := must(t, c.model, x, strings.Fields(c.args)...)
		if want := "standard input: " + strings.ReplaceAll(c.want, "|", "\nstandard input: ") + "\n"; got != want {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
	var got struct {
		Top []struct{ Score, Probability *float64 }
	}
	for _, args := range []string{"--json --top 2", "--json --top 2 --probability"} {
		if err := json.Unmarshal([]byte(must(t, ending(t, 2, 0), x, strings.Fields(args)...)), &got); err != nil {
			t.Fatal(err)
		}
	}
	if p := got.Top[0].Probability; p == nil || math.Abs(*p-1/(1+math.Exp(-2))) > 1e-6 {
		t.Errorf("JSON: %+v", got)
	}
	if plain := must(t, ending(t, 2, 0), x, "--json"); strings.Contains(plain, "probability") {
		t.Errorf("JSON of scores: %s", plain)
	}
}
