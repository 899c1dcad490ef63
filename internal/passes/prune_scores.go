package passes

import (
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

// score scores every element of the layer. inputs holds E|x| for each weight (see InputMeans),
// nil for biases; Input alone uses it.
func (l *Layer) score(c prune.Criterion, inputs []float32) {
	w := l.Param.Shadow.Data
	switch c {
	case prune.Magnitude:
		prune.MagnitudeScores(l.Score, w)
	case prune.Input:
		prune.InputScores(l.Score, w, inputs)
	default:
		prune.FisherScores(l.Score, w, l.Param.State[train.StateSquare], l.rates())
	}
}

// rates estimates what keeping each element costs in the file, in bits.
func (l *Layer) rates() []float32 {
	p := l.Param
	switch {
	case p.Role == graph.Bias:
		return prune.UniformRates(len(p.Shadow.Data), prune.BiasRate)
	case p.Mask == nil:
		return prune.UniformRates(len(p.Shadow.Data), 1)
	}
	rows, cols := maskShape(p)
	return prune.Rates(p.Mask, rows, cols, l.coding)
}

// maskShape returns how the coder sees the mask of p as a matrix: a convolution has a row
// for each kernel plane (output and input channel) and a column for each position, a dense
// layer its own rows and columns.
func maskShape(p *graph.Param) (rows, cols int) {
	s := p.Shadow.Shape
	switch {
	case len(s) == 4 && s[2]*s[3] > 1:
		return s[0] * s[1], s[2] * s[3]
	case len(s) == 0:
		return 1, 1
	}
	return s[0], len(p.Shadow.Data) / max(s[0], 1)
}

// SparseRates makes the rates of weights those of very sparse masks, as small files have
// them (see prune.Rates): densities down to prune.SparseDensity count, and where a dense
// layer of g reads an image, neighbouring pixels do.
func SparseRates(ls []*Layer, g *graph.Graph) {
	shapes := flattenedImages(g)
	for _, l := range ls {
		l.coding = prune.Coding{MinDensity: prune.SparseDensity}
		if s, ok := shapes[l.Param]; ok {
			l.coding.Image = [3]int(s)
		}
	}
}

// MACRates multiplies the rates of weights by the multiplications that each takes in an
// inference: the number of places at which g applies its kernel, one in a dense layer, or of
// steps through time.
// Weights are then ranked by bits and time alike. It is called after SparseRates.
func MACRates(ls []*Layer, g *graph.Graph) {
	uses := map[*graph.Param]float64{}
	for _, n := range g.Nodes {
		w, ok := n.Op.(op.Weighted)
		if !ok {
			continue
		}
		if p := n.Inputs[op.WeightInput].Param; p != nil {
			uses[p] += float64(w.Uses(n))
		}
	}
	for _, l := range ls {
		l.coding.Uses = uses[l.Param]
	}
}

// flattenedImages returns the shapes [C, H, W] of the images of more than one pixel that the
// weights of dense layers read flattened.
func flattenedImages(g *graph.Graph) map[*graph.Param]tensor.Shape {
	shapes := map[*graph.Param]tensor.Shape{}
	for _, n := range g.Nodes {
		l, ok := n.Op.(op.Layer)
		if !ok || n.Inputs[op.WeightInput].Param == nil {
			continue
		}
		flat := g.Producer(n.Inputs[0])
		if _, moves := l.Kernel(); moves || flat == nil || !op.IsReshape(flat.Op) {
			continue
		}
		if s := flat.Inputs[0].Shape.Sample(); len(s) == 3 && s[1]*s[2] > 1 && s.Size() == n.Inputs[1].Shape.Sample().Size() {
			shapes[n.Inputs[1].Param] = s
		}
	}
	return shapes
}
