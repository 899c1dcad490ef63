package op

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/vec"
)

// Clamp is a fused activation: y = min(max(x, Lo), Hi) when On. Lo may be -Inf
// and Hi +Inf.
type Clamp struct {
	On     bool
	Lo, Hi float32
}

// Clamper is an operator with a fused activation.
type Clamper interface {
	graph.Op
	// Fused returns the activation.
	Fused() Clamp
	// WithClamp returns the operator with c in its place.
	WithClamp(c Clamp) graph.Op
}

// FusedClamp returns the fused activation of o, none where it has no room for one.
func FusedClamp(o graph.Op) Clamp {
	if c, ok := o.(Clamper); ok {
		return c.Fused()
	}
	return Clamp{}
}

// Limiter is an activation that is a clamp, and can be fused with the operator before it.
type Limiter interface {
	graph.Op
	Limits() Clamp
}

// Then returns the clamp equal to c followed by next.
func (c Clamp) Then(next Clamp) Clamp {
	switch {
	case !c.On:
		return next
	case !next.On:
		return c
	}
	return Clamp{On: true, Lo: next.Of(c.Lo), Hi: next.Of(c.Hi)}
}

// Of returns the clamped x.
func (c Clamp) Of(x float32) float32 {
	if !c.On {
		return x
	}
	return min(max(x, c.Lo), c.Hi)
}

// Homogeneous reports whether the clamp f has f(s x) = s f(x) for s > 0.
func (c Clamp) Homogeneous() bool {
	return !c.On || math.IsInf(float64(c.Hi), 1) && (c.Lo == 0 || math.IsInf(float64(c.Lo), -1))
}

// Apply clamps x in place.
func (c Clamp) Apply(x []float32) {
	if !c.On {
		return
	}
	if c.Lo == 0 && math.IsInf(float64(c.Hi), 1) {
		vec.Relu(x, x)
		return
	}
	vec.Clamp(x, x, c.Lo, c.Hi)
}

// limit applies the clamp in float64.
func (c Clamp) limit(v float64) float64 {
	if !c.On {
		return v
	}
	return math.Min(math.Max(v, float64(c.Lo)), float64(c.Hi))
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

// scratch is back with the work space of s.
func (c Clamp) scratch(s *graph.Scratch, dy, y []float32) []float32 {
	if !c.On {
		return dy
	}
	return c.back(s.Floats(0, len(dy)), dy, y)
}
