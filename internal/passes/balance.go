package passes

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// Sensitivity is what an error in a layer costs; see quantize.Sensitivity.
type Sensitivity = quantize.Sensitivity

// Scaling is what Balance has multiplied the weights of a layer by; see quantize.Scaling.
type Scaling = quantize.Scaling

// Balance moves scale between consecutive layers of g, as Equalize does, but so that
// entropy-coded weights on grids of one step per layer cost the fewest bits at the same loss,
// when a bit is worth lambda of loss; see quantize.Balance. It returns what it has done, for
// each parameter of a pair. of has the sensitivities of the weights; layers without one are
// left alone.
//
// Balance fails where weights have a grid, and if of has other shapes than the layers.
func Balance(g *graph.Graph, of map[*graph.Param]Sensitivity, lambda float64) (map[*graph.Param]*Scaling, error) {
	if err := gridless(g); err != nil {
		return nil, err
	}
	done, now := map[*graph.Param]*Scaling{}, map[*graph.Param]*Sensitivity{}
	var pairs []pair
	var balanced []quantize.BalancedPair
	for _, p := range findPairs(g) {
		a, known := of[p.a.w]
		b, knownToo := of[p.b.w]
		if !known || !knownToo {
			continue
		}
		if n := p.a.w.Channels(); len(a.Curvature) != len(p.a.w.Shadow.Data) || len(b.Curvature) != len(p.b.w.Shadow.Data) || len(a.OutputCurvature) != n || len(a.AbsMax) != n {
			return nil, fmt.Errorf("passes: the sensitivities of %q and %q have other shapes than the parameters", p.a.w.Name, p.b.w.Name)
		}
		for _, l := range []layer{p.a, p.b} {
			if done[l.w] == nil {
				done[l.w] = l.scaling()
				s := of[l.w]
				now[l.w] = &Sensitivity{Curvature: slices.Clone(s.Curvature), OutputCurvature: slices.Clone(s.OutputCurvature), AbsMax: slices.Clone(s.AbsMax)}
			}
		}
		pairs = append(pairs, p)
		balanced = append(balanced, quantize.BalancedPair{Pair: p.plain(), SensitivityA: now[p.a.w], SensitivityB: now[p.b.w],
			ScalingA: done[p.a.w], ScalingB: done[p.b.w], Levels: levels(p.a.node)})
	}
	quantize.Balance(balanced, lambda)
	refresh(pairs)
	return done, nil
}

// scaling returns the Scaling of a layer before Balance.
func (l layer) scaling() *Scaling {
	kernel, _ := l.linear().Kernel()
	row := len(l.w.Shadow.Data) / l.w.Channels()
	return quantize.NewScaling(l.w.Channels(), kernel.Groups*row)
}

// levels is the number of steps of an activation from zero to its largest magnitude.
func levels(n *graph.Node) float64 {
	if clamp := op.FusedClamp(n.Op); clamp.On && clamp.Lo >= 0 {
		return 255
	}
	return 127
}
