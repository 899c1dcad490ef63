package preprocess

import (
	"math"
	"strconv"
)

// Array is an array that a .npy or idx file holds, in row-major (C) order.
type Array struct {
	Shape []int // outermost dimension first; empty: one number
	kind  byte  // of an element: 'u', 'i', 'f', 'b' (bool)
	size  int   // bytes of an element
	big   bool  // big endian
	order bool  // Fortran's, as long as data is not read
	data  []byte
}

// MaxBytes bounds the elements of an array: 4 GiB.
const MaxBytes = 4 << 30

// kinds are the element types that are read: NumPy's letters and sizes.
const kinds = " b1 u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8 "

// Len returns the number of elements.
func (a *Array) Len() int {
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}

// ElementBytes returns the bytes of an element in the file.
func (a *Array) ElementBytes() int { return a.size }

// IsBytes reports whether the elements are uint8.
func (a *Array) IsBytes() bool { return a.kind == 'u' && a.size == 1 }

// Bytes returns the elements of an array of uint8, nil for others. They alias
// the file's data.
func (a *Array) Bytes() []byte {
	if !a.IsBytes() {
		return nil
	}
	return a.data
}

// Float32s returns the elements as float32, rounded to nearest even; whole
// numbers of 64 bits go through float64.
func (a *Array) Float32s() []float32 {
	x := make([]float32, a.Len())
	for i := range x {
		x[i] = float32(a.At(i))
	}
	return x
}

// Float64s returns the elements as float64, whole numbers of 64 bits rounded to
// nearest even.
func (a *Array) Float64s() []float64 {
	x := make([]float64, a.Len())
	for i := range x {
		x[i] = a.At(i)
	}
	return x
}

// At returns element i in row-major order.
func (a *Array) At(i int) float64 {
	bits := a.bits(a.data[i*a.size : (i+1)*a.size])
	switch a.kind {
	case 'i':
		unused := 64 - 8*a.size
		return float64(int64(bits<<unused) >> unused) // with its sign
	case 'f':
		switch a.size {
		case 2:
			return float64(half(uint16(bits)))
		case 4:
			return float64(math.Float32frombits(uint32(bits)))
		}
		return math.Float64frombits(bits)
	}
	return float64(bits)
}

// Finite returns an error that names the first element, in row-major order, that is NaN, infinite or
// too large for float32.
func (a *Array) Finite() error {
	if a.kind != 'f' {
		return nil
	}
	for i := range a.Len() {
		if v := a.At(i); float32(v)-float32(v) != 0 {
			return notFinite(i, v)
		}
	}
	return nil
}

// notFinite is the error for element i, which no network can take.
func notFinite(i int, v float64) error {
	what := strconv.FormatFloat(v, 'g', -1, 64)
	if v-v == 0 {
		what += ", too large for float32"
	}
	return Error("element " + itoa(i) + " is " + what + "; remove or repair it")
}

func (a *Array) bits(b []byte) uint64 {
	v := uint64(0)
	for k := range b {
		if a.big {
			v = v<<8 | uint64(b[k])
		} else {
			v |= uint64(b[k]) << (8 * k)
		}
	}
	return v
}

// half returns the value of a binary16 number (IEEE 754).
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // subnormal: an exact product
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(v))
	case 31:
		return math.Float32frombits(sign | 255<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// Transpose returns the array whose axis i is axis axes[i] of a. Its elements
// are copied.
func (a *Array) Transpose(axes ...int) *Array {
	b := *a
	b.Shape, b.data = transpose(a.data, a.size, a.Shape, axes)
	return &b
}

// transpose reorders the axes of elements of size bytes.
func transpose(data []byte, size int, shape, axes []int) ([]int, []byte) {
	steps := make([]int, len(shape)) // bytes from one element to the next, by axis
	n := size
	for i := len(shape) - 1; i >= 0; i-- {
		steps[i] = n
		n *= shape[i]
	}
	to, step := make([]int, len(axes)), make([]int, len(axes))
	for i, k := range axes {
		to[i], step[i] = shape[k], steps[k]
	}
	out := make([]byte, 0, n)
	index, at := make([]int, len(axes)), 0
	for len(out) < n {
		out = append(out, data[at:at+size]...)
		for i := len(to) - 1; i >= 0; i-- {
			index[i]++
			at += step[i]
			if index[i] < to[i] {
				break
			}
			at -= to[i] * step[i]
			index[i] = 0
		}
	}
	return to, out
}
