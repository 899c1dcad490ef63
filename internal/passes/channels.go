package passes

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

// ChannelScores scores the removable channels of a network (kernels of convolutions,
// units of dense layers; see simplify.Groups) and removes the least important.
//
// With Fisher and Magnitude a channel's importance is the mean over steps of
//
//	(sum over its weights of w dL/dw)^2
//
// the squared first-order change of the loss without it (Molchanov et al.
// 2019, equation 8; see prune.Taylor). With Input it is E|<x,w>| / sqrt(||w||_2) of
// whole kernels (prune.ResponseScore), relative to the layer's largest.
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

// Channels returns the number of channels that can be removed in all, and of the
// groups that they are in.
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
					sum[c] = prune.Taylor(sum[c], w[r*row:(r+1)*row], d[r*row:(r+1)*row])
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
func (f *ChannelScores) ObserveInputs(x ...*tensor.Tensor) error {
	responses, err := Responses(f.g, x...)
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
					f.score[k][c] += prune.ResponseScore(float64(r[i]), w[i*row:(i+1)*row])
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

// Prune removes the channels with the least score for what they cost, until the network's
// cost has fallen to the fraction rest (0..1) or every group has half of its channels left
// (see prune.SelectChannels). The cost is the mean of two shares: of the weights and of
// the multiplications. It returns the number of channels removed. The scores are used up.
func (f *ChannelScores) Prune(rest float64) (int, error) {
	keep, removed := prune.SelectChannels(f.score, channelCosts(f.g, f.groups), rest)
	if removed == 0 {
		return 0, nil
	}
	return removed, simplify.Remove(f.g, f.groups, keep)
}

// channelCosts returns what the weights of g cost, and the groups of their rows and columns.
func channelCosts(g *graph.Graph, groups []*simplify.Group) []prune.Tensor {
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
	row, col := groupsOf(groups)
	var tensors []prune.Tensor
	for _, p := range g.Params() {
		share := (float64(len(p.Shadow.Data))/allSize + macs[p]/math.Max(allMACs, 1)) / 2
		tensors = append(tensors, prune.Tensor{Cost: share, Rows: row[p] - 1, Cols: col[p] - 1})
	}
	return tensors
}

// groupsOf returns 1 and the index of the groups that rows and columns of parameters are in.
func groupsOf(groups []*simplify.Group) (row, col map[*graph.Param]int) {
	row, col = map[*graph.Param]int{}, map[*graph.Param]int{}
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
	return row, col
}
