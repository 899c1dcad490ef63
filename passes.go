package edgec

import (
	"fmt"

	"edgec/internal/graph"
)

// Pass is one stage of compression.
type Pass struct {
	Name string
	Does string

	search func(*search) error                                 // of the search for states; goes back where it must
	make   func(s *search, g *graph.Graph, bits float64) error // of making a file from a state, values costing so many bits
}

// Passes lists the stages in the order in which Compress runs them. The graph
// is checked after each. Reading a network simplifies it, encoding one exports it;
// the search repeats the others: it walks those that look for states once, and
// those that make files for every file that it tries. Between the two, a shot prunes
// once more, in one go, to what a file is made from.
var Passes = []Pass{
	{Name: "simplify", Does: "folds constants, BatchNormalization and activations into the layers"},
	{Name: "ties", Does: "lets the pixels of a block share a weight, where dense layers read pictures", search: (*search).ties},
	{Name: "filters", Does: "cuts whole kernels and units, so that the network is narrower", search: (*search).filters},
	{Name: "prune", Does: "removes single weights by thresholds that move while training goes on", search: (*search).rounds},
	{Name: "dead", Does: "removes channels that pruning has emptied", make: (*search).dead},
	{Name: "quantize", Does: "puts activations, weights and biases on int8 grids", make: (*search).quantize},
	{Name: "share", Does: "lets the weights of a layer share a few values", make: (*search).share},
	{Name: "tune", Does: "fine-tunes under mask, grid and codebook", make: (*search).tune},
	{Name: "dead again", Does: "removes channels that rounding has emptied", make: (*search).settle},
	{Name: "export", Does: "lowers the network to the device's instructions and codes it"},
}

// makeFile walks the passes that turn a state into what is exported, without
// training when plain.
func (s *search) makeFile(g *graph.Graph, bits float64, plain bool) error {
	for _, p := range s.passes {
		if p.make == nil || plain && p.Name == "tune" {
			continue
		}
		if err := p.make(s, g, bits); err != nil {
			return err
		}
		if err := g.Check(); err != nil {
			return fmt.Errorf("edgec: after pass %q: %w", p.Name, err)
		}
	}
	return nil
}

// order lists which pass must come before which, and why.
var order = []struct{ first, then, because string }{
	{"simplify", "ties", "pictures reach the layers that read them through reshapes alone"},
	{"ties", "filters", "scores of channels are those of the layers that stay"},
	{"ties", "prune", "a block's weight is the sum of all of its pixels'"},
	{"simplify", "filters", "folding changes magnitudes"},
	{"simplify", "prune", "folding changes magnitudes"},
	{"filters", "prune", "a channel that is cut costs no mask bits, and training is quicker without it"},
	{"prune", "dead", "pruning makes zeros"},
	{"dead", "quantize", "activation ranges must not count channels that go"},
	{"prune", "quantize", "scales must ignore removed weights"},
	{"quantize", "share", "centroids are int8 values, so that a codebook entry costs a byte"},
	{"share", "tune", "fine-tuning moves the centroids"},
	{"tune", "dead again", "rounding centroids makes zeros"},
	{"dead again", "export", "the file holds no dead structure"},
}
