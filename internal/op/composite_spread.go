package op

import (
	"edgec/internal/graph"
)

// SpreadNorm is a layer normalization with scale and bias as TensorFlow writes it,
//
//	x k + (Bias - mean(x) k) with k = Scale / sqrt(mean((x - mean(x))^2) + epsilon)
type SpreadNorm struct {
	Op          Normalize
	X           *graph.Value
	Scale, Bias *graph.Value // Scale is nil where there is none
	Factor      *graph.Node  // computes k
	Scaled      *graph.Node  // computes x k
	Shift       *graph.Node  // computes mean(x) k
}

// CompositeSpread returns the SpreadNorm that ends with n. of is as in CompositeNorm.
func CompositeSpread(of func(*graph.Value) *graph.Node, n *graph.Node) (*SpreadNorm, bool) {
	p := normParts{of}
	if o, is := n.Op.(Add); !is || o.Clamp.On || n.Outputs[0].Grid != nil {
		return nil, false
	}
	for i := range 2 {
		scaled, rest := p.producer(n.Inputs[i]), p.producer(n.Inputs[1-i])
		if scaled == nil || rest == nil {
			continue
		}
		_, product := scaled.Op.(Mul)
		if o, is := rest.Op.(Sub); !product || !is || o.Clamp.On || rest.Inputs[0].Param == nil {
			continue
		}
		for j := range 2 {
			s := &SpreadNorm{X: scaled.Inputs[j], Bias: rest.Inputs[0], Scaled: scaled, Shift: p.producer(rest.Inputs[1])}
			if p.spread(s, scaled.Inputs[1-j]) && s.X.Shape.Equal(n.Outputs[0].Shape) {
				return s, true
			}
		}
	}
	return nil, false
}

// spread completes s, whose factor is k; false where it is no normalization.
func (p normParts) spread(s *SpreadNorm, k *graph.Value) bool {
	if s.Factor = p.producer(k); s.Factor == nil || s.Shift == nil {
		return false
	}
	if _, is := s.Shift.Op.(Mul); !is {
		return false
	}
	mean := s.Shift.Inputs[0]
	if mean == k {
		mean = s.Shift.Inputs[1]
	} else if s.Shift.Inputs[1] != k {
		return false
	}
	x, axis, ok := p.mean(mean)
	if !ok || x != s.X {
		return false
	}
	variance := p.inverse(k)
	if _, is := s.Factor.Op.(Mul); is && variance == nil {
		for i := range 2 {
			if v := p.inverse(s.Factor.Inputs[i]); v != nil && s.Factor.Inputs[1-i].Param != nil {
				variance, s.Scale = v, s.Factor.Inputs[1-i]
			}
		}
	}
	if variance == nil {
		return false
	}
	squares, epsilon, ok := p.plusNumber(variance)
	if !ok {
		return false
	}
	d, from, ok := p.mean(squares)
	if !ok || from != axis {
		return false
	}
	centered, ok := p.centered(p.square(d), axis)
	s.Op = Normalize{Axis: axis, Epsilon: epsilon}
	return ok && centered == s.X
}
