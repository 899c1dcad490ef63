package simplify

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// masked stands for infinity in masks: exp(-masked) is 0 beside any score, and float32 can
// still add scores to it.
const masked = 1e9

// BoundMasks replaces infinite constants of g by -1e9 and 1e9, as attention masks and masked
// maxima have them: the device knows finite numbers only. Rows of a softmax that are masked
// throughout get equal shares instead of NaN. It leaves all constants as they are where infinity
// would reach an output, or an operator that looks for it.
func BoundMasks(g *graph.Graph) {
	infinite := map[*graph.Value]bool{}
	var bound []*graph.Param
	for _, n := range g.Nodes {
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil && v.Param.Role == graph.Constant && hasInfinity(v.Param) {
				bound = append(bound, v.Param)
				infinite[v] = true
			}
		}
		if !readsAny(n, infinite) || op.EndsInfinity(n) {
			continue
		}
		for _, v := range n.Outputs {
			if infinite[v] = true; g.IsOutput(v) || v.Elem != graph.Float {
				return
			}
		}
	}
	for _, p := range bound {
		for i, x := range p.Shadow.Data {
			if math.IsInf(float64(x), 0) {
				p.Shadow.Data[i] = float32(math.Copysign(masked, float64(x)))
			}
		}
		p.Refresh()
	}
}

func hasInfinity(p *graph.Param) bool {
	for _, x := range p.Shadow.Data {
		if math.IsInf(float64(x), 0) {
			return true
		}
	}
	return false
}

func readsAny(n *graph.Node, of map[*graph.Value]bool) bool {
	for _, v := range n.Inputs {
		if of[v] {
			return true
		}
	}
	return false
}
