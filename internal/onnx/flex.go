package onnx

// buildFlex reads an attention of four-dimensional queries, keys and values, without the
// functions that may change its scores.
func buildFlex(n *node) error {
	for _, name := range []string{"score_mod", "prob_mod"} {
		if n.attr(name) != nil {
			return n.fail(name, "functions of the scores are not supported; export the model with Attention, or its parts")
		}
	}
	a := attention{scale: n.attrFloat("scale", 0)}
	if a.scale-a.scale != 0 {
		return n.fail("scale", "%v is not a finite number", a.scale)
	}
	s := n.steps()
	q, k, v := s.split(s.activation(0), 0), s.split(s.activation(1), 0), s.split(s.activation(2), 0)
	if err := s.checkHeads(q, k, v); err != nil {
		return err
	}
	y, _ := s.attend(a, q, k, v, 0)
	return s.result(0, y)
}
