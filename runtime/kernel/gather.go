package kernel

// index returns the element of n that the number v names: negative ones count from the end,
// others beyond are the nearest, NaN is 0. Fractions are cut off.
func index(v float32, n int) int {
	if v < 0 {
		v = float32(v + float32(n))
	}
	switch {
	case !(v > 0):
		return 0
	case v >= float32(n):
		return n - 1
	}
	return min(int(v), n-1) // float32(n) is rounded
}

// GatherRows writes the rows of w, [rows,k], that x has the numbers of, times their scales (one,
// or one for each row) to y.
func GatherRows(y, x []float32, w []int8, k int, scale []float32) {
	rows := len(w) / k
	for i, v := range x {
		r := index(v, rows)
		s := scale[min(r, len(scale)-1)]
		for j, q := range w[r*k : (r+1)*k] {
			y[i*k+j] = float32(float32(q) * s)
		}
	}
}

// Gather writes the elements of x, [A,n,B], that at has the numbers of along n to y, [A,len(at),B].
func Gather(y, x, at []float32, n, b int) {
	o := 0
	for a := 0; o < len(y); a++ {
		for _, v := range at {
			o += copy(y[o:], x[(a*n+index(v, n))*b:][:b])
		}
	}
}

// Constant writes s (w + bias) to y for the rows of w, which have k elements each, and one scale or
// bias each; bias is nil for none.
func Constant(y []float32, w []int8, k int, scale []float32, bias []int32) {
	for i, q := range w {
		r, n := i/k, int64(q)
		if bias != nil {
			n += int64(bias[r])
		}
		y[i] = float32(float32(float64(n)) * scale[min(r, len(scale)-1)])
	}
}

// Move is a walk over the elements of a tensor: y[i] = x[start + sum over d of i_d strides[d]].
type Move struct {
	start         int
	dims, strides [4]int
}

// NewMove returns the walk for an output of up to four dimensions.
func NewMove(start int, shape, strides []int) *Move {
	m := &Move{start: start, dims: [4]int{1, 1, 1, 1}}
	copy(m.dims[4-len(shape):], shape)
	copy(m.strides[4-len(shape):], strides)
	return m
}

// MoveElements writes the elements of x that m walks over to y, which must not overlap x.
func MoveElements[T int8 | float32](y, x []T, m *Move) {
	o, n, s := 0, m.dims[3], m.strides[3]
	for a := range m.dims[0] {
		for b := range m.dims[1] {
			at := m.start + a*m.strides[0] + b*m.strides[1]
			for range m.dims[2] {
				if s == 1 {
					copy(y[o:o+n], x[at:])
				} else {
					for e := range n {
						y[o+e] = x[at+e*s]
					}
				}
				o, at = o+n, at+m.strides[2]
			}
		}
	}
}
