package search

import (
	"edgec/internal/graph"
	"edgec/internal/op"
)

// Layer is an operator of a network, for people and programs to look at.
type Layer struct {
	Name   string
	Op     string
	Output []int
	Weight []int
	Params int
	MACs   int64
}

// Layers lists the operators in execution order.
func (n *Network) Layers() (ls []Layer) {
	for _, node := range n.Graph.Nodes {
		l := Layer{Name: node.Name, Op: node.Op.Name(), Output: node.Outputs[0].Shape.Sample(), MACs: op.MACs(node)}
		for _, v := range node.Inputs {
			if v == nil || v.Param == nil {
				continue
			}
			l.Params += len(v.Param.Shadow.Data)
			if v.Param.Role == graph.Weight {
				l.Weight = v.Shape
			}
		}
		ls = append(ls, l)
	}
	return ls
}
