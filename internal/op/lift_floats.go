package op

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// The float32 instructions see the elements of a tensor in the device's order. Where that is an
// image's, a Transpose brings it there and the result back; simplification cancels pairs.

// lasts returns the device's order of v, whose tensor has the given shape.
func lasts(l Lifter, v *graph.Value, shape []int) *graph.Value {
	if len(shape) != 3 {
		return v
	}
	if v.Param != nil {
		return lastParam(v)
	}
	return l.Node(Transpose{Perm: []int{0, 2, 3, 1}}, l.Temp("last", append(tensor.Shape{1}, shape...), v.Grid), v)
}

// lastParam returns the constant v, [1,C,H,W], as [1,H,W,C].
func lastParam(v *graph.Value) *graph.Value {
	o := Transpose{Perm: []int{0, 2, 3, 1}}
	s, err := o.Infer([]tensor.Shape{v.Shape})
	if err != nil {
		return v
	}
	t := tensor.New(s[0]...)
	o.Forward(nil, []*tensor.Tensor{t}, []*tensor.Tensor{v.Param.Shadow})
	p := graph.NewParam(v.Param.Name, v.Param.Role, t)
	return &graph.Value{Name: v.Name, Shape: t.Shape, Param: p}
}

// liftOn appends o on the inputs of in in the device's order, and returns the result in the
// host's.
func liftOn(l Lifter, in *format.Instr, o graph.Op, out *graph.Value, x []*graph.Value) *graph.Value {
	var ordered []*graph.Value
	for k, v := range x {
		ordered = append(ordered, lasts(l, v, l.Tensor(in.In[k]).Shape))
	}
	shape := l.Tensor(in.Out).Shape
	if len(shape) != 3 {
		return l.Node(o, out, ordered...)
	}
	y := l.Node(o, l.Temp("ordered", append(tensor.Shape{1}, shape...), out.Grid), ordered...)
	return l.Node(Transpose{Perm: []int{0, 3, 1, 2}}, out, y)
}

// ranked gives the operands of a broadcast as many dimensions as the output has.
func ranked(l Lifter, in *format.Instr, x []*graph.Value) []*graph.Value {
	rank, all := len(l.Tensor(in.Out).Shape), slices.Clone(x)
	for k, v := range x {
		s := l.Tensor(in.In[k]).Shape
		if len(s) == rank || v.Param != nil {
			continue
		}
		shape := append(slices.Repeat([]int{1}, rank-len(s)), s...)
		all[k] = l.Node(Reshape{Shape: shape}, l.Temp("ranked", append(tensor.Shape{1}, shape...), v.Grid), lasts(l, v, s))
	}
	return all
}

// liftBroadcast is liftOn for operands that are broadcast.
func liftBroadcast(l Lifter, in *format.Instr, o graph.Op, out *graph.Value, x []*graph.Value) *graph.Value {
	rank := len(l.Tensor(in.Out).Shape)
	all := ranked(l, in, x)
	for k, v := range all {
		if v == x[k] {
			all[k] = lasts(l, v, l.Tensor(in.In[k]).Shape)
		}
	}
	if rank != 3 {
		return l.Node(o, out, all...)
	}
	y := l.Node(o, l.Temp("ordered", append(tensor.Shape{1}, l.Tensor(in.Out).Shape...), out.Grid), all...)
	return l.Node(Transpose{Perm: []int{0, 3, 1, 2}}, out, y)
}

func init() {
	RegisterLift(format.OpUnary, func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		return l.Node(unaries[in.Function](in.Real), out, x[0])
	})
	RegisterLift(format.OpBinary, func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		return liftBroadcast(l, in, binaries[in.Function], out, x)
	})
	RegisterLift(format.OpSelect, func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		return liftBroadcast(l, in, Where{}, out, x)
	})
	RegisterLift(format.OpReduce, liftReduce)
	RegisterLift(format.OpNormalize, func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		o := Normalize{RMS: in.Function == format.NormalizeRMS, Axis: len(l.Tensor(in.Out).Shape), Epsilon: in.Real}
		return liftOn(l, in, o, out, x)
	})
	RegisterLift(format.OpMatMul, func(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
		return liftBroadcast(l, in, MatMul{TransposeB: in.Reverse}, out, x)
	})
	RegisterLift(format.OpGather, liftGather)
	RegisterLift(format.OpConstant, func(l Lifter, in *format.Instr, _ *graph.Value, _ []*graph.Value) *graph.Value {
		return l.Constant(in)
	})
	RegisterLift(format.OpMove, liftMove)
}

// binaries has the operator of each function of two numbers.
var binaries = [format.BinaryFunctions]graph.Op{
	format.BinaryAdd:   Add{},
	format.BinarySub:   Sub{},
	format.BinaryMul:   Mul{},
	format.BinaryDiv:   Div{},
	format.BinaryPRelu: PRelu{},

	format.BinaryMax:         Maximum{},
	format.BinaryMin:         Minimum{},
	format.BinaryPow:         Pow{},
	format.BinaryMod:         Mod{},
	format.BinaryFmod:        Mod{C: true},
	format.BinaryEqual:       Compare{Equal},
	format.BinaryLess:        Compare{Less},
	format.BinaryLessOrEqual: Compare{LessOrEqual},
	format.BinaryAnd:         Compare{And},
	format.BinaryOr:          Compare{Or},
	format.BinaryXor:         Compare{Xor},
}

func liftReduce(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	var axes []int
	for d := range in.Dims {
		axes = append(axes, in.Axis+d+1)
	}
	if in.Function == format.ReduceArgMax || in.Function == format.ReduceArgMin {
		return liftArgMax(l, in, out, x)
	}
	kind := slices.IndexFunc(deviceReductions[:], func(r deviceReduction) bool {
		return r.function == in.Function && r.before == nil && r.after == nil
	})
	return liftOn(l, in, Reduce{Kind: Reduction(kind), Axes: axes}, out, x)
}

// liftArgMax sees the dimensions as one.
func liftArgMax(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	s, shape := tensor.Shape(l.Tensor(in.In[0]).Shape), l.Tensor(in.Out).Shape
	end := in.Axis + in.Dims
	flat := tensor.Shape{1, s[:in.Axis].Size(), s[in.Axis:end].Size(), s[end:].Size()}
	v := l.Node(Reshape{Shape: flat[1:]}, l.Temp("rows", flat, nil), lasts(l, x[0], s))
	v = l.Node(ArgMax{Axis: 2, Min: in.Function == format.ReduceArgMin}, l.Temp("index", tensor.Shape{1, flat[1], 1, flat[3]}, nil), v)
	if len(shape) != 3 {
		return l.Node(Reshape{Shape: shape}, out, v)
	}
	v = l.Node(Reshape{Shape: shape}, l.Temp("shaped", append(tensor.Shape{1}, shape...), nil), v)
	return l.Node(Transpose{Perm: []int{0, 3, 1, 2}}, out, v)
}

func liftGather(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	if in.Weight < 0 {
		o := Gather{Axis: in.Axis + 1}
		if rank := len(l.Tensor(in.In[1]).Shape); x[1].Param != nil && rank == 1 {
			return liftOn(l, in, Gather{Axis: o.Axis, Index: wholes(x[1].Param, l.Tensor(in.In[0]).Shape[in.Axis])}, out, x[:1])
		}
		return liftOn(l, in, o, out, x)
	}
	table := l.Rows(in)
	index := lasts(l, x[0], l.Tensor(in.In[0]).Shape)
	shape := l.Tensor(in.Out).Shape
	if len(shape) != 3 {
		return l.Node(Gather{}, out, table, index)
	}
	y := l.Node(Gather{}, l.Temp("rows", append(tensor.Shape{1}, shape...), out.Grid), table, index)
	return l.Node(Transpose{Perm: []int{0, 3, 1, 2}}, out, y)
}

// wholes returns constant numbers as indexes of n elements.
func wholes(p *graph.Param, n int) []int {
	index := make([]int, len(p.Value.Data))
	for i, v := range p.Value.Data {
		index[i] = indexOf(v, n)
	}
	return index
}

// liftMove picks the elements one by one: by constant indexes of the flat input.
func liftMove(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	n, shape := l.Tensor(in.In[0]).Elems(), l.Tensor(in.Out).Shape
	var index []int
	for i := range l.Tensor(in.Out).Elems() {
		at := in.Start
		for d := len(shape) - 1; d >= 0; d-- {
			at += i % shape[d] * in.Strides[d]
			i /= shape[d]
		}
		index = append(index, at)
	}
	v := lasts(l, x[0], l.Tensor(in.In[0]).Shape)
	v = l.Node(Reshape{Shape: []int{n}}, l.Temp("flat", tensor.Shape{1, n}, v.Grid), v)
	v = l.Node(pick(n, index), l.Temp("moved", tensor.Shape{1, len(index)}, out.Grid), v)
	if len(shape) != 3 {
		return l.Node(Reshape{Shape: shape}, out, v)
	}
	v = l.Node(Reshape{Shape: shape}, l.Temp("shaped", append(tensor.Shape{1}, shape...), out.Grid), v)
	return l.Node(Transpose{Perm: []int{0, 3, 1, 2}}, out, v)
}

// pick returns the operator that picks the indexes of n elements [1,n]: a Slice where they have the
// same distance.
func pick(n int, index []int) graph.Op {
	step := 1
	if len(index) > 1 {
		step = index[1] - index[0]
	}
	for i, k := range index {
		if step == 0 || k != index[0]+i*step {
			return Gather{Axis: 1, Index: index}
		}
	}
	first, last := index[0], index[len(index)-1]
	if step < 0 {
		first, last = last, first
	}
	return Slice{Before: []int{0, first}, After: []int{0, n - 1 - last}, Step: []int{1, step}}
}
