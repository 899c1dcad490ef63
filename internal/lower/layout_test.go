package lower

import (
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// transposeSlow permutes the dimensions of the array of host indexes x.
func transposeSlow(x []int, shape, perm []int) []int {
	moved := make([]int, len(shape))
	for i, p := range perm {
		moved[i] = shape[p]
	}
	st := rowMajor(shape)
	out := make([]int, 0, len(x))
	var walk func(dim, at int)
	walk = func(dim, at int) {
		if dim == len(moved) {
			out = append(out, x[at])
			return
		}
		for i := 0; i < moved[dim]; i++ {
			walk(dim+1, at+i*st[perm[dim]])
		}
	}
	walk(0, 0)
	return out
}

func allIndexes(l layout) []int {
	if from := l.indexes(); from != nil {
		return from
	}
	from := make([]int, l.elems())
	for i := range from {
		from[i] = i
	}
	return from
}

func TestStandardOrder(t *testing.T) {
	got := allIndexes(standard(tensor.Shape{1, 3, 2, 2})) // [N,C,H,W]
	want := []int{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}
	if !slices.Equal(got, want) {
		t.Errorf("order of an image: %v, want %v", got, want)
	}
	for _, s := range []tensor.Shape{{1, 12}, {1, 5, 4}, {1, 1, 6, 7}, {1, 9, 1, 1}} {
		if standard(s).indexes() != nil {
			t.Errorf("shape %v should lie in the host's order", s)
		}
	}
}

// A random chain of transposes and reshapes, followed as a layout, describes
// the same order as moving the elements; rearrange brings it back.
func TestLayoutChain(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for i := range 2000 {
		shape := []int{}
		for range 1 + rng.IntN(4) {
			shape = append(shape, 1+rng.IntN(4))
		}
		n := tensor.Shape(shape).Size()
		l := natural(n)
		// device[k] is a number that says which element it is; host[j] is the
		// number of host element j of the value as it is seen now.
		host := make([]int, n)
		for k := range host {
			host[k] = k
		}
		for range rng.IntN(4) {
			perm := rng.Perm(len(shape))
			next, err := l.transposed(shape, perm)
			if err != nil {
				t.Fatalf("case %d: %v", i, err)
			}
			l, host = next, transposeSlow(host, shape, perm)
			moved := make([]int, len(shape))
			for k, p := range perm {
				moved[k] = shape[p]
			}
			shape = moved
		}
		for k, j := range allIndexes(l) {
			if host[j] != k {
				t.Fatalf("case %d: device element %d is host element %d, which holds %d", i, k, j, host[j])
			}
		}
		if !l.equal(l.joined()) {
			t.Fatalf("case %d: %v is not canonical", i, l)
		}
		want := natural(n)
		if len(shape) == 3 {
			want = standard(append(tensor.Shape{1}, shape...))
		}
		seen, perm, err := l.rearrange(want)
		if err != nil {
			continue // more than four dimensions, or an order that does not split
		}
		device := make([]int, n)
		for k := range device {
			device[k] = k
		}
		moved := transposeSlow(device, seen, perm)
		for k, j := range allIndexes(want) {
			if moved[k] != host[j] {
				t.Fatalf("case %d: from %v to %v by %v %v: element %d is %d, want %d", i, l, want, seen, perm, k, moved[k], host[j])
			}
		}
	}
}

// TestLayoutBetween: a transposition of five dimensions, as that of a pixel shuffle, is two of
// four at most.
func TestLayoutBetween(t *testing.T) {
	const c, b, h, w = 3, 2, 5, 4
	l := standard(tensor.Shape{1, c * b * b, h, w}) // H, W, channels
	l, err := l.transposed([]int{c, b, b, h, w}, []int{0, 3, 1, 4, 2})
	if err != nil {
		t.Fatal(err)
	}
	want := standard(tensor.Shape{1, c, h * b, w * b})
	if _, _, err := l.rearrange(want); err == nil {
		t.Fatal("one transposition does: the test shows nothing")
	}
	mid, ok := l.between(want)
	if !ok {
		t.Fatalf("nothing between %v and %v", l, want)
	}
	device := make([]int, c*b*b*h*w)
	for i, k := range allIndexes(l) { // the device's element i is the host's k
		device[i] = k
	}
	for _, step := range [][2]layout{{l, mid}, {mid, want}} {
		seen, perm, err := step[0].rearrange(step[1])
		if err != nil || len(seen) > 4 {
			t.Fatalf("from %v to %v: %v, %d dimensions", step[0], step[1], err, len(seen))
		}
		device = transposeSlow(device, seen, perm)
	}
	if !slices.Equal(device, allIndexes(want)) {
		t.Errorf("%v, want %v", device, allIndexes(want))
	}
}

func TestLayoutCommon(t *testing.T) {
	image := tensor.Shape{1, 16, 5, 7}
	l, err := standard(image).transposed([]int{16, 5, 7}, []int{1, 2, 0})
	if err != nil || !l.equal(natural(16*35)) {
		t.Errorf("HWC seen as [H,W,C]: %v, %v; want the host's order", l, err)
	}
	shape, perm, err := standard(image).rearrange(natural(16 * 35))
	if err != nil || !slices.Equal(shape, []int{35, 16}) || !slices.Equal(perm, []int{1, 0}) {
		t.Errorf("HWC to CHW: shape %v perm %v %v, want [35 16] [1 0]", shape, perm, err)
	}
}

func TestTable(t *testing.T) {
	in, out := affine(0.5, 3), affine(0.25, -7)
	got := tableOf(func(x float64) float64 { return max(x, 0) }, in, out)
	for i, q := range got {
		x := max(0.5*float64(i-128-3), 0)
		want := min(x*4-7, 127) // exact: every value is a multiple of 1/4
		if float64(q) != want {
			t.Errorf("entry %d is %d, want %v", i, q, want)
		}
	}
	half := tableOf(func(x float64) float64 { return x }, affine(0.5, 0), affine(1, 0))
	for q, want := range map[int]int8{1: 1, -1: -1, 3: 2, -3: -2, 5: 3, -5: -3, 4: 2} {
		if half[q+128] != want {
			t.Errorf("%v is rounded to %d, want %d: halves go away from zero", float64(q)/2, half[q+128], want)
		}
	}
	if nan := tableOf(func(float64) float64 { return 0 / zero }, in, out); nan[5] != -7 {
		t.Errorf("not a number became %d, want the zero point", nan[5])
	}
}

var zero float64

func affine(scale float32, zero int) graph.Affine { return graph.Affine{Scale: scale, Zero: zero} }
