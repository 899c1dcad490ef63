package passes

import (
	"edgec/internal/graph"
	"edgec/internal/op"
)

// Refine gives the inputs of the layers that chosen accepts a fine grid, of 16 bits: it puts
// an op.ToGrid before them. Their multiplications double, and their results are float32.
// Recurrent layers meet 16 bits of their state. What is fine stays so. Calibrate comes next.
func Refine(g *graph.Graph, chosen func(n *graph.Node) bool) {
	links := graph.NewLinks(g)
	fine := map[*graph.Value]*graph.Value{}
	var nodes []*graph.Node
	for _, n := range g.Nodes {
		if r, ok := n.Op.(op.Refiner); ok && chosen(n) {
			n.Op = r.Refined()
		}
		if op.IsLayer(n) && chosen(n) && !op.IsFine(links.Producer(n.Inputs[0])) {
			v := n.Inputs[0]
			if fine[v] == nil {
				fine[v] = &graph.Value{Name: v.Name + "_fine", Shape: v.Shape.Clone()}
				nodes = append(nodes, &graph.Node{Name: v.Name + "_fine", Op: op.ToGrid{Fine: true}, Inputs: []*graph.Value{v}, Outputs: []*graph.Value{fine[v]}})
			}
			n.Inputs[0] = fine[v]
		}
		nodes = append(nodes, n)
	}
	g.Nodes = nodes
}
