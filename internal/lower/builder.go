package lower

import (
	"errors"
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/runtime/format"
)

// builder collects the instructions; it is the op.Device of one Build.
type builder struct {
	g         *graph.Graph
	links     *graph.Links
	f         *format.File
	node      *graph.Node // being lowered
	at        map[*graph.Value]location
	luts      map[[256]int8]int
	views     map[view]int          // the tensor that a reshape made
	any       map[*graph.Value]bool // what AnyOrder has found
	floats    map[*graph.Value]bool // that are float32; see op.Floats
	weights   int                   // of all layers
	constants map[*graph.Param]int  // the weights of those that OpConstant reads
	fine      fine                  // what is known of values on fine grids
	err       error                 // the first one of the node
	cause     graph.Causes          // the errors of all nodes
	lost      map[*graph.Value]bool // values that nodes with errors should have made
}

// view is a tensor under another shape, in the form of fmt.Sprint.
type view struct {
	tensor int
	shape  string
}

// location says which tensor holds a value, and in which order its elements lie.
type location struct {
	tensor int
	order  layout
	from   []int // instead of order: an order that no strides describe
}

func (b *builder) fail(err error) {
	if b.err != nil {
		return
	}
	b.err = b.named(err)
}

// note adds an error that does not keep the nodes behind this one from finding theirs.
func (b *builder) note(err error) { b.cause.Add(b.named(err)) }

// named puts the node before err.
func (b *builder) named(err error) error {
	if b.node == nil {
		return err
	}
	return graph.Named(fmt.Sprintf("node %q (%s)", b.node.Name, b.node.Op.Name()), err)
}

// settle notes the error of the node and lets the next nodes find theirs.
func (b *builder) settle() {
	if b.err == nil {
		return
	}
	b.cause.Add(b.err)
	b.err = nil
	if b.node != nil {
		b.lose(b.node)
	}
}

func (b *builder) lose(n *graph.Node) {
	for _, v := range n.Outputs {
		b.lost[v] = true
	}
}

// tensor appends a tensor; grid is nil for Float32.
func (b *builder) tensor(t format.DType, shape []int, grid *graph.Affine) int {
	x := format.Tensor{DType: t, Shape: slices.Clone(shape)}
	if grid != nil {
		x.Scale, x.Zero = grid.Scale, grid.Zero
	}
	b.f.Tensors = append(b.f.Tensors, x)
	return len(b.f.Tensors) - 1
}

// like appends a tensor of the type and grid of x under another shape.
func (b *builder) like(x int, shape []int) int {
	t := b.f.Tensors[x]
	t.Shape, t.Whole = slices.Clone(shape), false
	b.f.Tensors = append(b.f.Tensors, t)
	return len(b.f.Tensors) - 1
}

// Emit implements op.Device.
func (b *builder) Emit(i format.Instr) {
	if b.err == nil {
		b.f.Instrs = append(b.f.Instrs, i)
	}
}

func (b *builder) emitTable(lut [256]int8, x, out int) {
	k, ok := b.luts[lut]
	if !ok {
		k = len(b.f.LUTs)
		b.luts[lut] = k
		b.f.LUTs = append(b.f.LUTs, lut)
	}
	b.Emit(format.Instr{Op: format.OpLUT, In: []int{x}, Out: out, Weight: -1, LUT: k})
}

// value returns where v lies.
func (b *builder) value(v *graph.Value) (location, bool) {
	if b.err != nil {
		return location{}, false
	}
	if v.Param != nil {
		b.fail(fmt.Errorf("operand %q is constant: simplify the network first", v.Name))
		return location{}, false
	}
	w, ok := b.at[v]
	if !ok {
		b.fail(fmt.Errorf("input %q has not been lowered", v.Name))
	}
	return w, ok
}

// onGrid returns where v lies after its tensor has been brought onto v's grid.
func (b *builder) onGrid(v *graph.Value) location {
	w, ok := b.value(v)
	if !ok {
		return w
	}
	if v.Grid == nil || b.f.Tensors[w.tensor].DType != format.Int8 {
		b.fail(&graph.Refusal{What: fmt.Sprintf("value %q has no int8 grid", v.Name), Remedy: noGrid})
		return w
	}
	w.tensor = b.OnGrid(w.tensor, v)
	b.at[v] = w
	return w
}

// noGrid is the remedy for what has no grid.
const noGrid = "calibrate the network first; in a network that was quantized elsewhere, give the value a QuantizeLinear and a DequantizeLinear too"

// OnGrid implements op.Device.
func (b *builder) OnGrid(t int, v *graph.Value) int {
	if b.err != nil {
		return 0
	}
	x := &b.f.Tensors[t]
	if v.Grid == nil || x.DType != format.Int8 {
		b.fail(&graph.Refusal{What: fmt.Sprintf("value %q has no int8 grid", v.Name), Remedy: noGrid})
		return 0
	}
	from := graph.Affine{Scale: x.Scale, Zero: x.Zero}
	if from == *v.Grid {
		return t
	}
	out := b.tensor(format.Int8, x.Shape, v.Grid)
	b.emitTable(tableOf(func(r float64) float64 { return r }, from, *v.Grid), t, out)
	return out
}

// Tensor implements op.Device.
func (b *builder) Tensor(v *graph.Value, shape ...int) int {
	b.onGrid(v)
	return b.arranged(v, shape)
}

// arranged brings v into its standard order and returns its tensor under shape
// (empty: the standard one).
func (b *builder) arranged(v *graph.Value, shape []int) int {
	if len(shape) == 0 {
		shape = op.StandardShape(v.Shape)
	}
	return b.ordered(v, standard(v.Shape), shape)
}

// reshaped returns t's elements under another shape, from an earlier
// instruction if there is one.
func (b *builder) reshaped(t int, shape []int) int {
	if b.err != nil || slices.Equal(b.f.Tensors[t].Shape, shape) {
		return t
	}
	key := view{t, fmt.Sprint(shape)}
	if out, ok := b.views[key]; ok {
		return out
	}
	out := b.like(t, shape)
	b.views[key] = out
	b.Emit(format.Instr{Op: format.OpReshape, In: []int{t}, Out: out, Weight: -1, LUT: -1, Shape: slices.Clone(shape)})
	return out
}

// Flat implements op.Device.
func (b *builder) Flat(v *graph.Value, shape ...int) (int, []int) {
	w := b.onGrid(v)
	if b.err != nil {
		return 0, nil
	}
	t := w.tensor
	if len(shape) > 0 {
		t = b.reshaped(t, shape)
	}
	if w.from != nil {
		return t, w.from
	}
	return t, w.order.indexes()
}

// Float implements op.Device.
func (b *builder) Float(v *graph.Value, shape ...int) int {
	if _, ok := b.value(v); !ok {
		return 0
	}
	if v.Grid != nil {
		b.onGrid(v)
	}
	t := b.arranged(v, shape)
	if b.err != nil || b.f.Tensors[t].DType == format.Float32 {
		return t
	}
	out := b.Temp(b.f.Tensors[t].Shape...)
	b.Emit(format.Instr{Op: format.OpDequantize, In: []int{t}, Out: out, Weight: -1, LUT: -1})
	return out
}

// Temp implements op.Device.
func (b *builder) Temp(shape ...int) int { return b.tensor(format.Float32, shape, nil) }

// TempOn implements op.Device.
func (b *builder) TempOn(grid graph.Affine, shape ...int) int {
	return b.tensor(format.Int8, shape, &grid)
}

// Grid implements op.Device.
func (b *builder) Grid(t int) graph.Affine {
	if b.err != nil {
		return graph.Affine{Scale: 1}
	}
	return graph.Affine{Scale: b.f.Tensors[t].Scale, Zero: b.f.Tensors[t].Zero}
}

// Apply implements op.Device.
func (b *builder) Apply(x int, f func(float64) float64, grid graph.Affine) int {
	if b.err != nil {
		return 0
	}
	t := b.TempOn(grid, b.f.Tensors[x].Shape...)
	b.emitTable(tableOf(f, b.Grid(x), grid), x, t)
	return t
}

// Output implements op.Device.
func (b *builder) Output(v *graph.Value, shape ...int) int {
	if len(shape) == 0 {
		shape = op.StandardShape(v.Shape)
	}
	t := format.Int8
	if v.Grid == nil {
		t = format.Float32
	}
	return b.define(v, b.tensor(t, shape, v.Grid))
}

// OutputOn implements op.Device.
func (b *builder) OutputOn(x int, v *graph.Value, shape ...int) int {
	if b.err != nil {
		return 0
	}
	if len(shape) == 0 {
		shape = op.StandardShape(v.Shape)
	}
	return b.define(v, b.like(x, shape))
}

func (b *builder) define(v *graph.Value, t int) int {
	b.at[v] = location{tensor: t, order: standard(v.Shape)}
	return t
}

// OutputFlat implements op.Device.
func (b *builder) OutputFlat(v *graph.Value, from []int) int {
	t := b.Output(v)
	if !slices.IsSorted(from) {
		b.at[v] = location{tensor: t, from: from}
	}
	return t
}

// View implements op.Device.
func (b *builder) View(v, x *graph.Value, perm []int) {
	w, ok := b.value(x)
	if !ok {
		return
	}
	if perm != nil {
		if w.from != nil {
			b.fail(errors.New("the joined features cannot be transposed: join them before they are flattened"))
			return
		}
		order, err := w.order.transposed(x.Shape.Sample(), perm)
		if err != nil {
			b.fail(err)
			return
		}
		w.order = order
	}
	b.at[v] = w
}

// AnyOrder implements op.Device.
func (b *builder) AnyOrder(v *graph.Value) bool {
	ok, found := b.any[v]
	if !found {
		ok = !b.links.IsOutput(v) && !slices.ContainsFunc(b.links.Consumers(v), func(n *graph.Node) bool { return !b.anyOrder(n, v) })
		b.any[v] = ok
	}
	return ok
}

// anyOrder reports whether n reads the elements of v in any order.
func (b *builder) anyOrder(n *graph.Node, v *graph.Value) bool {
	if o, is := n.Op.(op.OrderReader); is {
		return o.AnyOrder(n, v, b.AnyOrder)
	}
	x, _, pointwise := op.Pointwise(n)
	return pointwise && x == v && b.AnyOrder(n.Outputs[0])
}

// Clamp implements op.Device.
func (b *builder) Clamp(v *graph.Value, c op.Clamp) (lo, hi int8) {
	if !c.On {
		return -128, 127
	}
	if v.Grid == nil {
		b.fail(fmt.Errorf("float output %q cannot be clamped on the device: give it a grid", v.Name))
		return -128, 127
	}
	return quantum(float64(c.Lo), v.Grid), quantum(float64(c.Hi), v.Grid)
}
