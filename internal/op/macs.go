package op

import "edgec/internal/graph"

// MACs returns the multiplications of one sample that node n does with its
// weights: output elements times the weights behind each of them. It is 0 for
// nodes other than Conv2D and Dense.
func MACs(n *graph.Node) int64 {
	switch n.Op.(type) {
	case Conv2D, Dense:
	default:
		return 0
	}
	w := n.Inputs[1].Shape
	return int64(n.Outputs[0].Shape.Size()) * int64(w.Size()/max(w[0], 1))
}
