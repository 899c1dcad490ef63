package format

// Bounds of every scale: products of three, times 2^31, are normal float32.
const (
	minScale = 1.0 / (1 << 40)
	maxScale = 1 << 30
)

// outDim returns the rows or columns of a pool's or convolution's output, -1
// when the kernel does not fit.
func outDim(n, kernel, stride, dil, before, after int) int {
	if kernel < 1 || stride < 1 || dil < 1 || before < 0 || after < 0 || max(kernel, stride, dil, before, after) > MaxDim {
		return -1
	}
	room := int64(n+before+after) - int64(kernel-1)*int64(dil) - 1
	if room < 0 {
		return -1
	}
	return int(room)/stride + 1
}

// OutShape returns the shape and element type of the output of in, for input
// tensors x and its weights w (nil without). It validates everything that the
// runtime relies on.
func OutShape(in *Instr, x []*Tensor, w *Weight, floatOut bool) ([]int, DType, error) {
	row := in.Op.row()
	bad := func(what string) ([]int, DType, error) { return nil, 0, Error(in.Op.String() + ": " + what) }
	if !in.Op.known() {
		return bad("unknown; this file was written by a newer version, update the reader")
	}
	if want := row.inputs; want == many && len(x) == 0 || want != many && len(x) != max(want, 0) {
		return bad(itoa(len(x)) + " inputs, needs " + itoa(max(want, 1+min(want, 0))))
	}
	for _, t := range x {
		if !row.reads.accepts(t.DType) || row.reads == either && t.DType != x[0].DType {
			return bad("an input has the wrong element type")
		}
	}
	shape, err := row.shape(in, x, w)
	if err != nil {
		return bad(reason(err))
	}
	return shape, row.writes.dtype(x, floatOut), nil
}

func positive(s []int) bool {
	n := 1
	for _, d := range s {
		if d < 1 || d > MaxDim || n > MaxElems/d {
			return false
		}
		n *= d
	}
	return true
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
