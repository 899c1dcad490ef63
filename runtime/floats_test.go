package runtime

import (
	"math"
	"slices"
	"strings"
	"testing"

	"edgec/runtime/format"
)

// floatFile is a network of instructions on float32 inputs of the given shapes; each instruction writes
// the tensor of the next shape.
func floatFile(inputs, outs [][]int, weights []format.Weight, ins ...format.Instr) *format.File {
	f := &format.File{Weights: weights}
	for k, s := range slices.Concat(inputs, outs) {
		f.Tensors = append(f.Tensors, format.Tensor{DType: format.Float32, Shape: s})
		if k < len(inputs) {
			f.Inputs = append(f.Inputs, k)
		}
	}
	for k, in := range ins {
		in.Out, in.LUT = len(inputs)+k, -1
		if in.Op != format.OpGather && in.Op != format.OpConstant {
			in.Weight = -1
		}
		f.Instrs = append(f.Instrs, in)
	}
	f.Outputs = []int{len(f.Tensors) - 1}
	format.Finish(f)
	return f
}

// Work that the shapes of float32 instructions make is counted, however short the file is.
func TestFloatWork(t *testing.T) {
	square := []int{4096, 4096}
	for name, f := range map[string]*format.File{
		"products": floatFile([][]int{square}, [][]int{square}, nil, format.Instr{Op: format.OpMatMul, In: []int{0, 0}}),
		"sums of all": floatFile([][]int{{1 << 24}}, slices.Repeat([][]int{{1}}, 200), nil,
			slices.Repeat([]format.Instr{{Op: format.OpReduce, In: []int{0}, Dims: 1}}, 200)...),
		"moves": floatFile([][]int{{1}}, slices.Repeat([][]int{{1 << 24}}, 100), nil,
			slices.Repeat([]format.Instr{{Op: format.OpMove, In: []int{0}, Shape: []int{1 << 24}, Strides: []int{0}}}, 100)...),
		"powers": floatFile([][]int{{1 << 24}}, [][]int{{1 << 24}, {1 << 24}, {1 << 24}, {1 << 24}, {1 << 24}, {1 << 24}}, nil,
			slices.Repeat([]format.Instr{{Op: format.OpBinary, In: []int{0, 0}, Function: format.BinaryPow}}, 6)...),
	} {
		data, _, err := format.Encode(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m, err := Load(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := m.NewSession(Config{Memory: -1}); err == nil || !strings.Contains(err.Error(), "steps") {
			t.Errorf("%s in %d bytes of file: error %v, want the limit of work", name, len(data), err)
		}
	}
}

// tokensAndFloats makes a network with an input of whole numbers below 5, whose rows of a table
// are doubled, and one of float32 that is turned around.
func tokensAndFloats(t *testing.T) *Model {
	t.Helper()
	w := []format.Weight{{OutC: 5, KH: 1, KW: 1, InC: 2, Scale: []float32{0.5}, Values: []int8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}}
	f := floatFile([][]int{{2}, {1, 2, 3}}, [][]int{{2, 2}, {2, 3, 1}, {2, 2}}, w,
		format.Instr{Op: format.OpGather, In: []int{0}}, format.Instr{Op: format.OpTranspose, In: []int{1}, Perm: []int{1, 2, 0}}, format.Instr{Op: format.OpBinary, In: []int{2, 2}})
	f.Tensors[0].Whole = true
	f.Outputs = []int{4, 3}
	m, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Inputs of float32 take numbers as they are, those of whole numbers what they can be.
func TestFloatInputs(t *testing.T) {
	m := tokensAndFloats(t)
	i := m.Info()
	if !i.Whole[0] || i.Whole[1] || !i.Floats[0] || !i.Floats[1] || i.Limits[0] != 5 || i.Limits[1] != 0 {
		t.Errorf("%+v", i)
	}
	s := session(t, m)
	if s.Input(0) != nil || len(s.InputFloats(1)) != 6 {
		t.Error("an input of float32 has int8 elements, or no others")
	}
	if err := s.SetInput(0, []float32{1, -1}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetInputNCHW(1, []float32{1, 2, 3, 4, 5, 6}); err != nil { // [3,1,2] as [1,2,3]
		t.Fatal(err)
	}
	s.Run()
	if got := s.Output(0); !slices.Equal(got, []float32{3, 4, 9, 10}) {
		t.Errorf("rows %v, twice as large", got)
	}
	if got := s.Output(1); !slices.Equal(got, []float32{1, 3, 5, 2, 4, 6}) {
		t.Errorf("turned around: %v", got)
	}
}

// A token beyond the table, or one that is no whole number, is refused with its place.
func TestTokensOutOfRange(t *testing.T) {
	s := session(t, tokensAndFloats(t))
	nan := float32(math.NaN())
	for _, c := range []struct {
		x    []float32
		want string
	}{{[]float32{0, 4}, ""}, {[]float32{-1, -5}, ""}, {[]float32{0, 5}, "from 0 to 4, element 1 is 5"}, {[]float32{-6, 0}, "element 0 is -6"},
		{[]float32{0.5, 0}, "element 0 is none"}, {[]float32{nan, 0}, "is none"}, {[]float32{1e30, 0}, "is none"}, {[]float32{1}, "2 elements"}} {
		if err := s.SetInput(0, c.x); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("tokens %v: error %v, want %q", c.x, err, c.want)
		}
	}
	if err := s.SetBytes(0, []byte{3, 9}); err == nil || !strings.Contains(err.Error(), "from 0 to 4, element 1 is 9") {
		t.Errorf("a byte beyond the table: %v", err)
	}
	if err := s.SetBytes(0, []byte{3, 4}); err != nil || !slices.Equal(s.InputFloats(0), []float32{3, 4}) {
		t.Errorf("bytes 3 and 4 become %v, %v", s.InputFloats(0), err)
	}
}

// What is no number is handed out with the same bits by every CPU.
func TestNaNBits(t *testing.T) {
	f := floatFile([][]int{{2}}, [][]int{{2}, {2}}, nil, format.Instr{Op: format.OpUnary, In: []int{0}, Function: format.UnaryLog}, format.Instr{Op: format.OpUnary, In: []int{1}, Function: format.UnaryNeg})
	m, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, m)
	if err := s.SetInput(0, []float32{-1, 1}); err != nil {
		t.Fatal(err)
	}
	s.Run()
	if got := s.OutputBytes(0); !slices.Equal(got, []byte{0, 0, 0xc0, 0x7f, 0, 0, 0, 0x80}) {
		t.Errorf("bytes % x", got)
	}
}
