package train

import "edgec/internal/graph"

// Adam's steps are as long for a weight that meets values of a hundred as for one that
// meets values of one, though the first moves the output a hundred times as far. Between
// layers values are of about one; inputs are what the user has, bytes or decibels.

// inputRates returns the factor of the learning rate for each weight of g that meets the
// input, whose elements have the given root mean square: its inverse, where that is less
// than 1.
func inputRates(g *graph.Graph, size float64) map[*graph.Param]float64 {
	rates := map[*graph.Param]float64{}
	if size <= 1 {
		return rates
	}
	raw := map[*graph.Value]bool{} // what the input is but for its layout
	for _, v := range g.Inputs {
		raw[v] = true
	}
	for _, n := range g.Nodes {
		if len(n.Inputs) == 0 || !raw[n.Inputs[0]] {
			continue
		}
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
			raw[v] = layout
		}
	}
	return rates
}
