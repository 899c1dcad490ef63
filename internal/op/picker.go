package op

import (
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Picker is an operator that picks rows of a parameter by numbers, as embeddings do.
type Picker interface {
	graph.Op
	// Table returns the parameter [rows, ...] that n picks rows of, nil where it picks of an
	// activation.
	Table(n *graph.Node) *graph.Param
	// Picked calls f with the row of each number of the input index, in the order of the
	// output's rows.
	Picked(table *graph.Param, index *tensor.Tensor, f func(row int))
}

// Table implements Picker.
func (o Gather) Table(n *graph.Node) *graph.Param {
	if o.Axis != 0 || o.Index != nil || n.Inputs[0] == nil {
		return nil
	}
	return n.Inputs[0].Param
}

// Picked implements Picker.
func (o Gather) Picked(table *graph.Param, index *tensor.Tensor, f func(row int)) {
	for _, v := range index.Data {
		f(indexOf(v, table.Shadow.Shape[0]))
	}
}
