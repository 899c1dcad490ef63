package pack

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/runtime"
	"edgec/runtime/format"
)

// RemoveDead removes channels that are dead or constant; see simplify.RemoveDead. Constants are
// what the runtime computes.
func RemoveDead(g *graph.Graph) (simplify.Removed, error) {
	return simplify.RemoveDeadExactly(g, exact(graph.NewLinks(g)))
}

// exact runs a node alone, with what is before it and has no grid, on two inputs that differ
// where they are not constant: what is the same in both, and all over a channel, is its
// constant.
func exact(l *graph.Links) simplify.Exact {
	return func(n *graph.Node, at func(*graph.Value) ([]float32, int), k []float32, axis int) {
		var found [2][]float32
		part, inputs := alone(l, n)
		f, err := lower.Build(part, lower.Config{})
		if err == nil {
			var m *runtime.Model
			if m, err = runtime.FromFile(f); err == nil {
				for run := range found {
					if found[run], err = results(m, part, inputs, at, uint32(run), axis, len(k)); err != nil {
						break
					}
				}
			}
		}
		for i, v := range k {
			switch {
			case v != v: // noise may look the same everywhere
			case err != nil || found[0][i] != found[1][i]:
				k[i] = float32(math.NaN())
			default:
				k[i] = found[0][i]
			}
		}
	}
}

// alone returns a graph of n and the nodes before it up to values that have a grid, which are
// its inputs, and the values of the whole graph that these stand for.
func alone(l *graph.Links, n *graph.Node) (part *graph.Graph, inputs []*graph.Value) {
	part = &graph.Graph{}
	made := map[*graph.Value]*graph.Value{}
	var add func(n *graph.Node)
	value := func(v *graph.Value) *graph.Value {
		if v == nil || v.Param != nil {
			return v
		}
		if made[v] == nil && v.Grid == nil && l.Producer(v) != nil {
			add(l.Producer(v))
		}
		if made[v] == nil {
			made[v] = &graph.Value{Name: v.Name, Shape: v.Shape, Grid: v.Grid}
			part.Inputs, inputs = append(part.Inputs, made[v]), append(inputs, v)
		}
		return made[v]
	}
	add = func(n *graph.Node) {
		c := &graph.Node{Name: n.Name, Op: n.Op}
		for _, v := range n.Inputs {
			c.Inputs = append(c.Inputs, value(v))
		}
		v := n.Outputs[0]
		made[v] = &graph.Value{Name: v.Name, Shape: v.Shape, Grid: v.Grid}
		c.Outputs = []*graph.Value{made[v]}
		part.Nodes = append(part.Nodes, c)
	}
	add(n)
	part.Outputs = []*graph.Value{made[n.Outputs[0]]}
	return part, inputs
}

// results runs part on inputs that have their constants and noise elsewhere. It returns the
// value of each of n positions along the axis of its output, NaN where it is not the same
// all over.
func results(m *runtime.Model, part *graph.Graph, inputs []*graph.Value, at func(*graph.Value) ([]float32, int), run uint32, axis, n int) ([]float32, error) {
	s, err := m.NewSession(runtime.Unlimited())
	if err != nil {
		return nil, err
	}
	for i, v := range inputs {
		x := s.Input(i)
		format.SelfTestInput(uint32(2*i)+run+1, x)
		k, axis := at(v)
		for j := range x {
			if p := position(v.Shape, axis, j); p < len(k) && k[p] == k[p] {
				x[j] = int8(math.Round(float64(k[p])/float64(v.Grid.Scale)) + float64(v.Grid.Zero))
			}
		}
	}
	s.Run()
	out := part.Outputs[0]
	found, seen := make([]float32, n), make([]bool, n)
	for j, q := range s.OutputBytes(0) {
		p := position(out.Shape, axis, j)
		v := out.Grid.Scale * float32(int(int8(q))-out.Grid.Zero)
		if seen[p] && found[p] != v {
			v = float32(math.NaN())
		}
		found[p], seen[p] = v, true
	}
	return found, nil
}

// position returns where along an axis of an activation the device's element j is.
func position(s tensor.Shape, axis, j int) int {
	shape := op.StandardShape(s)
	at := axis - 1
	if len(s) == 4 {
		at = []int{2, 0, 1}[at]
	}
	return j / tensor.Shape(shape[at+1:]).Size() % shape[at]
}
