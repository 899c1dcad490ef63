package passes

import (
	"fmt"
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/quantize"
)

// Quantize puts a simplified float network on its grids: Calibrate, Weights,
// Constants, Biases, CorrectBias, Check. The parameters' shadows stay float.
func Quantize(g *graph.Graph, batches Batches, cfg Config) error {
	if err := Calibrate(g, batches, cfg); err != nil {
		return err
	}
	if err := Weights(g, cfg); err != nil {
		return err
	}
	if err := Constants(g, cfg); err != nil {
		return err
	}
	if err := Biases(g, cfg); err != nil {
		return err
	}
	if err := CorrectBias(g, batches); err != nil {
		return err
	}
	return Check(g)
}

// Check verifies what the device relies on, beside graph.Check:
//
//   - every activation that exists on the device as int8 has a grid, and
//     operators that share one do;
//   - weights are integers of a symmetric grid within -127..127, pruned ones
//     exactly zero; codebook values too;
//   - biases are on the grid of their accumulator, their lowest Shift bits zero;
//   - effective values are up to date with the constraints.
//
// The error names the value, parameter or node.
func Check(g *graph.Graph) error {
	if err := g.Check(); err != nil {
		return fmt.Errorf("passes: %w", err)
	}
	for _, d := range domains(g) {
		if err := checkDomain(d); err != nil {
			return err
		}
	}
	floats := op.Floats(g)
	for _, n := range g.Nodes {
		if op.GridsOf(n.Op) != op.InputGrid || floats[n.Outputs[0]] {
			continue // on a JoinedGrid, export joins different grids by tables
		}
		in, out := n.Inputs[0].Grid, n.Outputs[0].Grid
		if n.Inputs[0].Param == nil && (in == nil) != (out == nil) || in != nil && out != nil && *in != *out {
			return fmt.Errorf("passes: node %q (%s): its input and output are on different grids", n.Name, n.Op.Name())
		}
	}
	for _, l := range layers(g) {
		if err := checkLayer(l); err != nil {
			return err
		}
	}
	return nil
}

func checkDomain(d *domain) error {
	for _, v := range d.values {
		switch {
		case v.Grid == nil && !d.float:
			return fmt.Errorf("passes: value %q has no grid: calibrate the network", v.Name)
		case v.Grid == nil:
		case !(v.Grid.Scale > 0) || math.IsInf(float64(v.Grid.Scale), 0) || v.Grid.Zero < -128 || v.Grid.Zero > 127:
			return fmt.Errorf("passes: value %q has scale %v and zero point %d: calibrate the network again", v.Name, v.Grid.Scale, v.Grid.Zero)
		case v.Grid.Scale > quantize.MaxScale:
			return fmt.Errorf("passes: value %q reaches %.2g, a file holds magnitudes up to %.2g: scale the network's inputs or targets down", v.Name, 255*v.Grid.Scale, 255.0*quantize.MaxScale)
		}
	}
	return nil
}

func checkLayer(l layer) error {
	if l.w.Grid == nil {
		return fmt.Errorf("passes: node %q: weights %q have no grid", l.node.Name, l.w.Name)
	}
	if l.w.Grid.Max > quantize.MaxWeight {
		return fmt.Errorf("passes: node %q: weights %q reach %d, int8 ends at %d", l.node.Name, l.w.Name, l.w.Grid.Max, quantize.MaxWeight)
	}
	for c, scale := range l.w.Grid.Scale {
		if scale > quantize.MaxScale {
			return fmt.Errorf("passes: node %q: the weights of channel %d reach %.2g, a file holds magnitudes up to %.2g: scale the network's inputs or targets", l.node.Name, c, float32(l.w.Grid.Max)*scale, float64(quantize.MaxWeight)*quantize.MaxScale)
		}
	}
	if err := checkParam(l.w); err != nil {
		return err
	}
	if l.b == nil {
		return nil
	}
	in := l.op.MetGrid(l.node)
	if l.b.Grid == nil || in == nil {
		return fmt.Errorf("passes: node %q: bias %q has no grid", l.node.Name, l.b.Name)
	}
	for c := 0; c < l.b.Channels(); c++ {
		want := in.Scale * l.w.Grid.ScaleOf(c)
		const rounding = 1e-5 // scales are products in float32
		if got := l.b.Grid.ScaleOf(c); math.Abs(float64(got-want)) > rounding*float64(want) {
			return fmt.Errorf("passes: node %q: bias %q has scale %v in channel %d, its input and weights make %v: call Biases again", l.node.Name, l.b.Name, got, c, want)
		}
	}
	return checkParam(l.b)
}

// checkParam verifies the integers and effective values of one parameter.
func checkParam(p *graph.Param) error {
	q := p.Quanta()
	row := len(q) / p.Channels()
	low := int32(1)<<p.Grid.Shift - 1
	for i, v := range q {
		scale := p.Grid.ScaleOf(i / row)
		switch {
		case int(v) > p.Grid.Max || int(v) < p.Grid.Least():
			return fmt.Errorf("passes: parameter %q: value %d is %d, beyond %d..%d", p.Name, i, v, p.Grid.Least(), p.Grid.Max)
		case v&low != 0:
			return fmt.Errorf("passes: parameter %q: value %d is %d, whose lowest %d bits should be zero", p.Name, i, v, p.Grid.Shift)
		case p.Mask != nil && p.Mask[i] == 0 && (v != 0 || p.Value.Data[i] != 0):
			return fmt.Errorf("passes: parameter %q: pruned value %d is %v", p.Name, i, p.Value.Data[i])
		case p.Value.Data[i] != float32(v)*scale:
			return fmt.Errorf("passes: parameter %q: effective value %d is %v, its constraints say %v: refresh it", p.Name, i, p.Value.Data[i], float32(v)*scale)
		}
	}
	return nil
}
