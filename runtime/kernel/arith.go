package kernel

// Binary is an elementwise operation on two int8 tensors. The second is shorter
// at times and starts again at its end: one value, or one for each channel.
type Binary struct {
	ZeroA, ZeroB int32      // zero points of the inputs, -128..127
	MulA, MulB   Multiplier // Add, Sub: of the inputs
	MulOut       Multiplier // of the result
	ZeroOut      int32      // -128..127
	Lo, Hi       int32      // clamp of the result, -128..127
	Subtract     bool       // Add computes a - b

	sum   bool           // Add, Sub
	term  *[2][256]int32 // Add, Sub: what each stored a and b, plus 128, adds to the sum
	scale scale          // of sums, by a micro-kernel
	other scale          // Add: of the input of the smaller scale; that of the larger one is halved
}

// headroom is the left shift of both inputs before they are added: the
// fraction bits of the common grid (TFLite's Add).
const headroom = 20

// NewAdd prepares a + b, or a - b, from the scales of inputs and output. Zero
// points and clamp are the caller's to set.
//
//	t = 2*max(a, b)
//	y = ZeroOut + (qa<<20 * a/t + qb<<20 * b/t) * t/(2^20*out)    (TFLite's Add)
func NewAdd(a, b, out float32, subtract bool) Binary {
	top := 2 * float64(max(a, b))
	return Binary{MulA: NewMultiplier(float64(a) / top), MulB: NewMultiplier(float64(b) / top),
		MulOut: NewMultiplier(top / (float64(int64(1)<<headroom) * float64(out))), Subtract: subtract, sum: true}
}

// NewMul prepares a * b: y = ZeroOut + qa*qb * a*b/out. Zero points and clamp
// are the caller's to set.
func NewMul(a, b, out float32) Binary {
	return Binary{MulOut: NewMultiplier(float64(a) * float64(b) / float64(out))}
}

// Finish prepares an operation whose zero points and clamp have been set: Add's inputs
// take 256 values each, so that their multiplications become tables.
func (o *Binary) Finish() {
	most := int64(255 * 255)
	if o.sum {
		o.term = new([2][256]int32)
		var largest [2]int64
		for i := range 256 {
			q := int32(i - 128)
			o.term[0][i], o.term[1][i] = o.terms(q, q)
			for k, t := range o.term {
				largest[k] = max(largest[k], int64(t[i]), -int64(t[i]))
			}
		}
		most = largest[0] + largest[1]
	}
	if best.canRequantize() {
		o.scale = uniform(o.MulOut, o.ZeroOut, o.Lo, o.Hi, most)
	}
	if o.scale != nil && best.adds && o.sum && !o.Subtract && (o.MulA == half || o.MulB == half) {
		small := o.MulB
		if o.MulA != half {
			small = o.MulA
		}
		o.other = uniform(small, 0, 0, 0, 255<<headroom)
	}
}

// half is the multiplier of the input with the larger scale.
var half = NewMultiplier(0.5)

// terms returns what a and b add to the sum.
func (o *Binary) terms(a, b int32) (p, q int32) {
	p = o.MulA.Apply((a - o.ZeroA) << headroom)
	q = o.MulB.Apply((b - o.ZeroB) << headroom)
	if o.Subtract {
		q = -q
	}
	return p, q
}

// Bytes returns the memory of what Finish prepared.
func (o *Binary) Bytes() int {
	n := o.scale.bytes() + o.other.bytes()
	if o.term != nil {
		n += 2 * 256 * 4
	}
	return n
}

func (o *Binary) store(v int32) int8 {
	return clamped(o.MulOut.Apply(v), o.ZeroOut, o.Lo, o.Hi)
}

// Run computes y = a + b, a - b or a * b; y and a have the same length, which b's
// divides. Rounding is Multiplier.Apply's, saturation by the clamp. y may be a. Without Finish
// it multiplies where there would be tables.
func (o *Binary) Run(y, a, b []int8) {
	var sums [blockPixels * panelWidth]int32
	for at := 0; at < len(a); {
		n := min(len(sums), len(a)-at)
		whole, done := n&^(panelWidth-1), 0
		if o.other != nil && len(a) == len(b) && whole > 0 {
			o.vector(sums[:whole], a[at:], b[at:])
			o.results(sums[whole:n], a[at+whole:at+n], b, at+whole)
		} else {
			o.results(sums[:n], a[at:at+n], b, at%len(b))
		}
		if o.scale != nil && whole > 0 {
			o.scale.requantize(best, 0, y[at:], panelWidth, panelWidth, whole/panelWidth, sums[:])
			done = whole
		}
		for i := done; i < n; i++ {
			y[at+i] = o.store(sums[i])
		}
		at += n
	}
}

// vector computes a multiple of 16 sums by a micro-kernel.
func (o *Binary) vector(sums []int32, a, b []int8) {
	_, _ = a[len(sums)-1], b[len(sums)-1]
	args := sumArgs{sums: &sums[0], wide: &a[0], narrow: &b[0], wideZero: int(o.ZeroA), narrowZero: int(o.ZeroB), scale: &o.other[0], n: len(sums)}
	if o.MulA != half {
		args.wide, args.narrow, args.wideZero, args.narrowZero = &b[0], &a[0], int(o.ZeroB), int(o.ZeroA)
	}
	best.sum(&args)
}

// results computes sums or products of a and of b from k on, before MulOut.
func (o *Binary) results(results []int32, a, b []int8, k int) {
	for i, v := range a {
		if o.sum && o.term == nil {
			p, q := o.terms(int32(v), int32(b[k]))
			results[i] = p + q
		} else if o.sum {
			results[i] = o.term[0][uint8(v)^128] + o.term[1][uint8(b[k])^128]
		} else {
			results[i] = (int32(v) - o.ZeroA) * (int32(b[k]) - o.ZeroB)
		}
		if k++; k == len(b) {
			k = 0
		}
	}
}

// Lookup replaces each q by t[q+128]. y may be x.
func Lookup(y, x []int8, t *[256]int8) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = t[uint8(v)^128]
	}
}

// Transpose writes x, of the given shape of 1 to 4 dimensions, with its
// dimension perm[i] as dimension i of y. y must not overlap x.
func Transpose[T int8 | float32](y, x []T, shape, perm []int) {
	var stride, dim, index [4]int
	n := len(shape)
	size := 1
	var own [4]int
	for i := n - 1; i >= 0; i-- {
		own[i] = size
		size *= shape[i]
	}
	for i, p := range perm {
		stride[i], dim[i] = own[p], shape[p]
	}
	at := 0
	for i := range y[:size] {
		y[i] = x[at]
		for d := n - 1; d >= 0; d-- {
			index[d]++
			at += stride[d]
			if index[d] < dim[d] {
				break
			}
			at -= stride[d] * dim[d]
			index[d] = 0
		}
	}
}
