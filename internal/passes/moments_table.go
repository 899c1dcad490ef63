package passes

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// tableOf returns the table that n picks rows of, nil for other nodes, and where a layer or
// another weighted operator uses it too, as tied embeddings do: there the moments of the layer
// count.
func tableOf(g *graph.Graph, n *graph.Node) *graph.Param {
	o, ok := n.Op.(op.Picker)
	if !ok {
		return nil
	}
	table := o.Table(n)
	if table == nil || table.Role != graph.Weight {
		return nil
	}
	for _, other := range g.Nodes {
		if w, is := other.Op.(op.Weighted); is && w != nil && len(other.Inputs) > op.WeightInput && other.Inputs[op.WeightInput].Param == table {
			return nil
		}
	}
	return table
}

// addTable adds what an error in the rows of a table costs. It moves the output at each place
// where a row is picked by the error d of the row, and the loss by (d g)^2 / 2 on average, g
// being the gradient there. So the gradients are the second moments that all rows meet, and how
// often a row is picked is its curvature; one that never is has the least (see
// quantize.MomentSums.Factor).
func (s *momentSums) addTable(n *graph.Node, o op.Picker, table *graph.Param, tape *graph.Tape, samples int) {
	dy := tape.ActivationGradient(n.Outputs[0])
	s.sums.AddInputs(0, dy.Data)
	picked := make([]float32, table.Channels())
	o.Picked(table, tape.Activation(n.Inputs[1]), func(row int) { picked[row]++ })
	for row, times := range picked {
		picked[row] = float32(math.Sqrt(float64(times)))
	}
	s.sums.AddOutputs(make([]float32, len(picked)), picked, 1, samples, nil)
}

// newTableSums prepares for a table.
func newTableSums(table *graph.Param) *momentSums {
	return &momentSums{groups: 1, cols: rowLen(table), sums: quantize.NewMomentSums(1, table.Channels(), rowLen(table), false)}
}
