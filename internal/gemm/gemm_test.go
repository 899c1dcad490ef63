package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

var nan = float32(math.NaN())

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}

// matrix is a matrix as it is stored, with NaN in the gaps between its rows.
type matrix struct {
	trans bool
	x     []float32
	ld    int
}

// newMatrix returns a random matrix op(x) of rows x cols whose last stored row
// ends with the slice.
func newMatrix(r *rand.Rand, trans bool, rows, cols, gap int) matrix {
	if trans {
		rows, cols = cols, rows
	}
	m := matrix{trans, nil, cols + gap}
	if rows*cols == 0 {
		return m
	}
	m.x = random(r, (rows-1)*m.ld+cols)
	for i := range m.x {
		if i%m.ld >= cols {
			m.x[i] = nan
		}
	}
	return m
}

func (m matrix) at(i, j int) float64 {
	if m.trans {
		i, j = j, i
	}
	return float64(m.x[i*m.ld+j])
}

// cut returns the part of m from row i, column j on.
func (m matrix) cut(i, j int) []float32 {
	if m.trans {
		i, j = j, i
	}
	return m.x[i*m.ld+j:]
}

// mul is Mul into a C of its own, filled with old values, or with NaN when they
// must not matter; around and between its rows are guards.
func mul(t *testing.T, a, b matrix, m, n, k, gap int, old []float32) []float32 {
	const guard = 20
	ldc := n + gap
	c := make([]float32, guard+m*ldc+guard)
	for i := range c {
		c[i] = 12345
	}
	for i := range m {
		for j := range n {
			v := nan
			if old != nil {
				v = old[i*n+j]
			}
			c[guard+i*ldc+j] = v
		}
	}
	Mul(a.trans, b.trans, m, n, k, a.x, a.ld, b.x, b.ld, old != nil, c[guard:guard+max(0, m*ldc-gap)], ldc)
	out := make([]float32, m*n)
	for i, v := range c {
		y, x := (i-guard)/max(ldc, 1), (i-guard)%max(ldc, 1)
		if i >= guard && y < m && x < n {
			out[y*n+x] = v
		} else if v != 12345 {
			t.Fatalf("m %d n %d k %d trans %v %v: element %d of C's surroundings was written", m, n, k, a.trans, b.trans, i)
		}
	}
	return out
}

// roundings bounds the error of a sum of k products, relative to the sum of
// their magnitudes: k+2 roundings of half a unit in the last place each (Higham,
// Accuracy and Stability of Numerical Algorithms, section 3.1).
func roundings(k int) float64 { return float64(k+2) * 0x1p-24 * 1.001 }

// Mul equals the sum of products in float64, within the bound of its roundings.
func TestMul(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := range 600 {
		m, n, k := r.IntN(71), r.IntN(71), r.IntN(71)
		switch trial % 12 {
		case 0: // several blocks in k, or a side longer than a block
			k, m = 200+r.IntN(400), 90+r.IntN(30)
		case 1:
			m, n, k = r.IntN(8), 1000+r.IntN(80), r.IntN(20)
		}
		a := newMatrix(r, r.IntN(2) == 1, m, k, r.IntN(4))
		b := newMatrix(r, r.IntN(2) == 1, k, n, r.IntN(4))
		var old []float32
		if r.IntN(2) == 1 {
			old = random(r, m*n)
		}
		c := mul(t, a, b, m, n, k, r.IntN(4), old)
		for i := range m {
			for j := range n {
				want, size := 0.0, 0.0
				for p := range k {
					v := a.at(i, p) * b.at(p, j)
					want += v
					size += math.Abs(v)
				}
				if old != nil {
					want += float64(old[i*n+j])
					size += math.Abs(float64(old[i*n+j]))
				}
				if got := float64(c[i*n+j]); !(math.Abs(got-want) <= size*roundings(k)) {
					t.Fatalf("m %d n %d k %d trans %v %v, accumulate %v: [%d,%d] = %v, want %v", m, n, k, a.trans, b.trans, old != nil, i, j, got, want)
				}
			}
		}
	}
}

// Cutting a product into rows and columns must not change a bit of it, whether
// the parts are packed or not.
func TestPartsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for trial := range 60 {
		m, n, k := 1+r.IntN(120), 1+r.IntN(90), 1+r.IntN(40)
		switch trial % 6 {
		case 0:
			k = 250 + r.IntN(300)
		case 1: // wide enough for A to be packed
			m, n = 1+r.IntN(40), packAUses+r.IntN(900)
		}
		a := newMatrix(r, trial%2 == 1, m, k, r.IntN(3)*600)
		b := newMatrix(r, r.IntN(2) == 1, k, n, r.IntN(4))
		var old []float32
		if r.IntN(2) == 1 {
			old = random(r, m*n)
		}
		whole := mul(t, a, b, m, n, k, 0, old)
		parts := make([]float32, m*n)
		copy(parts, old)
		rows, cols := []int{0, r.IntN(m + 1), m}, []int{0, r.IntN(n + 1), n}
		for y := range 2 {
			for x := range 2 {
				i, j := rows[y], cols[x]
				if rows[y+1] == i || cols[x+1] == j {
					continue
				}
				Mul(a.trans, b.trans, rows[y+1]-i, cols[x+1]-j, k, a.cut(i, 0), a.ld, b.cut(0, j), b.ld, old != nil, parts[i*n+j:], n)
			}
		}
		for i := range whole {
			if math.Float32bits(whole[i]) != math.Float32bits(parts[i]) {
				t.Fatalf("m %d n %d k %d cut at %d, %d: element %d is %v in parts, %v as a whole", m, n, k, rows[1], cols[1], i, parts[i], whole[i])
			}
		}
	}
}

func TestEmpty(t *testing.T) {
	c := []float32{1, 2, nan, 4}
	Mul(false, false, 2, 1, 0, nil, 0, nil, 1, true, c[:2], 1)
	if c[0] != 1 || c[1] != 2 {
		t.Errorf("k = 0 with accumulate changed C to %v", c)
	}
	Mul(false, false, 2, 2, 0, nil, 0, nil, 2, false, c, 2)
	for _, v := range c {
		if v != 0 {
			t.Errorf("k = 0 left C at %v", c)
		}
	}
	Mul(false, false, 0, 2, 3, nil, 3, make([]float32, 6), 2, false, nil, 2)
	Mul(false, false, 2, 0, 3, make([]float32, 6), 3, nil, 0, false, nil, 0)
}

// A slice that is too short for its matrix is refused.
func TestShort(t *testing.T) {
	x := make([]float32, 6)
	for i, f := range []func(){
		func() { Mul(false, false, 2, 2, 3, x[:5], 3, x, 2, false, x, 2) },
		func() { Mul(false, false, 2, 2, 3, x, 3, x[:5], 2, false, x, 2) },
		func() { Mul(false, false, 2, 2, 3, x, 3, x, 2, false, x[:3], 2) },
		func() { Mul(true, false, 2, 2, 3, x, 1, x, 2, false, x, 2) },
		func() { Mul(false, false, 2, 2, 0, nil, 0, nil, 2, false, x[:3], 2) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("case %d was accepted", i)
				}
			}()
			f()
		}()
	}
}

// Mul does not allocate once it has run, and may run at several places at once.
func TestConcurrent(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	const m, n, k = 40, 60, 300
	a, b, want := random(r, m*k), random(r, k*n), make([]float32, m*n)
	one := func(c []float32) { Mul(false, true, m, n, k, a, k, b, k, false, c, n) }
	one(want)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c := make([]float32, m*n)
			for range 20 {
				one(c)
				for i := range c {
					if c[i] != want[i] {
						t.Errorf("element %d is %v, alone %v", i, c[i], want[i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if n := testing.AllocsPerRun(50, func() { one(want) }); n > 0 {
		t.Errorf("%v allocations each time", n)
	}
}

// The kernel equals plain Go up to rounding, for every number of rows and for
// packed and unpacked operands, and touches nothing else of C.
func TestKernel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for trial := range 300 {
		rows, k := 1+trial%mr, 1+r.IntN(40)
		ars, acs, bs, ldc := k+r.IntN(3), 1, nr+r.IntN(9), nr+r.IntN(5)
		if trial%2 == 0 {
			ars, acs = 1, rows+r.IntN(4)
		}
		a, b := random(r, (rows-1)*ars+(k-1)*acs+1), random(r, (k-1)*bs+nr)
		x := random(r, (rows+1)*ldc+nr)
		y := append([]float32(nil), x...)
		add := r.IntN(2) == 0
		kernel(rows, k, &a[0], ars, acs, &b[0], bs, &x[0], ldc, add)
		plainKernel(rows, k, &a[0], ars, acs, &b[0], bs, &y[0], ldc, add)
		for i := range x {
			inside := i/ldc < rows && i%ldc < nr
			if x[i] != y[i] && !inside || !(math.Abs(float64(x[i]-y[i])) <= 2*float64(k+1)*roundings(k)) {
				t.Fatalf("%d rows, k %d, add %v: element %d is %v, plain Go has %v", rows, k, add, i, x[i], y[i])
			}
		}
	}
}

// BenchmarkMul runs the products of training, beside gonum's in the same run:
// LeNet-5's of a shard of 32 images (its convolutions image by image), those of
// 784-300-100 and of a ResNet-8 layer, and square ones.
func BenchmarkMul(b *testing.B) {
	for _, s := range []struct {
		name           string
		transA, transB bool
		m, n, k        int
	}{
		{"square256", false, false, 256, 256, 256},
		{"square512", false, false, 512, 512, 512},
		{"conv1", false, false, 20, 576, 25},
		{"conv1Weights", false, true, 20, 25, 576},
		{"conv2", false, false, 50, 64, 500},
		{"conv2Weights", false, true, 50, 500, 64},
		{"conv2Input", true, false, 500, 64, 50},
		{"dense500", false, true, 32, 500, 800},
		{"dense500Weights", true, false, 500, 800, 32},
		{"dense500Input", false, false, 32, 800, 500},
		{"dense10", false, true, 32, 10, 500},
		{"dense300", false, true, 128, 300, 784},
		{"resnet16", false, false, 16, 1024, 144},
		{"resnet16Input", true, false, 144, 1024, 16},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		x, y := newMatrix(r, s.transA, s.m, s.k, 0), newMatrix(r, s.transB, s.k, s.n, 0)
		z := make([]float32, s.m*s.n)
		for _, impl := range []struct {
			name string
			mul  func(bool, bool, int, int, int, []float32, int, []float32, int, bool, []float32, int)
		}{{"edgec", Mul}, {"gonum", viaGonum}} {
			b.Run(fmt.Sprintf("%s_%dx%dx%d/%s", s.name, s.m, s.n, s.k, impl.name), func(b *testing.B) {
				for range b.N {
					impl.mul(s.transA, s.transB, s.m, s.n, s.k, x.x, x.ld, y.x, y.ld, false, z, s.n)
				}
				b.ReportMetric(2*float64(s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
