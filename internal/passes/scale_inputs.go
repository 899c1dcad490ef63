package passes

import (
	"math"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// InputScaled says how an input was scaled.
type InputScaled struct {
	Input         string
	Least, Most   float64  // ranges of the narrowest and the widest channel; constant ones do not count
	Own           []string // nodes of the network's own scaling, which went; nil: it has none
	Channels      int
	NarrowestStep float64 // steps of a common grid that the narrowest channel spans
}

// Offset reports whether the ranges are alike: it is their distance from zero that one grid,
// which holds zero, does not bear.
func (i InputScaled) Offset() bool { return i.Most < 8*i.Least }

// ScaleInputs gives the channels of inputs grids of their own (op.InputScale) where one grid
// for all of them would drown some: features as unlike as pascals and percent. What the
// network begins with, arithmetic with a constant for each channel, and the scaling go into
// the layers that read the input. It leaves an input alone
//
//   - whose values are scaled bytes, which one grid holds exactly (quantize.Lattice);
//   - that others than layers read, but for a scaling of the network's own, or that is read by
//     weights with constraints;
//   - whose rounding on one grid does not matter. With e[c] what a unit of channel c moves
//     the first layers' outputs by, squared, r[c] its range, R that of all, v[c] its
//     variance over the batches, one grid rounds with a noise of sum e[c] (R/255)^2 / 12,
//     grids of their own with sum e[c] (r[c]/255)^2 / 12. It has to be less than a
//     thousandth of the signal, sum e[c] v[c], or less than 16 times the latter.
//
// Where others than layers read the network's own scaling, its result becomes the input as
// it is, on one grid; its zero moves by up to half a step.
//
// Ranges are those of the batches: samples beyond saturate. Cost: two passes over the
// batches, without running the network.
func ScaleInputs(g *graph.Graph, batches Batches) (scaled []InputScaled, err error) {
	if err := gridless(g); err != nil {
		return nil, err
	}
	for k, v := range g.Inputs {
		s := simplify.FindScalableInput(g, v)
		if s == nil {
			continue
		}
		seen, err := observeInput(g, k, s.Axis, batches)
		if err != nil {
			return nil, err
		}
		o := seen.scaling(s)
		if !holds(o) || !seen.unlike(s.Energy(), o.Scale) {
			continue
		}
		if err := s.Scale(o); err != nil {
			return nil, err
		}
		scaled = append(scaled, seen.report(s))
	}
	return scaled, nil
}

// holds reports whether a file can hold the grids of o.
func holds(o op.InputScale) bool {
	for c, s := range o.Scale {
		if !(s >= quantize.MinScale && s <= quantize.MaxScale) || o.Zero[c] != int(int32(o.Zero[c])) {
			return false
		}
	}
	return true
}

// channelRanges is what the channels of an input have shown.
type channelRanges struct {
	lo, hi, sum, square []float64
	n                   float64 // values of each channel
	lattice             quantize.Lattice
}

// observeInput reads input k of the batches.
func observeInput(g *graph.Graph, k, axis int, batches Batches) (*channelRanges, error) {
	var r *channelRanges
	for batch := range batches {
		if _, err := checkBatch(g, batch); err != nil {
			return nil, err
		}
		x := batch[k]
		if r == nil {
			r = newChannelRanges(x.Shape[axis])
		}
		r.add(x, axis)
	}
	if r == nil {
		return nil, errNoSamples
	}
	return r, nil
}

func newChannelRanges(n int) *channelRanges {
	r := &channelRanges{lo: make([]float64, n), hi: make([]float64, n), sum: make([]float64, n), square: make([]float64, n)}
	for c := range n {
		r.lo[c], r.hi[c] = math.Inf(1), math.Inf(-1)
	}
	return r
}

func (r *channelRanges) add(x *tensor.Tensor, axis int) {
	r.lattice.Add(x.Data)
	inner := x.Shape[axis+1:].Size()
	for i, f := range x.Data {
		c, v := i/inner%len(r.lo), float64(f)
		r.lo[c], r.hi[c] = min(r.lo[c], v), max(r.hi[c], v)
		r.sum[c] += v
		r.square[c] += v * v
	}
	r.n += float64(len(x.Data) / len(r.lo))
}

// whole is the range of all channels together, with zero.
func (r *channelRanges) whole() float64 {
	lo, hi := 0.0, 0.0
	for c := range r.lo {
		lo, hi = min(lo, r.lo[c]), max(hi, r.hi[c])
	}
	return hi - lo
}

// unlike reports whether one grid for all channels would lose much of the signal, and the
// given steps of each channel less.
func (r *channelRanges) unlike(energy []float64, steps []float32) bool {
	const (
		signal = 1000 // times the noise: 30 dB
		gain   = 16   // of grids of their own: 2 bits
	)
	if _, ok := r.lattice.Grid(); ok {
		return false
	}
	power, common, own := 0.0, 0.0, 0.0
	step := r.whole() / 255
	for c, e := range energy {
		mean := r.sum[c] / r.n
		power += e * max(r.square[c]/r.n-mean*mean, 0)
		common += e * step * step / 12
		own += e * float64(steps[c]) * float64(steps[c]) / 12
	}
	return finite(common) && signal*common > power && common > gain*own
}

func finite(x float64) bool { return x-x == 0 }

// scaledGrid is that of scaled inputs: from -1 to 1.
var scaledGrid = graph.Affine{Scale: 1.0 / 128}

// scaling returns the grids of the channels. Where a reader pads, the network's own zero is
// on them.
func (r *channelRanges) scaling(s *simplify.ScalableInput) op.InputScale {
	if s.Replaced {
		return r.replacing(s)
	}
	o := op.InputScale{Axis: s.Axis, Grid: scaledGrid}
	for c := range r.lo {
		middle := (r.lo[c] + r.hi[c]) / 2
		half := (r.hi[c] - r.lo[c]) / 2
		if s.Padded {
			middle = -s.Add[c] / s.Mul[c]
			half = max(r.hi[c]-middle, middle-r.lo[c])
		}
		const resolution = 1 << 22 // float32 has no more steps from zero to the middle
		half = max(half, math.Abs(middle)*quantize.MaxWeight/resolution)
		if half == 0 {
			half = quantize.MaxWeight // always zero
		}
		scale := quantize.RoundScale(half / quantize.MaxWeight)
		zero := math.Round(-middle / float64(scale))
		if s.Padded && zero != 0 { // exact
			scale = float32(math.Abs(middle / zero))
		}
		o.Scale, o.Zero = append(o.Scale, scale), append(o.Zero, int(zero))
	}
	return o
}

// replacing returns the scaling that is the network's own, on the grid of its results.
func (r *channelRanges) replacing(s *simplify.ScalableInput) op.InputScale {
	lo, hi := 0.0, 0.0
	for c, m := range s.Mul {
		lo, hi = min(lo, m*r.lo[c]+s.Add[c]), max(hi, m*r.hi[c]+s.Add[c])
	}
	a := quantize.Fit(lo, hi)
	o := op.InputScale{Axis: s.Axis, Grid: graph.Affine{Scale: a.Scale, Zero: a.Zero}}
	step := float64(o.Grid.Scale)
	for c, m := range s.Mul {
		o.Scale = append(o.Scale, float32(step/m)) // half precision would move a mean of many steps
		o.Zero = append(o.Zero, o.Grid.Zero+int(math.Round(s.Add[c]/step)))
	}
	return o
}

// report describes the scaling of s.
func (r *channelRanges) report(s *simplify.ScalableInput) InputScaled {
	i := InputScaled{Input: s.Input.Name, Own: s.Chain(), Channels: len(r.lo), Least: math.Inf(1)}
	for c := range r.lo {
		if w := r.hi[c] - r.lo[c]; w > 0 {
			i.Least, i.Most = min(i.Least, w), max(i.Most, w)
		}
	}
	i.NarrowestStep = i.Least / (r.whole() / 255)
	return i
}
