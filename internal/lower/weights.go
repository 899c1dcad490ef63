package lower

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// Weight implements op.Device.
func (b *builder) Weight(x int, w, bias *graph.Value, shape [4]int, from []int) int {
	if b.err != nil {
		return -1
	}
	return b.weight(cmp.Or(b.fine.bias, b.f.Tensors[x].Scale), w, bias, shape, from)
}

// WeightOf implements op.Device.
func (b *builder) WeightOf(scale float32, w, bias *graph.Value, shape [4]int) int {
	if b.err != nil {
		return -1
	}
	return b.weight(scale, w, bias, shape, nil)
}

// weight stores weights that meet values in steps of scale.
func (b *builder) weight(scale float32, w, bias *graph.Value, shape [4]int, from []int) int {
	p := w.Param
	if p == nil {
		b.note(fmt.Errorf("its weights %q are computed by the network: the device needs constants", w.Name))
		return -1
	}
	if p.Grid == nil && p.Why != "" {
		b.note(&graph.Refusal{What: fmt.Sprintf("weights %q have %s", w.Name, p.Why), Remedy: "quantize again with one positive scale for the tensor, or for each output channel"})
		return -1
	}
	if p.Grid == nil {
		b.note(&graph.Refusal{What: fmt.Sprintf("weights %q are float", w.Name), Remedy: "quantize them first (int8 behind a DequantizeLinear, or float before a QuantizeLinear and a DequantizeLinear)"})
		return -1
	}
	if b.countWeights(len(p.Shadow.Data)); b.err != nil {
		return -1
	}
	quanta := p.Quanta()
	if lo, hi := slices.Min(quanta), slices.Max(quanta); lo < math.MinInt8 || hi > math.MaxInt8 {
		b.note(&graph.Refusal{What: fmt.Sprintf("weights %q go from %d to %d without their zero point, int8 from -128 to 127", w.Name, lo, hi),
			Remedy: "quantize again with int8 weights of zero point 0 (weight_type=QuantType.QInt8)"})
		return -1
	}
	out := format.Weight{OutC: shape[0], KH: shape[1], KW: shape[2], InC: shape[3], Scale: slices.Clone(p.Grid.Scale)}
	out.Values = make([]int8, len(quanta))
	for i := range out.Values {
		k := i
		if from != nil {
			k = from[i]
		}
		out.Values[i] = int8(quanta[k])
	}
	out.Book = book(out.Values, p.Book != nil)
	if bias != nil {
		out.Bias = b.bias(scale, bias, p.Grid)
	}
	b.limits(w.Name, &out)
	if k := b.tied(&out); k >= 0 {
		return k
	}
	return b.sharedWeight(out)
}

// countWeights notes n weights more, of which files hold so many.
func (b *builder) countWeights(n int) {
	if b.weights += n; b.weights > format.MaxWeights {
		b.fail(fmt.Errorf("more than %d weights, with those of the layers before: give a smaller network", format.MaxWeights))
	}
}

// limits notes what no file holds, or no sum of 32 bits.
func (b *builder) limits(name string, w *format.Weight) {
	for c, s := range w.Scale {
		if !usable(s) {
			b.note(&graph.Refusal{What: fmt.Sprintf("weights %q have scale %v in channel %d, files hold 2^-40 to 2^30", name, s, c),
				Remedy: "give the channel a scale within these limits, or zeros"})
			return
		}
	}
	row := w.Elems() / w.OutC
	for c := range w.OutC {
		sum := int64(0)
		for _, v := range w.Values[c*row : (c+1)*row] {
			sum += max(int64(v), -int64(v))
		}
		if sum *= 255; w.Bias != nil {
			sum += max(int64(w.Bias[c]), -int64(w.Bias[c]))
		}
		if sum > math.MaxInt32 {
			b.note(&graph.Refusal{What: fmt.Sprintf("weights %q: the sum of channel %d can overflow 32 bits", name, c), Remedy: "quantize them with a larger scale"})
			return
		}
	}
}

// usable reports whether a file can hold s.
func usable(s float32) bool { return s >= 1.0/(1<<40) && s <= 1<<30 }

// grids notes activations whose scale no file holds.
func (b *builder) grids() {
	check := func(vs []*graph.Value) {
		for _, v := range vs {
			if v.Grid != nil && !usable(v.Grid.Scale) {
				b.note(&graph.Refusal{What: fmt.Sprintf("value %q has scale %v, files hold 2^-40 to 2^30", v.Name, v.Grid.Scale), Remedy: "calibrate it with samples that move it"})
			}
		}
	}
	check(b.g.Inputs)
	for _, n := range b.g.Nodes {
		check(n.Outputs)
	}
}

func (b *builder) addWeight(w format.Weight) int {
	b.f.Weights = append(b.f.Weights, w)
	return len(b.f.Weights) - 1
}

// bias returns the integers of a bias, nil when all are zero.
func (b *builder) bias(x float32, v *graph.Value, w *graph.Grid) []int32 {
	p := v.Param
	if p == nil {
		b.note(fmt.Errorf("its bias %q is computed by the network: the device needs constants", v.Name))
		return nil
	}
	if c := b.offStep(x, p, w); c >= 0 {
		b.note(refuseBias(v, c, float64(x)*float64(w.ScaleOf(c))))
		return nil
	}
	q := p.Quanta()
	if !slices.ContainsFunc(q, func(v int32) bool { return v != 0 }) {
		return nil
	}
	return q
}

// offStep returns a channel whose bias is not in steps of the sum, -1 if there is none: one
// that is no multiple of a step, or beyond 32 bits, if possible.
func (b *builder) offStep(x float32, p *graph.Param, w *graph.Grid) (channel int) {
	channel = -1
	for c := range p.Channels() {
		step := float64(x) * float64(w.ScaleOf(c))
		const rounding = 1e-5 // the grid's scale is a float32 product
		if p.Grid != nil && math.Abs(float64(p.Grid.ScaleOf(c))-step) <= rounding*step {
			continue
		}
		steps := float64(p.Shadow.Data[c]) / step
		if bad := !(math.Abs(steps) <= math.MaxInt32) || p.Grid != nil && math.Abs(steps-math.Round(steps)) > rounding; channel < 0 || bad {
			if channel = c; bad {
				return c
			}
		}
	}
	return channel
}

// refuseBias says why the bias of channel c is not in steps of the sum.
func refuseBias(v *graph.Value, c int, step float64) error {
	p := v.Param
	what := fmt.Sprintf("bias %q is %v in channel %d, where the sum moves in steps of %v (input scale times weight scale)", v.Name, p.Shadow.Data[c], c, float32(step))
	switch steps := float64(p.Shadow.Data[c]) / step; {
	case !(math.Abs(steps) <= math.MaxInt32):
		return &graph.Refusal{What: what + ", beyond 32 bits", Remedy: "quantize the weights of the channel with a larger scale"}
	case p.Grid == nil:
		return &graph.Refusal{What: fmt.Sprintf("bias %q is float", v.Name), Remedy: "quantize the biases first"}
	}
	return &graph.Refusal{What: what + fmt.Sprintf(", its own scale %v is no multiple of that", p.Grid.ScaleOf(c)), Remedy: "give biases the scale of the sum, or leave them float, without a DequantizeLinear"}
}

// book returns the sorted distinct values, zero included, when sharing asks for
// a codebook or so few occur that one pays; otherwise nil.
func book(values []int8, shared bool) []int8 {
	const few, uses = 16, 8 // at most so many values, each used so often on average
	var seen [256]bool
	seen[128] = true
	for _, v := range values {
		seen[int(v)+128] = true
	}
	var out []int8
	for i, s := range seen {
		if s {
			out = append(out, int8(i-128))
		}
	}
	if !shared && (len(out) > few || len(values) < uses*len(out)) {
		return nil
	}
	return out
}

// Store implements op.Device.
func (b *builder) Store(w format.Weight) int { return b.addWeight(w) }

// Affine implements op.Device.
func (b *builder) Affine(x int, mul, add []float64) int {
	if b.err != nil {
		return -1
	}
	w := format.Weight{OutC: len(mul), KH: 1, KW: 1, InC: 1, Values: make([]int8, len(mul))}
	in := float64(b.f.Tensors[x].Scale)
	for c, m := range mul {
		scale := float32(math.Abs(m) / 127)
		switch {
		case m == 0:
			scale = 1.0 / 127
		case m > 0:
			w.Values[c] = 127
		default:
			w.Values[c] = -127
		}
		w.Scale = append(w.Scale, scale)
		q := math.Round(add[c] / (in * float64(scale)))
		if !(math.Abs(q) <= 1<<30) {
			b.fail(fmt.Errorf("adding %v to values of scale %v overflows the accumulator", add[c], in*m))
			return -1
		}
		w.Bias = append(w.Bias, int32(q))
	}
	if !slices.ContainsFunc(w.Scale, func(s float32) bool { return s != w.Scale[0] }) {
		w.Scale = w.Scale[:1]
	}
	return b.addWeight(w)
}
