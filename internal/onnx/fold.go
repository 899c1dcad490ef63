package onnx

import (
	"math"
	"slices"
)

// alloc returns an array of a's type, refusing sizes beyond the budget.
func (n *node) alloc(like *array, dims []int) (*array, error) {
	if v := volume(dims); v < 0 || v > n.r.budget {
		return nil, n.fail("", "a constant of shape %v is too large; simplify the model with onnxsim first", dims)
	}
	a := like.like(dims)
	a.name = ""
	return a, nil
}

// operandOf returns required operand i of a fold.
func (n *node) operandOf(in []*array, i int) (*array, error) {
	if i >= len(in) || in[i] == nil {
		return nil, n.fail("", "input %d is missing; the file is damaged", i)
	}
	return in[i], nil
}

// integersOf returns the values of integer operand i; nil when it is absent.
func (n *node) integersOf(in []*array, i int) ([]int64, error) {
	if i >= len(in) || in[i] == nil {
		return nil, nil
	}
	if in[i].isFloat() {
		return nil, n.fail(n.inputName(i), "it has type %s, an integer type is needed", typeName(in[i].typ))
	}
	return in[i].i, nil
}

// foldAxes is axes for known operands.
func (n *node) foldAxes(in []*array) ([]int64, error) {
	if n.r.opset >= 13 {
		return n.integersOf(in, 1)
	}
	if a := n.attr("axes"); a != nil {
		return a.ints, nil
	}
	return nil, nil
}

func foldReshape(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	target, err := n.integersOf(in, 1)
	if err != nil {
		return nil, err
	}
	dims, err := n.resolve(x.dims, target)
	if err != nil {
		return nil, err
	}
	return x.reshaped(dims), nil
}

func foldFlatten(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	axis := n.attrInt("axis", 1)
	if axis < 0 {
		axis += len(x.dims)
	}
	if axis < 0 || axis > len(x.dims) {
		return nil, n.fail("axis", "axis is outside the %d dimensions of the input", len(x.dims))
	}
	return x.reshaped([]int{volume(x.dims[:axis]), volume(x.dims[axis:])}), nil
}

func foldShape(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	return n.shapeOf(x.dims), nil
}

func foldSqueeze(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	axes, err := n.foldAxes(in)
	if err != nil {
		return nil, err
	}
	drop := make([]bool, len(x.dims))
	for _, a := range axes {
		k, err := n.axis(int(max(-100, min(a, 100))), len(x.dims))
		if err != nil {
			return nil, err
		}
		if x.dims[k] != 1 {
			return nil, n.fail("axes", "dimension %d of %v is not 1", k, x.dims)
		}
		drop[k] = true
	}
	dims := []int{}
	for k, d := range x.dims {
		if !drop[k] && !(axes == nil && d == 1) {
			dims = append(dims, d)
		}
	}
	return x.reshaped(dims), nil
}

func foldUnsqueeze(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	axes, err := n.foldAxes(in)
	if err != nil {
		return nil, err
	}
	dims, err := n.unsqueezed(x.dims, axes)
	if err != nil {
		return nil, err
	}
	return x.reshaped(dims), nil
}

func foldTranspose(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	p, err := n.perm(len(x.dims))
	if err != nil {
		return nil, err
	}
	return transpose(x, p), nil
}

// transpose returns a with result dimension i = dimension perm[i] of a.
func transpose(a *array, perm []int) *array {
	stride := strides(a.dims)
	dims, step := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		dims[i], step[i] = a.dims[p], stride[p]
	}
	r := a.like(dims)
	walk(dims, 0, step, func(k, j int) { r.set(k, a, j) })
	if a.grid != nil {
		r.grid = &gridInfo{scale: a.grid.scale, q: make([]int64, len(a.grid.q)), axis: slices.Index(perm, a.grid.axis)}
		walk(dims, 0, step, func(k, j int) { r.grid.q[k] = a.grid.q[j] })
	}
	return r
}

func strides(dims []int) []int {
	s := make([]int, len(dims))
	n := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = n
		n *= dims[i]
	}
	return s
}

// walk visits all indexes of dims in row-major order: k counts, j is the
// position start + sum(index * step) in another array.
func walk(dims []int, start int, step []int, f func(k, j int)) {
	total := volume(dims)
	index := make([]int, len(dims))
	j := start
	for k := 0; k < total; k++ {
		f(k, j)
		for d := len(dims) - 1; d >= 0; d-- {
			index[d]++
			j += step[d]
			if index[d] < dims[d] {
				break
			}
			j -= step[d] * dims[d]
			index[d] = 0
		}
	}
}

func foldConcat(n *node, in []*array) (*array, error) {
	first, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	axis, err := n.axis(n.attrInt("axis", 0), len(first.dims))
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(first.dims)
	dims[axis] = 0
	for i := range in {
		x, err := n.operandOf(in, i)
		if err != nil {
			return nil, err
		}
		fits := x.typ == first.typ && len(x.dims) == len(dims)
		for k := 0; fits && k < len(dims); k++ {
			fits = k == axis || x.dims[k] == dims[k]
		}
		if !fits {
			return nil, n.fail(n.inputName(i), "shape %v of %s does not fit %v of %s", x.dims, typeName(x.typ), first.dims, typeName(first.typ))
		}
		dims[axis] += x.dims[axis]
	}
	r, err := n.alloc(first, dims)
	if err != nil {
		return nil, err
	}
	row, at := volume(dims[axis:]), 0
	for _, x := range in {
		part := volume(x.dims[axis:])
		for k := range x.size() {
			r.set(k/max(part, 1)*row+at+k%max(part, 1), x, k)
		}
		at += part
	}
	return r, nil
}

func foldGather(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	index, err := n.operandOf(in, 1)
	if err != nil {
		return nil, err
	}
	if index.isFloat() || len(x.dims) == 0 {
		return nil, n.fail("", "indexes of type %s into shape %v are not valid", typeName(index.typ), x.dims)
	}
	axis, err := n.axis(n.attrInt("axis", 0), len(x.dims))
	if err != nil {
		return nil, err
	}
	dims := slices.Concat(x.dims[:axis], index.dims, x.dims[axis+1:])
	r, err := n.alloc(x, dims)
	if err != nil {
		return nil, err
	}
	outer, inner, size := volume(x.dims[:axis]), volume(x.dims[axis+1:]), x.dims[axis]
	k := 0
	for o := 0; o < outer && r.size() > 0; o++ {
		for _, at := range index.i {
			if at < 0 {
				at += int64(size)
			}
			if at < 0 || at >= int64(size) {
				return nil, n.fail("", "index %d is outside dimension %d of %v", at, axis, x.dims)
			}
			for i := 0; i < inner; i++ {
				r.set(k, x, (o*size+int(at))*inner+i)
				k++
			}
		}
	}
	return r, nil
}

// sliceArgs returns starts, ends, axes and steps: attributes before opset 10.
func (n *node) sliceArgs(in []*array) (args [4][]int64, err error) {
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if n.r.opset >= 10 {
			if args[i], err = n.integersOf(in, i+1); err != nil {
				return args, err
			}
		} else if a := n.attr(name); a != nil {
			args[i] = a.ints
		}
	}
	if args[2] == nil {
		for k := range args[0] {
			args[2] = append(args[2], int64(k))
		}
	}
	if args[3] == nil {
		for range args[0] {
			args[3] = append(args[3], 1)
		}
	}
	for _, a := range args {
		if len(a) != len(args[0]) {
			return args, n.fail("", "starts, ends, axes and steps have different lengths")
		}
	}
	return args, nil
}

func foldSlice(n *node, in []*array) (*array, error) {
	x, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	taken, err := n.sliceRanges(in, x.dims)
	if err != nil {
		return nil, err
	}
	dims, step, start := slices.Clone(x.dims), strides(x.dims), 0
	for k, t := range taken {
		start += t.first * step[k]
		dims[k] = t.count
		step[k] *= t.step
	}
	r, err := n.alloc(x, dims)
	if err != nil {
		return nil, err
	}
	walk(dims, start, step, func(k, j int) { r.set(k, x, j) })
	return r, nil
}

// sliceOf is what a Slice takes of a dimension: count indexes from first on, step apart.
type sliceOf struct{ first, step, count int }

// sliceRanges returns what the node takes of each dimension.
func (n *node) sliceRanges(in []*array, dims []int) ([]sliceOf, error) {
	args, err := n.sliceArgs(in)
	if err != nil {
		return nil, err
	}
	all := make([]sliceOf, len(dims))
	for k, d := range dims {
		all[k] = sliceOf{0, 1, d}
	}
	done := make([]bool, len(dims))
	for i, axis := range args[2] {
		k, err := n.axis(int(max(-100, min(axis, 100))), len(dims))
		if err != nil {
			return nil, err
		}
		if done[k] || args[3][i] == 0 {
			return nil, n.fail("", "axis %d is given twice or has step 0", k)
		}
		done[k] = true
		from, count := sliceRange(args[0][i], args[1][i], args[3][i], int64(dims[k]))
		all[k] = sliceOf{int(from), int(max(-math.MaxInt32, min(args[3][i], math.MaxInt32))), int(count)}
	}
	return all, nil
}

// sliceRange clamps start and end to a dimension as ONNX prescribes, and
// returns the first index and how many are taken.
func sliceRange(start, end, step, size int64) (from, count int64) {
	clamp := func(v, lo, hi int64) int64 {
		if v < 0 {
			v += size
		}
		return max(lo, min(v, hi))
	}
	step = max(-math.MaxInt32, min(step, math.MaxInt32))
	if step > 0 {
		from, end = clamp(start, 0, size), clamp(end, 0, size)
		return from, max(0, (end-from+step-1)/step)
	}
	from, end = clamp(start, 0, size-1), clamp(end, -1, size-1)
	return from, max(0, (from-end-step-1)/-step)
}
