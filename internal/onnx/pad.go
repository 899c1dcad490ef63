package onnx

import (
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// padding is how much a Pad adds before and after a dimension; negative sizes take away.
type padding struct{ before, after int }

// pads returns the padding of each of rank dimensions of the file.
func (n *node) pads(rank int) ([]padding, error) {
	all := make([]padding, rank)
	pads, axes, err := n.padSizes(rank)
	if err != nil {
		return nil, err
	}
	for i, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), rank)
		if err != nil {
			return nil, err
		}
		const most = 1 << 40 // see pad
		all[k] = padding{int(max(-most, min(pads[i], most))), int(max(-most, min(pads[i+len(axes)], most)))}
	}
	return all, nil
}

// padSizes returns the sizes before and after each of the axes that are padded.
func (n *node) padSizes(rank int) (pads, axes []int64, err error) {
	if n.r.opset < 11 {
		if a := n.attr("pads"); a != nil {
			pads = a.ints
		}
	} else if pads, err = n.integers(1); err != nil {
		return nil, nil, err
	}
	if n.r.opset >= 18 && n.has(3) {
		if axes, err = n.integers(3); err != nil {
			return nil, nil, err
		}
	} else {
		for k := range rank {
			axes = append(axes, int64(k))
		}
	}
	if len(pads) != 2*len(axes) {
		return nil, nil, n.fail("pads", "%d values for %d dimensions", len(pads), len(axes))
	}
	return pads, axes, nil
}

// padValue returns what a constant Pad writes.
func (n *node) padValue() (float32, error) {
	value := n.attrFloat("value", 0)
	if n.r.opset >= 11 {
		value = 0
		if n.has(2) {
			a, err := n.constant(2)
			if err != nil {
				return 0, err
			}
			x, err := a.exact()
			if err != nil || len(x) != 1 {
				return 0, n.fail(n.inputName(2), "it has %d values, one is needed", len(x))
			}
			value = x[0]
		}
	}
	if value != value {
		return 0, n.fail("value", "%v is not a number", value)
	}
	return value, nil
}

func buildPad(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	pads, err := n.pads(len(n.fileDims(x, 0)))
	if err != nil {
		return err
	}
	value, err := n.padValue()
	if err != nil {
		return err
	}
	return n.pad(x, pads, n.attrString("mode", "constant"), value)
}

// pad ends the node with x padded in the file's dimensions.
func (n *node) pad(x *operand, pads []padding, mode string, value float32) error {
	most := 1 << 20 // indexes of a dimension
	if mode == "constant" {
		most = maxActivation
	}
	for k, p := range pads {
		if max(p.before, -p.before, p.after, -p.after) > most {
			return n.fail("pads", "%d and %d for dimension %d are too large; they are not supported", p.before, p.after, k)
		}
	}
	if at := x.batch.at; at >= 0 && pads[at] != (padding{}) {
		if !n.r.ofOne() {
			return n.fail("pads", "padding the batch is not supported")
		}
		v, err := n.withoutBatch(x, 0)
		if err != nil {
			return err
		}
		x = &operand{act: v, batch: noBatch}
	}
	of := make([]padding, len(x.act.Shape))
	for k, v := range x.batch.valueDims(len(of)) {
		if k != x.batch.at {
			of[v[0]] = pads[k]
		}
	}
	if !slices.ContainsFunc(of, func(p padding) bool { return p != padding{} }) {
		return n.alias(x)
	}
	var steps []step
	var err error
	if mode == "constant" {
		steps, err = n.padConstant(x.act, of, value)
	} else {
		steps, err = n.padFrom(x.act, of, mode)
	}
	if err != nil {
		return err
	}
	v := x.act
	for _, s := range steps[:len(steps)-1] {
		if v, err = s(n.emit, v); err != nil {
			return err
		}
	}
	end := func(o graph.Op, in ...*graph.Value) (*graph.Value, error) {
		if err := n.resultAs(x.batch, o, in...); err != nil {
			return nil, err
		}
		return n.r.names[n.outputs[0]].act, nil
	}
	_, err = steps[len(steps)-1](end, v)
	return err
}

// step appends operators behind x, the last of them by end.
type step func(end func(graph.Op, ...*graph.Value) (*graph.Value, error), x *graph.Value) (*graph.Value, error)

// padConstant cuts off what negative sizes say, then surrounds the rest by a value.
func (n *node) padConstant(x *graph.Value, pads []padding, value float32) (steps []step, err error) {
	rank := len(pads)
	cut := op.Slice{Before: make([]int, rank), After: make([]int, rank), Step: slices.Repeat([]int{1}, rank)}
	pad := op.Pad{Before: make([]int, rank), After: make([]int, rank), Value: value}
	for d, p := range pads {
		cut.Before[d], cut.After[d] = max(-p.before, 0), max(-p.after, 0)
		pad.Before[d], pad.After[d] = max(p.before, 0), max(p.after, 0)
		if cut.Before[d]+cut.After[d] >= x.Shape[d] {
			return nil, n.fail("pads", "%d and %d leave nothing of a dimension of %d, and empty tensors are not supported", p.before, p.after, x.Shape[d])
		}
	}
	for _, o := range []graph.Op{cut, pad} {
		if i, ok := o.(op.Identity); ok && !i.IsIdentity(&graph.Node{Op: o, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{{Shape: n.shapeAfter(o, x)}}}) {
			steps = append(steps, func(end func(graph.Op, ...*graph.Value) (*graph.Value, error), x *graph.Value) (*graph.Value, error) {
				return end(o, x)
			})
		}
	}
	return steps, nil
}

// shapeAfter returns the shape of o's result, nil where o refuses x.
func (n *node) shapeAfter(o graph.Op, x *graph.Value) []int {
	s, err := n.infer(o, []*graph.Value{x})
	if err != nil {
		return nil
	}
	return s
}

// padFrom pads by elements of x itself, one dimension after the other.
func (n *node) padFrom(x *graph.Value, pads []padding, mode string) (steps []step, err error) {
	for d, p := range pads {
		if p == (padding{}) {
			continue
		}
		size := x.Shape[d]
		from, to := max(-p.before, 0), size-max(-p.after, 0)
		var parts [3][]int
		for k := -p.before; k < size+p.after; k++ {
			i, err := n.paddedFrom(k, size, mode)
			if err != nil {
				return nil, err
			}
			part := 1
			if k < from {
				part = 0
			} else if k >= to {
				part = 2
			}
			parts[part] = append(parts[part], i)
		}
		if len(parts[0])+len(parts[1])+len(parts[2]) == 0 {
			return nil, n.fail("pads", "%d and %d leave nothing of a dimension of %d, and empty tensors are not supported", p.before, p.after, size)
		}
		steps = append(steps, n.joined(d, parts[:]))
	}
	return steps, nil
}

// paddedFrom returns which of size elements is at position k, which may be outside of them.
func (n *node) paddedFrom(k, size int, mode string) (int, error) {
	switch mode {
	case "edge":
		return min(max(k, 0), size-1), nil
	case "wrap":
		return ((k % size) + size) % size, nil
	case "reflect":
		if size == 1 {
			return 0, nil
		}
		period := 2 * (size - 1)
		k = ((k % period) + period) % period
		return min(k, period-k), nil
	}
	return 0, n.fail("mode", "%q is not known; the file is damaged", mode)
}

// joined returns the step that joins indexes of dimension d: of each part slices forwards,
// backwards and of one element that is repeated, or, where these are many, a Gather.
func (n *node) joined(d int, parts [][]int) step {
	const mostRuns = 8
	var runs [][]int
	for _, p := range parts {
		for len(p) > 0 {
			k := 1
			for k < len(p) && p[k]-p[k-1] == p[1]-p[0] && max(p[1]-p[0], p[0]-p[1]) <= 1 {
				k++
			}
			runs, p = append(runs, p[:k]), p[k:]
		}
	}
	return func(end func(graph.Op, ...*graph.Value) (*graph.Value, error), x *graph.Value) (*graph.Value, error) {
		if len(runs) > mostRuns {
			return end(op.Gather{Axis: d, Index: slices.Concat(runs...)}, x)
		}
		if len(runs) == 1 {
			return n.run(end, x, d, runs[0])
		}
		var in []*graph.Value
		for _, r := range runs {
			v, err := n.run(n.emit, x, d, r)
			if err != nil {
				return nil, err
			}
			in = append(in, v)
		}
		return end(op.Concat{Axis: d}, in...)
	}
}

// run appends what picks a run of indexes of dimension d of x, one or no step apart.
func (n *node) run(end func(graph.Op, ...*graph.Value) (*graph.Value, error), x *graph.Value, d int, index []int) (*graph.Value, error) {
	rank := len(x.Shape)
	o := op.Slice{Before: make([]int, rank), After: make([]int, rank), Step: slices.Repeat([]int{1}, rank)}
	first, last := index[0], index[len(index)-1]
	o.Before[d], o.After[d] = min(first, last), x.Shape[d]-1-max(first, last)
	if last < first {
		o.Step[d] = -1
	}
	repeats := slices.Repeat([]int{1}, rank)
	repeats[d] = len(index)
	switch {
	case len(index) == 1 || first != last:
		if o.Before[d] == 0 && o.After[d] == 0 && o.Step[d] == 1 {
			return x, nil
		}
		return end(o, x)
	case x.Shape[d] == 1:
		return end(op.Tile{Repeats: repeats}, x)
	}
	v, err := n.emit(o, x)
	if err != nil {
		return nil, err
	}
	return end(op.Tile{Repeats: repeats}, v)
}

// buildCenterCropPad cuts and pads an activation around its middle to a size.
func buildCenterCropPad(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	want, err := n.integers(1)
	if err != nil {
		return err
	}
	dims := n.fileDims(x, 0)
	axes, err := n.resizeAxes(len(dims))
	if err != nil {
		return err
	}
	if len(want) != len(axes) {
		return n.fail("shape", "%d sizes for %d dimensions", len(want), len(axes))
	}
	pads := make([]padding, len(dims))
	for i, k := range axes {
		more := int(min(max(want[i], 0), maxActivation)) - dims[k]
		if more < 0 {
			pads[k] = padding{-(-more / 2), more + -more/2}
		} else {
			pads[k] = padding{more / 2, more - more/2}
		}
	}
	return n.pad(x, pads, "constant", 0)
}
