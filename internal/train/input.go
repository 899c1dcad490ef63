package train

import (
	"edgec/internal/graph"
	"edgec/internal/op"
)

// Adam's steps are as long for a weight that meets values of a hundred as for one that
// meets values of one, though the first moves the output a hundred times as far. Between
// layers values are of about one; inputs are what the user has, bytes or decibels.

// inputRates returns the factor of the learning rate for each weight of g that meets an
// input: the inverse of sizes[i], the root mean square of the elements of input i, where
// that is above 1. Missing sizes are 1.
func inputRates(g *graph.Graph, sizes []float64) map[*graph.Param]float64 {
	rates := map[*graph.Param]float64{}
	raw := map[*graph.Value]float64{} // sizes above 1 of what equals an input but for its layout
	for i, v := range g.Inputs {
		if i < len(sizes) && sizes[i] > 1 {
			raw[v] = sizes[i]
		}
	}
	for _, n := range g.Nodes {
		if _, scaled := n.Op.(op.InputScaler); scaled {
			continue // behind it values are of about one
		}
		if len(n.Inputs) == 0 || raw[n.Inputs[0]] == 0 {
			continue
		}
		size := raw[n.Inputs[0]]
		layout := true
		for _, v := range n.Inputs[1:] {
			if v == nil {
				continue
			}
			layout = false
			if v.Param != nil && v.Param.Role == graph.Weight {
				rates[v.Param] = 1 / size
			}
		}
		for _, v := range n.Outputs {
			if layout {
				raw[v] = size
			}
		}
	}
	return rates
}
