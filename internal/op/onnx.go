package op

import (
	"edgec/internal/graph"
)

// ONNX receives the ONNX nodes of one node of the graph.
type ONNX interface {
	// Emit appends a node that reads in (an absent input is "") and defines out.
	Emit(opType string, in []string, out string, attrs ...Attr)
	// EmitAll is Emit of a node with several outputs; an absent one is "".
	EmitAll(opType string, in, out []string, attrs ...Attr)
	// Absorbed returns the node that n has absorbed (see ONNXAbsorber), nil if there is none;
	// Operand returns the name of an operand of it.
	Absorbed(n *graph.Node) *graph.Node
	Operand(v *graph.Value) string
	// Clip appends min(max(in, c.Lo), c.Hi) as Relu or Clip.
	Clip(in, out string, c Clamp)
	// Fresh returns name, numbered if it is taken.
	Fresh(name string) string
	// Scalar, Floats, Int64s and Int8s add an initializer and return its name. Int8s takes
	// values of -128..127 and dimensions, nil for a scalar.
	Scalar(name string, v float32) string
	Floats(name string, dims []int, v []float32) string
	Int64s(name string, v []int) string
	Int8s(name string, dims []int, v []int32) string
	// Need raises the operator set of the file, which is 13 at least, as far as an operator
	// or an attribute of it needs a later one.
	Need(opset int)
}

// Attr is an attribute of an ONNX node.
type Attr struct {
	Name  string
	Value any // int, float32, string, []int, []float32 or []string
}

// ONNXWriter is an operator that ONNX can express.
type ONNXWriter interface {
	graph.Op
	// WriteONNX emits what computes n's output from the named inputs, without the clamp of
	// a Clamper and without rounding to a grid. Absent inputs at the end are left out.
	WriteONNX(w ONNX, n *graph.Node, in []string, out string)
}

// ONNXAbsorber is an operator whose ONNX form can stand for the node before it too, that
// makes its first input and that nothing else reads.
type ONNXAbsorber interface {
	ONNXWriter
	// AbsorbsONNX reports whether it can for that node. ONNX.Absorbed then returns the node,
	// which is not written itself.
	AbsorbsONNX(before *graph.Node) bool
}
