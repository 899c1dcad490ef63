package tflite

import (
	"fmt"
	"math"

	"edgec/runtime/format"
	"edgec/runtime/kernel"
)

// A function of one int8 is a table. Its entries are what TFLite's reference kernels compute in
// integers (tensorflow/lite/kernels/internal/reference), with gemmlowp's fixed-point numbers.

// highMul is gemmlowp's SaturatingRoundingDoublingHighMul of 32 bits: a b / 2^31, halves away from 0.
func highMul(a, b int64) int64 {
	if a == b && a == math.MinInt32 {
		return math.MaxInt32
	}
	nudge := int64(1) << 30
	if a*b < 0 {
		nudge = 1 - nudge
	}
	return (a*b + nudge) / (1 << 31)
}

// divided is gemmlowp's RoundingDivideByPOT: x / 2^n, halves away from 0.
func divided(x int64, n int) int64 {
	rest, threshold := x&(1<<n-1), int64(1<<n-1)>>1
	if x < 0 {
		threshold++
	}
	if x >>= n; rest > threshold {
		x++
	}
	return x
}

// leaky returns the table of x, and of alpha x below 0.
func (c *call) leaky() error {
	x, y, err := c.through()
	if err != nil {
		return err
	}
	alpha := float32(0)
	if c.options.Pos != 0 {
		alpha = c.options.float32(0)
	}
	if !(alpha >= 0) {
		return fmt.Errorf("alpha is %v; 0 and more are supported", alpha)
	}
	from, to := &c.f.Tensors[x], &c.f.Tensors[y]
	same := kernel.NewMultiplier(float64(from.Scale / to.Scale))
	below := kernel.NewMultiplier(float64(from.Scale * alpha / to.Scale))
	zx, zy := from.Zero, to.Zero
	c.table(func(q int) int {
		if q >= zx {
			return zy + int(same.Apply(int32(q-zx)))
		}
		return zy + int(below.Apply(int32(q-zx)))
	}, y, x)
	return nil
}

// fixed returns m as TFLite has multipliers: a fraction of 31 bits, 1/2 to 1, and an exponent.
func fixed(m float64) (fraction int64, exponent int) {
	if m == 0 {
		return 0, 0
	}
	f, e := math.Frexp(m)
	fraction = int64(math.Round(f * (1 << 31)))
	if fraction == 1<<31 {
		fraction, e = fraction/2, e+1
	}
	return fraction, e
}

// short returns a multiplier of 31 bits as one of 15.
func short(m int64) int64 {
	if m >= math.MaxInt32-(1<<15) {
		return math.MaxInt16
	}
	return (m + 1<<15) >> 16
}

// highMul16 is highMul of 16 bits; rounded: to the nearest.
func highMul16(a, b int64, rounded bool) int64 {
	if a == b && a == math.MinInt16 {
		return math.MaxInt16
	}
	ab := a * b
	if !rounded {
		return ab / (1 << 15)
	}
	nudge := int64(1) << 14
	if ab < 0 {
		nudge = 1 - nudge
	}
	return (ab + nudge) / (1 << 15)
}

func int16s(x int64) int64 { return min(max(x, math.MinInt16), math.MaxInt16) }

// hardSwish returns the table of x relu6(x + 3) / 6.
func (c *call) hardSwish() error {
	x, y, err := c.through()
	if err != nil {
		return err
	}
	from, to := &c.f.Tensors[x], &c.f.Tensors[y]
	fine := float32(1.0/128) * from.Scale
	out, outExponent := fixed(float64(fine / to.Scale))
	gate, gateExponent := fixed(float64(fine / (float32(3) / 32768)))
	out, gate = short(out), short(gate)
	if outExponent > 0 {
		return fmt.Errorf("scales %v and %v are too far apart; quantize again", from.Scale, to.Scale)
	}
	zx, zy := from.Zero, to.Zero
	c.table(func(q int) int {
		v := int64(q-zx) << 7
		product, relu := highMul16(v, out, true), v
		if gateExponent > 0 {
			relu = int16s(relu << (gateExponent - 1))
		}
		relu = highMul16(relu, gate, true)
		if gateExponent > 0 {
			relu = int16s(relu << 1)
		}
		if gateExponent < 0 {
			relu = divided(relu, -gateExponent)
		}
		relu = (relu + 1<<15) >> 1
		return zy + int(divided(highMul16(relu, product, false), -outExponent))
	}, y, x)
	return nil
}

// curve returns the table of a function f of x, whose values have 31 bits behind the point, on the
// grid that TFLite prescribes: of 2^bits steps for 1, and a zero point.
func (c *call) curve(f func(x int64) int64, bits, zero int) error {
	x, y, err := c.through()
	if err != nil {
		return err
	}
	from, to := &c.f.Tensors[x], &c.f.Tensors[y]
	if to.Scale != float32(math.Exp2(-float64(bits))) || to.Zero != zero {
		return fmt.Errorf("results have scale %v and zero point %d; 2^-%d and %d are supported", to.Scale, to.Zero, bits, zero)
	}
	m := float64(from.Scale) * (1 << 27)
	_, shift := fixed(m)
	radius := int(math.Floor(15 * (1 << 27) / math.Exp2(float64(shift))))
	scale, zx := kernel.NewMultiplier(m), from.Zero
	c.table(func(q int) int {
		switch v := q - zx; {
		case v <= -radius:
			return -128
		case v >= radius:
			return 127
		default:
			return int(divided(f(int64(scale.Apply(int32(v)))), 31-bits)) + zero
		}
	}, y, x)
	return nil
}

// sigmoid is gemmlowp's logistic: x has 27 bits behind the point, the result 31.
func sigmoid(x int64) int64 {
	if x == 0 {
		return 1 << 30
	}
	y := shiftLeft(inverse(negativeExp(-max(x, -x), 4)), 1)
	if x < 0 {
		return math.MaxInt32 - y
	}
	return y
}

// tanh is gemmlowp's: x has 27 bits behind the point, the result 31.
func tanh(x int64) int64 {
	if x == 0 {
		return 0
	}
	y := shiftLeft(inverse(negativeExp(-max(x, -x), 5))-1<<29, 2) // (1 - e)/(1 + e) = 2/(1 + e) - 1
	if x < 0 {
		return -y
	}
	return y
}

// negativeExp is exp(x) for x <= 0 of as many bits before the point, and 31 with them behind, as
// a number of 31 bits behind the point.
func negativeExp(x int64, before int) int64 {
	behind := 31 - before
	quarter := int64(1) << (behind - 2)
	low := x&(quarter-1) - quarter
	y := expNear(low << before)
	rest := low - x
	for i, factor := range []int64{1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242} { // exp(-2^(i-2))
		if before > i-2 && rest>>(behind+i-2)&1 == 1 {
			y = highMul(y, factor)
		}
	}
	if x == 0 {
		return math.MaxInt32
	}
	return y
}

// expNear is exp(x) for -1/4 <= x < 0, all of 31 bits: a polynomial around -1/8.
func expNear(a int64) int64 {
	const term, third = 1895147668, 715827883 // exp(-1/8), 1/3
	x := a + 1<<28
	x2 := highMul(x, x)
	x3, x4 := highMul(x2, x), highMul(x2, x2)
	sum := divided(highMul(divided(x4, 2)+x3, third)+x2, 1)
	return min(term+highMul(term, x+sum), math.MaxInt32)
}

// inverse is 2/(1 + a) with 29 bits behind the point, for 0 <= a <= 1 of 31: three steps of Newton's.
func inverse(a int64) int64 {
	half := (a + math.MaxInt32 + 1) / 2                 // of 1 + a
	x := int64(1515870810) + highMul(half, -1010580540) // 48/17 - 32/17 half, with 29 bits
	for range 3 {
		product := highMul(half, x)
		x += shiftLeft(highMul(x, 1<<29-product), 2)
	}
	return x
}

// shiftLeft is x 2^n, saturated to 32 bits.
func shiftLeft(x int64, n int) int64 { return min(max(x<<n, math.MinInt32), math.MaxInt32) }

// resize reads RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR. Bilinear means are rounded as stored
// integers, so that they pass a grid with zero point 0.
func (c *call) resize(linear, corners, half bool) error {
	x, y, err := c.moved()
	if err != nil {
		return err
	}
	from, to := c.f.Tensors[x].Shape, c.f.Tensors[y].Shape
	if len(from) != 3 || len(to) != 3 || from[2] != to[2] {
		return fmt.Errorf("shape %v becomes %v: the file is damaged", from, to)
	}
	i := format.Instr{Op: format.OpResize, KH: to[0], KW: to[1]}
	place := nearestPlace
	if i.Function = format.ResizeNearest; linear {
		i.Function, place = format.ResizeLinear, linearPlace
	}
	i.StrideH, i.PadT = place(from[0], to[0], corners, half)
	i.StrideW, i.PadL = place(from[1], to[1], corners, half)
	if !linear {
		for d, p := range [][2]int{{i.StrideH, i.PadT}, {i.StrideW, i.PadL}} {
			if !c.nearest(from[d], to[d], p, corners, half) {
				return fmt.Errorf("%d rows or columns become %d, of which no equal steps choose the same; resize by another factor", from[d], to[d])
			}
		}
		c.emit(i, y, x)
		return nil
	}
	zero := c.f.Tensors[x]
	zero.Zero = 0
	n := c.reader.add(zero)
	c.table(func(q int) int { return q }, n, x)
	zero.Shape = to
	m := c.reader.add(zero)
	c.emit(i, m, n)
	c.table(func(q int) int { return q }, y, m)
	return nil
}

// linearPlace returns step and first position as TFLite has them, in units of 2^-10, for OpResize.
func linearPlace(n, m int, corners, half bool) (step, offset int) {
	scale := (n<<10 + m/2) / m
	if corners && m > 1 {
		scale = ((n-1)<<10 + (m-1)/2) / (m - 1)
	}
	if half {
		offset = scale/2 - 1<<9
	}
	return max(scale, 1) << 10, offset * (1 << 10)
}

// nearestPlace returns step and first position whose floors are the elements that TFLite chooses.
func nearestPlace(n, m int, corners, half bool) (step, offset int) {
	distance := float64(n) / float64(m)
	if corners && m > 1 {
		distance, offset = float64(n-1)/float64(m-1), 1<<19
	}
	step = max(int(math.Ceil(distance*(1<<20))), 1)
	if half {
		offset += int(math.Round(distance * (1 << 19)))
	}
	return step, offset
}

// nearest reports whether a step and a first position choose what TFLite does, in its float32.
func (c *call) nearest(n, m int, place [2]int, corners, half bool) bool {
	scale, shift := float32(n)/float32(m), float32(0)
	if corners && m > 1 {
		scale = float32(n-1) / float32(m-1)
	}
	if half {
		shift = 0.5
	}
	for k := range m {
		p := float64((float32(k) + shift) * scale)
		if p = math.Floor(p); corners {
			p = math.Round(float64((float32(k) + shift) * scale))
		}
		if want := min(int(p), n-1); min(max((k*place[0]+place[1])>>20, 0), n-1) != want {
			return false
		}
	}
	return true
}

// depthToSpace reads DEPTH_TO_SPACE: blocks of channels become pixels.
func (c *call) depthToSpace() error {
	x, y, err := c.moved()
	if err != nil {
		return err
	}
	s, b := c.f.Tensors[x].Shape, c.option(0, 0)
	if len(s) != 3 || b < 1 || b > 1<<10 || s[2]%(b*b) != 0 {
		return fmt.Errorf("blocks of %dx%d from shape %v: the file is damaged", b, b, s)
	}
	return c.regroup(x, y, []int{s[0], s[1], b, s[2] / b}, []int{s[0], b, s[1], s[2] / b})
}

// spaceToDepth reads SPACE_TO_DEPTH, the way back.
func (c *call) spaceToDepth() error {
	x, y, err := c.moved()
	if err != nil {
		return err
	}
	s, b := c.f.Tensors[x].Shape, c.option(0, 0)
	if len(s) != 3 || b < 1 || s[0]%b != 0 || s[1]%b != 0 {
		return fmt.Errorf("blocks of %dx%d from shape %v: the file is damaged", b, b, s)
	}
	return c.regroup(x, y, []int{s[0] / b, b, s[1] / b, b * s[2]}, []int{s[0] / b, s[1] / b, b, b * s[2]})
}

// regroup exchanges the second and the third dimension of x under a shape.
func (c *call) regroup(x, y int, before, after []int) error {
	t := c.f.Tensors[x]
	t.Shape = before
	n := c.reader.add(t)
	c.emit(format.Instr{Op: format.OpReshape, Shape: before}, n, x)
	t.Shape = after
	m := c.reader.add(t)
	c.emit(format.Instr{Op: format.OpTranspose, Perm: []int{0, 2, 1, 3}}, m, n)
	c.emit(format.Instr{Op: format.OpReshape, Shape: c.f.Tensors[y].Shape}, y, m)
	return nil
}
