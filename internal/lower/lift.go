package lower

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Lift turns a file back into a graph named name, in the host's order of
// dimensions, with the grids and integers that the device uses: Build lowers it
// to a network of the same results, and onnx.Encode writes it in the QDQ form.
// Images [H,W,C] become [1,C,H,W]; fused activations stay a Clamp of their
// operator, tables become op.Table, codebooks are those of the file, and masks are gone:
// pruned weights are zeros like others. Inputs are named "input", "input1", ...,
// outputs "output", "output1", ... unless they are inputs.
//
// f must be what format.Decode accepts. The error names the instruction.
func Lift(f *format.File, name string) (*graph.Graph, error) {
	l := &lifter{f: f, g: &graph.Graph{Name: name}, at: make([]*graph.Value, len(f.Tensors)), reads: make([]int, len(f.Tensors)), made: map[*graph.Value]graph.Op{}}
	l.count()
	for k, t := range f.Inputs {
		v := l.value(fmt.Sprintf("input%s", suffix(k)), t)
		l.g.Inputs = append(l.g.Inputs, v)
		l.at[t] = v
		if s := f.ScalingOf(k); s != nil {
			l.at[t] = l.scaled(v, s, t)
		}
	}
	l.g.Inputs[0].ChannelsLast = f.Meta.Input.ChannelsLast
	for i := range f.Instrs {
		if err := l.lift(i); err != nil {
			return nil, fmt.Errorf("lower: instruction %d: %w", i, err)
		}
	}
	named := map[*graph.Value]bool{}
	for _, v := range l.g.Inputs {
		named[v] = true
	}
	for k, t := range f.Outputs {
		v := l.at[t]
		if v == nil {
			return nil, fmt.Errorf("lower: output %d is never computed", k)
		}
		if !named[v] {
			named[v], v.Name = true, "output"+suffix(k)
		}
		l.g.Outputs = append(l.g.Outputs, v)
	}
	for _, s := range f.State {
		l.g.State = append(l.g.State, graph.StateLink(s))
	}
	for _, p := range l.g.Params() {
		p.Refresh()
	}
	if err := l.g.InferShapes(); err != nil {
		return nil, fmt.Errorf("lower: %w", err)
	}
	return l.g, l.g.Check()
}

// scaled returns what the device makes of input v, whose channels it scales.
func (l *lifter) scaled(v *graph.Value, s *format.Scaling, t int) *graph.Value {
	y := l.value(v.Name+"_scaled", t)
	v.Grid = nil
	o := op.LiftScaling(s, &l.f.Tensors[t])
	l.g.Nodes = append(l.g.Nodes, &graph.Node{Name: y.Name, Op: o, Inputs: []*graph.Value{v}, Outputs: []*graph.Value{y}})
	return y
}

func suffix(k int) string {
	if k == 0 {
		return ""
	}
	return fmt.Sprint(k)
}

// lifter collects the graph; it is the op.Lifter of the instruction in hand.
type lifter struct {
	f     *format.File
	g     *graph.Graph
	at    []*graph.Value // of each tensor, its latest value
	reads []int          // of each tensor, as an operand or an output
	instr int            // in hand
	made  map[*graph.Value]graph.Op
}

// value makes a new activation for tensor t, on its grid.
func (l *lifter) value(name string, t int) *graph.Value {
	d := &l.f.Tensors[t]
	v := &graph.Value{Name: name, Shape: op.HostShape(d.Shape)}
	switch {
	case d.DType == format.Int8:
		v.Grid = &graph.Affine{Scale: d.Scale, Zero: d.Zero}
	case d.Whole:
		v.Elem = graph.Integer
	}
	return v
}

// lift rebuilds instruction i.
func (l *lifter) lift(i int) error {
	in := &l.f.Instrs[i]
	x := make([]*graph.Value, len(in.In))
	for k, t := range in.In {
		if x[k] = l.at[t]; x[k] == nil {
			return fmt.Errorf("tensor %d is read before it is written", t)
		}
	}
	lift := op.LiftOf(in.Op)
	if lift == nil {
		return fmt.Errorf("opcode %d is unknown", in.Op)
	}
	l.instr = i
	l.at[in.Out] = lift(l, in, l.value(fmt.Sprintf("t%d", i), in.Out), x)
	return nil
}

// Tensor implements op.Lifter.
func (l *lifter) Tensor(t int) *format.Tensor { return &l.f.Tensors[t] }

// Table implements op.Lifter.
func (l *lifter) Table(k int) [256]int8 { return l.f.LUTs[k] }

// Temp implements op.Lifter.
func (l *lifter) Temp(name string, shape tensor.Shape, grid *graph.Affine) *graph.Value {
	return &graph.Value{Name: fmt.Sprintf("%s%d", name, l.instr), Shape: shape, Grid: grid}
}

// Node implements op.Lifter.
func (l *lifter) Node(o graph.Op, out *graph.Value, in ...*graph.Value) *graph.Value {
	name := fmt.Sprintf("%s_%d", o.Name(), l.instr)
	l.made[out] = o
	l.g.Nodes = append(l.g.Nodes, &graph.Node{Name: name, Op: o, Inputs: in, Outputs: []*graph.Value{out}})
	return out
}

// Producer implements op.Lifter.
func (l *lifter) Producer(v *graph.Value) graph.Op { return l.made[v] }

// count counts the readers of each tensor.
func (l *lifter) count() {
	for _, t := range l.f.Outputs {
		l.reads[t]++
	}
	for i := range l.f.Instrs {
		for _, t := range l.f.Instrs[i].In {
			l.reads[t]++
		}
	}
}

// Readers implements op.Lifter.
func (l *lifter) Readers(t int) int { return l.reads[t] }

// Clamp implements op.Lifter. Limits at the ends of int8 are those of the grid, and
// need no clamp.
func (l *lifter) Clamp(in *format.Instr) op.Clamp {
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

// Weights implements op.Lifter.
func (l *lifter) Weights(in *format.Instr, flat bool, from []int) (w, b *graph.Value) {
	return l.weights(in, l.f.Tensors[in.In[0]].Scale, flat, from)
}

// WeightsOf implements op.Lifter.
func (l *lifter) WeightsOf(in *format.Instr, scale float32) (w, b *graph.Value) {
	return l.weights(in, scale, true, nil)
}

// weights returns the weights that meet values in steps of scale.
func (l *lifter) weights(in *format.Instr, scale float32, flat bool, from []int) (w, b *graph.Value) {
	s := &l.f.Weights[in.Weight]
	shape := tensor.Shape{s.OutC, s.InC, s.KH, s.KW}
	if flat {
		shape = tensor.Shape{s.OutC, s.InC}
	}
	t := tensor.New(shape...)
	grid := &graph.Grid{Scale: s.Scale, Max: math.MaxInt8}
	if slices.Contains(s.Values, math.MinInt8) {
		grid.Min = math.MinInt8
	}
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
	param := graph.NewParam(fmt.Sprintf("w%d", l.instr), graph.Weight, t)
	param.Grid = grid
	if s.Book != nil {
		param.Book = liftBook(s.Book, param.Quanta())
	}
	w = &graph.Value{Name: param.Name, Shape: t.Shape, Param: param}
	if s.Bias == nil {
		return w, nil
	}
	bt := tensor.New(s.OutC)
	bg := &graph.Grid{Scale: make([]float32, len(s.Scale)), Max: math.MaxInt32}
	for c, ws := range s.Scale {
		bg.Scale[c] = scale * ws
	}
	for c, q := range s.Bias {
		bt.Data[c] = float32(float64(q) * float64(bg.ScaleOf(c)))
	}
	bias := graph.NewParam(fmt.Sprintf("b%d", l.instr), graph.Bias, bt)
	bias.Grid = bg
	if !slices.Equal(bias.Quanta(), s.Bias) {
		bias.Exact = s.Bias
	}
	return w, &graph.Value{Name: bias.Name, Shape: bt.Shape, Param: bias}
}

// liftBook returns the codebook of weights that have the values q of a sorted book.
func liftBook(values []int8, q []int32) *graph.Codebook {
	b := &graph.Codebook{Centroids: []float32{0}, Index: make([]uint8, len(q))}
	var at [256]uint8
	for _, v := range values {
		if v != 0 {
			at[int(v)+128] = uint8(len(b.Centroids))
			b.Centroids = append(b.Centroids, float32(v))
		}
	}
	for i, v := range q {
		b.Index[i] = at[v+128]
	}
	return b
}

// Constant implements op.Lifter.
func (l *lifter) Constant(in *format.Instr) *graph.Value {
	s := &l.f.Weights[in.Weight]
	t := tensor.New(op.HostShape(in.Shape)...)
	inner, outer := 1, 1 // channels and pixels of an image
	if len(in.Shape) == 3 {
		inner = in.Shape[2]
		outer = in.Shape[0] * in.Shape[1]
	}
	for i, q := range s.Values {
		r, n := i/s.InC, int64(q)
		if s.Bias != nil {
			n += int64(s.Bias[r])
		}
		at := i
		if len(in.Shape) == 3 {
			at = i%inner*outer + i/inner
		}
		t.Data[at] = float32(float64(n)) * s.Scale[min(r, len(s.Scale)-1)]
	}
	p := graph.NewParam(fmt.Sprintf("k%d", l.instr), graph.Constant, t)
	return &graph.Value{Name: p.Name, Shape: t.Shape, Param: p}
}

// Rows implements op.Lifter.
func (l *lifter) Rows(in *format.Instr) *graph.Value {
	s := &l.f.Weights[in.Weight]
	t := tensor.New(s.OutC, s.InC)
	grid := &graph.Grid{Scale: s.Scale, Max: math.MaxInt8}
	if slices.Contains(s.Values, math.MinInt8) {
		grid.Min = math.MinInt8
	}
	for i, q := range s.Values {
		t.Data[i] = float32(q) * grid.ScaleOf(i/s.InC)
	}
	p := graph.NewParam(fmt.Sprintf("w%d", l.instr), graph.Weight, t)
	p.Grid = grid
	if s.Book != nil {
		p.Book = liftBook(s.Book, p.Quanta())
	}
	return &graph.Value{Name: p.Name, Shape: t.Shape, Param: p}
}
