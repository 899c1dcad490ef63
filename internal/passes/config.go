package passes

import (
	"errors"
	"fmt"
	"iter"

	"edgec/internal/graph"
	"edgec/internal/tensor"
	"edgec/quantize"
)

// Config configures quantization; the zero value is the documented default.
type Config struct {
	// Method chooses activation ranges; zero: MSE.
	Method quantize.Method
	// Percentile is the share of values that the method of that name keeps at
	// each end, in (0.5, 1]; 0: 0.9999.
	Percentile float64
	// PerTensor says that p gets one scale instead of one for each output
	// channel; nil: decided by PerTensorError.
	PerTensor func(p *graph.Param) bool
	// PerTensorError is the largest ratio of error to signal (mean over output
	// channels of sum (w-q)^2 / sum w^2) at which one scale for the whole
	// tensor is preferred, since each scale costs two bytes of file. 0: 5e-4,
	// a third of a decibel above what 8 bits cost anyway; negative: never.
	PerTensorError float64
	// BiasStep is the largest step of a bias in units of the output's step; 0: 0.25.
	BiasStep float64
	// CoarsestBias returns the step, in units of the output, that the biases of the layer
	// with the weights w may have where that is more than BiasStep allows; nil: none may.
	CoarsestBias func(w *graph.Param) float64
}

func (c Config) withDefaults() Config {
	if c.Percentile == 0 {
		c.Percentile = 0.9999
	}
	if c.PerTensorError == 0 {
		c.PerTensorError = 5e-4
	}
	if c.BiasStep == 0 {
		c.BiasStep = 0.25
	}
	return c
}

// Validate reports every setting that is out of its range, joined.
func (c Config) Validate() error {
	var errs []error
	if c.Method > quantize.Entropy {
		errs = append(errs, fmt.Errorf("passes: unknown calibration method %d", uint8(c.Method)))
	}
	if p := c.Percentile; p != 0 && !(p > 0.5 && p <= 1) {
		errs = append(errs, fmt.Errorf("passes: percentile %v is not in (0.5, 1]", p))
	}
	if s := c.BiasStep; s != 0 && !(s > 0 && s <= 16) {
		errs = append(errs, fmt.Errorf("passes: bias step %v is not in (0, 16]", s))
	}
	return errors.Join(errs...)
}

// Batches yields batches of calibration inputs, one tensor for each input of
// the network, whose dimension 0 is the batch. It can be run more than once.
type Batches = iter.Seq[[]*tensor.Tensor]

// Samples cuts x, samples of a network with one input, into batches of at most
// size samples that alias x.
func Samples(x *tensor.Tensor, size int) Batches { return InputSamples([]*tensor.Tensor{x}, size) }

// InputSamples is Samples for a network with several inputs: x has the samples of
// each, in the same order.
func InputSamples(x []*tensor.Tensor, size int) Batches {
	return func(yield func([]*tensor.Tensor) bool) {
		n := x[0].Shape[0]
		for lo := 0; lo < n; lo += size {
			if !yield(rows(x, lo, min(lo+size, n))) {
				return
			}
		}
	}
}

// rows returns samples lo..hi-1 of every input; they alias x.
func rows(x []*tensor.Tensor, lo, hi int) []*tensor.Tensor {
	part := make([]*tensor.Tensor, len(x))
	for k, t := range x {
		part[k] = t.Rows(lo, hi)
	}
	return part
}
