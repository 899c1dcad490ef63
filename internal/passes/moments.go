package passes

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// InputMoments are the second moments of the inputs that the rows of a weight meet, in the
// form that Round needs, and how much the loss minds an error in the outputs of each row.
type InputMoments struct {
	groups int
	cols   int       // of a row
	blocks []block   // of the groups, one after the other
	minds  []float64 // of each row: the loss is half of this times the mean square of the error
	peaks  []float64 // of each row, the largest magnitude of an output
}

// block is a run of columns of one group, and
//
//	U with U^T U = (H + damp I)^-1,   H = E[x x^T] of these columns,
//
// an upper triangle: the Cholesky factor of the inverse. Correlations between blocks
// are left out.
type block struct {
	lo, hi int
	u      *mat.TriDense
}

const (
	mostCols    = 1024    // of a block; a layer of 2304 inputs has three
	mostPatches = 1 << 15 // that are looked at of a layer
	leastMind   = 0.01    // of the mean over the rows
	damp        = 0.003   // of the mean diagonal (Frantar, Alistarh 2023, SparseGPT's percdamp)
)

// MeasureMoments returns the moments of every weight of a convolution or dense layer of g on
// the samples x, run in batches. Where the layer has a bias, they are taken about the
// mean: what rounding does to the mean of an output the bias can make up for. A
// parameter that several nodes use has the sum over its uses.
//
// gradient returns a draw of the loss's gradient in outputs [n, outputs] of g, of mean zero
// and such that its square has, on average, the curvature of the loss: for the divergence
// of classes from those of g itself softmax minus a class that is drawn from it (Martens
// 2020, section 5). An error of mean square e in output channel r of a layer then costs
//
//	sum_i E[(dL/dy_ri)^2] e / 2
//
// over the places i of the channel, as though errors in different places and channels had
// nothing to do with each other (Grosse, Martens 2016, section 3). Channels that mind much
// less than the mean of their layer are taken to mind a hundredth of it.
//
// MeasureMoments fails if g cannot be executed or has no gradient, or if the moments cannot be
// inverted.
func MeasureMoments(g *graph.Graph, x *tensor.Tensor, batch int, gradient func(y *tensor.Tensor) *tensor.Tensor) (map[*graph.Param]*InputMoments, error) {
	sums := map[*graph.Param]*momentSums{}
	samples := x.Shape[0]
	tape, err := graph.NewTape(g, min(batch, samples))
	if err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	for lo := 0; lo < samples; lo += batch {
		part := x.Rows(lo, min(lo+batch, samples))
		if err := tape.Backward(gradient(tape.Forward(part)[0])); err != nil {
			return nil, fmt.Errorf("share: %w", err)
		}
		for _, n := range g.Nodes {
			w, stride := layerOf(n, samples)
			if w == nil {
				continue
			}
			if sums[w] == nil {
				sums[w] = newSum(n, w)
			}
			sums[w].add(n, tape.Activation(n.Inputs[0]), stride)
			sums[w].mind(n, tape, samples)
		}
	}
	all := map[*graph.Param]*InputMoments{}
	for w, s := range sums {
		m, err := s.moments(w)
		if err != nil {
			return nil, err
		}
		all[w] = m
	}
	return all, nil
}

// layerOf returns the weight of a convolution or dense layer, nil for other nodes, and
// every how many places a patch is taken.
func layerOf(n *graph.Node, samples int) (w *graph.Param, stride int) {
	l, ok := n.Op.(op.Layer)
	if !ok || n.Inputs[0].Param != nil {
		return nil, 0
	}
	y := n.Outputs[0].Shape
	places := y[l.ChannelAxis(len(y))+1:].Size()
	stride = max(1, samples*places/mostPatches)
	for gcd(stride, places) > 1 {
		stride++ // otherwise one column of the picture would stand for all
	}
	return n.Inputs[op.WeightInput].Param, stride
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// momentSums adds up moments.
type momentSums struct {
	groups, cols, rows int
	bias               bool
	h                  [][]float32 // of each group and block, [n, n]
	minds, peaks       []float64   // of each row
	mean               []float64   // of each group's columns
	n                  float64     // patches
	patches            []float32   // of one group
}

func newSum(n *graph.Node, w *graph.Param) *momentSums {
	s := &momentSums{groups: 1, rows: w.Channels(), cols: rowLen(w), bias: len(n.Inputs) > 2 && n.Inputs[2] != nil}
	if l, ok := n.Op.(op.Layer); ok {
		kernel, _ := l.Kernel()
		s.groups = kernel.Groups
	}
	s.mean, s.minds, s.peaks = make([]float64, s.groups*s.cols), make([]float64, s.rows), make([]float64, s.rows)
	for range s.groups {
		for lo := 0; lo < s.cols; lo += mostCols {
			k := min(mostCols, s.cols-lo)
			s.h = append(s.h, make([]float32, k*k))
		}
	}
	return s
}

// add looks at the inputs of n, a patch at every stride-th place.
func (s *momentSums) add(n *graph.Node, in *tensor.Tensor, stride int) {
	at := 0
	for g := range s.groups {
		s.gather(n, in, g, stride)
		count := len(s.patches) / s.cols
		for i, v := range s.patches {
			s.mean[g*s.cols+i%s.cols] += float64(v)
		}
		for lo := 0; lo < s.cols; lo += mostCols {
			k := min(mostCols, s.cols-lo)
			gemm.Mul(true, false, k, k, count, s.patches[lo:], s.cols, s.patches[lo:], s.cols, true, s.h[at], k)
			at++
		}
		if g == 0 {
			s.n += float64(count)
		}
	}
}

// mind adds up the squares of the gradients in the outputs of n, before its activation, and
// keeps the largest of these.
func (s *momentSums) mind(n *graph.Node, tape *graph.Tape, samples int) {
	y, dy := tape.Activation(n.Outputs[0]), tape.ActivationGradient(n.Outputs[0])
	l := n.Op.(op.Layer)
	axis, clamp := l.ChannelAxis(len(y.Shape)), l.Fused()
	channels, places := y.Shape[axis], y.Shape[axis+1:].Size()
	for i, d := range dy.Data {
		c, v := i/places%channels, y.Data[i]
		if clamp.Passes(v) {
			s.minds[c] += float64(d) * float64(d) / float64(samples)
		}
		s.peaks[c] = max(s.peaks[c], math.Abs(float64(v)))
	}
}

// gather collects the patches of group g, one a row, in the order of the weights.
func (s *momentSums) gather(n *graph.Node, in *tensor.Tensor, g, stride int) {
	s.patches = s.patches[:0]
	k, moves := n.Op.(op.Layer).Kernel()
	if !moves {
		for r := 0; r < len(in.Data)/s.cols; r += stride {
			s.patches = append(s.patches, in.Data[r*s.cols:(r+1)*s.cols]...)
		}
		return
	}
	c, h, w := in.Shape[1], in.Shape[2], in.Shape[3]
	shape := n.Inputs[1].Param.Shadow.Shape
	per, kh, kw := shape[1], shape[2], shape[3]
	outH, outW := n.Outputs[0].Shape[2], n.Outputs[0].Shape[3]
	for at := 0; at < in.Shape[0]*outH*outW; at += stride {
		sample, oy, ox := at/(outH*outW), at/outW%outH, at%outW
		for ch := g * per; ch < (g+1)*per; ch++ {
			plane := in.Data[(sample*c+ch)*h*w:]
			for ky := range kh {
				y := oy*k.StrideH - k.PadT + ky*k.DilH
				for kx := range kw {
					x := ox*k.StrideW - k.PadL + kx*k.DilW
					v := float32(0)
					if y >= 0 && y < h && x >= 0 && x < w {
						v = plane[y*w+x]
					}
					s.patches = append(s.patches, v)
				}
			}
		}
	}
}

// moments factorizes.
func (s *momentSums) moments(w *graph.Param) (*InputMoments, error) {
	m := &InputMoments{groups: s.groups, cols: s.cols, minds: s.minds, peaks: s.peaks}
	least := leastMind * mean(s.minds)
	for r, v := range m.minds {
		m.minds[r] = math.Max(v, least)
	}
	at := 0
	for g := range s.groups {
		for lo := 0; lo < s.cols; lo += mostCols {
			k := min(mostCols, s.cols-lo)
			h := mat.NewSymDense(k, nil)
			trace := 0.0
			for i := range k {
				for j := i; j < k; j++ {
					v := float64(s.h[at][i*k+j]) / s.n
					if s.bias {
						v -= s.mean[g*s.cols+lo+i] / s.n * s.mean[g*s.cols+lo+j] / s.n
					}
					h.SetSym(i, j, v)
				}
				trace += h.At(i, i)
			}
			for i := range k {
				h.SetSym(i, i, h.At(i, i)+damp*trace/float64(k)+1e-12)
			}
			u, err := inverseFactor(h)
			if err != nil {
				return nil, fmt.Errorf("share: parameter %q: %w", w.Name, err)
			}
			m.blocks = append(m.blocks, block{lo, lo + k, u})
			at++
		}
	}
	return m, nil
}

// inverseFactor returns the upper triangle U with U^T U = h^-1.
func inverseFactor(h *mat.SymDense) (*mat.TriDense, error) {
	var c mat.Cholesky
	if !c.Factorize(h) {
		return nil, fmt.Errorf("the second moments of its inputs are not positive definite; give other samples")
	}
	var inv mat.SymDense
	if err := c.InverseTo(&inv); err != nil && math.IsInf(c.Cond(), 0) {
		return nil, fmt.Errorf("the second moments of its inputs: %w; give more samples", err)
	}
	var d mat.Cholesky
	if !d.Factorize(&inv) {
		return nil, fmt.Errorf("the inverse of the second moments of its inputs is not positive definite; give more samples")
	}
	u := mat.NewTriDense(h.SymmetricDim(), mat.Upper, nil)
	d.UTo(u)
	return u, nil
}
