package simplify

import (
	"slices"

	"edgec/internal/graph"
)

// Exchangeable reports whether the channels of gr can change places: each lies at as many
// positions of every tensor as the others.
func (gr *Group) Exchangeable() bool {
	for _, s := range slices.Concat(gr.Out, gr.In) {
		for _, at := range s.Index {
			if len(at) != len(s.Index[0]) {
				return false
			}
		}
	}
	return gr.Channels > 1
}

// Permute puts channel order[i] of gr where channel i was, in every tensor; order is a
// permutation of all channels of an Exchangeable group. The network computes the same: its
// sums have the same terms. The groups of the graph stay valid. Cost: a copy of the tensors.
func (gr *Group) Permute(order []int) {
	for _, s := range slices.Concat(gr.Out, gr.In) {
		take(s.Param, s.Axis, s.taking(order))
	}
}

// taking returns, for each position along the axis, the one whose content moves there.
func (s *Slices) taking(order []int) []int {
	from := make([]int, s.Param.Shadow.Shape[s.Axis])
	for i := range from {
		from[i] = i
	}
	for c, at := range s.Index {
		for k, i := range at {
			from[i] = s.Index[order[c]][k]
		}
	}
	return from
}

// Nonzero counts the effective values of each channel of a list of tensors that are not zero.
func Nonzero(list []Slices, channels int) []int {
	n := make([]int, channels)
	for _, s := range list {
		for c := range n {
			s.each(c, func(v float32) {
				if v != 0 {
					n[c]++
				}
			})
		}
	}
	return n
}

// Patterns says of each channel which values of its rows are not zero: of the weights in
// list, one bool for each.
func Patterns(list []Slices, channels int) [][]bool {
	all := make([][]bool, channels)
	for _, s := range list {
		if s.Param.Role != graph.Weight {
			continue
		}
		for c := range all {
			s.each(c, func(v float32) { all[c] = append(all[c], v != 0) })
		}
	}
	return all
}

// each visits the effective values of channel c.
func (s *Slices) each(c int, visit func(float32)) {
	shape := s.Param.Shadow.Shape
	outer, inner := shape[:s.Axis].Size(), shape[s.Axis+1:].Size()
	for o := range outer {
		for _, i := range s.Index[c] {
			at := (o*shape[s.Axis] + i) * inner
			for _, v := range s.Param.Value.Data[at : at+inner] {
				visit(v)
			}
		}
	}
}
