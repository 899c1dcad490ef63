package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Lifter rebuilds the nodes of one instruction. The host's values hold real numbers, and
// images lie as [1,C,H,W].
type Lifter interface {
	// Tensor returns tensor t of the file.
	Tensor(t int) *format.Tensor
	// Table returns table k of the file.
	Table(k int) [256]int8
	// Readers counts the instructions and outputs that read tensor t.
	Readers(t int) int
	// Clamp returns the fused activation of an instruction.
	Clamp(in *format.Instr) Clamp
	// Weights returns the weights and bias (nil: none) of a layer as parameters on their
	// grids: [out, in] if flat, else [outC, inC/groups, kH, kW]. from maps column c of flat
	// weights in the host's order to the stored one; nil keeps the order.
	Weights(in *format.Instr, flat bool, from []int) (w, b *graph.Value)
	// Constant returns the numbers of an OpConstant as a parameter in the host's order, Rows the
	// table of an OpGather.
	Constant(in *format.Instr) *graph.Value
	Rows(in *format.Instr) *graph.Value
	// WeightsOf is Weights, flat, of what meets vectors in steps of scale around zero.
	WeightsOf(in *format.Instr, scale float32) (w, b *graph.Value)
	// Temp makes a value between two nodes of the instruction.
	Temp(name string, shape tensor.Shape, grid *graph.Affine) *graph.Value
	// Producer returns the operator that computes v; nil: none of the nodes so far.
	Producer(v *graph.Value) graph.Op
	// Node appends a node that computes out, and returns out.
	Node(o graph.Op, out *graph.Value, in ...*graph.Value) *graph.Value
}

// LiftFunc rebuilds an instruction from the values x of its inputs. It returns the value
// of its output: out, or an earlier one that holds the same numbers.
type LiftFunc func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value

var lifts = map[format.Opcode]LiftFunc{format.OpDequantize: liftDequantize, format.OpQuantize: liftQuantize}

// RegisterLift says how instructions of an opcode are rebuilt. The operator's file calls
// it from init.
func RegisterLift(code format.Opcode, f LiftFunc) {
	if lifts[code] != nil {
		panic(fmt.Sprintf("op: opcode %d is registered twice", code))
	}
	lifts[code] = f
}

// LiftOf returns how instructions of an opcode are rebuilt, nil if it is unknown.
func LiftOf(code format.Opcode) LiftFunc { return lifts[code] }

// liftDequantize has nothing to do: the host computes with the real values already.
func liftDequantize(_ Lifter, _ *format.Instr, _ *graph.Value, x []*graph.Value) *graph.Value {
	return x[0]
}

// liftQuantize has a softmax before it round its own result, if nothing else reads that.
func liftQuantize(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	if _, soft := l.Producer(x[0]).(Softmax); soft && l.Readers(in.In[0]) == 1 && x[0].Grid == nil {
		x[0].Grid = out.Grid
		return x[0]
	}
	return l.Node(ToGrid{}, out, x[0])
}
