package onnx

import (
	"math"

	"edgec/internal/op"
)

// linearAttention is a state S [B, heads, dk, dv] and how it follows from steps.
type linearAttention struct {
	*steps
	state, decay, beta *operand // nil is none
	delta              bool
}

// buildLinearAttention reads attention without a softmax, step by step of its sequence:
//
//	S = exp(decay) S + k^T v               linear (without decay), gated
//	S = exp(decay) S + beta k^T (v - k S)  delta (without decay), gated_delta; S decays first
//	y = scale q S
//
// q, k and v are [B, T, heads d]; heads of q share those of k and v. Output 1 is the state
// after the last step.
func buildLinearAttention(n *node) error {
	s := n.steps()
	heads, shared := n.attrInt("q_num_heads", 0), n.attrInt("kv_num_heads", 0)
	q, k, v := s.split(s.activation(0), heads), s.split(s.activation(1), shared), s.split(s.activation(2), shared)
	if err := s.checkHeads(q, k, v); err != nil {
		return err
	}
	l := &linearAttention{steps: s}
	if n.has(3) {
		l.state = n.in[3]
	}
	rule := n.attrString("update_rule", "gated_delta")
	if rule == "gated" || rule == "gated_delta" {
		l.decay = s.perHead(4, shared)
	}
	if l.delta = rule == "delta" || rule == "gated_delta"; l.delta {
		l.beta = s.perHead(5, shared)
	} else if rule != "linear" && rule != "gated" {
		return n.fail("update_rule", "%q is not known, only linear, gated, delta and gated_delta", rule)
	}
	scale := n.attrFloat("scale", 0)
	if scale == 0 && s.err == nil {
		scale = float32(1 / math.Sqrt(float64(s.dims(q)[0][3])))
	}
	y, err := l.run(q, k, v, heads/max(shared, 1))
	if err != nil {
		return err
	}
	y = s.transpose(s.times(y, scale), 0, 2, 1, 3)
	y = s.reshape(y, s.shaped(y, func(d []int) []int { return []int{d[0], d[1], d[2] * d[3]} }))
	if err := s.result(0, y); err != nil {
		return err
	}
	return s.result(1, l.state)
}

// perHead returns input i [B, T, heads m], or [B, T, 1] for all heads, as [B, heads, T, m].
func (s *steps) perHead(i, heads int) *operand {
	x := s.input(i)
	if d := s.dims(x)[0]; s.err == nil && len(d) == 3 && d[2] == 1 {
		heads = 1
	}
	return s.split(x, heads)
}

// run goes through the steps, for group heads of q that share one of k.
func (l *linearAttention) run(q, k, v *operand, group int) (*operand, error) {
	d := l.dims(k)[0]
	if l.err == nil && d[2] > mostSteps {
		l.err = l.n.fail("", "%d steps are not supported, at most %d", d[2], mostSteps)
	}
	var all []*operand
	for t := 0; l.err == nil && t < d[2]; t++ {
		at := func(x *operand) *operand { return l.part(x, 2, t, t+1, 1) }
		l.step(at(k), at(v), at)
		row := at(q)
		rows := l.reshape(row, l.shaped(row, func(d []int) []int { return []int{d[0], d[1] / group, group, d[3]} }))
		y := l.matMul(false, rows, l.state)
		all = append(all, l.reshape(y, l.shaped(y, func(d []int) []int { return []int{d[0], d[1] * group, 1, d[3]} })))
	}
	if l.err != nil || len(all) == 1 {
		return append(all, nil)[0], l.err
	}
	return l.joined(2, all...), l.err
}

// step adds k and v [B, heads, 1, d] of one step to the state.
func (l *linearAttention) step(k, v *operand, at func(*operand) *operand) {
	if l.decay != nil && l.state != nil {
		l.state = l.pair(op.Mul{}, l.state, l.call("Exp", []*operand{l.transpose(at(l.decay), 0, 1, 3, 2)}))
	}
	if l.delta {
		if l.state != nil {
			v = l.pair(op.Sub{}, v, l.matMul(false, k, l.state))
		}
		v = l.pair(op.Mul{}, v, at(l.beta))
	}
	more := l.matMul(false, l.transpose(k, 0, 1, 3, 2), v)
	if l.state != nil {
		more = l.pair(op.Add{}, l.state, more)
	}
	l.state = more
}
