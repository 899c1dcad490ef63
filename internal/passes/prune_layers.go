package passes

import (
	"edgec/internal/graph"
	"edgec/internal/train"
	"edgec/prune"
)

// Layer is the pruning state of one parameter. The slices of prune.Layer are those of the
// parameter; Threshold and Apply set them anew, since training replaces some.
type Layer struct {
	prune.Layer
	Param *graph.Param

	coding prune.Coding // how its mask is coded, for Fisher
}

// Prunable reports whether pruning may remove elements of p: weights and
// biases, but not other constants.
func Prunable(p *graph.Param) bool { return p.Role == graph.Weight || p.Role == graph.Bias }

// NewLayers makes the pruning state of every prunable parameter of g, with
// full masks where there are none.
func NewLayers(g *graph.Graph) []*Layer {
	var ls []*Layer
	for _, p := range g.Params() {
		if !Prunable(p) {
			continue
		}
		if p.Mask == nil {
			p.Mask = make([]float32, len(p.Shadow.Data))
			for i := range p.Mask {
				p.Mask[i] = 1
			}
		}
		ls = append(ls, newLayer(p))
	}
	return ls
}

func newLayer(p *graph.Param) *Layer {
	return &Layer{Param: p, Layer: prune.Layer{Gain: 1, Score: make([]float32, len(p.Shadow.Data))}}
}

// plain returns the plain data of the layers as their parameters are now.
func plain(ls []*Layer) []*prune.Layer {
	all := make([]*prune.Layer, len(ls))
	for k, l := range ls {
		l.Weights, l.Mask, l.SquaredGradient = l.Param.Shadow.Data, l.Param.Mask, nil
		if len(l.Param.State) > train.StateSquare {
			l.SquaredGradient = l.Param.State[train.StateSquare]
		}
		all[k] = &l.Layer
	}
	return all
}

// Kept returns the number of elements that the masks keep in all.
func Kept(ls []*Layer) int { return prune.Kept(plain(ls)) }

// Total returns the number of elements in all.
func Total(ls []*Layer) int {
	n := 0
	for _, l := range ls {
		n += len(l.Param.Shadow.Data)
	}
	return n
}

// Threshold is prune.Threshold of the layers.
func Threshold(ls []*Layer, keep int) float64 { return prune.Threshold(plain(ls), keep) }

// Apply is prune.Update of the layers. Effective weights are refreshed by the caller.
func Apply(ls []*Layer, t float64) (pruned, spliced int) { return prune.Update(plain(ls), t) }

// Ease is prune.Ease of the layers: those that a rejected run hurt most get smaller gains.
func Ease(ls []*Layer) { prune.Ease(plain(ls)) }

// Decay is prune.Decay of the layers.
func Decay(ls []*Layer) {
	for _, l := range ls {
		prune.Decay(l.Param.Shadow.Data[:len(l.Param.Mask)], l.Param.Mask)
	}
}

// Gains returns the gains that differ from 1 by the names of the parameters,
// for a rollback to a copy of the network.
func Gains(ls []*Layer) map[string]float64 {
	gains := map[string]float64{}
	for _, l := range ls {
		if l.Gain != 1 {
			gains[l.Param.Name] = l.Gain
		}
	}
	return gains
}

// SetGains sets the gains that Gains returned.
func SetGains(ls []*Layer, gains map[string]float64) {
	for _, l := range ls {
		if g, ok := gains[l.Param.Name]; ok {
			l.Gain = g
		}
	}
}
