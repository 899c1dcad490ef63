package format

import (
	"bytes"
	"encoding/hex"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// example is the network of SPEC.md's worked example: a picture of 3x3 pixels,
// a convolution of two 2x2 kernels with a clamp, a dense layer whose result is
// real.
func example() *File {
	f := &File{
		Tensors: []Tensor{{Shape: []int{3, 3, 1}, Scale: 0.0625, Zero: -128}, {Shape: []int{2, 2, 2}, Scale: 0.5, Zero: -128}, {DType: Float32, Shape: []int{3}}},
		Inputs:  []int{0}, Outputs: []int{2},
		Instrs: []Instr{
			{Op: OpConv2D, In: []int{0}, Out: 1, Weight: 0, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, ClampMin: -128, ClampMax: 100},
			{Op: OpDense, In: []int{1}, Out: 2, Weight: 1, ClampMin: -128, ClampMax: 127},
		},
		Weights: []Weight{
			{OutC: 2, KH: 2, KW: 2, InC: 1, Scale: []float32{0.25}, Bias: []int32{64, -32}, Book: []int8{-20, 0, 31}, Values: []int8{31, 0, 0, -20, 0, 31, 31, 0}},
			{OutC: 3, KH: 1, KW: 1, InC: 8, Scale: []float32{0.125}, Values: []int8{5, 0, 0, 0, 0, 0, -3, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0}},
		},
		Meta: Meta{Name: "ex", Labels: []string{"a", "b", "c"}, Input: Preprocess{Mean: []float32{0.5}}},
		Test: &SelfTest{Seed: 1, CRC: 0xc3d9e982},
	}
	Finish(f)
	return f
}

// The worked example of SPEC.md is what Encode writes, byte for byte.
func TestSpecExample(t *testing.T) {
	text, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "## Worked example")
	if !ok {
		t.Fatal("SPEC.md has no worked example")
	}
	var spec []byte
	row := regexp.MustCompile(`(?m)^    ([0-9a-f]{2}(?: [0-9a-f]{2})*)(?:  |$)`)
	for _, m := range row.FindAllStringSubmatch(block, -1) {
		b, err := hex.DecodeString(strings.ReplaceAll(m[1], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		spec = append(spec, b...)
	}
	data, _, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(spec, data) {
		t.Errorf("SPEC.md has\n%sEncode writes\n%s", hex.Dump(spec), hex.Dump(data))
	}
	f, err := Decode(spec)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f, example()) {
		t.Errorf("SPEC.md's bytes are %+v", f)
	}
}

// Every opcode, limit and table that SPEC.md states is the code's.
func TestSpecNumbers(t *testing.T) {
	data, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for op := range Opcode(32) {
		if op.known() && !strings.Contains(text, "\n| "+itoa(int(op))+" | "+op.String()+" |") {
			t.Errorf("SPEC.md does not list opcode %d, %v", op, op)
		}
	}
	flat := strings.Join(strings.Fields(text), " ")
	for _, table := range [][]string{numbers(logistic[:]), numbers(bell[:])} {
		if list := strings.Join(table, ", "); !strings.Contains(flat, list) {
			t.Errorf("SPEC.md does not hold the table %s", list)
		}
	}
	for name, v := range map[string]int{"inputs": MaxInputs, "tensors": MaxTensors, "elements of a tensor": MaxElems, "weights": MaxWeights, "bytes of arena": MaxArena, "a dimension": MaxDim, "positions of a window": MaxWindow, "weights of an output channel": MaxColumns, "output channels of all instructions with weights": MaxChannels} {
		if !strings.Contains(text, "| "+name+" | "+itoa(v)+" |") {
			t.Errorf("SPEC.md does not state the limit of %s, %d", name, v)
		}
	}
	for _, c := range []struct {
		name string
		a    allowance
	}{{"weights", someWeights}, {"nonzero weights", someNonzero}, {"bits of the range coder", tinyBits}, {"bits of the range coder", someBits}} {
		if !strings.Contains(text, "| "+c.name+" | "+itoa(int(c.a.free))+" + "+itoa(int(c.a.each))+" n |") {
			t.Errorf("SPEC.md does not state the limit of %s of n bytes, %v", c.name, c.a)
		}
	}
	if !strings.Contains(text, "| weights | "+itoa(int(tinyWeights.each))+" n |") {
		t.Errorf("SPEC.md does not state the weights for each byte, %d", tinyWeights.each)
	}
}

func numbers[T uint16 | uint32](of []T) (list []string) {
	for _, v := range of {
		list = append(list, itoa(int(v)))
	}
	return list
}
