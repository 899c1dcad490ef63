package edgec

import (
	"fmt"
	"math"
	"time"

	"edgec/internal/graph"
	"edgec/quantize"
	"edgec/share"
)

// roundingSamples measure what the layers' inputs have in common, and calibrate.
const roundingSamples = 1024

// The prices of a bit that are searched, in loss (see share.Moments.Round): at the least
// nothing is lost, at the most nothing is left. Their logarithm is bisected priceSteps
// times, which finds the largest price that will do to 11 %.
const (
	leastPrice = 1e-12
	mostPrice  = 1
	priceSteps = 8
)

// rounding makes files without training: each layer's weights are pruned and rounded
// together, so that its outputs change little for the bits that are saved. One price of
// a bit serves all layers, and is looked for by bisection.
func (s *search) rounding() error {
	x := s.samplesFor(roundingSamples)
	moments, err := share.Measure(s.net, x, predictBatch(s.net))
	if err != nil {
		return err
	}
	low, high := math.Log(leastPrice), math.Log(mostPrice)
	for step := range priceSteps {
		if err := s.stop(); err != nil {
			return err
		}
		since := time.Now()
		price := math.Exp((low + high) / 2)
		p, err := s.made(func() (p Point, err error) {
			g, err := s.rounded(moments, price)
			if err != nil {
				return p, err
			}
			return s.measure(g, s.judge.set.Len())
		})
		if err != nil {
			return err
		}
		s.showFile("round", p, fmt.Sprintf(", %.2g for a bit, %d bytes", price, p.Size), since)
		s.tell(Progress{Stage: "round", Done: step + 1, Total: priceSteps})
		if s.dear(p) {
			low = math.Log(price)
		} else {
			high = math.Log(price)
		}
	}
	return nil
}

// dear reports that a bit may cost more than in file p: it is too large or too slow, or
// loses less than it may.
func (s *search) dear(p Point) bool {
	if s.recipe.limitsOnly() {
		return !s.recipe.within(p.Size, p.Latency)
	}
	return s.keeps(p)
}

// rounded returns the network with weights that are rounded at a price of a bit.
func (s *search) rounded(moments map[*graph.Param]*share.Moments, price float64) (*graph.Graph, error) {
	g := s.net.Clone()
	from := s.net.Params() // parallel to those of the clone
	var weights []*graph.Param
	for i, p := range g.Params() {
		m := moments[from[i]]
		if m == nil {
			continue
		}
		p.Grid = &graph.Grid{Scale: []float32{quantize.RoundScale(m.Step(p, price))}, Max: 127}
		if _, err := m.Round(p, price); err != nil {
			return nil, err
		}
		weights = append(weights, p)
	}
	cfg := quantize.Config{}
	samples := quantize.Samples(s.samplesFor(roundingSamples), 64)
	if err := quantize.Calibrate(g, samples, cfg); err != nil {
		return nil, err
	}
	if err := quantize.Biases(g, cfg); err != nil {
		return nil, err
	}
	if err := quantize.CorrectBias(g, samples); err != nil {
		return nil, err
	}
	for _, p := range weights {
		share.MaskZeros(p)
	}
	if err := removeDead(g); err != nil {
		return nil, err
	}
	if err := quantize.Biases(g, cfg); err != nil {
		return nil, err
	}
	return g, s.settle(g, 0)
}
