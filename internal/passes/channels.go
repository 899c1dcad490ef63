package passes

import (
	"cmp"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// ChannelScores scores the removable channels of a network (kernels of convolutions,
// units of dense layers; see simplify.Groups) and cuts the least important.
//
// With Fisher and Magnitude a channel's importance is the mean over steps of
//
//	(sum over its weights of w dL/dw)^2
//
// the squared first-order change of the loss without it (Molchanov et al.
// 2019, equation 8). With Input it is the filter form E|<x,w>| / sqrt(||w||_2),
// relative to the layer's largest.
type ChannelScores struct {
	g      *graph.Graph
	groups []*simplify.Group
	score  [][]float64
}

// NewChannelScores prepares to score the channels of g as it is now.
func NewChannelScores(g *graph.Graph) *ChannelScores {
	f := &ChannelScores{g: g, groups: simplify.Groups(g)}
	for _, gr := range f.groups {
		f.score = append(f.score, make([]float64, gr.Channels))
	}
	return f
}

// For returns the same scores for g, a clone of the network that was scored.
func (f *ChannelScores) For(g *graph.Graph) *ChannelScores {
	return &ChannelScores{g: g, groups: simplify.Groups(g), score: f.score}
}

// Scores returns the scores of the channels, by group, for SetScores of the ChannelScores
// of an equal network.
func (f *ChannelScores) Scores() [][]float64 { return f.score }

// SetScores sets the scores that Scores returned.
func (f *ChannelScores) SetScores(score [][]float64) { f.score = score }

// Channels returns how many channels can be removed in all, and in how many
// groups they are.
func (f *ChannelScores) Channels() (channels, groups int) {
	for _, gr := range f.groups {
		channels += gr.Channels
	}
	return channels, len(f.groups)
}

// Observe adds the gradients of the trainer's last step to the scores.
func (f *ChannelScores) Observe(t *train.Trainer) {
	for k, gr := range f.groups {
		sum := make([]float64, gr.Channels)
		for _, s := range gr.Out {
			if s.Axis != 0 || !Prunable(s.Param) {
				continue
			}
			d, w := t.Gradient(s.Param), s.Param.Value.Data
			row := len(w) / max(s.Param.Channels(), 1)
			for c, rows := range s.Index {
				for _, r := range rows {
					for i := r * row; i < (r+1)*row; i++ {
						sum[c] += float64(w[i]) * float64(d[i])
					}
				}
			}
		}
		for c, v := range sum {
			f.score[k][c] += v * v
		}
	}
}

// ObserveInputs replaces the scores by the filter form of Input, measured on
// the samples x.
func (f *ChannelScores) ObserveInputs(x *tensor.Tensor) error {
	responses, err := Responses(f.g, x)
	if err != nil {
		return err
	}
	for k, gr := range f.groups {
		clear(f.score[k])
		top := 0.0
		for _, s := range gr.Out {
			r := responses[s.Param]
			if s.Axis != 0 || r == nil {
				continue
			}
			w := s.Param.Value.Data
			row := len(w) / max(s.Param.Channels(), 1)
			for c, rows := range s.Index {
				for _, i := range rows {
					norm := 0.0
					for _, v := range w[i*row : (i+1)*row] {
						norm += float64(v) * float64(v)
					}
					f.score[k][c] += float64(r[i]) / (math.Sqrt(math.Sqrt(norm)) + 1e-30)
				}
			}
		}
		for _, v := range f.score[k] {
			top = math.Max(top, v)
		}
		for c := range f.score[k] {
			f.score[k][c] /= top + 1e-30
		}
	}
	return nil
}

// Prune removes the channels with the least score for what they cost, until the
// network's cost has fallen to the fraction rest (0..1) or every group is at
// its floor: half of its channels, and two. The cost is the mean of two
// shares: of the weights and of the multiplications. It returns how many
// channels went. The ChannelScores are used up.
func (f *ChannelScores) Prune(rest float64) (int, error) {
	c := newChannelCosts(f.g, f.groups)
	type unit struct {
		group, channel int
		value          float64
	}
	var units []unit
	for k := range f.groups {
		rate := c.channel(k)
		for i := range f.score[k] {
			units = append(units, unit{k, i, f.score[k][i] / (rate + 1e-30)})
		}
	}
	slices.SortStableFunc(units, func(a, b unit) int { return cmp.Compare(a.value, b.value) })
	keep := make([][]bool, len(f.groups))
	left := make([]int, len(f.groups))
	for k, gr := range f.groups {
		keep[k] = make([]bool, gr.Channels)
		for i := range keep[k] {
			keep[k][i] = true
		}
		left[k] = gr.Channels
	}
	removed := 0
	target := rest * c.total(nil)
	for _, u := range units {
		if c.total(left) <= target {
			break
		}
		if floor := max(2, (f.groups[u.group].Channels+1)/2); left[u.group] <= floor {
			continue
		}
		keep[u.group][u.channel] = false
		left[u.group]--
		removed++
	}
	if removed == 0 {
		return 0, nil
	}
	return removed, simplify.Remove(f.g, f.groups, keep)
}

// channelCosts computes what a network weighs when groups of channels shrink.
type channelCosts struct {
	groups  []*simplify.Group
	weights []weightCost
}

// weightCost is one weight tensor: its share of the cost, and the groups of
// its rows and of its columns (-1: none).
type weightCost struct {
	share    float64
	row, col int
}

func newChannelCosts(g *graph.Graph, groups []*simplify.Group) *channelCosts {
	macs := map[*graph.Param]float64{}
	allMACs, allSize := 0.0, 0.0
	for _, n := range g.Nodes {
		if m := float64(op.MACs(n)); m > 0 && n.Inputs[1].Param != nil {
			macs[n.Inputs[1].Param] += m
			allMACs += m
		}
	}
	for _, p := range g.Params() {
		allSize += float64(len(p.Shadow.Data))
	}
	row, col := map[*graph.Param]int{}, map[*graph.Param]int{}
	for k, gr := range groups {
		for _, s := range gr.Out {
			if s.Axis == 0 {
				row[s.Param] = k + 1
			}
		}
		for _, s := range gr.In {
			col[s.Param] = k + 1
		}
	}
	c := &channelCosts{groups: groups}
	for _, p := range g.Params() {
		share := (float64(len(p.Shadow.Data))/allSize + macs[p]/math.Max(allMACs, 1)) / 2
		c.weights = append(c.weights, weightCost{share, row[p] - 1, col[p] - 1})
	}
	return c
}

// total returns the cost, 1 for the whole network, when left[k] channels of
// group k remain; nil: all.
func (c *channelCosts) total(left []int) float64 {
	if left == nil {
		return 1
	}
	frac := func(k int) float64 {
		if k < 0 {
			return 1
		}
		return float64(left[k]) / float64(c.groups[k].Channels)
	}
	sum := 0.0
	for _, w := range c.weights {
		sum += w.share * frac(w.row) * frac(w.col)
	}
	return sum
}

// channel returns the cost of one channel of group k.
func (c *channelCosts) channel(k int) float64 {
	sum := 0.0
	for _, w := range c.weights {
		if w.row == k {
			sum += w.share
		}
		if w.col == k {
			sum += w.share
		}
	}
	return sum / float64(c.groups[k].Channels)
}
