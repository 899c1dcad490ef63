package passes

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// Calibrate runs the float network on the batches, observes every activation
// in a Histogram, and gives each of those that exist on the device as int8 a
// grid (Value.Grid; see the package's comment). Earlier activation grids are
// replaced. An input whose values are multiples of one step, scaled bytes say,
// gets the grid of exactly these values. SplitGrids comes first.
//
// It fails when there are no batches, when a batch does not fit the network's
// inputs, and when an activation is not finite.
func Calibrate(g *graph.Graph, batches Batches, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	SplitGrids(g)
	clearGrids(g)
	ds := domains(g)
	obs := make([]observation, len(ds))
	if err := observe(g, batches, ds, obs); err != nil {
		return err
	}
	for i, d := range ds {
		if d.float {
			continue
		}
		grid := obs[i].grid(d, cfg)
		for _, v := range d.values {
			own := grid
			v.Grid = &own
		}
	}
	return nil
}

// observe runs the batches and adds the values of each domain to its observation.
func observe(g *graph.Graph, batches Batches, ds []*domain, obs []observation) error {
	var tape *graph.Tape
	size := 0
	for batch := range batches {
		n, err := checkBatch(g, batch)
		if err != nil {
			return err
		}
		if n > size {
			if tape, err = graph.NewTape(g, n); err != nil {
				return fmt.Errorf("passes: %w", err)
			}
			size = n
		}
		tape.Forward(batch...)
		for i, d := range ds {
			if err := obs[i].add(g, d, tape); err != nil {
				return err
			}
		}
	}
	if tape == nil {
		return fmt.Errorf("passes: no calibration samples: give at least one batch")
	}
	return nil
}

// fineReach is how many times the range that was observed a fine grid has: one of its 16 bits,
// for samples that go further.
const fineReach = 2

// observation is what one domain has shown so far.
type observation struct {
	hist    quantize.Histogram
	lattice quantize.Lattice
}

func (o *observation) add(g *graph.Graph, d *domain, tape *graph.Tape) error {
	for _, v := range d.sources {
		x := tape.Activation(v).Data
		if !o.hist.Add(x) {
			return fmt.Errorf("passes: value %q is not finite on the calibration samples: check the network's weights and the inputs' preprocessing", v.Name)
		}
		if d.input {
			o.lattice.Add(x)
		}
	}
	return nil
}

func (o *observation) grid(d *domain, cfg Config) graph.Affine {
	if d.fixed != nil {
		return *d.fixed
	}
	o.hist.Add(d.extra)
	if d.input && len(d.extra) == 0 {
		if a, ok := o.lattice.Grid(); ok {
			return graph.Affine{Scale: a.Scale, Zero: a.Zero}
		}
	}
	if d.fine {
		lo, hi := o.hist.Range()
		a := quantize.Fit(fineReach*lo, fineReach*hi)
		return graph.Affine{Scale: a.Scale, Zero: a.Zero, Fine: true}
	}
	cfg = cfg.withDefaults()
	a := quantize.Choose(&o.hist, cfg.Method, cfg.Percentile)
	return graph.Affine{Scale: a.Scale, Zero: a.Zero}
}

func clearGrids(g *graph.Graph) {
	for _, v := range g.Inputs {
		v.Grid = nil
	}
	for _, n := range g.Nodes {
		for _, v := range n.Outputs {
			v.Grid = nil
		}
	}
}

// checkBatch returns the number of samples of a batch.
func checkBatch(g *graph.Graph, batch []*tensor.Tensor) (int, error) {
	if len(batch) != len(g.Inputs) {
		return 0, fmt.Errorf("passes: %d calibration inputs for a network with %d", len(batch), len(g.Inputs))
	}
	for i, x := range batch {
		want := g.Inputs[i].Shape
		if len(x.Shape) != len(want) || !x.Shape.Sample().Equal(want.Sample()) || x.Shape[0] != batch[0].Shape[0] {
			return 0, fmt.Errorf("passes: calibration batch of shape %v for input %q of shape %v", x.Shape, g.Inputs[i].Name, want)
		}
	}
	return batch[0].Shape[0], nil
}
