package format

// File is a decoded model: everything that the runtime executes.
//
// Shapes have no batch dimension; images are HWC (channels last). The shape of
// an instruction's output follows from its inputs and attributes (OutShape),
// so the file does not store it and cannot contradict it.
type File struct {
	Tensors []Tensor    // activations: inputs, and the output of each instruction
	Instrs  []Instr     // in execution order
	Weights []Weight    // constant operands of instructions
	LUTs    [][256]int8 // tables of OpLUT: LUTs[k][q+128] is the image of q
	Inputs  []int       // indexes into Tensors
	Outputs []int       // indexes into Tensors
	Scaling []Scaling   // of inputs whose channels have grids of their own, by input
	State   []State     // outputs that are inputs of the next run, in the order of the inputs
	Arena   int         // bytes of working memory that Tensor.Offset points into
	Meta    Meta        // for device programs
	Test    *SelfTest   // nil when absent
}

// weights returns the number of weights.
func (f *File) weights() int {
	n := 0
	for i := range f.Weights {
		n += f.Weights[i].Elems()
	}
	return n
}

// DType is the element type of a tensor.
type DType uint8

// The element types. Numbers are never reused.
const (
	Int8    DType = 0
	Float32 DType = 1
)

// Size returns the bytes of one element.
func (d DType) Size() int {
	if d == Float32 {
		return 4
	}
	return 1
}

// Tensor is an activation in the arena. Int8: real = Scale * (q - Zero).
type Tensor struct {
	DType  DType   // of the elements
	Whole  bool    // of an input of Float32: its elements are whole numbers, such as tokens
	Shape  []int   // without batch; 1 to 4 dimensions
	Scale  float32 // 2^-40..2^30; 0 for Float32
	Zero   int     // -128..127
	Offset int     // bytes from the start of the arena, multiple of 4
}

// Elems returns the number of elements.
func (t *Tensor) Elems() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Instr is one step. Only the fields that its opcode names (Opcode) are used; the
// others are zero (Weight, LUT: -1).
type Instr struct {
	Op     Opcode // what it does
	In     []int  // indexes into Tensors
	Out    int    // index into Tensors
	Weight int    // index into Weights, -1: none
	LUT    int    // index into LUTs, -1: none

	KH, KW                 int   // pools; convolutions take them from the weights
	StrideH, StrideW       int   // distance of windows in rows and columns, at least 1
	DilH, DilW             int   // distance of a kernel's elements, at least 1
	PadT, PadL, PadB, PadR int   // rows and columns around an image, or taken off it (OpSlice); OpResize: a position
	Groups                 int   // of channels of a convolution, at least 1
	CountPad               bool  // OpAvgPool: the padding counts as elements
	PadValue               int8  // OpPad
	Axis                   int   // OpConcat, OpReduce, OpGather: dimension of the shape without batch
	Perm                   []int // OpTranspose
	Shape                  []int // OpReshape, OpConstant, OpMove: of the output

	Function int     // which one OpUnary, OpBinary, OpReduce, OpNormalize and OpResize compute
	Real     float32 // a function's parameter, OpNormalize's epsilon, the value that OpPad puts around Float32
	Reverse  bool    // OpMatMul: the second factor is transposed
	Dims     int     // OpReduce: how many dimensions, from Axis on
	Start    int     // OpMove: element of x
	Strides  []int   // OpMove: elements of x from one index of an output dimension to the next

	// ClampMin and ClampMax bound the Int8 result: a fused activation. -128 and 127: none.
	// Conv2D and Dense with a Float32 output: acc * inScale * wScale[c], no clamp.
	ClampMin, ClampMax int8

	// RoundOnce, of Conv2D and Dense with an Int8 result: the product of sum and
	// scales is rounded once, halves up, as in some of TFLite's kernels.
	RoundOnce bool
}

// Weight is the constant operand of OpConv2D, OpDense, OpGather and OpConstant. Of the first two
//
// acc[c] = Bias[c] + sum (x - zero) * w, in int32; the bias is in units of
// inScale * Scale[c]. The others read Scale[c] * w; see their opcodes.
type Weight struct {
	OutC, KH, KW, InC int       // InC is per group
	Scale             []float32 // one, or OutC; 2^-40..2^30
	Bias              []int32   // OutC; nil: zero
	Book              []int8    // sorted distinct values that occur, zero included; nil: values stored directly
	Values            []int8    // [OutC, KH, KW, InC], row-major
}

// Elems returns the number of weights.
func (w *Weight) Elems() int { return w.OutC * w.KH * w.KW * w.InC }

// Meta is what a device program needs beside the network. All of it is optional.
type Meta struct {
	Name   string     // of the network
	Labels []string   // one for each element of output 0, or none
	Input  Preprocess // of input 0
}

// Preprocess says how a picture or a file of bytes becomes input 0:
// real = (byte/255 - Mean[c]) / Std[c] when Bytes255 is false, and
// (byte - Mean[c]) / Std[c] when it is true. Empty Mean and Std mean 0 and 1.
type Preprocess struct {
	Bytes255 bool      `json:"raw"`            // bytes count as 0..255, not as 0..1
	Mean     []float32 `json:"mean,omitempty"` // one for each channel, or one for all
	Std      []float32 `json:"std,omitempty"`  // as Mean
	// ChannelsLast says that the network that was compressed takes [H,W,C], as Keras
	// networks do: real numbers come in this order, and not as [C,H,W]. The input is
	// an image.
	ChannelsLast bool `json:"channels_last,omitempty"`
}

// SelfTest proves that a device computes what the host computed: the CRC-32
// (IEEE) of output 0's bytes (little endian) for the input that
// SelfTestInput generates from Seed.
type SelfTest struct {
	Seed uint32 // below 2^31
	CRC  uint32 // of output 0
}
