package passes

import (
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
	"edgec/internal/train"
	"edgec/prune"
)

// Prunable reports whether pruning may remove elements of p: weights and
// biases, but not other constants.
func Prunable(p *graph.Param) bool { return p.Role == graph.Weight || p.Role == graph.Bias }

// biasBits is the price of keeping a bias: it has no mask context and a wide
// range of values.
const biasBits = 5

// scores fills dst with the importance of every element of p. inputs holds
// E|x| for each weight of a row (see InputMeans) and is used by Input only.
func scores(c prune.Criterion, dst []float32, l *Layer, inputs []float32) {
	p := l.Param
	w := p.Shadow.Data
	switch c {
	case prune.Magnitude:
		ss := 0.0
		for _, v := range w {
			ss += float64(v) * float64(v)
		}
		inv := float32(1 / (math.Sqrt(ss/float64(max(len(w), 1))) + 1e-30))
		for i, v := range w {
			dst[i] = abs(v) * inv
		}
	case prune.Input:
		for i, v := range w {
			x := float32(1) // a bias meets the constant 1
			if len(inputs) > 0 {
				x = inputs[i%len(inputs)]
			}
			dst[i] = x * sqrt(abs(v))
		}
	default:
		v := p.State[train.StateSquare]
		bits := weightBits(p, l.coding)
		for i, x := range w {
			dst[i] = abs(x) * sqrt(v[i]/bits[i])
		}
	}
}

func abs(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// weightBits estimates what keeping each element of p costs in the file, in bits:
//
//	max(1, 2.5 + log2((1-q)/q)),  q = row_nnz * col_nnz / nnz clipped to floor..0.9
//
// 2.5 bits for the value and the rest for the mask, whose coder knows the
// density of the element's row and column (for a convolution: of its kernel
// and of its position within kernels). floor and the counts of columns are place's.
func weightBits(p *graph.Param, at codingContext) []float32 {
	n := len(p.Shadow.Data)
	out := make([]float32, n)
	if p.Role == graph.Bias || p.Mask == nil {
		bits := float32(biasBits)
		if p.Role != graph.Bias {
			bits = 1
		}
		for i := range out {
			out[i] = bits
		}
		return out
	}
	rows, cols := kernels(p)
	rowN, colN := make([]float64, rows), make([]float64, cols)
	total := 0.0
	for i, m := range p.Mask {
		rowN[i/cols] += float64(m)
		colN[i%cols] += float64(m)
		total += float64(m)
	}
	floor := at.floor
	if floor == 0 {
		floor = usualFloor
	}
	logOdds := func(q float64) float32 {
		q = math.Max(floor, math.Min(0.9, q))
		return float32(math.Max(1, 2.5+math.Log2((1-q)/q)))
	}
	smooth(colN, at.image)
	counts := slices.Compact(slices.Sorted(slices.Values(colN)))
	which := make([]int, cols) // of counts
	for c, n := range colN {
		which[c], _ = slices.BinarySearch(counts, n)
	}
	odds := make([]float32, len(counts))
	for r := 0; r < rows; r++ {
		a := math.Max(rowN[r]-0.5, 0.1) / math.Max(total, 1)
		for k, n := range counts {
			odds[k] = logOdds(a * math.Max(n-0.4, 0.1))
		}
		for c, k := range which {
			out[r*cols+c] = odds[k]
		}
	}
	if at.uses > 0 {
		for i := range out {
			out[i] *= float32(at.uses)
		}
	}
	return out
}

// codingContext is how weightBits sees the place of a weight.
type codingContext struct {
	floor float64      // below which a density counts as this; 0: usualFloor
	image tensor.Shape // [C, H, W] that a dense layer reads flattened, or nil: columns are blurred over it
	uses  float64      // multiplications by the weight in an inference, where they cost; 0: they do not
}

// The least densities in a price: usualFloor bounds what a lone weight costs to 10.9
// bits, sparseFloor to 15.8.
const (
	usualFloor  = 0.003
	sparseFloor = 0.0001
)

// SparseRates prices the places of weights as in very sparse masks, those of small files
// (in bits; see prices): the least density is 0.0001 instead of 0.003, so that lone
// weights cost up to 15.8 bits, and where a dense layer of g reads an image, the count of
// a column is the mean of those of the 3x3 pixels around it, so that weights gather
// where the coder, which sees neighbours, expects them.
func SparseRates(ls []*Layer, g *graph.Graph) {
	shapes := images(g)
	for _, l := range ls {
		l.coding = codingContext{floor: sparseFloor, image: shapes[l.Param]}
	}
}

// MACRates multiplies the prices of weights by the multiplications that each takes in an
// inference: as many as there are places at which g applies its kernel, one in a dense
// layer. So weights are ranked by bits and time alike. It is called after SparseRates.
func MACRates(ls []*Layer, g *graph.Graph) {
	uses := map[*graph.Param]float64{}
	for _, n := range g.Nodes {
		if !op.IsLayer(n) {
			continue
		}
		if p := n.Inputs[op.WeightInput].Param; p != nil {
			uses[p] += float64(n.Outputs[0].Shape.Sample().Size()) / float64(p.Shadow.Shape[0])
		}
	}
	for _, l := range ls {
		l.coding.uses = uses[l.Param]
	}
}

// smooth takes the mean of the 3x3 positions around each (of those inside) of the
// counts of the elements of an image, [C, H, W].
func smooth(n []float64, image tensor.Shape) {
	if image == nil {
		return
	}
	h, w := image[1], image[2]
	for c := range image[0] {
		plane := n[c*h*w : (c+1)*h*w]
		sharp := slices.Clone(plane)
		for y := range h {
			for x := range w {
				sum, area := 0.0, 0.0
				for v := max(y-1, 0); v < min(y+2, h); v++ {
					for u := max(x-1, 0); u < min(x+2, w); u++ {
						sum, area = sum+sharp[v*w+u], area+1
					}
				}
				plane[y*w+x] = sum / area
			}
		}
	}
}

// images returns the shapes [C, H, W] of the images of more than one pixel that the
// weights of dense layers read flattened.
func images(g *graph.Graph) map[*graph.Param]tensor.Shape {
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

// kernels returns how the price sees p as a matrix: a convolution has a row
// for each kernel plane (output and input channel) and a column for each
// position, a dense layer its own rows and columns.
func kernels(p *graph.Param) (rows, cols int) {
	s := p.Shadow.Shape
	switch {
	case len(s) == 4 && s[2]*s[3] > 1:
		return s[0] * s[1], s[2] * s[3]
	case len(s) == 0:
		return 1, 1
	}
	return s[0], len(p.Shadow.Data) / max(s[0], 1)
}
