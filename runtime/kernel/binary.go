package kernel

import (
	"math"

	"edgec/runtime/format"
)

// Broadcast walks up to three tensors of up to four dimensions whose shapes are broadcast to one:
// aligned at their last dimensions, dimensions of 1 repeat.
type Broadcast struct {
	n       int // dimensions
	dims    [4]int
	strides [4][3]int // of each dimension, in each operand; 0 where it repeats
}

// NewBroadcast returns how operands of the given shapes are read for an output of shape out.
// Neighbouring dimensions that all operands walk as one become one.
func NewBroadcast(out []int, operands ...[]int) *Broadcast {
	b := &Broadcast{}
	size := [3]int{1, 1, 1}
	for i := 1; i <= len(out); i++ {
		n, strides := out[len(out)-i], [3]int{}
		for k, s := range operands {
			if i <= len(s) && s[len(s)-i] > 1 {
				strides[k] = size[k]
				size[k] *= n
			}
		}
		b.add(n, strides)
	}
	for ; b.n < 4; b.n++ {
		b.dims[b.n] = 1
	}
	return b
}

// add adds a dimension outside those before.
func (b *Broadcast) add(n int, strides [3]int) {
	if n == 1 {
		return
	}
	if last := b.n - 1; b.n > 0 {
		along := b.strides[last]
		for k := range along {
			along[k] *= b.dims[last]
		}
		if along == strides {
			b.dims[last] *= n
			return
		}
	}
	b.dims[b.n], b.strides[b.n] = n, strides
	b.n++
}

// walk calls run for each run of n elements that lie together in the output, o the first one's
// number and at its place in the operands.
func (b *Broadcast) walk(run func(o, n int, at [3]int)) {
	o, n := 0, b.dims[0]
	var at [4][3]int
	for range b.dims[3] {
		at[2] = at[3]
		for range b.dims[2] {
			at[1] = at[2]
			for range b.dims[1] {
				run(o, n, at[1])
				o += n
				step(&at[1], &b.strides[1])
			}
			step(&at[2], &b.strides[2])
		}
		step(&at[3], &b.strides[3])
	}
}

func step(at, strides *[3]int) {
	for k, s := range strides {
		at[k] += s
	}
}

// Apply writes f of the elements of x and z to y, which may be x or z where they do not repeat.
func (b *Broadcast) Apply(y, x, z []float32, f func(a, b float32) float32) {
	s := b.strides[0]
	b.walk(func(o, n int, at [3]int) {
		i, k := at[0], at[1]
		for e := range y[o : o+n] {
			y[o+e] = f(x[i], z[k])
			i, k = i+s[0], k+s[1]
		}
	})
}

// Select writes the elements of a where those of c are not 0, otherwise those of z, to y.
func (b *Broadcast) Select(y, c, a, z []float32) {
	s := b.strides[0]
	b.walk(func(o, n int, at [3]int) {
		for e := range n {
			if v := a[at[1]+e*s[1]]; c[at[0]+e*s[0]] != 0 {
				y[o+e] = v
			} else {
				y[o+e] = z[at[2]+e*s[2]]
			}
		}
	})
}

// Combine returns the function of two numbers of format.OpBinary (format.BinaryAdd, ...).
func Combine(function int) func(a, b float32) float32 { return binaries[function] }

var binaries = [format.BinaryFunctions]func(a, b float32) float32{
	format.BinaryAdd:         func(a, b float32) float32 { return float32(a + b) },
	format.BinarySub:         func(a, b float32) float32 { return float32(a - b) },
	format.BinaryMul:         func(a, b float32) float32 { return float32(a * b) },
	format.BinaryDiv:         func(a, b float32) float32 { return float32(a / b) },
	format.BinaryMax:         most,
	format.BinaryMin:         least,
	format.BinaryPow:         Pow,
	format.BinaryMod:         mod,
	format.BinaryFmod:        fmod,
	format.BinaryEqual:       func(a, b float32) float32 { return truth(a == b) },
	format.BinaryLess:        func(a, b float32) float32 { return truth(a < b) },
	format.BinaryLessOrEqual: func(a, b float32) float32 { return truth(a <= b) },
	format.BinaryAnd:         func(a, b float32) float32 { return truth(a != 0 && b != 0) },
	format.BinaryOr:          func(a, b float32) float32 { return truth(a != 0 || b != 0) },
	format.BinaryXor:         func(a, b float32) float32 { return truth((a != 0) != (b != 0)) },
	format.BinaryPRelu:       prelu,
}

// mod is a - floor(a/b) b in float64, rounded at the end.
func mod(a, b float32) float32 {
	q := math.Floor(float64(float64(a) / float64(b)))
	return float32(float64(a) - float64(q*float64(b)))
}

// fmod is a - trunc(a/b) b in float64, rounded at the end.
func fmod(a, b float32) float32 {
	q := math.Trunc(float64(float64(a) / float64(b)))
	return float32(float64(a) - float64(q*float64(b)))
}
