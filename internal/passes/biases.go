package passes

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/quantize"
)

// Biases gives every bias the grid of its layer's accumulator: scale inScale *
// wScale[c], whose Shift lowest bits stay zero. The shift is the largest for
// which the bias moves in steps of at most Config.BiasStep output steps; behind
// a float output, of the output change that one input step makes (inScale times
// the median norm of a channel's weights); or of Config.CoarsestBias. Activation and
// weight grids must exist; call it again whenever one of them has changed.
func Biases(g *graph.Graph, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	done := map[*graph.Param]bool{}
	for _, l := range layers(g) {
		if l.b == nil {
			continue
		}
		in := l.op.MetGrid(l.node)
		if in == nil || l.w.Grid == nil {
			return fmt.Errorf("passes: node %q: its input or its weights have no grid yet: calibrate first", l.node.Name)
		}
		grid := &graph.Grid{Scale: quantize.BiasScales(in.Scale, l.w.Grid.Scale), Max: quantize.MaxBias}
		grid.Shift = quantize.BiasShift(slices.Max(grid.Scale), cfg.biasStep(l))
		if done[l.b] && !slices.Equal(grid.Scale, l.b.Grid.Scale) {
			return fmt.Errorf("passes: node %q: bias %q is shared by layers with different scales: give each layer its own", l.node.Name, l.b.Name)
		}
		done[l.b] = true
		for c, b := range l.b.Shadow.Data {
			if math.Abs(float64(b)) > float64(grid.ScaleOf(c))*quantize.MaxBias {
				return fmt.Errorf("passes: node %q: bias %v of channel %d does not fit 30 bits of %v: choose the weights' scales again", l.node.Name, b, c, grid.ScaleOf(c))
			}
		}
		l.b.Grid = grid
		l.b.Refresh()
	}
	return nil
}

// biasStep returns the largest step that the biases of l may have, in units of the output.
func (c Config) biasStep(l layer) float64 {
	step := 0.0
	if out := l.node.Outputs[0].Grid; out != nil {
		step = float64(out.Scale)
	} else {
		in := l.op.MetGrid(l.node)
		step = float64(in.Scale) * quantize.MedianNorm(l.w.Value.Data, l.w.Channels())
		if in.Fine {
			step /= graph.Parts
		}
	}
	step *= c.BiasStep
	if c.CoarsestBias != nil {
		step = max(step, c.CoarsestBias(l.w))
	}
	return step
}
