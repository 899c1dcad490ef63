package runtime

import (
	"math"
	"testing"

	"edgec/runtime/format"
)

// reference executes a file by the definitions of SPEC.md: every tensor in a
// memory of its own, integers in 64 bits, float32 operations one at a time by
// rounding float64 ones. It shares no code with the kernels.
type reference struct {
	f    *format.File
	ints [][]int64
	real [][]float64 // float32 values
}

func newReference(f *format.File) *reference {
	return &reference{f, make([][]int64, len(f.Tensors)), make([][]float64, len(f.Tensors))}
}

func f32(x float64) float64 { return float64(float32(x)) }

// scaled is x * real on the device: the multiplier is a mantissa of 31 bits and
// a power of two; two roundings.
func scaled(x int64, real float64) int64 {
	mantissa, exp := multiplier(real)
	if exp > 0 {
		x = min(max(x<<exp, math.MinInt32), math.MaxInt32)
	}
	v := (x*mantissa + 1<<30) >> 31
	n := max(-exp, 0)
	half := int64(1) << n >> 1
	if v < 0 {
		return -((-v + half) >> n)
	}
	return (v + half) >> n
}

// scaledOnce is scaled with one rounding, halves up.
func scaledOnce(x int64, real float64) int64 {
	mantissa, exp := multiplier(real)
	v := (x*mantissa + int64(1)<<(30-exp)) >> (31 - exp)
	return min(max(v, math.MinInt32), math.MaxInt32)
}

func multiplier(real float64) (mantissa int64, exp int) {
	if real < math.Ldexp(1, -32) {
		return 0, 0
	}
	frac, exp := math.Frexp(real)
	mantissa = int64(math.Round(math.Ldexp(frac, 31)))
	if mantissa == 1<<31 {
		mantissa, exp = mantissa/2, exp+1
	}
	if exp > 30 {
		mantissa, exp = 1<<31-1, 30
	}
	return mantissa, exp
}

func clip(v int64, lo, hi int8) int64 { return min(max(v, int64(lo)), int64(hi)) }

// run executes the network on the given inputs and returns the bytes of output k.
func (d *reference) run(inputs ...[]float64) {
	for i, t := range d.f.Inputs {
		d.ints[t], d.real[t] = nil, nil
		for _, v := range inputs[i] {
			if d.f.Tensors[t].DType == format.Float32 {
				d.real[t] = append(d.real[t], v)
			} else {
				d.ints[t] = append(d.ints[t], int64(v))
			}
		}
	}
	for i := range d.f.Instrs {
		d.exec(&d.f.Instrs[i])
	}
}

func (d *reference) bytes(output int) []byte {
	t := d.f.Outputs[output]
	var out []byte
	for _, v := range d.ints[t] {
		out = append(out, byte(v))
	}
	for _, v := range d.real[t] {
		b := math.Float32bits(float32(v))
		if v != v {
			b = 0x7fc00000
		}
		out = append(out, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	return out
}

// exec executes an instruction.
// Complexity: a case for each opcode.
//
//gocyclo:ignore
func (d *reference) exec(in *format.Instr) {
	ty := &d.f.Tensors[in.Out]
	if y := d.float(in, ty); y != nil {
		d.real[in.Out] = y
		return
	}
	a := in.In[0]
	x, tx := d.ints[a], &d.f.Tensors[a]
	var y []int64
	var real []float64
	switch in.Op {
	case format.OpConv2D, format.OpDense:
		y, real = d.weighted(in, x, tx, ty)
	case format.OpMaxPool, format.OpAvgPool:
		y = d.pool(in, x, tx, ty)
	case format.OpAdd, format.OpSub, format.OpMul:
		y = d.binary(in, x, tx, ty)
	case format.OpLUT:
		for _, v := range x {
			y = append(y, int64(d.f.LUTs[in.LUT][v+128]))
		}
	case format.OpResize:
		for i := range ty.Elems() {
			y = append(y, resized(in, x, tx, i/ty.Shape[2]/ty.Shape[1], i/ty.Shape[2]%ty.Shape[1], i%ty.Shape[2]))
		}
	case format.OpStretch:
		for i := range ty.Elems() {
			h, w := i/ty.Shape[2]/ty.Shape[1], i/ty.Shape[2]%ty.Shape[1]
			if h%in.StrideH != 0 || w%in.StrideW != 0 {
				h = -in.StrideH // outside
			}
			y = append(y, pixel(x, tx.Shape, h/in.StrideH, w/in.StrideW, i%ty.Shape[2], int64(tx.Zero)))
		}
	case format.OpConcat, format.OpPad, format.OpSlice, format.OpTranspose, format.OpReshape, format.OpMove:
		if x == nil {
			real = d.moved(in, d.real, ty, float64(in.Real))
			break
		}
		all := make([][]float64, len(d.ints))
		for _, t := range in.In {
			all[t] = make([]float64, 0, len(d.ints[t]))
			for _, v := range d.ints[t] {
				all[t] = append(all[t], float64(v))
			}
		}
		for _, v := range d.moved(in, all, ty, float64(in.PadValue)) {
			y = append(y, int64(v))
		}
	case format.OpRecurrent:
		if real = d.recurrent(in); ty.DType == format.Int8 {
			y, real = rounded(real, ty.Scale, ty.Zero), nil
		}
	case format.OpSoftmax:
		n := tx.Shape[len(tx.Shape)-1]
		for at := 0; at < len(d.real[a]); at += n {
			real = append(real, softmax(d.real[a][at:at+n])...)
		}
	case format.OpDequantize:
		for _, v := range x {
			real = append(real, f32(float64(v-int64(tx.Zero))*float64(tx.Scale)))
		}
	case format.OpQuantize:
		y = rounded(d.real[a], ty.Scale, ty.Zero)
	}
	d.ints[in.Out], d.real[in.Out] = y, real
}

// rounded returns x on a grid of int8.
func rounded(x []float64, scale float32, zero int) (y []int64) {
	for _, v := range x {
		if q := math.Round(v / float64(scale)); q == q {
			y = append(y, int64(math.Max(-128, math.Min(127, q+float64(zero)))))
		} else {
			y = append(y, int64(zero))
		}
	}
	return y
}

// recurrent executes a recurrent layer by the formulas of SPEC.md.
func (d *reference) recurrent(in *format.Instr) (out []float64) {
	w, x := &d.f.Weights[in.Weight], d.real[in.In[0]]
	n, rows := w.InC, w.OutC
	states := [2][]float64{make([]float64, n), make([]float64, n)} // h and c
	for k, t := range in.In[1:] {
		copy(states[k], d.real[t])
	}
	h, cell, cellOf := states[0], states[1], format.RecurrentCell(in.Function)
	product := func(row int, ints []int64) float64 {
		acc := int64(0)
		if w.Bias != nil {
			acc = int64(w.Bias[row])
		}
		for j, q := range ints {
			acc += q * int64(w.Values[row*n+j])
		}
		return f32(f32(float64(acc)) * f32(float64(w.Scale[min(row, len(w.Scale)-1)])/128))
	}
	u := func(row int, h []float64) float64 {
		steps, rest := rounded(h, 1.0/128, 0), make([]float64, n)
		for j, q := range steps {
			rest[j] = f32(h[j] - float64(q)/128)
		}
		if in.Function < format.RecurrentFine {
			return product(row, steps)
		}
		return f32(product(row, steps) + product(row, rounded(rest, 1.0/32768, 0))/256)
	}
	sigmoid := func(v float64) float64 { return refUnary(format.UnarySigmoid, v, 0) }
	tanh := func(v float64) float64 { return refUnary(format.UnaryTanh, v, 0) }
	steps := len(x) / rows
	out = make([]float64, steps*n)
	for k := range steps {
		t := k
		if in.Reverse {
			t = steps - 1 - k
		}
		s := x[t*rows : (t+1)*rows]
		gate := func(g, j int) float64 { return f32(s[g*n+j] + u(g*n+j, h)) }
		next, reset := make([]float64, n), make([]float64, n)
		for j := range reset {
			if cellOf == format.RecurrentGRU {
				reset[j] = f32(sigmoid(gate(1, j)) * h[j])
			}
		}
		for j := range next {
			switch cellOf {
			case format.RecurrentRNN:
				next[j] = tanh(gate(0, j))
			case format.RecurrentGRU, format.RecurrentGRUResetAfter:
				z, more := sigmoid(gate(0, j)), 0.0
				if cellOf == format.RecurrentGRU {
					more = u(2*n+j, reset)
				} else {
					more = f32(sigmoid(gate(1, j)) * u(2*n+j, h))
				}
				next[j] = f32(f32(f32(1-z)*tanh(f32(s[2*n+j]+more))) + f32(z*h[j]))
			default:
				cell[j] = f32(f32(sigmoid(gate(2, j))*cell[j]) + f32(sigmoid(gate(0, j))*tanh(gate(3, j))))
				next[j] = f32(sigmoid(gate(1, j)) * tanh(cell[j]))
			}
		}
		h = next
		copy(out[t*n:], h)
	}
	if cellOf == format.RecurrentLSTMCell {
		out = append(out, cell...)
	}
	return out
}

// moved executes the instructions that compute nothing: each element of the output is one of
// an input, or the value that pads.
func (d *reference) moved(in *format.Instr, all [][]float64, ty *format.Tensor, pad float64) (y []float64) {
	x, tx := all[in.In[0]], &d.f.Tensors[in.In[0]]
	switch in.Op {
	case format.OpConcat:
		return d.concat(in, all)
	case format.OpReshape:
		return x
	}
	for i := range ty.Elems() {
		index := indexOf(i, ty.Shape)
		switch in.Op {
		case format.OpPad:
			y = append(y, pixel(x, tx.Shape, index[0]-in.PadT, index[1]-in.PadL, index[2], pad))
		case format.OpSlice:
			y = append(y, pixel(x, tx.Shape, in.PadT+index[0]*in.StrideH, in.PadL+index[1]*in.StrideW, index[2], pad))
		case format.OpTranspose:
			y = append(y, x[source(i, tx.Shape, ty.Shape, in.Perm)])
		case format.OpMove:
			at := in.Start
			for k, n := range index {
				at += n * in.Strides[k]
			}
			y = append(y, x[at])
		}
	}
	return y
}

// resized returns the output of OpResize at row i, column j and channel c.
func resized(in *format.Instr, x []int64, t *format.Tensor, i, j, c int) int64 {
	s, zero := t.Shape, float64(t.Zero)
	at := func(h, w int) float64 { return float64(x[(min(max(h, 0), s[0]-1)*s[1]+min(max(w, 0), s[1]-1))*s[2]+c]) }
	const unit = 1 << 20
	row, column := float64(in.PadT+i*in.StrideH)/unit, float64(in.PadL+j*in.StrideW)/unit
	if in.Function == format.ResizeNearest {
		return int64(at(int(math.Floor(row)), int(math.Floor(column))))
	}
	row, column = math.Floor(row*1024)/1024, math.Floor(column*1024)/1024
	h, w := int(math.Floor(row)), int(math.Floor(column))
	down, right := row-math.Floor(row), column-math.Floor(column)
	return int64(zero + math.Round((at(h, w)*(1-right)+at(h, w+1)*right)*(1-down)+(at(h+1, w)*(1-right)+at(h+1, w+1)*right)*down-zero))
}

// pixel returns an element of an image, or what lies outside it.
func pixel[T int64 | float64](x []T, s []int, h, w, c int, outside T) T {
	if h < 0 || w < 0 || h >= s[0] || w >= s[1] {
		return outside
	}
	return x[(h*s[1]+w)*s[2]+c]
}

func (d *reference) weighted(in *format.Instr, x []int64, tx, ty *format.Tensor) (y []int64, real []float64) {
	w := &d.f.Weights[in.Weight]
	move, s, out := *in, tx.Shape, ty.Shape
	if in.Op == format.OpDense {
		move = format.Instr{StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
		s, out = []int{1, 1, len(x)}, []int{1, 1, w.OutC}
	}
	for i := range out[0] * out[1] * out[2] {
		oh, ow, oc := i/out[2]/out[1], i/out[2]%out[1], i%out[2]
		acc := int64(0)
		if w.Bias != nil {
			acc = int64(w.Bias[oc])
		}
		first := oc / (w.OutC / move.Groups) * w.InC
		for k := range w.KH * w.KW * w.InC {
			p, q, c := k/w.InC/w.KW, k/w.InC%w.KW, k%w.InC
			v := pixel(x, s, oh*move.StrideH-move.PadT+p*move.DilH, ow*move.StrideW-move.PadL+q*move.DilW, first+c, int64(tx.Zero))
			acc += (v - int64(tx.Zero)) * int64(w.Values[oc*w.KH*w.KW*w.InC+k])
		}
		scale := float64(tx.Scale) * float64(w.Scale[min(oc, len(w.Scale)-1)])
		if ty.DType == format.Float32 {
			real = append(real, f32(float64(float32(acc))*f32(scale)))
			continue
		}
		v := scaled(acc, scale/float64(ty.Scale))
		if in.RoundOnce {
			v = scaledOnce(acc, scale/float64(ty.Scale))
		}
		y = append(y, clip(v+int64(ty.Zero), in.ClampMin, in.ClampMax))
	}
	return y, real
}

func (d *reference) pool(in *format.Instr, x []int64, tx, ty *format.Tensor) []int64 {
	var y []int64
	for i := range ty.Elems() {
		oh, ow, c := i/ty.Shape[2]/ty.Shape[1], i/ty.Shape[2]%ty.Shape[1], i%ty.Shape[2]
		top, sum, n := int64(-128), int64(0), int64(0)
		for k := range in.KH * in.KW {
			const outside = math.MaxInt32
			v := pixel(x, tx.Shape, oh*in.StrideH-in.PadT+k/in.KW*in.DilH, ow*in.StrideW-in.PadL+k%in.KW*in.DilW, c, outside)
			switch {
			case v != outside:
				top, sum, n = max(top, v), sum+v-int64(tx.Zero), n+1
			case in.CountPad:
				n++
			}
		}
		if in.Op == format.OpAvgPool {
			top = clip(int64(math.Round(float64(sum)/float64(max(n, 1))))+int64(tx.Zero), -128, 127)
		}
		y = append(y, top)
	}
	return y
}

func (d *reference) binary(in *format.Instr, x []int64, tx, ty *format.Tensor) []int64 {
	b, tb := d.ints[in.In[1]], &d.f.Tensors[in.In[1]]
	sa, sb, so := float64(tx.Scale), float64(tb.Scale), float64(ty.Scale)
	var y []int64
	for i, v := range x {
		p, q := v-int64(tx.Zero), b[i%len(b)]-int64(tb.Zero)
		var r int64
		if in.Op == format.OpMul {
			r = scaled(p*q, sa*sb/so)
		} else {
			twice := 2 * max(sa, sb)
			p, q = scaled(p<<20, sa/twice), scaled(q<<20, sb/twice)
			if in.Op == format.OpSub {
				q = -q
			}
			r = scaled(p+q, twice/(1<<20*so))
		}
		y = append(y, clip(r+int64(ty.Zero), in.ClampMin, in.ClampMax))
	}
	return y
}

func (d *reference) concat(in *format.Instr, all [][]float64) (y []float64) {
	outer := 1
	for _, n := range d.f.Tensors[in.Out].Shape[:in.Axis] {
		outer *= n
	}
	for k := range outer {
		for _, t := range in.In {
			run := len(all[t]) / outer
			y = append(y, all[t][k*run:(k+1)*run]...)
		}
	}
	return y
}

// source returns which element of x, of shape s, element i of its transposition is.
func source(i int, s, out, perm []int) int {
	index := make([]int, len(s))
	for k := len(out) - 1; k >= 0; k-- {
		index[perm[k]] = i % out[k]
		i /= out[k]
	}
	at := 0
	for k, n := range s {
		at = at*n + index[k]
	}
	return at
}

// softmax of a row of float32 values, each operation rounded to float32.
func softmax(x []float64) []float64 {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	y := make([]float64, len(x))
	sum := 0.0
	for i, v := range x {
		y[i] = expOf(f32(v - top))
		sum = f32(sum + y[i])
	}
	for i := range y {
		y[i] = f32(y[i] / sum)
	}
	return y
}

func expOf(x float64) float64 {
	if x <= -87 {
		return 0
	}
	c := func(s float32) float64 { return float64(s) }
	n := math.Trunc(f32(f32(x*c(1.44269504)) - 0.5))
	r := f32(x - f32(n*c(0.693359375)))
	r = f32(r - f32(n*c(-2.12194440e-4)))
	p := c(1.9875691500e-4)
	for _, k := range []float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1} {
		p = f32(f32(p*r) + c(k))
	}
	return f32(math.Ldexp(p, int(n)))
}

// fill sets all inputs to what stands for seed and returns them.
func fill(f *format.File, s *Session, seed uint32) (inputs [][]float64) {
	for i := range f.Inputs {
		s.SetTestInput(i, seed+uint32(i)*7919)
		var x []float64
		for _, v := range s.Input(i) {
			x = append(x, float64(v))
		}
		for _, v := range s.InputFloats(i) {
			x = append(x, float64(v))
		}
		inputs = append(inputs, x)
	}
	return inputs
}

// trials is how many random networks a test tries: a tenth with -short, for
// emulated machines.
func trials(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}
