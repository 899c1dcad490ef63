package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}

// oracle computes one element in float64, and the sum of magnitudes that
// bounds the error.
func oracle(transA, transB bool, i, j, k int, a []float32, lda int, b []float32, ldb int) (sum, bound float64) {
	for p := 0; p < k; p++ {
		x, y := a, b
		ia, ib := i*lda+p, p*ldb+j
		if transA {
			ia = p*lda + i
		}
		if transB {
			ib = j*ldb + p
		}
		v := float64(x[ia]) * float64(y[ib])
		sum += v
		bound += math.Abs(v)
	}
	return sum, bound
}

func TestMul(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := 0; trial < 400; trial++ {
		m, n, k := 1+r.IntN(40), 1+r.IntN(70), 1+r.IntN(40)
		if trial%10 == 0 {
			k, m = 200+r.IntN(400), 90+r.IntN(30)
		}
		transA, transB, add := r.IntN(2) == 1, r.IntN(2) == 1, r.IntN(2) == 1
		lda, ldb, ldc := k, n, n+r.IntN(4)
		if transA {
			lda = m
		}
		if transB {
			ldb = k
		}
		lda, ldb = lda+r.IntN(3), ldb+r.IntN(3)
		rowsA, rowsB := m, k
		if transA {
			rowsA = k
		}
		if transB {
			rowsB = n
		}
		a, b := random(r, rowsA*lda), random(r, rowsB*ldb)
		c := random(r, m*ldc+8)
		old := append([]float32(nil), c...)
		if !add {
			c[0] = float32(math.NaN())
		}
		Mul(transA, transB, m, n, k, a, lda, b, ldb, add, c, ldc)
		for i := 0; i < m; i++ {
			for j := 0; j < ldc; j++ {
				got := float64(c[i*ldc+j])
				if j >= n {
					if c[i*ldc+j] != old[i*ldc+j] {
						t.Fatalf("m %d n %d k %d: element beyond row %d was written", m, n, k, i)
					}
					continue
				}
				want, bound := oracle(transA, transB, i, j, k, a, lda, b, ldb)
				if add {
					want += float64(old[i*ldc+j])
					bound++
				}
				if !(math.Abs(got-want) <= bound*float64(k+2)*6e-8) {
					t.Fatalf("m %d n %d k %d trans %v %v add %v: [%d,%d] = %v, want %v", m, n, k, transA, transB, add, i, j, got, want)
				}
			}
		}
		for i := m * ldc; i < len(c); i++ {
			if c[i] != old[i] {
				t.Fatalf("m %d n %d: memory beyond C was written", m, n)
			}
		}
	}
}

// Cutting a product into rows or columns must not change a bit of it.
func TestSlicesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const m, n, k = 50, 70, 300
	a, b := random(r, m*k), random(r, k*n)
	whole := make([]float32, m*n)
	Mul(false, false, m, n, k, a, k, b, n, false, whole, n)
	part := make([]float32, m*n)
	for _, cut := range []struct{ i, j, m, n int }{{0, 0, 7, 70}, {7, 0, 43, 11}, {7, 11, 43, 59}} {
		Mul(false, false, cut.m, cut.n, k, a[cut.i*k:], k, b[cut.j:], n, false, part[cut.i*n+cut.j:], n)
	}
	for i := range whole {
		if whole[i] != part[i] {
			t.Fatalf("element %d: %v in parts, %v as a whole", i, part[i], whole[i])
		}
	}
}

func TestEmpty(t *testing.T) {
	c := []float32{1, 2, 3, 4}
	Mul(false, false, 2, 2, 0, nil, 0, nil, 2, true, c, 2)
	if c[0] != 1 {
		t.Errorf("k = 0 with accumulate changed C to %v", c)
	}
	Mul(false, false, 2, 2, 0, nil, 0, nil, 2, false, c, 2)
	if c[0] != 0 || c[3] != 0 {
		t.Errorf("k = 0 left C at %v", c)
	}
	Mul(false, false, 0, 2, 3, nil, 3, make([]float32, 6), 2, false, nil, 2)
}

// The assembly kernel equals plain Go up to rounding, for every number of rows
// and for packed and unpacked operands, and touches nothing else of C.
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
			if x[i] != y[i] && !inside || !(math.Abs(float64(x[i]-y[i])) <= 1e-6*float64(k)) {
				t.Fatalf("%d rows, k %d, add %v: element %d is %v, plain Go has %v", rows, k, add, i, x[i], y[i])
			}
		}
	}
}

func BenchmarkMul(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{{256, 256, 256, false, false}, {512, 512, 512, false, false}, {20, 576, 25, false, false}, {50, 64, 500, false, false}, {50, 500, 64, false, true}, {64, 500, 800, false, true}, {64, 800, 500, false, false}, {500, 800, 64, true, false}, {256, 576, 2304, false, false}} {
		r := rand.New(rand.NewPCG(1, 1))
		x, y, z := random(r, s.m*s.k), random(r, s.k*s.n), make([]float32, s.m*s.n)
		lda, ldb := s.k, s.n
		if s.transA {
			lda = s.m
		}
		if s.transB {
			ldb = s.k
		}
		for _, impl := range []struct {
			name string
			mul  func(bool, bool, int, int, int, []float32, int, []float32, int, bool, []float32, int)
		}{{"edgec", Mul}, {"gonum", viaGonum}} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s.m, s.n, s.k, impl.name), func(b *testing.B) {
				for range b.N {
					impl.mul(s.transA, s.transB, s.m, s.n, s.k, x, lda, y, ldb, false, z, s.n)
				}
				b.ReportMetric(2*float64(s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
