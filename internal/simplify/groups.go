package simplify

import (
	"fmt"
	"maps"
	"slices"

	"edgec/internal/graph"
)

// Slices says which positions along one axis of a parameter belong to each
// channel of a group.
type Slices struct {
	Param *graph.Param
	Axis  int
	Index [][]int // for each channel, positions in dimension Axis; in increasing order
}

// Group is a set of channels that the same tensors produce, and which can be
// removed one by one. Channels that a residual Add joins are one channel: all
// of their tensors are listed.
//
//   - Out: the tensors whose rows compute the channel: weights and biases of
//     convolutions and dense layers, depthwise kernels, constants for each
//     channel. Axis is 0 but for constants.
//   - In: the weights whose columns (Axis 1) read it. Behind a Flatten each
//     channel covers H*W columns.
type Group struct {
	Name     string // the first node that produces the group
	Channels int
	Out, In  []Slices

	ids []int // channel numbers (roots) of the analysis
	of  *channels
}

// Groups lists the groups of channels that can be removed, in execution
// order. Channels of the graph's inputs and outputs are not among them, nor
// those that meet an operator whose channels cannot be separated. The groups
// are valid until the graph's structure changes.
func Groups(g *graph.Graph) []*Group {
	c := analyse(g)
	isRow := map[slab]bool{}
	for _, s := range c.rows {
		isRow[s] = true
	}
	byTensors := map[string]*Group{}
	var groups []*Group
	for _, t := range c.touched() {
		key := fmt.Sprint(t.slabs)
		gr := byTensors[key]
		if gr == nil {
			gr = c.group(t.slabs, isRow)
			byTensors[key] = gr
			groups = append(groups, gr)
		}
		gr.Channels++
		gr.ids = append(gr.ids, t.id)
		for _, list := range [][]Slices{gr.Out, gr.In} {
			for i := range list {
				list[i].Index = append(list[i].Index, t.at[slab{list[i].Param, list[i].Axis}])
			}
		}
	}
	return groups
}

// touched is where a channel that can be removed lies.
type touched struct {
	id    int
	slabs []slab // in order of discovery
	at    map[slab][]int
}

// touched lists the channels that can be removed, by number.
func (c *channels) touched() []*touched {
	of := map[int]*touched{}
	for _, s := range slices.Concat(c.rows, c.cols) {
		for i := 0; i < s.param.Shadow.Shape[s.axis]; i++ {
			id, ok := c.owner[position{s, i}]
			if !ok {
				continue
			}
			id = c.Root(id)
			t := of[id]
			if t == nil {
				t = &touched{id: id, at: map[slab][]int{}}
				of[id] = t
			}
			if t.at[s] == nil {
				t.slabs = append(t.slabs, s)
			}
			t.at[s] = append(t.at[s], i)
		}
	}
	var all []*touched
	for _, id := range slices.Sorted(maps.Keys(of)) {
		if !c.fixed[id] {
			all = append(all, of[id])
		}
	}
	return all
}

// group makes an empty group of channels that lie in the slabs.
func (c *channels) group(slabs []slab, isRow map[slab]bool) *Group {
	gr := &Group{Name: c.rowName(slabs, isRow), of: c}
	for _, s := range slabs {
		sl := Slices{Param: s.param, Axis: s.axis}
		if isRow[s] {
			gr.Out = append(gr.Out, sl)
		} else {
			gr.In = append(gr.In, sl)
		}
	}
	return gr
}

// rowName names the first node that produces one of the slabs.
func (c *channels) rowName(slabs []slab, isRow map[slab]bool) string {
	for _, s := range slabs {
		if isRow[s] {
			return c.rowNode[s].Name
		}
	}
	return ""
}

// Remove cuts channels out of g: channel i of groups[k] goes where keep[k][i]
// is false (a nil keep[k] keeps all). Everything downstream narrows with it;
// what the removed channels contributed is lost. Every tensor must keep one
// position at least; otherwise an error is returned and g is as before. All
// groups must come from one call of Groups, which this call invalidates.
func Remove(g *graph.Graph, groups []*Group, keep [][]bool) error {
	if len(groups) != len(keep) {
		return fmt.Errorf("simplify: %d groups with %d lists of channels", len(groups), len(keep))
	}
	gone := map[int]bool{}
	for k, gr := range groups {
		if gr.of != groups[0].of || gr.of.g != g {
			return fmt.Errorf("simplify: group %q does not belong to this graph or call of Groups", gr.Name)
		}
		if keep[k] == nil {
			continue
		}
		if len(keep[k]) != gr.Channels {
			return fmt.Errorf("simplify: group %q has %d channels, %d are listed", gr.Name, gr.Channels, len(keep[k]))
		}
		for i, stays := range keep[k] {
			if !stays {
				gone[gr.ids[i]] = true
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return groups[0].of.cut(func(id int) bool { return gone[id] })
}
