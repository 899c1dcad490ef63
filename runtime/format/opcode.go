package format

import "slices"

// Opcode says what an instruction does. Numbers are never reused.
type Opcode uint8

// The opcodes. Shapes: x is the first input.
const (
	// OpConv2D: x [H,W,C] -> [OH,OW,outC], Weights[Weight] is [outC,kH,kW,C/Groups].
	// Groups == C with one input channel each is the depthwise case.
	OpConv2D Opcode = 1
	// OpDense: x of K elements -> [outC], weights [outC,1,1,K].
	OpDense Opcode = 2
	// OpMaxPool and OpAvgPool: x [H,W,C] -> [OH,OW,C]; output has x's scale and zero.
	// OpAvgPool divides by the number of elements inside the image, or by kH*kW if CountPad.
	OpMaxPool Opcode = 3
	OpAvgPool Opcode = 4
	// OpAdd and OpMul: elementwise on two Int8 inputs of equal shape, or with
	// the second [1,1,C] or [1] repeated over x.
	OpAdd Opcode = 5
	OpMul Opcode = 6
	// OpLUT: q -> LUTs[LUT][q+128].
	OpLUT Opcode = 7
	// OpConcat: joins Int8 inputs of equal scale and zero along Axis (of the shape without batch).
	OpConcat Opcode = 8
	// OpPad: surrounds x [H,W,C] by PadT, PadL, PadB, PadR rows and columns of the value PadValue.
	OpPad Opcode = 9
	// OpTranspose: out dimension i is x's dimension Perm[i].
	OpTranspose Opcode = 10
	// OpReshape: x's elements under the shape Shape. Input and output may share memory.
	OpReshape Opcode = 11
	// OpSoftmax: Float32 x -> Float32, over the last dimension.
	OpSoftmax Opcode = 12
	// OpDequantize: Int8 -> Float32. OpQuantize: Float32 -> Int8.
	OpDequantize Opcode = 13
	OpQuantize   Opcode = 14
	// OpSub: like OpAdd, x - y.
	OpSub Opcode = 15
	// OpSlice: drops PadT, PadL, PadB, PadR rows and columns of x [H,W,C], then keeps every
	// StrideH-th row and StrideW-th column, beginning with the first.
	OpSlice Opcode = 16
	// OpUnary: Function (UnaryAbs, ...) of each element. From here to OpNormalize all are on
	// Float32 tensors.
	OpUnary Opcode = 17
	// OpBinary: Function (BinaryAdd, ...) of two tensors whose shapes are broadcast to one: aligned at
	// their last dimensions, dimensions of 1 repeat.
	OpBinary Opcode = 18
	// OpSelect: the second input where the first is not 0, otherwise the third; shapes as OpBinary.
	OpSelect Opcode = 19
	// OpReduce: Function (ReduceSum, ...) of each run of the Dims dimensions from Axis on, which become 1.
	OpReduce Opcode = 20
	// OpNormalize: Function (NormalizeLayer, ...) of each row of the last dimension, with the epsilon Real.
	OpNormalize Opcode = 21
	// OpMatMul: x [..,M,K] times the second input [..,K,N], or [..,N,K] with Reverse -> [..,M,N]; the
	// dimensions before are broadcast.
	OpMatMul Opcode = 22
	// OpGather: of whole numbers x, the rows of the weights [rows,1,1,K] with these numbers, without
	// biases -> [..,K]. Or, without weights, of two inputs the elements of x along Axis
	// that the second has the numbers of. Negative numbers count from the end; others beyond are
	// the nearest.
	OpGather Opcode = 23
	// OpConstant: no input -> Shape, Scale[c] (w + Bias[c]) of the weights [outC,1,1,K], row-major.
	OpConstant Opcode = 24
	// OpRecurrent: a layer that goes through time (Function: RecurrentRNN, ...), from the sums x
	// [T,gH] of its input at each step, Float32, and the weights [gH,1,1,H] of its state h, of which
	// every step sees the one before. Further inputs are h [H] before the first step, and of
	// an LSTM the cell [H]. -> h after each step, [T,H]; with RecurrentLSTMCell [T+1,H], last the cell. Reverse: from
	// the last step to the first.
	OpRecurrent Opcode = 25
	// OpMove: out[i] = x[Start + sum over d of i_d Strides[d]], of x's elements in order -> Shape.
	OpMove Opcode = 26
	// OpResize: KH rows and KW columns of x [H,W,C]. Row i lies at PadT + i StrideH in x, columns alike, in units
	// of 2^-20; Function says which elements around that count (ResizeNearest, ResizeLinear).
	OpResize Opcode = 27
	// OpStretch: x [H,W,C] with StrideH-1 rows and StrideW-1 columns of its zero point between its own.
	OpStretch Opcode = 28
)

// What OpResize computes.
const (
	ResizeNearest = iota // the element at or before the position
	ResizeLinear         // of the four elements around it, by their distance
)

// opcode is a row of the table of opcodes: all that the format knows of one.
// Encoding, decoding, validation and planning ask it, and switch over no
// opcodes themselves.
type opcode struct {
	name   string
	since  byte    // version of the format that has it first; 0: the first
	inputs int     // number of inputs; many: one or more; none: it reads no tensor
	reads  element // of the inputs
	writes element // of the output

	// inputGrid: the output has the grid of the first input, and the file does not
	// store it. Otherwise an Int8 output has a grid of its own.
	inputGrid bool

	sinceFloat byte // version that has its outputs of Float32 first; 0: since

	weights  weights  // operand in File.Weights
	attrs    attrSet  // attributes that it uses; the others have to have their defaults
	defaults []preset // where they differ from those of the table of attributes
	lists    []listUse
	memory   memory

	// rank returns the number of dimensions of the output before shapes are known, from those of
	// the inputs; nil: as many as the first has.
	rank func(in *Instr, x []int) int

	// shape returns the shape of the output, and validates everything that the
	// runtime relies on. Number and element types of x have been checked; w is nil
	// without weights. Its error does not name the opcode.
	shape func(in *Instr, x []*Tensor, w *Weight) ([]int, error)
}

// many is the number of inputs of an opcode that takes one or more, none of one without.
const (
	many = 0
	none = -1
)

// element says of which type the elements of inputs or output are.
type element uint8

const (
	ints   element = iota // Int8
	reals                 // Float32
	either                // inputs: each of any type; output: that of the first input
	chosen                // output: Float32 when bit 7 of the instruction is set, otherwise Int8
)

// weights says how an opcode uses an operand in File.Weights.
type weights uint8

const (
	noWeights weights = iota
	matrix            // [outC,1,1,K], K all elements of the first input
	kernel            // [outC,kH,kW,C/Groups]; the file stores kH and kW
	lookup            // [outC,1,1,K]; the file stores K; none when Weight is -1
	filled            // [outC,1,1,K], as many as the output has elements
	states            // [outC,1,1,K], of outC/K gates; see OpRecurrent
)

// memory says whether an output may lie where the first input lies; see Plan.
type memory uint8

const (
	apart     memory = iota // never
	overwrite               // when no later instruction reads that input
	shared                  // always: the same bytes
)

// rows is the table of opcodes. A new opcode is a constant above, a row here with its
// shape rule, a row in the runtime's table of executions, and its line in SPEC.md.
var rows = [...]opcode{
	OpConv2D: {name: "Conv2D", inputs: 1, writes: chosen, weights: kernel, rank: imageRank, shape: shapeConv,
		attrs: strides | pads | clamps | 1<<attrGroups | 1<<attrWeight | 1<<attrRoundOnce, defaults: []preset{{attrStrideH, is(1)}, {attrDilH, is(1)}, {attrGroups, is(1)}, {attrWeight, standard{from: nextWeight}}}},
	OpDense: {name: "Dense", inputs: 1, writes: chosen, weights: matrix, rank: listRank, shape: shapeDense,
		attrs: clamps | 1<<attrWeight | 1<<attrRoundOnce, defaults: []preset{{attrWeight, standard{from: nextWeight}}}},
	OpMaxPool: {name: "MaxPool", inputs: 1, inputGrid: true, rank: imageRank, shape: shapePool, attrs: window | strides | pads, defaults: poolDefaults},
	OpAvgPool: {name: "AvgPool", inputs: 1, inputGrid: true, rank: imageRank, shape: shapePool,
		attrs: window | strides | pads | 1<<attrCountPad, defaults: poolDefaults},
	OpAdd:    {name: "Add", inputs: 2, shape: shapeBinary, attrs: clamps},
	OpMul:    {name: "Mul", inputs: 2, shape: shapeBinary, attrs: clamps},
	OpLUT:    {name: "LUT", inputs: 1, shape: shapeSame, attrs: 1 << attrLUT, defaults: []preset{{attrLUT, standard{from: nextLUT}}}, memory: overwrite},
	OpConcat: {name: "Concat", inputs: many, reads: either, writes: either, sinceFloat: sinceFloats, inputGrid: true, shape: shapeConcat, attrs: 1 << attrAxis},
	OpPad: {name: "Pad", inputs: 1, reads: either, writes: either, sinceFloat: sinceFloats, inputGrid: true, rank: imageRank, shape: shapePad,
		attrs: pads | 1<<attrPadValue | 1<<attrReal},
	OpTranspose: {name: "Transpose", inputs: 1, reads: either, writes: either, inputGrid: true, shape: shapeTranspose, lists: []listUse{{list: listPerm}}},
	OpReshape: {name: "Reshape", inputs: 1, reads: either, writes: either, inputGrid: true, shape: shapeReshape, memory: shared,
		rank: shapeRank, lists: []listUse{{list: listShape, counted: true}}},
	OpSoftmax:    {name: "Softmax", inputs: 1, reads: reals, writes: reals, shape: shapeSame},
	OpDequantize: {name: "Dequantize", inputs: 1, writes: reals, shape: shapeSame},
	OpQuantize:   {name: "Quantize", inputs: 1, reads: reals, shape: shapeSame},
	OpSub:        {name: "Sub", inputs: 2, shape: shapeBinary, attrs: clamps},
	OpSlice: {name: "Slice", since: 0x12, inputs: 1, reads: either, writes: either, sinceFloat: sinceFloats, inputGrid: true, rank: imageRank, attrs: pads | 1<<attrStrideH | 1<<attrStrideW, defaults: []preset{{attrStrideH, is(1)}},
		shape: func(in *Instr, x []*Tensor, _ *Weight) ([]int, error) {
			s := x[0].Shape
			if !isImage(s) || in.PadT < 0 || in.PadB < 0 || in.PadL < 0 || in.PadR < 0 || in.StrideH < 1 || in.StrideW < 1 ||
				int64(in.PadT)+int64(in.PadB) >= int64(s[0]) || int64(in.PadL)+int64(in.PadR) >= int64(s[1]) {
				return nil, Error("slice of " + shapeString(s))
			}
			return []int{(s[0]-in.PadT-in.PadB-1)/in.StrideH + 1, (s[1]-in.PadL-in.PadR-1)/in.StrideW + 1, s[2]}, nil
		}},
	OpUnary: {name: "Unary", since: sinceFloats, inputs: 1, reads: reals, writes: reals, attrs: 1<<attrFunction | 1<<attrReal, shape: shapeUnary, memory: overwrite},
	OpBinary: {name: "Binary", since: sinceFloats, inputs: 2, reads: reals, writes: reals, attrs: 1 << attrFunction, rank: mostRank, memory: overwrite,
		shape: func(in *Instr, x []*Tensor, _ *Weight) ([]int, error) { return shapeFunction(in, BinaryFunctions, x) }},
	OpSelect: {name: "Select", since: sinceFloats, inputs: 3, reads: reals, writes: reals, rank: mostRank, memory: overwrite,
		shape: func(_ *Instr, x []*Tensor, _ *Weight) ([]int, error) { return broadcast(x) }},
	OpReduce: {name: "Reduce", since: sinceFloats, inputs: 1, reads: reals, writes: reals, shape: shapeReduce,
		attrs: 1<<attrFunction | 1<<attrAxis | 1<<attrDims, defaults: []preset{{attrDims, is(1)}}},
	OpNormalize: {name: "Normalize", since: sinceFloats, inputs: 1, reads: reals, writes: reals, attrs: 1<<attrFunction | 1<<attrReal, shape: shapeNormalize, memory: overwrite},
	OpMatMul:    {name: "MatMul", since: sinceFloats, inputs: 2, reads: reals, writes: reals, attrs: 1 << attrReverse, rank: mostRank, shape: shapeMatMul},
	OpGather: {name: "Gather", since: sinceFloats, inputs: many, reads: reals, writes: reals, weights: lookup, rank: gatherRank, shape: shapeGather,
		attrs: 1<<attrWeight | 1<<attrAxis, defaults: []preset{{attrWeight, standard{from: nextWeight}}}},
	OpConstant: {name: "Constant", since: sinceFloats, inputs: none, writes: reals, weights: filled, rank: shapeRank, shape: shapeConstant,
		attrs: 1 << attrWeight, defaults: []preset{{attrWeight, standard{from: nextWeight}}}, lists: []listUse{{list: listShape, counted: true}}},
	OpRecurrent: {name: "Recurrent", since: sinceFloats, inputs: many, reads: reals, writes: chosen, weights: states, shape: shapeRecurrent,
		attrs: 1<<attrFunction | 1<<attrReverse | 1<<attrWeight, defaults: []preset{{attrWeight, standard{from: nextWeight}}}},
	OpMove: {name: "Move", since: sinceFloats, inputs: 1, reads: either, writes: either, inputGrid: true, rank: shapeRank, shape: shapeMove, attrs: 1 << attrStart,
		lists: []listUse{{list: listShape, counted: true}, {list: listStrides, counted: true, signed: true}}},
	OpResize: {name: "Resize", since: sinceFloats, inputs: 1, inputGrid: true, rank: imageRank, shape: shapeResize,
		attrs:    window | 1<<attrStrideH | 1<<attrStrideW | 1<<attrPadT | 1<<attrPadL | 1<<attrFunction,
		defaults: []preset{{attrPadT, is(-1 << 18)}, {attrStrideH, is(1 << 19)}}},
	OpStretch: {name: "Stretch", since: sinceFloats, inputs: 1, inputGrid: true, rank: imageRank, shape: shapeStretch,
		attrs: 1<<attrStrideH | 1<<attrStrideW, defaults: []preset{{attrStrideH, is(2)}}},
}

// Groups of attributes that several opcodes use.
const (
	window  attrSet = 1<<attrKH | 1<<attrKW
	strides attrSet = 1<<attrStrideH | 1<<attrStrideW | 1<<attrDilH | 1<<attrDilW
	pads    attrSet = 1<<attrPadT | 1<<attrPadL | 1<<attrPadB | 1<<attrPadR
	clamps  attrSet = 1<<attrClampMin | 1<<attrClampMax
)

var poolDefaults = []preset{{attrKH, is(2)}, {attrStrideH, like(attrKH)}, {attrDilH, is(1)}}

func listRank(*Instr, []int) int { return 1 }

func imageRank(*Instr, []int) int { return 3 }

func shapeRank(in *Instr, _ []int) int { return len(in.Shape) }

func mostRank(_ *Instr, x []int) int { return slices.Max(append(x, 0)) }

// row returns what is known of op: an empty row of an unknown one.
func (op Opcode) row() *opcode {
	if int(op) >= len(rows) {
		op = 0
	}
	return &rows[op]
}

// known reports whether this version has op.
func (op Opcode) known() bool { return op.row().shape != nil }

// String returns the opcode's name.
func (op Opcode) String() string {
	if op.known() {
		return op.row().name
	}
	return "opcode " + itoa(int(op))
}

// Opcodes returns all opcodes of this version, in ascending order.
func Opcodes() []Opcode {
	var list []Opcode
	for op := range rows {
		if Opcode(op).known() {
			list = append(list, Opcode(op))
		}
	}
	return list
}

// weighted reports whether in has a weight operand.
func (in *Instr) weighted() bool {
	w := in.Op.row().weights
	return w != noWeights && (w != lookup || in.Weight >= 0)
}

// dtype returns the element type of an output whose inputs are x; float is bit 7 of the
// instruction.
func (e element) dtype(x []*Tensor, float bool) DType {
	switch {
	case e == reals, e == chosen && float:
		return Float32
	case e == either && len(x) > 0:
		return x[0].DType
	}
	return Int8
}

// accepts reports whether an input may have the type x.
func (e element) accepts(x DType) bool { return e == either || (x == Float32) == (e == reals) }

// gridded reports whether the file stores a grid for the output t of op.
func (op Opcode) gridded(t *Tensor) bool { return t.DType == Int8 && !op.row().inputGrid }
