package edgec

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"edgec/export"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/quantize"
)

// roundingSamples, or as many as have roundingFloats numbers, measure what the layers'
// inputs have in common; the first calibrationSamples of them calibrate.
const (
	roundingSamples = 8192
	roundingFloats  = 1 << 25
)

// A size is filled with rounded weights to roundedFill, or at least roundedFull: fine-tuning
// hardly changes it.
const (
	roundedFill = 0.998
	roundedFull = 0.9965
)

// The prices of a bit that are searched, in loss (see passes.InputMoments.Round): at the least
// nothing is lost, at the most nothing is left. Their logarithm is bisected priceSteps
// times, which finds the largest price that will do to 11 %.
const (
	leastPrice = 1e-12
	mostPrice  = 1
	priceSteps = 8
)

// rounding makes files without training: each layer's weights are pruned and rounded
// together, so that the network's outputs change little for the bits that are saved. One
// price of a bit serves all layers: the least that the limits allow, or, where a drop is
// asked for, the largest that keeps it.
func (s *search) rounding() error {
	r, err := s.newRounder()
	if err != nil {
		return err
	}
	if s.recipe.limitsOnly() {
		price, err := s.leastFitting(r, s.recipe.limit())
		if err != nil {
			return err
		}
		_, _, err = s.roundedFile(r, price)
		return err
	}
	low, high := math.Log(leastPrice), math.Log(mostPrice)
	for step := range priceSteps {
		if err := s.stop(); err != nil {
			return err
		}
		price := math.Exp((low + high) / 2)
		_, p, err := s.roundedFile(r, price)
		if err != nil {
			return err
		}
		s.tell(Progress{Stage: "round", Done: step + 1, Total: priceSteps})
		if s.keeps(p) {
			low = math.Log(price)
		} else {
			high = math.Log(price)
		}
	}
	return nil
}

// rounder rounds the weights of a network at any price.
type rounder struct {
	net     *graph.Graph
	x       *tensor.Tensor
	moments []*passes.InputMoments // of the parameters of net
}

// newRounder measures the network.
func (s *search) newRounder() (*rounder, error) {
	r := &rounder{net: s.net.Clone(), x: s.feed.manySamples(min(roundingSamples, max(1, roundingFloats/s.model.Input().Size())))}
	all, err := passes.MeasureMoments(r.net, r.x, predictBatch(s.net), s.curved())
	if err != nil {
		return nil, err
	}
	for _, p := range r.net.Params() {
		r.moments = append(r.moments, all[p])
	}
	return r, nil
}

// samples yields the first calibrationSamples in batches.
func (r *rounder) samples() passes.Batches {
	return passes.Samples(r.x.Rows(0, min(calibrationSamples, r.x.Shape[0])), 64)
}

// network returns the network with weights and biases that are rounded at a price of a bit,
// and with activations that fit them.
func (r *rounder) network(price float64) (*graph.Graph, error) {
	g, moments, err := r.balanced(price)
	if err != nil {
		return nil, err
	}
	steps := map[string]float64{}
	for i, p := range g.Params() {
		m := moments[i]
		if m == nil {
			continue
		}
		p.Grid = &graph.Grid{Scale: []float32{quantize.RoundScale(m.Step(p, price))}, Max: 127}
		if _, err := m.Round(p, price); err != nil {
			return nil, err
		}
		steps[p.Name] = m.BiasStep(price)
	}
	cfg := passes.Config{CoarsestBias: func(w *graph.Param) float64 { return steps[w.Name] }}
	if err := passes.Calibrate(g, r.samples(), cfg); err != nil {
		return nil, err
	}
	if err := passes.Biases(g, cfg); err != nil {
		return nil, err
	}
	if err := passes.CorrectBias(g, r.samples()); err != nil {
		return nil, err
	}
	for _, p := range shared(g) {
		if p.Book != nil {
			passes.MaskZeros(p)
		}
	}
	if err := removeDead(g); err != nil {
		return nil, err
	}
	return g, passes.Biases(g, cfg)
}

// balanced returns the network with scale moved between its layers so that it takes the
// fewest bits, and its moments.
func (r *rounder) balanced(price float64) (*graph.Graph, []*passes.InputMoments, error) {
	g := r.net.Clone()
	of := map[*graph.Param]passes.Sensitivity{}
	ps := g.Params()
	for i, p := range ps {
		if m := r.moments[i]; m != nil {
			of[p] = passes.Sensitivity{Curvature: m.Curvatures(), OutputCurvature: m.OutputCurvature(), AbsMax: m.AbsMax()}
		}
	}
	scaled, err := passes.Balance(g, of, price)
	if err != nil {
		return nil, nil, err
	}
	moments := slices.Clone(r.moments)
	for i, p := range ps {
		if s := scaled[p]; s != nil {
			moments[i] = r.moments[i].Scaled(s.Rows, s.Columns)
		}
	}
	return g, moments, nil
}

// curved returns what draws gradients in outputs of the network, whose square has the
// curvature of what files lose: of classifiers, the divergence of classes from the float
// network's (in nats, at curvedTemperature); of others, the distance from its outputs,
// relative to its own error.
func (s *search) curved() func(y *tensor.Tensor) *tensor.Tensor {
	rng := rand.New(rand.NewPCG(s.recipe.Seed, 0xd1ce))
	return func(y *tensor.Tensor) *tensor.Tensor {
		dy := tensor.New(y.Shape...)
		k := y.Shape.Sample().Size()
		soft := make([]float32, k)
		for lo := 0; lo < len(y.Data); lo += k {
			row := dy.Data[lo : lo+k]
			if isDistance(s.report.Task) {
				size := float32(math.Sqrt(2 / (float64(k) * s.judge.unit)))
				for i := range row {
					row[i] = size * float32(2*rng.IntN(2)-1)
				}
				continue
			}
			for i, v := range y.Data[lo : lo+k] {
				soft[i] = v / curvedTemperature
			}
			train.Distill{}.Output(row, soft, draw(soft, rng.Float64()), nil)
		}
		return dy
	}
}

// curvedTemperature divides the outputs of a classifier before its classes are drawn: it
// is surer of samples that it was trained on than of others.
const curvedTemperature = 3

// leastFitting returns the least price, to less than a percent of the cost, whose file has at
// most that cost: the file fills it. When the budget is used up before, a larger one.
func (s *search) leastFitting(r *rounder, limit int) (float64, error) {
	return staged(s, "price", nil, func() (float64, error) {
		most := roundedFill * float64(limit)
		tried := 0
		taken := func(price float64) (float64, error) {
			if err := s.stop(); err != nil {
				return 0, err
			}
			s.tell(Progress{Stage: "price", Done: tried, Total: mostPrices})
			tried++
			g, err := r.network(price)
			if err != nil {
				return 0, err
			}
			file, _, err := export.Encode(g, s.exportConfig())
			if err != nil {
				return 0, err
			}
			cost, err := s.fileCost(file)
			return cost / most, err
		}
		return leastPriced(taken)
	})
}

// mostPrices bounds the prices that are tried.
const mostPrices = 20

// leastPriced returns the least price at which share, what a file takes of the limits, is at
// most 1, and not much less: leastPrice if it is at most 1 even there, mostPrice if it
// is more everywhere. share falls with the price, about as a power of it.
func leastPriced(share func(price float64) (float64, error)) (float64, error) {
	low, high := math.Log(leastPrice), math.Log(mostPrice)
	large, err := share(leastPrice)
	if err != nil || large <= 1 {
		return leastPrice, err
	}
	small := 0.0 // at high
	for range mostPrices - 1 {
		x := (low + high) / 2
		if small > 1/math.E && large < math.E { // near enough for a straight line
			a, b := math.Log(large), math.Log(small)
			x = low + (high-low)*math.Max(0.1, math.Min(0.9, a/(a-b)))
		}
		y, err := share(math.Exp(x))
		if errors.Is(err, errBudget) && small > 0 {
			break
		}
		if err != nil {
			return 0, err
		}
		if y > 1 {
			low, large = x, y
			continue
		}
		high, small = x, y
		if y > roundedFull/roundedFill {
			break
		}
	}
	return math.Exp(high), nil
}

// roundedFile makes a file of weights that are rounded at a price, and returns its network
// too.
func (s *search) roundedFile(r *rounder, price float64) (g *graph.Graph, p Point, err error) {
	since := time.Now()
	if g, err = r.network(price); err != nil {
		return nil, p, err
	}
	if err := s.settle(g, 0); err != nil {
		return nil, p, err
	}
	p, err = s.made(func() (Point, error) { return s.measureRounded(g) })
	if err != nil {
		return nil, p, err
	}
	s.showFile("round", p, fmt.Sprintf(", %.2g for a bit, %d bytes", price, p.Size), since)
	return g, p, nil
}
