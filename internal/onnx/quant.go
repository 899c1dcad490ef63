package onnx

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// gridInfo is the integer grid of an array that DequantizeLinear made:
// value = scale * q; axis says which dimension has one scale for each index
// (ignored for a single scale).
type gridInfo struct {
	scale []float32
	q     []int64 // of each element, less its zero point
	axis  int
}

// times returns the grid of the array times k, nil where it has none.
func (g *gridInfo) times(k float32) *gridInfo {
	if g == nil || !(k > 0) {
		return nil
	}
	r := &gridInfo{scale: make([]float32, len(g.scale)), q: g.q, axis: g.axis}
	for i, s := range g.scale {
		r.scale[i] = s * k
	}
	return r
}

// reshaped returns the grid of the array under other dimensions, nil where the scales would
// belong to no dimension of it.
func (g *gridInfo) reshaped(from, to []int) *gridInfo {
	if g == nil || len(g.scale) == 1 {
		return g
	}
	before := volume(from[:g.axis])
	for k, d := range to {
		if d == len(g.scale) && volume(to[:k]) == before {
			return &gridInfo{g.scale, g.q, k}
		}
	}
	return nil
}

// why says what a grid has that is none of a parameter.
func (g *gridInfo) why() string {
	for _, s := range g.scale {
		if !(s >= 0) || s-s != 0 {
			return fmt.Sprintf("a scale of %v", s)
		}
	}
	if len(g.scale) > 1 && g.axis != 0 {
		return fmt.Sprintf("%d scales, for each input channel one", len(g.scale))
	}
	return "integers beyond 32 bits"
}

// paramGrid returns a's grid in the form of a parameter, whose scales belong to dimension 0,
// and its integers; nil when it has none of that form. Weights beyond int8 are on a wider
// grid. A scale of 0 makes its channel zeros on the largest of the other scales, or on 1.
func (a *array) paramGrid(role graph.Role) (*graph.Grid, []int32) {
	g := a.grid
	if g != nil && len(g.scale) > 1 && g.axis != 0 && !slices.ContainsFunc(g.scale, func(s float32) bool { return s != g.scale[0] }) {
		g = &gridInfo{scale: g.scale[:1], q: g.q} // one scale in all
	}
	if g == nil || len(g.scale) > 1 && (g.axis != 0 || len(g.scale) != a.dims[0]) || slices.ContainsFunc(g.scale, func(s float32) bool { return !(s >= 0) || s-s != 0 }) {
		return nil, nil
	}
	r := &graph.Grid{Scale: slices.Clone(g.scale), Max: math.MaxInt32}
	most := slices.Max(r.Scale)
	if most == 0 {
		most = 1
	}
	q := make([]int32, len(g.q))
	row := max(len(q)/len(g.scale), 1)
	lo, hi := int64(0), int64(0)
	for i, v := range g.q {
		if g.scale[i/row] == 0 {
			r.Scale[i/row], v = most, 0
		}
		if v < math.MinInt32 || v > math.MaxInt32 {
			return nil, nil
		}
		q[i], lo, hi = int32(v), min(lo, v), max(hi, v)
	}
	if role == graph.Weight {
		r.Max = max(127, int(hi), int(-lo-1))
	}
	if int(lo) < -r.Max {
		r.Min = int(lo)
	}
	return r, q
}

// quantized is an activation as integers: the output of QuantizeLinear, or
// what Cast and Gather make of it (see gatherQuantized).
type quantized struct {
	act   *graph.Value
	batch batchAxis
	grid  graph.Affine
	typ   int64 // of the integers, int8 or uint8
	index bool  // behind a Cast
	table *array
}

// activationGrid reads scale and zero point of an activation as an int8 grid;
// uint8 ones are moved by 128. Without zero point the integers have type typ.
func (n *node) activationGrid(typ int64) (graph.Affine, int64, error) {
	none := graph.Affine{}
	s, err := n.floats(1)
	if err != nil {
		return none, 0, err
	}
	if len(s.f) != 1 {
		return none, 0, n.fail(n.inputName(1), "%d scales for an activation; quantize activations with one scale per tensor", len(s.f))
	}
	if !(s.f[0] > 0) || s.f[0]-s.f[0] != 0 {
		return none, 0, n.fail(n.inputName(1), "scale %v is not a positive number; calibrate with samples that move this value", s.f[0])
	}
	zero := int64(0)
	if n.has(2) {
		z, err := n.constant(2)
		if err != nil {
			return none, 0, err
		}
		if z.isFloat() || len(z.i) != 1 {
			return none, 0, n.fail(n.inputName(2), "a zero point of type %s and %d values is not supported", typeName(z.typ), z.size())
		}
		typ, zero = z.typ, z.i[0]
	}
	switch typ {
	case typeUint8:
		zero -= 128
	case typeInt8:
	default:
		return none, 0, n.fail(n.inputName(2), "activations of type %s are not supported; quantize with activation_type=QuantType.QInt8 or QUInt8", typeName(typ))
	}
	if zero < -128 || zero > 127 {
		return none, 0, n.fail(n.inputName(2), "zero point is out of range; the file is damaged")
	}
	return graph.Affine{Scale: s.f[0], Zero: int(zero)}, typ, nil
}

// buildQuantize remembers the grid; the DequantizeLinear that must follow
// applies it.
func buildQuantize(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	g, typ, err := n.activationGrid(typeUint8)
	if err != nil {
		return err
	}
	n.define(0, &operand{quant: &quantized{act: x.act, batch: x.batch, grid: g, typ: typ}})
	return nil
}

// integerReader are the operators that read the output of a QuantizeLinear, or whose bodies do.
var integerReader = map[string]bool{"DequantizeLinear": true, "Cast": true, "Gather": true, "Loop": true}

// passesIntegers are the operators that move integers or take the largest of them: on the
// numbers that the integers stand for they are the same.
var passesIntegers = map[string]bool{"Flatten": true, "Identity": true, "MaxPool": true, "Reshape": true, "Slice": true, "Squeeze": true, "Transpose": true, "Unsqueeze": true}

// plain reports whether q is what a QuantizeLinear has made.
func (q *quantized) plain() bool { return !q.index && q.table == nil }

// throughIntegers reads an operator of passesIntegers on the value before it is rounded,
// and rounds its result.
func (n *node) throughIntegers(row *row) error {
	q := *n.in[0].quant
	n.in[0] = &operand{act: q.act, batch: q.batch}
	if err := row.build(n); err != nil {
		return err
	}
	o := n.r.names[n.outputs[0]]
	q.act, q.batch = o.act, o.batch
	n.r.names[n.outputs[0]] = &operand{quant: &q}
	return nil
}

// castQuantized makes integers the indexes of a Gather.
func (n *node) castQuantized() error {
	q := *n.in[0].quant
	if to := int64(n.attrInt("to", 0)); to != typeInt32 && to != typeInt64 || q.index || q.table != nil {
		return n.fail("to", "a cast of quantized integers to %s is not supported; export in the QDQ form", typeName(to))
	}
	q.index = true
	n.define(0, &operand{quant: &q})
	return nil
}

// gatherQuantized reads the table of a function of int8 values, as the writer
// writes it: a constant of 256 integers, indexed by the output of a
// QuantizeLinear and read by a DequantizeLinear.
func (n *node) gatherQuantized() error {
	q := *n.in[1].quant
	t, err := n.constant(0)
	if err != nil {
		return err
	}
	if (t.typ != typeInt8 && t.typ != typeUint8) || len(t.dims) != 1 || t.size() != 256 || !q.index {
		return n.fail(n.inputName(0), "%v of %s cannot be indexed by quantized values; a table of 256 int8 values is needed", t.dims, typeName(t.typ))
	}
	q.table = t
	n.define(0, &operand{quant: &q})
	return nil
}

// tableOp returns the operator of a table whose results lie on grid out.
func (q *quantized) tableOp(out graph.Affine) op.Table {
	o := op.Table{In: q.grid, Out: out}
	for i := range o.Q { // i-128 is the integer on the int8 grid
		k := i
		if q.typ == typeInt8 {
			k = (i + 128) % 256 // negative indexes count from the end
		}
		v := q.table.i[k]
		if q.table.typ == typeUint8 {
			v -= 128
		}
		o.Q[i] = int8(v)
	}
	return o
}

// buildDequantize completes a pair on an activation: a Reshape to the same
// shape whose output carries the grid. placeGrids removes most of them again.
func buildDequantize(n *node) error {
	if !n.has(0) || n.in[0].quant == nil {
		return n.fail("", "its input is not the result of a QuantizeLinear; quantized graph inputs are not supported, give float ones")
	}
	q := n.in[0].quant
	typ := q.typ
	if q.table != nil {
		typ = q.table.typ
	}
	g, zeroType, err := n.activationGrid(typ)
	if err != nil {
		return err
	}
	switch {
	case zeroType != typ || q.index && q.table == nil:
		return n.fail("", "integers of another type than its zero point's are not supported; export in the QDQ form")
	case q.table != nil:
		v, err := n.resultValue(q.tableOp(g), q.act)
		if err != nil {
			return err
		}
		v.Grid = &g
		n.define(0, &operand{act: v, batch: q.batch})
		return nil
	case g != q.grid:
		return n.fail("", "its scale and zero point differ from those of its QuantizeLinear; give both the same")
	}
	v, err := n.resultValue(op.Reshape{Shape: append([]int(nil), q.act.Shape[1:]...)}, q.act)
	if err != nil {
		return err
	}
	v.Grid = &g
	n.r.marks[v] = true
	n.define(0, &operand{act: v, batch: q.batch})
	return nil
}

// placeGrids moves the grids of quantize/dequantize pairs onto the values that
// they round, wherever nobody reads the unrounded value.
func (r *reader) placeGrids() {
	l := graph.NewLinks(r.g)
	for _, n := range r.g.Nodes {
		if !r.marks[n.Outputs[0]] {
			continue
		}
		v, rounded := n.Inputs[0], n.Outputs[0]
		if v.Param == nil && r.onlyRounded(l, v, *rounded.Grid) {
			v.Grid = rounded.Grid
			if l.IsOutput(rounded) && l.Producer(v) != nil {
				v.Name = rounded.Name
			}
			l.ReplaceUses(rounded, v)
			l.Remove(n)
		}
	}
	l.Flush()
}

// onlyRounded reports whether v has the grid already, or all its readers round
// it to the same grid.
func (r *reader) onlyRounded(l *graph.Links, v *graph.Value, grid graph.Affine) bool {
	if v.Grid != nil {
		return *v.Grid == grid
	}
	if l.IsOutput(v) {
		return false
	}
	for _, c := range l.Consumers(v) {
		if !r.marks[c.Outputs[0]] || *c.Outputs[0].Grid != grid {
			return false
		}
	}
	return true
}
