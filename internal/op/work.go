package op

import "edgec/internal/graph"

// Work returns the multiplications of n for its shapes: those of weights, as MACs, and those
// of products of activations. Operators on single elements count as none.
func Work(n *graph.Node) int64 {
	if _, ok := n.Op.(MatMul); ok {
		x := n.Inputs[0].Shape
		return int64(n.Outputs[0].Shape.Size()) * int64(x[len(x)-1])
	}
	return MACs(n)
}
