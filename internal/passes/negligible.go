package passes

import (
	"math"

	"edgec/internal/graph"
	"edgec/quantize"
)

// DropNegligible zeroes the weights of channels that change nothing, and moves scale
// between layers where weights are too small or too large for a file. Weight decay leaves
// such channels behind, with weights down to 1e-38. It returns the number of channels
// that it zeroed; simplify.RemoveDead removes them. The outputs of g change by less than
// the rounding of float32.
//
// With X the largest magnitude of a layer's input over the batches, and e = 2^-24, the
// rounding of float32, two kinds of channels go:
//
//   - The inputs of channel c do not count beside its bias b, and it is a constant:
//     sum |w[c]| X <= e |b[c]|. Its weights become zero.
//   - Channel c, which reaches one other layer only (see Equalize), counts for none of that
//     layer's outputs y: |w'[o,c]| (sum |w[c]| X + |b[c]|) <= e max |y[o]| for each o, with
//     its biases among the y. The weights on both sides, and b[c], become zero.
//
// What is left of extreme magnitude is equalized; see quantize.Bound. DropNegligible is
// for float networks: it fails where weights have a grid, and where Calibrate would for
// the batches.
//
// Cost: the network's, once for each sample.
func DropNegligible(g *graph.Graph, batches Batches) (int, error) {
	if err := gridless(g); err != nil {
		return 0, err
	}
	seen, err := observeLayers(g, batches)
	if err != nil {
		return 0, err
	}
	pairs, uses, dropped := findPairs(g), usesOf(g), 0
	for _, l := range linear(g) {
		if uses[l.w] == 1 && l.b != nil {
			dropped += seen.zeroConstants(l)
		}
	}
	for _, p := range pairs {
		dropped += seen.zeroUnheard(p)
	}
	plain := make([]quantize.Pair, len(pairs))
	for i, p := range pairs {
		plain[i] = p.plain()
	}
	quantize.Bound(plain)
	for _, p := range g.Params() {
		p.Refresh()
	}
	return dropped, nil
}

// floatRounding is the largest relative error of one rounding to float32.
const floatRounding = 1.0 / (1 << 24)

// magnitudes are the largest magnitudes of activations.
type magnitudes struct {
	in  map[*graph.Node]float64   // of a layer's input
	out map[*graph.Node][]float64 // of each channel of its output, after the activation
}

// observeLayers runs the batches and returns the magnitudes of every layer.
func observeLayers(g *graph.Graph, batches Batches) (magnitudes, error) {
	m := magnitudes{map[*graph.Node]float64{}, map[*graph.Node][]float64{}}
	ls := linear(g)
	for _, l := range ls {
		m.out[l.node] = make([]float64, l.w.Channels())
	}
	var tape *graph.Tape
	size := 0
	for batch := range batches {
		n, err := checkBatch(g, batch)
		if err != nil {
			return m, err
		}
		if n > size {
			if tape, err = graph.NewTape(g, n); err != nil {
				return m, err
			}
			size = n
		}
		tape.Forward(batch...)
		for _, l := range ls {
			m.add(l, tape)
		}
	}
	if tape == nil {
		return m, errNoSamples
	}
	return m, nil
}

// add takes the activations of a layer in.
func (m magnitudes) add(l layer, tape *graph.Tape) {
	if x := l.node.Inputs[0]; x.Param == nil {
		for _, v := range tape.Activation(x).Data {
			m.in[l.node] = max(m.in[l.node], math.Abs(float64(v)))
		}
	}
	y := tape.Activation(l.node.Outputs[0])
	top := m.out[l.node]
	inner := y.Shape[l.linear().ChannelAxis(len(y.Shape))+1:].Size()
	for i, v := range y.Data {
		c := i / inner % len(top)
		top[c] = max(top[c], math.Abs(float64(v)))
	}
}

// zeroConstants zeroes the weights of channels that are their bias.
func (m magnitudes) zeroConstants(l layer) (n int) {
	row := len(l.w.Shadow.Data) / l.w.Channels()
	for c, b := range l.b.Shadow.Data {
		w := l.w.Shadow.Data[c*row : (c+1)*row]
		if sum := sumAbs(w); sum > 0 && sum*m.in[l.node] <= floatRounding*math.Abs(float64(b)) {
			clear(w)
			n++
		}
	}
	return n
}

// zeroUnheard zeroes the channels of a pair that count for none of b's outputs.
func (m magnitudes) zeroUnheard(p pair) (n int) {
	plain := p.plain()
	for c := range p.a.w.Channels() {
		writers, readers := plain.Writers(c), plain.Readers(c)
		most := sumAbs(writers)*m.in[p.a.node] + math.Abs(biasOf(p.a, c))
		if sumAbs(readers...) == 0 || !m.unheard(p, c, most, readers) {
			continue
		}
		clear(writers)
		for _, w := range readers {
			clear(w)
		}
		if p.a.b != nil {
			p.a.b.Shadow.Data[c] = 0
		}
		n++
	}
	return n
}

// unheard reports whether weights that read a channel of at most that magnitude count for
// none of b's outputs: one set of them for each output, or, where b is depthwise, for c.
func (m magnitudes) unheard(p pair, c int, most float64, readers [][]float32) bool {
	for o, w := range readers {
		if p.depthwise {
			o = c
		}
		y := max(m.out[p.b.node][o], math.Abs(biasOf(p.b, o)))
		if sumAbs(w)*most > floatRounding*y {
			return false
		}
	}
	return true
}

// biasOf returns the bias of output channel c.
func biasOf(l layer, c int) float64 {
	if l.b == nil {
		return 0
	}
	return float64(l.b.Shadow.Data[c])
}

// sumAbs adds up magnitudes.
func sumAbs(parts ...[]float32) float64 {
	sum := 0.0
	for _, x := range parts {
		for _, v := range x {
			sum += math.Abs(float64(v))
		}
	}
	return sum
}
