package onnx

import (
	"math"

	"edgec/internal/op"
)

// attention is what an Attention node says about itself.
type attention struct {
	heads, kvHeads int     // of q, and of k and v, which several heads of q share
	scale          float32 // of the products, 0: 1/sqrt(size of a head)
	softcap        float32 // 0: none
	causal         bool
	mode           int // the stage of the scores that output 3 gives
	flat           bool
}

// The stages of the scores.
const (
	rawScores = iota
	cappedScores
	maskedScores
	probabilities
)

// buildAttention reads scaled dot-product attention,
//
//	softmax(softcap tanh(scale q k^T / softcap) + mask) v
//
// for each head. q, k and v are [B, heads, T, d], or [B, T, heads d]; heads of q that share
// those of k and v are rows of one product. Keys and values of the past come before those of
// now. A row that may attend to nothing is 0.
func buildAttention(n *node) error {
	s := n.steps()
	a := attention{heads: n.attrInt("q_num_heads", 0), kvHeads: n.attrInt("kv_num_heads", 0), scale: n.attrFloat("scale", 0), softcap: n.attrFloat("softcap", 0),
		causal: n.attrInt("is_causal", 0) != 0, mode: n.attrInt("qk_matmul_output_mode", 0)}
	if a.scale-a.scale != 0 || a.softcap-a.softcap != 0 {
		return n.fail("scale", "%v and softcap %v are not finite numbers", a.scale, a.softcap)
	}
	q, k, v := s.activation(0), s.activation(1), s.activation(2)
	a.flat = len(s.dims(q)[0]) == 3
	q, k, v = s.split(q, a.heads), s.split(k, a.kvHeads), s.split(v, a.kvHeads)
	past := 0
	if n.has(4) && n.has(5) && s.err == nil {
		d := n.operandDims(n.in[4])
		if len(d) != 4 {
			return n.fail(n.inputName(4), "its shape %v is not [B, heads, T, d]", d)
		}
		if past = d[2]; past > 0 {
			k, v = s.joined(2, n.in[4], k), s.joined(2, n.in[5], v)
		}
	}
	if err := s.checkHeads(q, k, v); err != nil {
		return err
	}
	y, scores := s.attend(a, q, k, v, past)
	if a.flat {
		y = s.transpose(y, 0, 2, 1, 3)
		y = s.reshape(y, s.shaped(y, func(d []int) []int { return []int{d[0], d[1], d[2] * d[3]} }))
	}
	for i, x := range []*operand{y, k, v, scores} {
		if err := s.result(i, x); err != nil {
			return err
		}
	}
	return nil
}

// split returns x [B, T, heads d] as [B, heads, T, d]; x of four dimensions stays.
func (s *steps) split(x *operand, heads int) *operand {
	d := s.dims(x)[0]
	if s.err != nil || len(d) == 4 {
		return x
	}
	if len(d) != 3 || heads < 1 || d[2]%heads != 0 {
		s.err = s.n.fail("q_num_heads", "%d heads do not fit an input of shape %v; needs [B, T, heads d] or [B, heads, T, d]", heads, d)
		return nil
	}
	y := s.reshape(x, s.shaped(x, func(d []int) []int { return []int{d[0], d[1], heads, d[2] / heads} }))
	return s.transpose(y, 0, 2, 1, 3)
}

// checkHeads verifies that q [B, heads, T, d], k and v fit together.
func (s *steps) checkHeads(q, k, v *operand) error {
	dq, dk, dv := s.dims(q)[0], s.dims(k)[0], s.dims(v)[0]
	if s.err == nil && (dq[0] != dk[0] || dk[1] < 1 || dq[1]%dk[1] != 0 || dq[3] != dk[3] || dv[1] != dk[1] || dv[2] != dk[2]) {
		s.err = s.n.fail("", "queries %v, keys %v and values %v do not fit together; the file is damaged", dq, dk, dv)
	}
	return s.err
}

// attend returns the result [B, heads, T, d] and the scores of the asked stage.
func (s *steps) attend(a attention, q, k, v *operand, past int) (y, scores *operand) {
	dq, dk := s.dims(q), s.dims(k)
	if s.err != nil {
		return nil, nil
	}
	scale := a.scale
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(dq[0][3])))
	}
	group := dq[0][1] / dk[0][1]
	rows := func(d []int) []int { return []int{d[0], d[1] / group, d[2] * group, d[3]} }
	heads := func(d []int) []int { return []int{d[0], d[1] * group, d[2] / group, d[3]} }
	q = s.times(q, scale)
	x := s.matMul(true, s.reshape(q, s.shaped(q, rows)), k)
	x = s.reshape(x, s.shaped(x, heads))
	stages := []*operand{x}
	if a.softcap != 0 {
		x = s.times(s.of(op.Tanh{}, s.times(x, 1/a.softcap)), a.softcap)
	}
	stages = append(stages, x)
	bias, empty := s.attentionBias(a.causal, dq[0][2], dk[0][2], past)
	if bias != nil {
		x = s.pair(op.Add{}, x, bias)
	}
	stages = append(stages, x)
	x = s.of(op.Softmax{Axis: s.axis(x, -1)}, x)
	if empty != nil {
		x = s.call("Where", []*operand{empty, s.number(0), x})
	}
	stages = append(stages, x)
	y = s.matMul(false, s.reshape(x, s.shaped(x, rows)), v)
	if a.mode < 0 || a.mode > probabilities {
		a.mode = rawScores
	}
	return s.reshape(y, s.shaped(y, heads)), stages[a.mode]
}
