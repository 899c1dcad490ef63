package export

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Lift turns a file back into a graph named name, in the host's order of
// dimensions, with the grids and integers that the device uses: Build lowers it
// to a network of the same results, and onnx.Encode writes it in the QDQ form.
// Images [H,W,C] become [1,C,H,W]; fused activations stay a Clamp of their
// operator, tables become op.Table, and masks and codebooks are gone: their
// weights are integers like others. Inputs are named "input", "input1", ...,
// outputs "output", "output1", ... unless they are inputs.
//
// f must be what format.Decode accepts. The error names the instruction.
func Lift(f *format.File, name string) (*graph.Graph, error) {
	l := &lifter{f: f, g: &graph.Graph{Name: name}, at: make([]*graph.Value, len(f.Tensors))}
	for k, t := range f.Inputs {
		v := l.value(fmt.Sprintf("input%s", suffix(k)), t)
		l.g.Inputs = append(l.g.Inputs, v)
		l.at[t] = v
	}
	for i := range f.Instrs {
		if err := l.instr(i, &f.Instrs[i]); err != nil {
			return nil, fmt.Errorf("export: instruction %d: %w", i, err)
		}
	}
	for k, t := range f.Outputs {
		v := l.at[t]
		if v == nil {
			return nil, fmt.Errorf("export: output %d is never computed", k)
		}
		if p := l.g.Producer(v); p != nil && !l.g.IsOutput(v) {
			v.Name = "output" + suffix(k)
		}
		l.g.Outputs = append(l.g.Outputs, v)
	}
	for _, p := range l.g.Params() {
		p.Refresh()
	}
	if err := l.g.InferShapes(); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return l.g, l.g.Check()
}

func suffix(k int) string {
	if k == 0 {
		return ""
	}
	return fmt.Sprint(k)
}

type lifter struct {
	f  *format.File
	g  *graph.Graph
	at []*graph.Value // of each tensor, its latest value
}

// hostShape returns the host's shape of a device shape: [H,W,C] is [1,C,H,W].
func hostShape(s []int) tensor.Shape {
	if len(s) == 3 {
		return tensor.Shape{1, s[2], s[0], s[1]}
	}
	return append(tensor.Shape{1}, s...)
}

// hostAxis returns the host's dimension of a device dimension.
func hostAxis(rank, axis int) int {
	if rank == 3 {
		return [3]int{2, 3, 1}[axis]
	}
	return axis + 1
}

// value makes a new activation for tensor t, on its grid.
func (l *lifter) value(name string, t int) *graph.Value {
	d := &l.f.Tensors[t]
	v := &graph.Value{Name: name, Shape: hostShape(d.Shape)}
	if d.DType == format.Int8 {
		v.Grid = &graph.Affine{Scale: d.Scale, Zero: d.Zero}
	}
	return v
}

// node appends a node that computes v.
func (l *lifter) node(i int, o graph.Op, v *graph.Value, in ...*graph.Value) {
	l.g.Nodes = append(l.g.Nodes, &graph.Node{Name: fmt.Sprintf("%s_%d", o.Name(), i), Op: o, Inputs: in, Outputs: []*graph.Value{v}})
}

func (l *lifter) instr(i int, in *format.Instr) error {
	x := make([]*graph.Value, len(in.In))
	for k, t := range in.In {
		if x[k] = l.at[t]; x[k] == nil {
			return fmt.Errorf("tensor %d is read before it is written", t)
		}
	}
	out := l.value(fmt.Sprintf("t%d", i), in.Out)
	rank := len(l.f.Tensors[in.Out].Shape)
	clamp := l.clamp(in)
	switch in.Op {
	case format.OpConv2D:
		o := op.Conv2D{StrideH: in.StrideH, StrideW: in.StrideW, DilH: in.DilH, DilW: in.DilW,
			PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR, Groups: in.Groups, Clamp: clamp, RoundOnce: in.RoundOnce}
		w, b := l.weight(i, in, nil)
		l.node(i, o, out, x[0], w, b)
	case format.OpDense:
		l.dense(i, in, clamp, out, x[0])
	case format.OpMaxPool:
		l.node(i, op.MaxPool{KH: in.KH, KW: in.KW, StrideH: in.StrideH, StrideW: in.StrideW, DilH: in.DilH, DilW: in.DilW,
			PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR}, out, x[0])
	case format.OpAvgPool:
		l.node(i, op.AvgPool{KH: in.KH, KW: in.KW, StrideH: in.StrideH, StrideW: in.StrideW, DilH: in.DilH, DilW: in.DilW,
			PadT: in.PadT, PadL: in.PadL, PadB: in.PadB, PadR: in.PadR, CountPad: in.CountPad}, out, x[0])
	case format.OpAdd:
		l.node(i, op.Add{Clamp: clamp}, out, x[0], l.repeated(i, x[1], x[0]))
	case format.OpSub:
		l.node(i, op.Sub{Clamp: clamp}, out, x[0], l.repeated(i, x[1], x[0]))
	case format.OpMul:
		l.node(i, op.Mul{}, out, x[0], l.repeated(i, x[1], x[0]))
	case format.OpLUT:
		from, to := &l.f.Tensors[in.In[0]], &l.f.Tensors[in.Out]
		l.node(i, op.Table{In: graph.Affine{Scale: from.Scale, Zero: from.Zero}, Out: graph.Affine{Scale: to.Scale, Zero: to.Zero}, Q: l.f.LUTs[in.LUT]}, out, x[0])
	case format.OpConcat:
		l.node(i, op.Concat{Axis: hostAxis(rank, in.Axis)}, out, x...)
	case format.OpPad:
		from := &l.f.Tensors[in.In[0]]
		o := op.Pad{Before: []int{0, 0, in.PadT, in.PadL}, After: []int{0, 0, in.PadB, in.PadR}, Value: from.Scale * float32(int(in.PadValue)-from.Zero)}
		l.node(i, o, out, x[0])
	case format.OpTranspose:
		perm := make([]int, rank+1)
		for d, p := range in.Perm {
			perm[hostAxis(rank, d)] = hostAxis(rank, p)
		}
		l.node(i, op.Transpose{Perm: perm}, out, x[0])
	case format.OpReshape:
		l.reshape(i, in, out, x[0])
	case format.OpSoftmax:
		l.node(i, op.Softmax{Axis: hostAxis(rank, rank-1)}, out, x[0])
	case format.OpDequantize:
		out = x[0] // the host computes with the real values already
	case format.OpQuantize:
		if l.readers(in.In[0]) == 1 && x[0].Grid == nil {
			x[0].Grid, out = out.Grid, x[0] // the softmax before it rounds its own result
			break
		}
		l.node(i, op.Reshape{Shape: []int(out.Shape.Sample())}, out, x[0])
	default:
		return fmt.Errorf("opcode %d is unknown", in.Op)
	}
	l.at[in.Out] = out
	return nil
}

// repeated returns v with as many dimensions as x, so that it is repeated within
// the samples and not over them.
func (l *lifter) repeated(i int, v, x *graph.Value) *graph.Value {
	if len(v.Shape) == len(x.Shape) {
		return v
	}
	r := &graph.Value{Name: fmt.Sprintf("one%d", i), Shape: make(tensor.Shape, len(x.Shape)), Grid: v.Grid}
	for d := range r.Shape {
		r.Shape[d] = 1
	}
	l.node(i, op.Reshape{Shape: r.Shape[1:]}, r, v)
	return r
}

// readers counts the instructions and outputs that read tensor t.
func (l *lifter) readers(t int) int {
	n := 0
	for _, o := range l.f.Outputs {
		if o == t {
			n++
		}
	}
	for i := range l.f.Instrs {
		for _, x := range l.f.Instrs[i].In {
			if x == t {
				n++
			}
		}
	}
	return n
}

// clamp returns the fused activation of an instruction. Limits at the ends of
// int8 are those of the grid, and need no clamp.
func (l *lifter) clamp(in *format.Instr) op.Clamp {
	t := &l.f.Tensors[in.Out]
	if t.DType != format.Int8 || in.ClampMin == -128 && in.ClampMax == 127 {
		return op.Clamp{}
	}
	c := op.Clamp{On: true, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))}
	if in.ClampMin != -128 {
		c.Lo = t.Scale * float32(int(in.ClampMin)-t.Zero)
	}
	if in.ClampMax != 127 {
		c.Hi = t.Scale * float32(int(in.ClampMax)-t.Zero)
	}
	return c
}

// weight returns the weights and bias (nil: none) of a layer as parameters on
// their grids. from maps column c of a dense layer's host order to the stored
// one; nil keeps the order.
func (l *lifter) weight(i int, in *format.Instr, from []int) (w, b *graph.Value) {
	s := &l.f.Weights[in.Weight]
	shape := tensor.Shape{s.OutC, s.InC, s.KH, s.KW}
	if in.Op == format.OpDense {
		shape = tensor.Shape{s.OutC, s.InC}
	}
	t := tensor.New(shape...)
	grid := &graph.Grid{Scale: s.Scale, Max: 127}
	per := s.KH * s.KW * s.InC
	for o := 0; o < s.OutC; o++ {
		for k := 0; k < per; k++ {
			c, p := k%s.InC, k/s.InC // stored as [kH, kW, inC]
			at := (o*s.InC+c)*s.KH*s.KW + p
			q := s.Values[o*per+k]
			if from != nil {
				at, q = o*per+k, s.Values[o*per+from[k]]
			}
			t.Data[at] = float32(q) * grid.ScaleOf(o)
		}
	}
	param := graph.NewParam(fmt.Sprintf("w%d", i), graph.Weight, t)
	param.Grid = grid
	w = &graph.Value{Name: param.Name, Shape: t.Shape, Param: param}
	if s.Bias == nil {
		return w, nil
	}
	bt := tensor.New(s.OutC)
	bg := &graph.Grid{Scale: make([]float32, len(s.Scale)), Max: math.MaxInt32}
	for c, ws := range s.Scale {
		bg.Scale[c] = l.f.Tensors[in.In[0]].Scale * ws
	}
	for c, q := range s.Bias {
		bt.Data[c] = float32(float64(q) * float64(bg.ScaleOf(c)))
	}
	bias := graph.NewParam(fmt.Sprintf("b%d", i), graph.Bias, bt)
	bias.Grid = bg
	return w, &graph.Value{Name: bias.Name, Shape: bt.Shape, Param: bias}
}

// dense reads any shape: an image is flattened in the host's order, and the
// columns follow.
func (l *lifter) dense(i int, in *format.Instr, clamp op.Clamp, out, x *graph.Value) {
	s := l.f.Tensors[in.In[0]].Shape
	var from []int
	if len(s) == 3 {
		h, w, c := s[0], s[1], s[2]
		for ch := 0; ch < c; ch++ {
			for p := 0; p < h*w; p++ {
				from = append(from, p*c+ch)
			}
		}
	}
	if len(x.Shape) > 2 {
		flat := &graph.Value{Name: fmt.Sprintf("flat%d", i), Shape: tensor.Shape{1, x.Shape.Size()}, Grid: x.Grid}
		l.node(i, op.Reshape{Shape: []int{x.Shape.Size()}}, flat, x)
		x = flat
	}
	w, b := l.weight(i, in, from)
	l.node(i, op.Dense{Clamp: clamp, RoundOnce: in.RoundOnce}, out, x, w, b)
}

// reshape keeps the device's order of elements: images pass through channels
// last.
func (l *lifter) reshape(i int, in *format.Instr, out, x *graph.Value) {
	from, to := l.f.Tensors[in.In[0]].Shape, l.f.Tensors[in.Out].Shape
	if len(from) == 3 {
		last := &graph.Value{Name: fmt.Sprintf("last%d", i), Shape: append(tensor.Shape{1}, from...), Grid: x.Grid}
		l.node(i, op.Transpose{Perm: []int{0, 2, 3, 1}}, last, x)
		x = last
	}
	if len(to) != 3 {
		l.node(i, op.Reshape{Shape: to}, out, x)
		return
	}
	flat := &graph.Value{Name: fmt.Sprintf("shaped%d", i), Shape: append(tensor.Shape{1}, to...), Grid: out.Grid}
	l.node(i, op.Reshape{Shape: to}, flat, x)
	l.node(i, op.Transpose{Perm: []int{0, 3, 1, 2}}, out, flat)
}
