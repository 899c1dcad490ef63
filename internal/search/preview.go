package search

import (
	"fmt"
	"math/rand/v2"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/passes"
	"edgec/internal/tensor"
	"edgec/prune"
	"edgec/runtime/format"
)

// previewSamples is the number of generated samples that Preview calibrates with.
const previewSamples = 2

// Preview returns the int8 file of a network before any data are seen: activations are
// calibrated on generated samples, and each tensor of weights or biases keeps its share keep,
// in (0, 1], of the elements, those of the largest magnitude. Its size, memory and multiplications are those
// of a real file with so many weights; its outputs are not. An error names what the device
// cannot do. Cost: two inferences of the float network, and the encoding.
func Preview(net *Network, keep float64) ([]byte, error) {
	g := net.Graph.Clone()
	if keep < 1 {
		for _, l := range passes.NewLayers(g) {
			one := []*passes.Layer{l}
			r := passes.GradualPruning{Keep: max(1, int(keep*float64(passes.Total(one)))), Criterion: prune.Magnitude}
			if err := r.Once(one); err != nil {
				return nil, err
			}
		}
	}
	if _, err := passes.Equalize(g); err != nil {
		return nil, err
	}
	x := generated(g, previewSamples)
	if err := passes.Quantize(g, passes.InputSamples(x, 1), passes.Config{}); err != nil {
		return nil, fmt.Errorf("edgec: %w", err)
	}
	file, _, err := lower.Encode(g, lower.Config{Meta: format.Meta{Name: net.Name}})
	return file, err
}

// generated returns n samples of each input of g: numbers in -1..1, and zeros where it takes
// whole numbers.
func generated(g *graph.Graph, n int) (x []*tensor.Tensor) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, v := range g.Inputs {
		t := tensor.New(v.Shape.WithBatch(n)...)
		for i := range t.Data {
			if v.Elem == graph.Float {
				t.Data[i] = 2*rng.Float32() - 1
			}
		}
		x = append(x, t)
	}
	return x
}
