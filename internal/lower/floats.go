package lower

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/runtime/format"
)

// Natural implements op.Device.
func (b *builder) Natural(v *graph.Value, shape ...int) int {
	if v.Param != nil {
		return b.constant(v, shape)
	}
	t := b.Elements(v, shape...)
	if b.err != nil || b.f.Tensors[t].DType == format.Float32 {
		return t
	}
	out := b.Temp(b.f.Tensors[t].Shape...)
	b.Emit(format.Instr{Op: format.OpDequantize, In: []int{t}, Out: out, Weight: -1, LUT: -1})
	return out
}

// Elements implements op.Device.
func (b *builder) Elements(v *graph.Value, shape ...int) int {
	if v.Param != nil {
		return b.constant(v, shape)
	}
	if _, ok := b.value(v); !ok {
		return 0
	}
	if v.Grid != nil {
		b.onGrid(v)
	}
	if len(shape) == 0 {
		shape = v.Shape.Sample()
	}
	if len(shape) > 4 {
		shape = []int{v.Shape.Sample().Size()}
	}
	return b.ordered(v, natural(v.Shape.Sample().Size()), shape)
}

// defineNatural makes t the tensor of v, in the host's order.
func (b *builder) defineNatural(v *graph.Value, t int) {
	b.at[v] = location{tensor: t, order: natural(v.Shape.Sample().Size())}
}

// EmitNatural implements op.Device.
func (b *builder) EmitNatural(i format.Instr, v *graph.Value, shape []int, after ...format.Instr) {
	if b.err != nil {
		return
	}
	if i.Op != format.OpGather || len(i.In) > 1 {
		i.Weight = -1
	}
	i.LUT = -1
	t := b.EmitLike(i, shape)
	t = b.chained(t, after)
	if t = b.gridded(t, v); b.err == nil {
		b.defineNatural(v, t)
	}
}

// chained emits instructions that each compute from the result of the one before.
func (b *builder) chained(t int, steps []format.Instr) int {
	if b.err != nil {
		return 0
	}
	shape := b.f.Tensors[t].Shape
	for _, s := range steps {
		s.In = slices.Clone(s.In)
		s.In[slices.Index(s.In, -1)] = t
		s.Weight, s.LUT = -1, -1
		t = b.EmitLike(s, shape)
	}
	return t
}

// gridded returns tensor t as v has it: quantized if v has a grid.
func (b *builder) gridded(t int, v *graph.Value) int {
	if b.err != nil || v.Grid == nil || b.f.Tensors[t].DType == format.Int8 {
		return t
	}
	return b.quantized(t, *v.Grid)
}

// EmitLike implements op.Device.
func (b *builder) EmitLike(i format.Instr, shape []int) int {
	if b.err != nil {
		return 0
	}
	if len(i.In) > 0 && b.f.Tensors[i.In[0]].DType == format.Int8 {
		i.Out = b.like(i.In[0], shape)
	} else {
		i.Out = b.Temp(shape...)
	}
	b.Emit(i)
	return i.Out
}

// EmitSteps implements op.Device.
func (b *builder) EmitSteps(x, y *graph.Value, steps []format.Instr) {
	w, t := b.asFloat(x)
	t = b.chained(t, steps)
	if t = b.gridded(t, y); b.err == nil {
		b.at[y] = location{t, w.order, w.from}
	}
}

// asFloat returns where x lies, and its Float32 tensor there.
func (b *builder) asFloat(x *graph.Value) (location, int) {
	w, ok := b.value(x)
	if !ok {
		return w, 0
	}
	if x.Grid != nil {
		w = b.onGrid(x)
	}
	t := w.tensor
	if b.err == nil && b.f.Tensors[t].DType == format.Int8 {
		out := b.Temp(b.f.Tensors[t].Shape...)
		b.Emit(format.Instr{Op: format.OpDequantize, In: []int{t}, Out: out, Weight: -1, LUT: -1})
		t = out
	}
	return w, t
}

// Quantize implements op.Device.
func (b *builder) Quantize(x, y *graph.Value) {
	if w, t, ok := b.toGrid(x, y); ok {
		b.at[y] = location{b.gridded(t, y), w.order, w.from}
	}
}

// toGrid returns asFloat of x, which is brought onto the grid of y.
func (b *builder) toGrid(x, y *graph.Value) (w location, t int, ok bool) {
	if w, t = b.asFloat(x); b.err == nil && y.Grid == nil {
		b.fail(&graph.Refusal{What: fmt.Sprintf("value %q has no int8 grid", y.Name), Remedy: noGrid})
	}
	return w, t, b.err == nil
}

// isFloat reports whether v lies in a Float32 tensor.
func (b *builder) isFloat(v *graph.Value) bool {
	w, ok := b.at[v]
	return ok && b.f.Tensors[w.tensor].DType == format.Float32
}

// readsFloat reports whether n reads a value that lies in a Float32 tensor.
func (b *builder) readsFloat(n *graph.Node) bool {
	return slices.ContainsFunc(n.Inputs, func(v *graph.Value) bool { return v != nil && v.Param == nil && b.isFloat(v) })
}

// Scalar implements op.Device.
func (b *builder) Scalar(k float32) int { return b.Numbers([]float32{k}, 1) }

// Numbers implements op.Device.
func (b *builder) Numbers(k []float32, shape ...int) int {
	if b.err != nil {
		return 0
	}
	return b.emitConstant(b.sharedWeight(exactWeight(k)), shape)
}

// constant emits the values of parameter v under shape.
func (b *builder) constant(v *graph.Value, shape []int) int {
	if b.err != nil {
		return 0
	}
	if len(shape) == 0 {
		shape = v.Shape
	}
	if len(shape) > 4 || len(shape) == 0 {
		shape = []int{v.Shape.Size()}
	}
	k, ok := b.constants[v.Param]
	if !ok {
		k = b.sharedWeight(constantWeight(v.Param))
		b.constants[v.Param] = k
	}
	return b.emitConstant(k, shape)
}

func (b *builder) emitConstant(weight int, shape []int) int {
	out := b.Temp(shape...)
	b.Emit(format.Instr{Op: format.OpConstant, Out: out, Weight: weight, LUT: -1, Shape: slices.Clone(shape)})
	return out
}

// constantWeight returns p as the weights of an OpConstant: its integers where it has a grid of
// int8, otherwise its numbers.
func constantWeight(p *graph.Param) format.Weight {
	if w, ok := integerWeight(p); ok {
		return w
	}
	return exactWeight(p.Value.Data)
}

// integerWeight returns the integers of a parameter on a grid as weights, a row for each scale: of
// int8 as such, larger ones as biases.
func integerWeight(p *graph.Param) (w format.Weight, ok bool) {
	if p.Grid == nil || slices.ContainsFunc(p.Grid.Scale, func(s float32) bool { return !usable(s) }) {
		return w, false
	}
	q := p.Quanta()
	rows := max(len(p.Grid.Scale), 1)
	w = format.Weight{OutC: rows, KH: 1, KW: 1, InC: len(q) / rows, Scale: slices.Clone(p.Grid.Scale), Values: make([]int8, len(q))}
	if lo, hi := slices.Min(q), slices.Max(q); lo < math.MinInt8 || hi > math.MaxInt8 {
		w.OutC, w.InC, w.Bias = len(q), 1, q
		if rows > 1 {
			w.Scale = nil
			for i := range q {
				w.Scale = append(w.Scale, p.Grid.ScaleOf(i*rows/len(q)))
			}
		}
		return w, true
	}
	for i, v := range q {
		w.Values[i] = int8(v)
	}
	w.Book = book(w.Values, p.Book != nil)
	return w, true
}

// exactWeight returns numbers as the weights of an OpConstant, in the smallest of these forms: two
// values or fewer as 0 and 1 times a scale; whole multiples of one number, as int8 or as biases;
// or 64 times a scale of its own for each. Numbers beyond 2^36 are that large, and those below
// 2^-34 zero.
func exactWeight(k []float32) format.Weight {
	x := make([]float32, len(k))
	step := float32(0)
	for i, v := range k {
		if x[i] = op.Representable(v); x[i] != x[i] || float32(math.Abs(float64(x[i]))) < 1.0/(1<<34) {
			x[i] = 0
		}
		if a := float32(math.Abs(float64(x[i]))); a > 0 && (step == 0 || a < step) {
			step = a
		}
	}
	if w, ok := multiples(x, step); ok {
		return w
	}
	if w, ok := multiples(x, 1); ok {
		return w
	}
	w := format.Weight{OutC: len(x), KH: 1, KW: 1, InC: 1, Values: make([]int8, len(x)), Scale: make([]float32, len(x))}
	for i, v := range x {
		w.Scale[i] = 1
		if v != 0 {
			w.Scale[i], w.Values[i] = float32(math.Abs(float64(v)))/64, int8(64*math.Copysign(1, float64(v)))
		}
	}
	return w
}

// multiples returns x as whole multiples of step, if it is that.
func multiples(x []float32, step float32) (w format.Weight, ok bool) {
	if step == 0 {
		step = 1
	}
	for !usable(step) && step > 1 {
		step /= 2
	}
	if !usable(step) {
		return w, false
	}
	q, wide := make([]int32, len(x)), false
	for i, v := range x {
		n := math.Round(float64(v) / float64(step))
		if math.Abs(n) > 1<<24 || float32(n)*step != v {
			return w, false
		}
		q[i] = int32(n)
		wide = wide || n < math.MinInt8 || n > math.MaxInt8
	}
	w = format.Weight{OutC: 1, KH: 1, KW: 1, InC: len(x), Scale: []float32{step}, Values: make([]int8, len(x))}
	if wide {
		w.OutC, w.InC, w.Bias = len(x), 1, q
		return w, true
	}
	for i, n := range q {
		w.Values[i] = int8(n)
	}
	w.Book = book(w.Values, false)
	return w, true
}

// Rows implements op.Device.
func (b *builder) Rows(w *graph.Value) int {
	if b.err != nil {
		return -1
	}
	p := w.Param
	rows := w.Shape[0]
	if p == nil {
		b.fail(fmt.Errorf("its table %q is computed by the network: the device needs a constant", w.Name))
		return -1
	}
	out, ok := integerWeight(p)
	if !ok || out.Bias != nil {
		out = exactWeight(p.Value.Data)
	}
	if out.Bias != nil || out.OutC != 1 && out.OutC != rows {
		b.fail(&graph.Refusal{What: fmt.Sprintf("table %q is float", w.Name), Remedy: "quantize it first, with one scale or one for each row"})
		return -1
	}
	out.OutC, out.InC = rows, len(out.Values)/rows
	b.countWeights(len(out.Values))
	return b.sharedWeight(out)
}

// sharedWeight returns the number of a weight tensor: of one that has the same values and scales,
// if there is one, or else of w.
func (b *builder) sharedWeight(w format.Weight) int {
	for k := range b.f.Weights {
		if v := &b.f.Weights[k]; sameWeight(v, &w) && slices.Equal(v.Bias, w.Bias) {
			return k
		}
	}
	return b.addWeight(w)
}

// sameWeight compares all but biases.
func sameWeight(v, w *format.Weight) bool {
	return v.OutC == w.OutC && v.KH == w.KH && v.KW == w.KW && v.InC == w.InC &&
		slices.Equal(v.Scale, w.Scale) && slices.Equal(v.Values, w.Values) && slices.Equal(v.Book, w.Book)
}

// tied returns the number of the table that OpGather reads and that has the values of w, whose
// biases OpGather does not read; -1: there is none.
func (b *builder) tied(w *format.Weight) int {
	for i := range b.f.Instrs {
		in := &b.f.Instrs[i]
		if in.Op != format.OpGather || in.Weight < 0 {
			continue
		}
		if v := &b.f.Weights[in.Weight]; sameWeight(v, w) && (v.Bias == nil || slices.Equal(v.Bias, w.Bias)) {
			v.Bias = w.Bias
			return in.Weight
		}
	}
	return -1
}

// ordered brings v into the order want and returns its tensor under shape.
func (b *builder) ordered(v *graph.Value, want layout, shape []int) int {
	w, ok := b.value(v)
	if !ok {
		return 0
	}
	if w.from != nil {
		b.fail(fmt.Errorf("the joined features of %q are read in an order that the device cannot restore: join them before they are flattened", v.Name))
		return 0
	}
	if !w.order.equal(want) {
		_, _, err := w.order.rearrange(want)
		if mid, ok := w.order.between(want); err != nil && ok {
			w = b.transposed(w, mid)
			_, _, err = w.order.rearrange(want)
		}
		if err != nil {
			b.fail(err)
			return 0
		}
		w = b.transposed(w, want)
		b.at[v] = w
	}
	return b.reshaped(w.tensor, shape)
}

// transposed brings w into the order want, which one transposition can.
func (b *builder) transposed(w location, want layout) location {
	seen, perm, err := w.order.rearrange(want)
	if err != nil {
		b.fail(err)
		return w
	}
	moved := make([]int, len(perm))
	for i, p := range perm {
		moved[i] = seen[p]
	}
	x := b.reshaped(w.tensor, seen)
	t := b.like(x, moved)
	b.Emit(format.Instr{Op: format.OpTranspose, In: []int{x}, Out: t, Weight: -1, LUT: -1, Perm: perm})
	return location{tensor: t, order: want}
}
