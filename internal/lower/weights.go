package lower

import (
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
	p := w.Param
	if p == nil {
		b.fail(fmt.Errorf("its weights %q are computed by the network: the device needs constants", w.Name))
		return -1
	}
	if p.Grid == nil {
		b.fail(fmt.Errorf("weights %q are float: quantize them first (a QuantizeLinear and DequantizeLinear, or int8 and a DequantizeLinear)", w.Name))
		return -1
	}
	quanta := p.Quanta()
	if lo, hi := slices.Min(quanta), slices.Max(quanta); lo < math.MinInt8 || hi > math.MaxInt8 {
		b.fail(fmt.Errorf("weights %q are %d to %d times their scale, after their zero point is taken off; the device has -128 to 127: quantize again with int8 weights of zero point 0 (weight_type=QuantType.QInt8)", w.Name, lo, hi))
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
		out.Bias = b.bias(x, bias, p.Grid)
	}
	return b.addWeight(out)
}

func (b *builder) addWeight(w format.Weight) int {
	b.f.Weights = append(b.f.Weights, w)
	return len(b.f.Weights) - 1
}

// bias returns the integers of a bias, nil when all are zero.
func (b *builder) bias(x int, v *graph.Value, w *graph.Grid) []int32 {
	p := v.Param
	if p == nil {
		b.fail(fmt.Errorf("its bias %q is computed by the network: the device needs constants", v.Name))
		return nil
	}
	for c := 0; c < p.Channels(); c++ {
		step := float64(b.f.Tensors[x].Scale) * float64(w.ScaleOf(c))
		const rounding = 1e-5 // the grid's scale is a float32 product
		if p.Grid != nil && math.Abs(float64(p.Grid.ScaleOf(c))-step) <= rounding*step {
			continue
		}
		value := float64(p.Shadow.Data[c])
		switch {
		case !(math.Abs(value/step) <= math.MaxInt32):
			b.fail(fmt.Errorf("bias %q is %v in channel %d, %.0f steps of the sum (input scale times weight scale, %v), beyond 32 bits: quantize the weights of the channel with a larger scale", v.Name, float32(value), c, value/step, float32(step)))
		case p.Grid == nil:
			b.fail(fmt.Errorf("bias %q is not on the grid of the sum: quantize the biases first", v.Name))
		default:
			b.fail(fmt.Errorf("bias %q is %v in channel %d, with scale %v; the sum moves in steps of %v (input scale times weight scale), of which it is no multiple: give the bias that scale, or as float without DequantizeLinear", v.Name, float32(value), c, p.Grid.ScaleOf(c), float32(step)))
		}
		return nil
	}
	q := p.Quanta()
	if !slices.ContainsFunc(q, func(v int32) bool { return v != 0 }) {
		return nil
	}
	return q
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
