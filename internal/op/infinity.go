package op

import "edgec/internal/graph"

// EndsInfinity reports whether results of n are the same for a large number of a mask as for
// infinity: those within limits, powers of e, and the largest or the least of several numbers.
func EndsInfinity(n *graph.Node) bool {
	switch o := n.Op.(type) {
	case ArgMax, Exp, MaxPool, GlobalMaxPool, Maximum, Minimum, Compare:
		return true
	case Reduce:
		return o.Kind == Max || o.Kind == Min
	case Bounded:
		return o.NaturalGrid().Scale > 0
	}
	return false
}
