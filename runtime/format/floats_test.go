package format

import (
	"math"
	"strings"
	"testing"
)

// floats adds every instruction on float32, beginning with image x of int8; it returns one of
// 2 x 3 elements.
func (b *netBuilder) floats(x int) int {
	tokens := b.tensor(Float32, 4)
	b.Tensors[tokens].Whole = b.r.IntN(2) == 0
	b.Inputs = append(b.Inputs, tokens)
	real := func(in Instr, shape ...int) int {
		in.Out = b.tensor(Float32, shape...)
		return b.emit(in)
	}
	s := b.Tensors[x].Shape
	y := real(Instr{Op: OpDequantize, In: []int{x}}, s...)
	y = real(Instr{Op: OpSlice, In: []int{y}, StrideH: 1, StrideW: 1, PadB: s[0] - 1, PadR: s[1] - 2}, 1, 2, s[2])
	y = real(Instr{Op: OpPad, In: []int{y}, PadT: 1, Real: -0.5}, 2, 2, s[2])
	y = real(Instr{Op: OpConcat, In: []int{y, y}, Axis: 1}, 2, 4, s[2])
	y = real(Instr{Op: OpReduce, In: []int{y}, Axis: 1, Dims: 2, Function: b.r.IntN(ReduceFunctions)}, 2, 1, 1)
	y = real(Instr{Op: OpUnary, In: []int{y}, Function: UnaryElu, Real: 0.75}, 2, 1, 1)
	table := Instr{Op: OpGather, In: []int{tokens}, Weight: b.weight(7, 1, 1, 3)}
	b.Weights[table.Weight].Bias = nil
	rows := real(table, 4, 3)
	shared := real(Instr{Op: OpGather, In: []int{rows}, Weight: table.Weight}, 4, 3, 3)
	k := real(Instr{Op: OpConstant, Weight: b.weight(2, 1, 1, 6), Shape: []int{4, 3}}, 4, 3)
	k = real(Instr{Op: OpBinary, In: []int{k, rows}, Function: b.r.IntN(BinaryFunctions)}, 4, 3)
	k = real(Instr{Op: OpNormalize, In: []int{k}, Function: b.r.IntN(NormalizeFunctions), Real: 1e-5}, 4, 3)
	k = real(Instr{Op: OpMatMul, In: []int{shared, k}, Reverse: true}, 4, 3, 4)
	k = real(Instr{Op: OpGather, In: []int{k, tokens}, Axis: 1, Weight: -1}, 4, 4, 4)
	k = real(Instr{Op: OpSelect, In: []int{k, k, y}}, 0, 0, 0)
	b.Tensors[k].Shape = []int{4, 4, 4}
	b.Instrs[len(b.Instrs)-1].In[2] = real(Instr{Op: OpMove, In: []int{k - 2}, Start: 5, Shape: []int{4, 4}, Strides: []int{-1, 3}}, 4, 4)
	b.Instrs[len(b.Instrs)-2], b.Instrs[len(b.Instrs)-1] = b.Instrs[len(b.Instrs)-1], b.Instrs[len(b.Instrs)-2]
	sums := real(Instr{Op: OpReshape, In: []int{k}, Shape: []int{16, 4}}, 16, 4)
	states := real(Instr{Op: OpRecurrent, In: []int{sums}, Function: RecurrentLSTMCell, Weight: b.weight(4, 1, 1, 1)}, 17, 1)
	last := real(Instr{Op: OpMove, In: []int{states}, Start: 15, Shape: []int{1}, Strides: []int{0}}, 1)
	real(Instr{Op: OpRecurrent, In: []int{sums, last, last}, Function: RecurrentLSTM, Reverse: true, Weight: b.weight(4, 1, 1, 1)}, 16, 1)
	b.emit(Instr{Op: OpRecurrent, In: []int{sums}, Out: b.tensor(Int8, 16, 4), Function: RecurrentRNN, Weight: b.weight(4, 1, 1, 4)})
	return real(Instr{Op: OpMove, In: []int{k}, Start: 63, Shape: []int{2, 3}, Strides: []int{-30, -2}}, 2, 3)
}

// float is a network of one instruction on float32 inputs of the given shapes.
func float32s(in Instr, out []int, shapes ...[]int) *File {
	f := &File{Outputs: []int{len(shapes)}}
	for k, s := range shapes {
		f.Tensors, f.Inputs, in.In = append(f.Tensors, Tensor{DType: Float32, Shape: s}), append(f.Inputs, k), append(in.In, k)
	}
	in.Out = len(shapes)
	f.Tensors = append(f.Tensors, Tensor{DType: Float32, Shape: out})
	f.Instrs = []Instr{in}
	if in.Op == OpConstant { // beside an input that nothing reads
		f.Instrs[0].In = nil
	}
	Finish(f)
	return f
}

// What the float32 instructions refuse, they refuse for a reason that they name.
func TestCheckFloats(t *testing.T) {
	nan := float32(math.NaN())
	none := func(*File) {}
	row := []Weight{{OutC: 2, KH: 1, KW: 1, InC: 3, Scale: []float32{1}, Values: make([]int8, 6)}}
	gates := []Weight{{OutC: 6, KH: 1, KW: 1, InC: 2, Scale: []float32{1}, Values: make([]int8, 12)}}
	for _, c := range []struct {
		name   string
		f      *File
		change func(f *File)
		want   string
	}{
		{"unary", float32s(Instr{Op: OpUnary, Weight: -1}, []int{3}, []int{3}), none, ""},
		{"function beyond the last", float32s(Instr{Op: OpUnary, Weight: -1, Function: UnaryFunctions}, []int{3}, []int{3}), none, "function 30 is unknown"},
		{"negative function", float32s(Instr{Op: OpBinary, Weight: -1, Function: -1}, []int{3}, []int{3}, []int{3}), none, "function -1 is unknown"},
		{"parameter without a use", float32s(Instr{Op: OpUnary, Weight: -1, Real: 1}, []int{3}, []int{3}), none, "parameter"},
		{"parameter that is no number", float32s(Instr{Op: OpUnary, Weight: -1, Function: UnaryElu, Real: nan}, []int{3}, []int{3}), none, "parameter"},
		{"broadcast", float32s(Instr{Op: OpBinary, Weight: -1}, []int{2, 4, 3}, []int{4, 1}, []int{2, 1, 3}), none, ""},
		{"broadcast of 2 and 3", float32s(Instr{Op: OpBinary, Weight: -1}, []int{3}, []int{3}, []int{2}), none, "shapes [3], [2]"},
		{"select of 2, 3 and 1", float32s(Instr{Op: OpSelect, Weight: -1}, []int{3}, []int{3}, []int{2}, []int{1}), none, "cannot be broadcast"},
		{"broadcast to 2^46", float32s(Instr{Op: OpBinary, Weight: -1}, []int{1 << 23, 1 << 23}, []int{1 << 23, 1}, []int{1 << 23}), none, "has shape"},
		{"reduce", float32s(Instr{Op: OpReduce, Weight: -1, Axis: 1, Dims: 2}, []int{2, 1, 1}, []int{2, 3, 4}), none, ""},
		{"reduce beyond the last dimension", float32s(Instr{Op: OpReduce, Weight: -1, Axis: 2, Dims: 2}, []int{2, 1, 1}, []int{2, 3, 4}), none, "dimensions of [2 3 4]"},
		{"reduce of 2^31 dimensions", float32s(Instr{Op: OpReduce, Weight: -1, Axis: math.MaxInt32, Dims: math.MaxInt32}, []int{2}, []int{2}), none, "dimensions of [2]"},
		{"reduce of no dimension", float32s(Instr{Op: OpReduce, Weight: -1}, []int{2}, []int{2}), none, "0 dimensions"},
		{"negative epsilon", float32s(Instr{Op: OpNormalize, Weight: -1, Real: -1}, []int{2}, []int{2}), none, "epsilon"},
		{"epsilon that is no number", float32s(Instr{Op: OpNormalize, Weight: -1, Real: nan}, []int{2}, []int{2}), none, "epsilon"},
		{"matmul", float32s(Instr{Op: OpMatMul, Weight: -1}, []int{5, 2, 4}, []int{2, 3}, []int{5, 3, 4}), none, ""},
		{"matmul of vectors", float32s(Instr{Op: OpMatMul, Weight: -1}, []int{1}, []int{3}, []int{3}), none, "two dimensions"},
		{"matmul of 3 and 4", float32s(Instr{Op: OpMatMul, Weight: -1}, []int{2, 4}, []int{2, 3}, []int{4, 4}), none, "factors of shapes"},
		{"matmul of 2 and 3 batches", float32s(Instr{Op: OpMatMul, Weight: -1}, []int{3, 2, 4}, []int{2, 2, 3}, []int{3, 3, 4}), none, "factors of shapes"},
		{"gather", float32s(Instr{Op: OpGather, Weight: -1, Axis: 1}, []int{2, 5, 4}, []int{2, 3, 4}, []int{5}), none, ""},
		{"gather to six dimensions", float32s(Instr{Op: OpGather, Weight: -1}, []int{2, 3, 4, 5, 6}, []int{2, 3, 4}, []int{4, 5, 6}), none, "has shape"},
		{"gather along axis 3", float32s(Instr{Op: OpGather, Weight: -1, Axis: 3}, []int{2}, []int{2, 3, 4}, []int{5}), none, "axis 3"},
		{"gather without a table", float32s(Instr{Op: OpGather, Weight: -1}, []int{5, 2}, []int{5}), none, "needs one beside weights or two"},
		{"gather of rows", float32s(Instr{Op: OpGather}, []int{5, 3}, []int{5}), func(f *File) { f.Weights = row }, ""},
		{"gather of rows of another length", float32s(Instr{Op: OpGather}, []int{5, 2}, []int{5}), func(f *File) { f.Weights = row }, "follows as"},
		{"constant", float32s(Instr{Op: OpConstant, Shape: []int{6}}, []int{6}, []int{5}), func(f *File) { f.Weights = row }, ""},
		{"constant of other elements", float32s(Instr{Op: OpConstant, Shape: []int{5}}, []int{5}, []int{5}), func(f *File) { f.Weights = row }, "shape [5] of weights"},
		{"constant that reads", float32s(Instr{Op: OpConstant, Shape: []int{6}}, []int{6}, []int{5}), func(f *File) { f.Weights, f.Instrs[0].In = row, []int{0} }, "needs none"},
		{"recurrent", float32s(Instr{Op: OpRecurrent, Function: RecurrentGRU}, []int{5, 2}, []int{5, 6}, []int{2}), func(f *File) { f.Weights = gates }, ""},
		{"recurrent of other gates", float32s(Instr{Op: OpRecurrent, Function: RecurrentLSTM}, []int{5, 2}, []int{5, 6}), func(f *File) { f.Weights = gates }, "of 4 gates"},
		{"recurrent of other sums", float32s(Instr{Op: OpRecurrent, Function: RecurrentGRU}, []int{5, 2}, []int{5, 3}), func(f *File) { f.Weights = gates }, "do not fit input [5 3]"},
		{"recurrent of an image", float32s(Instr{Op: OpRecurrent, Function: RecurrentGRU}, []int{5, 2}, []int{5, 1, 6}), func(f *File) { f.Weights = gates }, "do not fit input"},
		{"recurrent with a cell", float32s(Instr{Op: OpRecurrent, Function: RecurrentGRU}, []int{5, 2}, []int{5, 6}, []int{2}, []int{2}), func(f *File) { f.Weights = gates }, "at most 2"},
		{"recurrent from another state", float32s(Instr{Op: OpRecurrent, Function: RecurrentGRU}, []int{5, 2}, []int{5, 6}, []int{3}), func(f *File) { f.Weights = gates }, "for 2 units"},
		{"recurrent function", float32s(Instr{Op: OpRecurrent, Function: RecurrentFunctions}, []int{5, 2}, []int{5, 6}), func(f *File) { f.Weights = gates }, "function 10"},
		{"move", float32s(Instr{Op: OpMove, Weight: -1, Start: 5, Shape: []int{6, 7}, Strides: []int{-1, 0}}, []int{6, 7}, []int{2, 3}), none, ""},
		{"move before the first element", float32s(Instr{Op: OpMove, Weight: -1, Start: 4, Shape: []int{6}, Strides: []int{-1}}, []int{6}, []int{2, 3}), none, "elements beyond"},
		{"move behind the last element", float32s(Instr{Op: OpMove, Weight: -1, Start: 1, Shape: []int{6}, Strides: []int{1}}, []int{6}, []int{2, 3}), none, "elements beyond"},
		{"move by 2^31", float32s(Instr{Op: OpMove, Weight: -1, Shape: []int{1 << 24}, Strides: []int{math.MaxInt32}}, []int{1 << 24}, []int{2, 3}), none, "elements beyond"},
		{"move without strides", float32s(Instr{Op: OpMove, Weight: -1, Shape: []int{6}}, []int{6}, []int{2, 3}), none, "0 strides"},
		{"pad of floats by a byte", float32s(Instr{Op: OpPad, Weight: -1, PadValue: 1}, []int{1, 1, 1}, []int{1, 1, 1}), none, "another type"},
		{"pad of bytes by a float", image(Instr{Op: OpPad, Real: 1}, 4, 4, 2), none, "another type"},
		{"float32 with a grid", float32s(Instr{Op: OpUnary, Weight: -1}, []int{3}, []int{3}), func(f *File) { f.Tensors[1].Scale = 1 }, "grid"},
		{"whole numbers of a result", float32s(Instr{Op: OpUnary, Weight: -1}, []int{3}, []int{3}), func(f *File) { f.Tensors[1].Whole = true }, "whole numbers"},
		{"scaling of a float32 input", float32s(Instr{Op: OpUnary, Weight: -1}, []int{3}, []int{3}), func(f *File) { f.Scaling = []Scaling{scalingOf(f)} }, "no grid"},
		{"integers for a function", image(Instr{Op: OpUnary}, 4, 4, 2), none, "element type"},
	} {
		c.change(c.f)
		data, _, err := Encode(c.f)
		if c.want == "" {
			if err == nil {
				_, err = Decode(data)
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// The whole numbers of an input are limited by the tables that read them, moved or not.
func TestInputLimits(t *testing.T) {
	table := func(rows int) Weight {
		return Weight{OutC: rows, KH: 1, KW: 1, InC: 1, Scale: []float32{1}, Values: make([]int8, rows)}
	}
	real := func(shape ...int) Tensor { return Tensor{DType: Float32, Shape: shape} }
	f := &File{Tensors: []Tensor{real(4), real(4), real(2, 2), real(2, 2, 1), real(4, 1), real(4)}, Inputs: []int{0, 1}, Outputs: []int{3, 4, 5}, Weights: []Weight{table(9), table(5)}}
	f.Instrs = []Instr{
		{Op: OpReshape, In: []int{0}, Out: 2, Shape: []int{2, 2}},
		{Op: OpGather, In: []int{2}, Out: 3, Weight: 0},
		{Op: OpGather, In: []int{0}, Out: 4, Weight: 1},
		{Op: OpUnary, In: []int{1}, Out: 5},
	}
	for i := range f.Instrs {
		if f.Instrs[i].Op != OpGather {
			f.Instrs[i].Weight = -1
		}
	}
	Finish(f)
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	if got := f.Limits(); got[0] != 5 || got[1] != 0 {
		t.Errorf("limits %v, want 5 and none", got)
	}
	x := make([]float32, 1000)
	SelfTestFloats(7, x, true, 5)
	seen := map[float32]int{}
	for _, v := range x {
		seen[v]++
	}
	for v := float32(0); v < 5; v++ {
		if len(seen) != 5 || seen[v] < 100 {
			t.Fatalf("tokens below 5: %v", seen)
		}
	}
}
