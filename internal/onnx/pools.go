package onnx

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// pooling appends a pool over an image.
type pooling func(end func(graph.Op, ...*graph.Value) (*graph.Value, error), img *graph.Value, w window) (*graph.Value, error)

// pool ends the node with a pool over input 0.
func (n *node) pool(p pooling) error {
	x, groups, _, err := n.groupsOf()
	if err != nil {
		return err
	}
	a := n.attr("kernel_shape")
	if a == nil {
		return n.fail("kernel_shape", "it is missing; the file is damaged")
	}
	kernel, err := n.attrInts("kernel_shape", len(a.ints), 1, 1)
	if err != nil {
		return err
	}
	w, err := n.readWindow(x.Shape, kernel)
	if err != nil {
		return err
	}
	return n.poolOf(x, groups, w, p)
}

// poolOf ends a node that began with groupsOf, which gave x and groups, with a pool.
func (n *node) poolOf(x *graph.Value, groups int, w window, p pooling) error {
	if groups == 0 && len(x.Shape) == 4 {
		y, err := p(n.resultValue, x, w)
		if err == nil {
			n.define(0, &operand{act: y})
		}
		return err
	}
	y, s, err := n.pooled(x, w, p)
	if err != nil {
		return err
	}
	if groups > 0 {
		return n.resultAs(n.in[0].batch, op.Reshape{Shape: append([]int{groups, s[0] / groups}, s[1:]...)}, y)
	}
	return n.result(op.Reshape{Shape: s}, y)
}

// pooled appends a pool and returns the sample that its result is: over three dimensions it is
// one over the image, then one over the depths.
func (n *node) pooled(x *graph.Value, w window, p pooling) (y *graph.Value, sample []int, err error) {
	s := x.Shape
	if len(s) < 5 {
		if x, err = n.image(x); err != nil {
			return nil, nil, err
		}
		if y, err = p(n.emit, x, w); err != nil {
			return nil, nil, err
		}
		if len(s) == 4 {
			return y, y.Shape[1:], nil
		}
		return y, []int{s[1], y.Shape[3]}, nil
	}
	if y, err = n.emit(op.Reshape{Shape: []int{s[1] * s[2], s[3], s[4]}}, x); err != nil {
		return nil, nil, err
	}
	if y, err = p(n.emit, y, w); err != nil {
		return nil, nil, err
	}
	rows, columns := y.Shape[2], y.Shape[3]
	if y, err = n.emit(op.Reshape{Shape: []int{s[1], s[2], rows * columns}}, y); err != nil {
		return nil, nil, err
	}
	deep := window{}
	deep.set(0, *w.depth)
	deep.set(1, span{kernel: 1, stride: 1, dilation: 1})
	if y, err = p(n.emit, y, deep); err != nil {
		return nil, nil, err
	}
	return y, []int{s[1], y.Shape[2], rows, columns}, nil
}

func buildMaxPool(n *node) error { return n.pool(n.maxPool) }

// maxPool appends a MaxPool.
func (n *node) maxPool(end func(graph.Op, ...*graph.Value) (*graph.Value, error), img *graph.Value, w window) (*graph.Value, error) {
	return end(op.MaxPool{KH: w.kernel[0], KW: w.kernel[1], StrideH: w.stride[0], StrideW: w.stride[1], DilH: w.dilation[0], DilW: w.dilation[1],
		PadT: w.before[0], PadL: w.before[1], PadB: w.after[0], PadR: w.after[1], CeilMode: n.attrInt("ceil_mode", 0) != 0}, img)
}

func buildAveragePool(n *node) error { return n.pool(n.averagePool) }

// averagePool leaves out flags that change nothing. A pool that rounds its size up and
// counts padding becomes one that does not count what is outside of a padded image.
func (n *node) averagePool(end func(graph.Op, ...*graph.Value) (*graph.Value, error), img *graph.Value, w window) (*graph.Value, error) {
	o := op.AvgPool{KH: w.kernel[0], KW: w.kernel[1], StrideH: w.stride[0], StrideW: w.stride[1], DilH: w.dilation[0], DilW: w.dilation[1],
		PadT: w.before[0], PadL: w.before[1], PadB: w.after[0], PadR: w.after[1],
		CeilMode: n.attrInt("ceil_mode", 0) != 0 && !w.divides(img.Shape[2:]), CountPad: n.attrInt("count_include_pad", 0) != 0 && w.padded()}
	if !o.CeilMode || !o.CountPad {
		return end(o, img)
	}
	inner := o
	inner.PadT, inner.PadL, inner.PadB, inner.PadR, inner.CountPad = 0, 0, 0, 0, false
	want, err := n.infer(o, []*graph.Value{img})
	if err != nil {
		return nil, err
	}
	pad := w.zeros()
	padded, err := n.infer(pad, []*graph.Value{img})
	if err != nil {
		return nil, err
	}
	if got, err := n.infer(inner, []*graph.Value{{Shape: padded}}); err != nil || !got.Equal(want) {
		return end(o, img) // a window that begins in the padding behind the image
	}
	if img, err = n.emit(pad, img); err != nil {
		return nil, err
	}
	return end(inner, img)
}

// zeros returns the operator that pads an image.
func (w window) zeros() op.Pad {
	return op.Pad{Before: []int{0, 0, w.before[0], w.before[1]}, After: []int{0, 0, w.after[0], w.after[1]}}
}

// padded reports whether there is any padding.
func (w window) padded() bool { return w.before != [2]int{} || w.after != [2]int{} }

// divides reports whether windows end where an image of the given size, padded, ends: its
// size rounded up is its size rounded down.
func (w window) divides(size []int) bool {
	for d, in := range size {
		if (in+w.before[d]+w.after[d]-(w.kernel[d]-1)*w.dilation[d]-1)%w.stride[d] != 0 {
			return false
		}
	}
	return true
}

// buildLpPool reads the p-norm of windows: the mean of |x|^p over a padded image, times the
// size of the window, to the power of 1/p.
func buildLpPool(n *node) error {
	p := n.attrInt("p", 2)
	if p < 1 {
		return n.fail("p", "%d is not positive", p)
	}
	return n.pool(func(end func(graph.Op, ...*graph.Value) (*graph.Value, error), img *graph.Value, w window) (*graph.Value, error) {
		v, err := n.emitAll(img, op.Abs{}, op.Power{K: float32(p)})
		if err != nil {
			return nil, err
		}
		before, after := w.before, w.after
		if n.attrInt("ceil_mode", 0) != 0 { // the last window may hang over
			for d, size := range img.Shape[2:] {
				rest := (size + before[d] + after[d] - (w.kernel[d]-1)*w.dilation[d] - 1) % w.stride[d]
				if rest > 0 {
					after[d] += w.stride[d] - rest
				}
			}
		}
		if full := (window{before: before, after: after}); full.padded() {
			if v, err = n.emit(full.zeros(), v); err != nil {
				return nil, err
			}
		}
		mean := op.AvgPool{KH: w.kernel[0], KW: w.kernel[1], StrideH: w.stride[0], StrideW: w.stride[1], DilH: w.dilation[0], DilW: w.dilation[1]}
		if v, err = n.emit(mean, v); err != nil {
			return nil, err
		}
		area := &array{typ: typeFloat, dims: []int{1}, f: []float32{float32(w.kernel[0] * w.kernel[1])}}
		k, err := n.param(area, graph.Constant, "", nil)
		if err != nil {
			return nil, err
		}
		if p == 1 {
			return end(op.Mul{}, v, k)
		}
		if v, err = n.emit(op.Mul{}, v, k); err != nil {
			return nil, err
		}
		if p == 2 {
			return end(op.Sqrt{}, v)
		}
		return end(op.Power{K: float32(1 / float64(p))}, v)
	})
}

// foldMaxPool gives the largest element under each window of a constant, and where it is:
// its place among all elements of the tensor, row by row, or with storage_order 1 column by
// column.
func (n *node) foldMaxPool(in []*array) ([]*array, error) {
	if len(n.outputs) < 2 || n.outputs[1] == "" {
		return nil, errByOp
	}
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	a := n.attr("kernel_shape")
	if a == nil || !x.isFloat() || len(x.dims) < 3 || len(a.ints) != len(x.dims)-2 {
		return nil, n.fail("kernel_shape", "it is missing or does not fit an input of shape %v of %s", x.dims, typeName(x.typ))
	}
	kernel, err := n.attrInts("kernel_shape", len(a.ints), 1, 1)
	if err != nil {
		return nil, err
	}
	spans, err := n.readSpans(x.dims[2:], kernel)
	if err != nil {
		return nil, err
	}
	dims := append([]int{}, x.dims[:2]...)
	for d, s := range spans {
		size := x.dims[d+2] + s.before + s.after - (s.kernel-1)*s.dilation - 1
		if n.attrInt("ceil_mode", 0) != 0 {
			size += s.stride - 1
			if (size/s.stride)*s.stride >= x.dims[d+2]+s.before {
				size -= s.stride
			}
		}
		if size < 0 {
			return nil, n.fail("kernel_shape", "a window is larger than dimension %d of %v", d+2, x.dims)
		}
		dims = append(dims, size/s.stride+1)
	}
	y, err := n.alloc(x, dims)
	if err != nil {
		return nil, err
	}
	where, err := n.alloc(ints(), dims)
	if err != nil {
		return nil, err
	}
	poolPlaces(x, y, where, spans)
	if n.attrInt("storage_order", 0) != 0 {
		columnsFirst(where, x.dims)
	}
	return []*array{y, where}, nil
}

// poolPlaces sets y and where for each window.
func poolPlaces(x, y, where *array, spans []span) {
	step, area := strides(x.dims), volume(x.dims[2:])
	sizes := make([]int, len(spans))
	for d, s := range spans {
		sizes[d] = s.kernel
	}
	spatial := y.dims[2:]
	to := strides(spatial)
	for k := range y.f {
		plane, best, at := k/volume(spatial)*area, float32(math.Inf(-1)), -1
		walk(sizes, 0, make([]int, len(sizes)), func(i, _ int) {
			place, rest := plane, i
			for d := len(spans) - 1; d >= 0; d-- {
				s := spans[d]
				p := k/to[d]%spatial[d]*s.stride - s.before + rest%s.kernel*s.dilation
				rest /= s.kernel
				if p < 0 || p >= x.dims[d+2] {
					return
				}
				place += p * step[d+2]
			}
			if at < 0 || x.f[place] > best {
				best, at = x.f[place], place
			}
		})
		y.f[k], where.i[k] = best, int64(at)
	}
}

// columnsFirst turns places within images into those of their columns one after the other.
func columnsFirst(where *array, dims []int) {
	area := volume(dims[2:])
	step := strides(dims[2:])
	for k, v := range where.i {
		plane, rest := int(v)/area, int(v)%area
		place, size := 0, 1
		for d := range step {
			place += rest / step[d] % dims[d+2] * size
			size *= dims[d+2]
		}
		where.i[k] = int64(plane*area + place)
	}
}

// buildMaxUnpool puts the elements of a pool back where they were, zeros elsewhere, in a file
// of one sample: places are those in the tensor that was pooled.
func buildMaxUnpool(n *node) error {
	in, _, _, err := n.aligned(false, 2)
	if err != nil {
		return err
	}
	dims := in[0].Shape[1:]
	a := n.attr("kernel_shape")
	if a == nil || len(dims) < 3 || len(a.ints) != len(dims)-2 || in[0].Shape.Size() != in[1].Shape.Size() {
		return n.fail("kernel_shape", "it is missing or does not fit inputs of shape %v and %v", dims, in[1].Shape[1:])
	}
	kernel, err := n.attrInts("kernel_shape", len(a.ints), 1, 1)
	if err != nil {
		return err
	}
	spans, err := n.readSpans(dims[2:], kernel)
	if err != nil {
		return err
	}
	full := append([]int{}, dims[:2]...)
	for d, s := range spans {
		full = append(full, (dims[d+2]-1)*s.stride+s.kernel-s.before-s.after)
	}
	y, err := n.unpooled(in[0], in[1], full)
	if err != nil || !n.has(2) {
		return n.unpoolResult(y, full, full, err)
	}
	want, err := n.integers(2)
	if err != nil || len(want) != len(full) {
		return n.fail("", "the output's shape has to be %d constant numbers", len(full))
	}
	out := make([]int, len(full))
	for d, size := range want {
		out[d] = int(max(0, min(size, maxActivation)))
	}
	return n.unpoolResult(y, full, out, nil)
}

// unpooled appends zeros of the given dimensions, in a row, with x at the places.
func (n *node) unpooled(x, places *graph.Value, dims []int) (*graph.Value, error) {
	total := volume(dims)
	if total < 1 || total > maxActivation {
		return nil, n.fail("", "a result of shape %v is empty or too large", dims)
	}
	zeros, err := n.param(&array{typ: typeFloat, dims: []int{1, total}, f: make([]float32, total)}, graph.Constant, "", nil)
	if err != nil {
		return nil, err
	}
	row := op.Reshape{Shape: []int{x.Shape.Size()}}
	if x, err = n.emit(row, x); err != nil {
		return nil, err
	}
	if places.Param == nil {
		if places, err = n.emit(row, places); err != nil {
			return nil, err
		}
	} else {
		flat := &array{typ: typeInt64, dims: []int{1, places.Shape.Size()}}
		for _, v := range places.Param.Value.Data {
			flat.i = append(flat.i, int64(v))
		}
		if places, err = n.param(flat, graph.Constant, "", nil); err != nil {
			return nil, err
		}
	}
	return n.emit(op.ScatterElements{Axis: 1}, zeros, places, x)
}

// unpoolResult ends a MaxUnpool whose result y has the shape full, padded to out.
func (n *node) unpoolResult(y *graph.Value, full, out []int, err error) error {
	if err != nil {
		return err
	}
	pad := op.Pad{Before: make([]int, len(full)+1), After: []int{0}}
	for d := range full {
		if out[d] < full[d] {
			return n.fail("", "an output of shape %v is smaller than the unpooled image %v", out, full)
		}
		pad.After = append(pad.After, out[d]-full[d])
	}
	if volume(out) == volume(full) {
		return n.resultAs(noBatch, op.Reshape{Shape: full}, y)
	}
	if y, err = n.emit(op.Reshape{Shape: full}, y); err != nil {
		return err
	}
	return n.resultAs(noBatch, pad, y)
}
