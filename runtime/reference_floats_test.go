package runtime

import (
	"math"
	"slices"

	"edgec/runtime/format"
)

// The float32 instructions, by the text of SPEC.md: each operation one of float64 whose result is
// rounded to float32, which is the float32 operation.

// c is a constant as float32 has it.
func c(s float32) float64 { return float64(s) }

func polynomial(x float64, k ...float32) float64 {
	p := c(k[0])
	for _, v := range k[1:] {
		p = f32(f32(p*x) + c(v))
	}
	return p
}

func refExp(v float64) float64 {
	switch {
	case v <= 0 || v != v:
		if v != v {
			return v
		}
		return expOf(v)
	case v >= c(88.73):
		return math.Inf(1)
	}
	n := math.Trunc(f32(f32(v*c(1.44269504)) + 0.5))
	r := f32(f32(v-f32(n*c(0.693359375))) - f32(n*c(-2.12194440e-4)))
	p := polynomial(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1)
	half := math.Trunc(n / 2)
	return f32(f32(math.Ldexp(p, int(half))) * math.Ldexp(1, int(n-half)))
}

func refLog(v float64) float64 {
	if v <= 0 || v-v != 0 {
		return math.Log(v)
	}
	m, e := math.Frexp(v)
	if m < c(0.70710678) {
		m, e = 2*m, e-1
	}
	m = f32(m - 1)
	z := f32(m * m)
	y := f32(f32(polynomial(m, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)*m) * z)
	y = f32(f32(y+f32(float64(e)*c(-2.12194440e-4))) - f32(z/2))
	return f32(f32(m+y) + f32(float64(e)*c(0.693359375)))
}

func refTanh(v float64) float64 {
	if a := math.Abs(v); a >= 0.625 {
		e := expOf(f32(-2 * a))
		return math.Copysign(f32(f32(1-e)/f32(1+e)), v)
	}
	z := f32(v * v)
	return f32(f32(f32(polynomial(z, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)*z)*v) + v)
}

func refSigmoid(v float64) float64 {
	if v >= 0 {
		return f32(1 / f32(1+expOf(-v)))
	}
	return f32(expOf(v) / f32(1+expOf(v)))
}

func refErf(v float64) float64 {
	a := math.Abs(v)
	if a < 1 {
		return f32(v * polynomial(f32(v*v), 7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710))
	}
	t := f32(1 / f32(1+f32(c(0.3275911)*a)))
	p := polynomial(t, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0)
	return math.Copysign(f32(1-f32(p*expOf(-f32(a*a)))), v)
}

func refSoftplus(v float64) float64 {
	e := expOf(-math.Abs(v))
	w, l := f32(1+e), e
	if w != 1 {
		l = f32(f32(refLog(w)*e) / f32(w-1))
	}
	return f32(max(v, 0) + l)
}

func truthOf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// refUnary is a function of one number, with its parameter r. Sines are those of package math,
// which are as exact.
// Complexity: a case for each function.
//
//gocyclo:ignore
func refUnary(function int, v, r float64) float64 {
	switch function {
	case 0:
		return math.Abs(v)
	case 1:
		return -v
	case 2:
		return math.Floor(v)
	case 3:
		return math.Ceil(v)
	case 4:
		return math.RoundToEven(v)
	case 5:
		return math.Trunc(v)
	case 6:
		if v > 0 || v < 0 {
			return math.Copysign(1, v)
		}
		return v
	case 7:
		return truthOf(v == 0)
	case 8:
		return f32(v * v)
	case 9:
		return f32(math.Sqrt(v))
	case 10:
		return f32(1 / v)
	case 11:
		return refExp(v)
	case 12:
		return refLog(v)
	case 13:
		return f32(math.Sin(v))
	case 14:
		return f32(math.Cos(v))
	case 15:
		return refTanh(v)
	case 16:
		return refSigmoid(v)
	case 17:
		return refErf(v)
	}
	return refActivation(function, v, r)
}

func refActivation(function int, v, r float64) float64 {
	below := func(y float64) float64 {
		if v < 0 {
			return y
		}
		return v
	}
	switch function {
	case 18:
		return refMax(v, 0)
	case 19:
		return below(f32(v * r))
	case 20:
		t := refTanh(f32(v / 2))
		return below(f32(r * f32(f32(2*t)/f32(1-t))))
	case 21:
		return refSoftplus(v)
	case 22:
		return f32(v / f32(1+math.Abs(v)))
	case 23:
		return refMin(refMax(f32(f32(r*v)+0.5), 0), 1)
	case 24:
		return f32(f32(v*refMin(refMax(f32(v+3), 0), 6)) / 6)
	case 25:
		return f32(f32(v/2) * f32(1+refErf(f32(c(0.70710678)*v))))
	case 26:
		return f32(f32(v/2) * f32(1+refTanh(f32(c(0.79788456)*f32(v+f32(c(0.044715)*f32(f32(v*v)*v)))))))
	case 27:
		return f32(v * refSigmoid(v))
	case 28:
		return f32(v * refTanh(refSoftplus(v)))
	}
	return truthOf(v != v)
}

func refBinary(function int, a, b float64) float64 {
	switch function {
	case 0:
		return f32(a + b)
	case 1:
		return f32(a - b)
	case 2:
		return f32(a * b)
	case 3:
		return f32(a / b)
	case 4:
		return refMax(a, b)
	case 5:
		return refMin(a, b)
	case 6:
		return refPow(a, b)
	case 7:
		return f32(a - math.Floor(a/b)*b)
	case 8:
		return f32(a - math.Trunc(a/b)*b)
	case 9:
		return truthOf(a == b)
	case 10:
		return truthOf(a < b)
	case 11:
		return truthOf(a <= b)
	case 12:
		return truthOf(a != 0 && b != 0)
	case 13:
		return truthOf(a != 0 || b != 0)
	case 14:
		return truthOf((a != 0) != (b != 0))
	}
	if a < 0 {
		return f32(a * b)
	}
	return a
}

// refPow is exact for small whole b, by repeated squares.
func refPow(a, b float64) float64 {
	if b != math.Trunc(b) || math.Abs(b) > 64 {
		return f32(math.Pow(a, b))
	}
	y := 1.0
	for n := int(math.Abs(b)); n > 0; n /= 2 {
		if n%2 == 1 {
			y = f32(y * a)
		}
		a = f32(a * a)
	}
	if b < 0 {
		return f32(1 / y)
	}
	return y
}

func refMax(a, b float64) float64 {
	if b > a || b != b {
		return b
	}
	return a
}

func refMin(a, b float64) float64 {
	if b < a || b != b {
		return b
	}
	return a
}

func folded(x []float64, f func(a, b float64) float64) float64 {
	y := x[0]
	for _, v := range x[1:] {
		y = f(y, v)
	}
	return y
}

// refSum adds in four sums.
func refSum(x []float64) float64 {
	var s [4]float64
	for i, v := range x {
		s[i%4] = f32(s[i%4] + v)
	}
	return f32(f32(s[0]+s[1]) + f32(s[2]+s[3]))
}

func mappedTo(x []float64, f func(float64) float64) (y []float64) {
	for _, v := range x {
		y = append(y, f(v))
	}
	return y
}

func refReduce(function int, x []float64) float64 {
	switch function {
	case 0:
		return refSum(x)
	case 1:
		return f32(refSum(x) / float64(len(x)))
	case 2:
		return folded(x, refMax)
	case 3:
		return folded(x, refMin)
	case 4:
		y := x[0]
		for _, v := range x[1:] {
			y = f32(y * v)
		}
		return y
	case 5:
		return refSum(mappedTo(x, func(v float64) float64 { return f32(v * v) }))
	case 6:
		m := slices.Max(x)
		return f32(m + refLog(refSum(mappedTo(x, func(v float64) float64 { return expOf(f32(v - m)) }))))
	case 7:
		return float64(slices.Index(x, slices.Max(x)))
	}
	return float64(slices.Index(x, slices.Min(x)))
}

// at returns the element of operand k of an output index, shapes broadcast.
func (d *reference) at(t int, index []int) float64 {
	s, o := d.f.Tensors[t].Shape, 0
	for i, n := range s {
		v := index[len(index)-len(s)+i]
		if n == 1 {
			v = 0
		}
		o = o*n + v
	}
	return d.real[t][o]
}

// indexOf is the index of element i of a shape.
func indexOf(i int, shape []int) []int {
	index := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		index[d] = i % shape[d]
		i /= shape[d]
	}
	return index
}

// float executes an instruction of float32; nil: it is none.
func (d *reference) float(in *format.Instr, ty *format.Tensor) (y []float64) {
	switch in.Op {
	case format.OpUnary:
		return mappedTo(d.real[in.In[0]], func(v float64) float64 { return refUnary(in.Function, v, c(in.Real)) })
	case format.OpConstant:
		w := &d.f.Weights[in.Weight]
		for i, q := range w.Values {
			r, bias := i/w.InC, int32(0)
			if w.Bias != nil {
				bias = w.Bias[r]
			}
			y = append(y, f32(f32(float64(int64(q)+int64(bias)))*c(w.Scale[min(r, len(w.Scale)-1)])))
		}
		return y
	case format.OpNormalize:
		return d.normalize(in)
	case format.OpReduce, format.OpMatMul:
		for i := range ty.Elems() {
			if index := indexOf(i, ty.Shape); in.Op == format.OpReduce {
				y = append(y, d.reduce(in, index))
			} else {
				y = append(y, d.product(in, index))
			}
		}
		return y
	case format.OpBinary, format.OpSelect, format.OpGather:
		for i := range ty.Elems() {
			y = append(y, d.element(in, indexOf(i, ty.Shape)))
		}
	}
	return y
}

// element is that of an output index of instructions that read an element or two for it.
func (d *reference) element(in *format.Instr, index []int) float64 {
	switch in.Op {
	case format.OpBinary:
		return refBinary(in.Function, d.at(in.In[0], index), d.at(in.In[1], index))
	case format.OpSelect:
		if d.at(in.In[0], index) != 0 {
			return d.at(in.In[1], index)
		}
		return d.at(in.In[2], index)
	}
	if in.Weight >= 0 {
		w, last := &d.f.Weights[in.Weight], len(index)-1
		r := row(d.at(in.In[0], index[:last]), w.OutC)
		return f32(float64(w.Values[r*w.InC+index[last]]) * c(w.Scale[min(r, len(w.Scale)-1)]))
	}
	n := len(d.f.Tensors[in.In[1]].Shape)
	i := row(d.at(in.In[1], index[in.Axis:in.Axis+n]), d.f.Tensors[in.In[0]].Shape[in.Axis])
	return d.at(in.In[0], slices.Concat(index[:in.Axis], []int{i}, index[in.Axis+n:]))
}

func row(v float64, n int) int {
	if v != v {
		return 0
	}
	if v < 0 {
		v += float64(n)
	}
	return int(min(max(v, 0), float64(n-1)))
}

func (d *reference) reduce(in *format.Instr, index []int) float64 {
	s, run := d.f.Tensors[in.In[0]].Shape, []float64{}
	inner := s[in.Axis : in.Axis+in.Dims]
	n := 1
	for _, v := range inner {
		n *= v
	}
	for i := range n {
		copy(index[in.Axis:], indexOf(i, inner))
		run = append(run, d.at(in.In[0], index))
	}
	return refReduce(in.Function, run)
}

func (d *reference) product(in *format.Instr, index []int) float64 {
	s := d.f.Tensors[in.In[0]].Shape
	last := len(index) - 1
	var terms []float64
	sum := 0.0
	for k := range s[len(s)-1] {
		a, b := slices.Clone(index), slices.Clone(index)
		a[last], b[last-1] = k, k
		if in.Reverse {
			b[last-1], b[last] = index[last], k
		}
		terms = append(terms, f32(d.at(in.In[0], a)*d.at(in.In[1], b)))
		sum = f32(sum + terms[k])
	}
	if in.Reverse {
		return refSum(terms)
	}
	return sum
}

func (d *reference) normalize(in *format.Instr) (y []float64) {
	s := d.f.Tensors[in.In[0]].Shape
	for x := range slices.Chunk(d.real[in.In[0]], s[len(s)-1]) {
		m := 0.0
		if in.Function == format.NormalizeLayer {
			m = refReduce(format.ReduceMean, x)
		}
		v := refReduce(format.ReduceSumSquare, mappedTo(x, func(v float64) float64 { return f32(v - m) }))
		r := f32(1 / f32(math.Sqrt(f32(f32(v/float64(len(x)))+c(in.Real)))))
		y = append(y, mappedTo(x, func(v float64) float64 { return f32(f32(v-m) * r) })...)
	}
	return y
}
