package op

import (
	"fmt"
	"math"

	"edgec/internal/tensor"
	"edgec/internal/vec"
)

// Clamp is a fused activation: y = min(max(x, Lo), Hi) when On. Lo may be -Inf
// and Hi +Inf.
type Clamp struct {
	On     bool
	Lo, Hi float32
}

// apply clamps x in place.
func (c Clamp) apply(x []float32) {
	if !c.On {
		return
	}
	if c.Lo == 0 && math.IsInf(float64(c.Hi), 1) {
		vec.Relu(x, x)
		return
	}
	vec.Clamp(x, x, c.Lo, c.Hi)
}

// Passes reports whether a gradient passes where the clamped output is y: not at a limit.
func (c Clamp) Passes(y float32) bool { return !c.On || y > c.Lo && y < c.Hi }

// back returns the gradient before the clamp, given the clamped output y and
// its gradient dy: zero where y is at a limit. It is dy itself without a clamp;
// otherwise it is written to dst, which has room for it.
func (c Clamp) back(dst, dy, y []float32) []float32 {
	if !c.On {
		return dy
	}
	dst = dst[:len(dy)]
	vec.ClampBack(dst, y, dy, c.Lo, c.Hi)
	return dst
}

// arity returns an error unless there are between lo and hi inputs and the
// first lo are present.
func arity(in []tensor.Shape, lo, hi int) error {
	if len(in) < lo || len(in) > hi {
		if lo == hi {
			return fmt.Errorf("has %d inputs, needs %d", len(in), lo)
		}
		return fmt.Errorf("has %d inputs, needs %d to %d", len(in), lo, hi)
	}
	for i := 0; i < lo; i++ {
		if in[i] == nil {
			return fmt.Errorf("input %d is missing", i)
		}
	}
	return nil
}

// at returns ts[i], or nil when it is absent.
func at(ts []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(ts) {
		return ts[i]
	}
	return nil
}

// add sets dst += src; dst may be longer.
func add(dst, src []float32) { vec.Add(dst[:len(src)], src) }

// checkBias verifies an optional bias of n elements.
func checkBias(in []tensor.Shape, n int) error {
	if len(in) > 2 && in[2] != nil && in[2].Size() != n {
		return fmt.Errorf("bias has shape %v, needs %d elements", in[2], n)
	}
	return nil
}
