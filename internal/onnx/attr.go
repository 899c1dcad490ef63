package onnx

import "math"

// attr returns the attribute of a name, or nil.
func (n *node) attr(name string) *attrProto {
	for _, a := range n.attrs {
		if a.name == name {
			return a
		}
	}
	return nil
}

func (n *node) attrInt(name string, def int) int {
	if a := n.attr(name); a != nil {
		return int(max(math.MinInt32, min(math.MaxInt32, a.i)))
	}
	return def
}

func (n *node) attrFloat(name string, def float32) float32 {
	if a := n.attr(name); a != nil {
		return a.f
	}
	return def
}

func (n *node) attrString(name, def string) string {
	if a := n.attr(name); a != nil {
		return string(a.s)
	}
	return def
}

// attrInts returns a list attribute of want entries within lo..hi, or def
// repeated when it is absent.
func (n *node) attrInts(name string, want, def, lo int) ([]int, error) {
	const hi = 1 << 25 // what the writer makes of sums of two numbers below 1<<24 is read again
	r := make([]int, want)
	a := n.attr(name)
	for i := range r {
		r[i] = def
	}
	if a == nil {
		return r, nil
	}
	if len(a.ints) != want {
		return nil, n.fail(name, "%d values, %d are needed for this input", len(a.ints), want)
	}
	for i, v := range a.ints {
		if v < int64(lo) || v > hi {
			return nil, n.fail(name, "value %d is not within %d..%d", v, lo, hi)
		}
		r[i] = int(v)
	}
	return r, nil
}

// axis normalises a possibly negative axis for rank dimensions.
func (n *node) axis(axis, rank int) (int, error) {
	if axis < 0 {
		axis += rank
	}
	if axis < 0 || axis >= rank {
		return 0, n.fail("axis", "axis is outside the %d dimensions of the input", rank)
	}
	return axis, nil
}

// axes returns the axes of Squeeze, Unsqueeze or ReduceMean: attribute before
// opset since, input 1 from then on; nil when absent.
func (n *node) axes(since int) ([]int64, error) {
	if n.r.opset < since {
		if a := n.attr("axes"); a != nil {
			return a.ints, nil
		}
		return nil, nil
	}
	if !n.has(1) {
		return nil, nil
	}
	return n.integers(1)
}
