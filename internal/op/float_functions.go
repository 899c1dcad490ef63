package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// floatStep is one instruction of a function of one number: of OpUnary, or of OpBinary with
// the constant k as its second operand, its first if left.
type floatStep struct {
	function int
	real     float32 // parameter of OpUnary
	binary   bool
	k        float32
	left     bool
}

func unary(function int) []floatStep { return []floatStep{{function: function}} }

func with(function int, k float32) floatStep {
	return floatStep{function: function, binary: true, k: k}
}

// floatFunction is an Elementwise that the device computes in float32 too.
type floatFunction interface{ floatSteps() []floatStep }

// functionSteps returns the instructions of o, nil if the device has none on float32.
func functionSteps(o graph.Op) []floatStep {
	if f, ok := o.(floatFunction); ok {
		return f.floatSteps()
	}
	return nil
}

func (Ceil) floatSteps() []floatStep       { return unary(format.UnaryCeil) }
func (Cos) floatSteps() []floatStep        { return unary(format.UnaryCos) }
func (Floor) floatSteps() []floatStep      { return unary(format.UnaryFloor) }
func (IsNaN) floatSteps() []floatStep      { return unary(format.UnaryIsNaN) }
func (Log) floatSteps() []floatStep        { return unary(format.UnaryLog) }
func (Mish) floatSteps() []floatStep       { return unary(format.UnaryMish) }
func (Not) floatSteps() []floatStep        { return unary(format.UnaryNot) }
func (Reciprocal) floatSteps() []floatStep { return unary(format.UnaryReciprocal) }
func (Round) floatSteps() []floatStep      { return unary(format.UnaryRound) }
func (Sign) floatSteps() []floatStep       { return unary(format.UnarySign) }
func (Sin) floatSteps() []floatStep        { return unary(format.UnarySin) }
func (Softplus) floatSteps() []floatStep   { return unary(format.UnarySoftplus) }
func (Abs) floatSteps() []floatStep        { return unary(format.UnaryAbs) }
func (Neg) floatSteps() []floatStep        { return unary(format.UnaryNeg) }
func (Erf) floatSteps() []floatStep        { return unary(format.UnaryErf) }
func (Exp) floatSteps() []floatStep        { return unary(format.UnaryExp) }
func (HardSwish) floatSteps() []floatStep  { return unary(format.UnaryHardSwish) }
func (Relu) floatSteps() []floatStep       { return unary(format.UnaryRelu) }
func (Sigmoid) floatSteps() []floatStep    { return unary(format.UnarySigmoid) }
func (Softsign) floatSteps() []floatStep   { return unary(format.UnarySoftsign) }
func (Sqrt) floatSteps() []floatStep       { return unary(format.UnarySqrt) }
func (Tanh) floatSteps() []floatStep       { return unary(format.UnaryTanh) }

func (o Elu) floatSteps() []floatStep {
	return []floatStep{{function: format.UnaryElu, real: float32(o.alpha())}}
}

func (o Selu) floatSteps() []floatStep {
	return append(Elu{o.Alpha}.floatSteps(), with(format.BinaryMul, o.Gamma))
}

func (o Celu) floatSteps() []floatStep {
	return []floatStep{with(format.BinaryDiv, o.Alpha), {function: format.UnaryElu, real: 1}, with(format.BinaryMul, o.Alpha)}
}

func (o Swish) floatSteps() []floatStep {
	if o.Alpha == 1 {
		return unary(format.UnarySilu)
	}
	return []floatStep{with(format.BinaryMul, o.Alpha), {function: format.UnarySilu}, with(format.BinaryDiv, o.Alpha)}
}

func (o Gelu) floatSteps() []floatStep {
	if o.Tanh {
		return unary(format.UnaryGeluTanh)
	}
	return unary(format.UnaryGelu)
}

func (o LeakyRelu) floatSteps() []floatStep {
	return []floatStep{{function: format.UnaryLeakyRelu, real: o.Alpha}}
}

func (o HardSigmoid) floatSteps() []floatStep {
	if o.Beta == 0.5 {
		return []floatStep{{function: format.UnaryHardSigmoid, real: o.Alpha}}
	}
	return []floatStep{with(format.BinaryMul, o.Alpha), with(format.BinaryAdd, o.Beta), with(format.BinaryMax, 0), with(format.BinaryMin, 1)}
}

func (o Power) floatSteps() []floatStep {
	if o.K == 2 {
		return unary(format.UnarySquare)
	}
	return []floatStep{with(format.BinaryPow, o.K)}
}

func (o Clip) floatSteps() []floatStep { return clampSteps(o.Limits()) }

// clampSteps limits a number.
func clampSteps(c Clamp) (s []floatStep) {
	if c.Lo == 0 {
		s = unary(format.UnaryRelu)
	} else if !math.IsInf(float64(c.Lo), -1) {
		s = append(s, with(format.BinaryMax, c.Lo))
	}
	if !math.IsInf(float64(c.Hi), 1) {
		s = append(s, with(format.BinaryMin, c.Hi))
	}
	return s
}

// ClampSteps returns the instructions that limit a number; see instructions.
func ClampSteps(d Device, c Clamp) []format.Instr {
	if !c.On {
		return nil
	}
	return instructions(d, clampSteps(c))
}

// LowerFunction emits function n of one activation on float32, element by element as they
// lie. The error says that there is no such form.
func LowerFunction(d Device, n *graph.Node) error {
	steps := functionSteps(n.Op)
	if steps == nil {
		if o, ok := n.Op.(FloatLowerer); ok {
			return o.LowerFloat(d, n)
		}
		return &graph.Refusal{What: "the device has no float32 form of this function", Remedy: "compute it from values on an int8 grid: calibrate the network"}
	}
	d.EmitSteps(n.Inputs[0], n.Outputs[0], instructions(d, steps))
	return nil
}

// instructions are those of steps, each of which reads what the one before wrote: the operand
// that is -1.
func instructions(d Device, steps []floatStep) (list []format.Instr) {
	for _, s := range steps {
		in := format.Instr{Op: format.OpUnary, Function: s.function, Real: s.real, In: []int{-1}}
		if s.binary {
			in.Op, in.Real = format.OpBinary, 0
			in.In = []int{-1, d.Scalar(s.k)}
			if s.left {
				in.In[0], in.In[1] = in.In[1], in.In[0]
			}
		}
		list = append(list, in)
	}
	return list
}

// unaries has the operator of each function of the device, for files that are read back.
var unaries = [format.UnaryFunctions]func(real float32) graph.Op{
	format.UnaryAbs:         func(float32) graph.Op { return Abs{} },
	format.UnaryNeg:         func(float32) graph.Op { return Neg{} },
	format.UnaryCeil:        func(float32) graph.Op { return Ceil{} },
	format.UnaryCos:         func(float32) graph.Op { return Cos{} },
	format.UnaryElu:         func(real float32) graph.Op { return Elu{real} },
	format.UnaryFloor:       func(float32) graph.Op { return Floor{} },
	format.UnaryIsNaN:       func(float32) graph.Op { return IsNaN{} },
	format.UnaryLog:         func(float32) graph.Op { return Log{} },
	format.UnaryMish:        func(float32) graph.Op { return Mish{} },
	format.UnaryNot:         func(float32) graph.Op { return Not{} },
	format.UnaryRound:       func(float32) graph.Op { return Round{} },
	format.UnarySign:        func(float32) graph.Op { return Sign{} },
	format.UnarySilu:        func(float32) graph.Op { return Swish{1} },
	format.UnarySin:         func(float32) graph.Op { return Sin{} },
	format.UnarySoftplus:    func(float32) graph.Op { return Softplus{} },
	format.UnaryTruncate:    func(float32) graph.Op { return Cast{To: graph.Integer} },
	format.UnarySquare:      func(float32) graph.Op { return Power{K: 2} },
	format.UnarySqrt:        func(float32) graph.Op { return Sqrt{} },
	format.UnaryReciprocal:  func(float32) graph.Op { return Reciprocal{} },
	format.UnaryExp:         func(float32) graph.Op { return Exp{} },
	format.UnaryTanh:        func(float32) graph.Op { return Tanh{} },
	format.UnarySigmoid:     func(float32) graph.Op { return Sigmoid{} },
	format.UnaryErf:         func(float32) graph.Op { return Erf{} },
	format.UnaryRelu:        func(float32) graph.Op { return Relu{} },
	format.UnaryLeakyRelu:   func(real float32) graph.Op { return LeakyRelu{real} },
	format.UnarySoftsign:    func(float32) graph.Op { return Softsign{} },
	format.UnaryHardSigmoid: func(real float32) graph.Op { return HardSigmoid{real, 0.5} },
	format.UnaryHardSwish:   func(float32) graph.Op { return HardSwish{} },
	format.UnaryGelu:        func(float32) graph.Op { return Gelu{} },
	format.UnaryGeluTanh:    func(float32) graph.Op { return Gelu{Tanh: true} },
}
