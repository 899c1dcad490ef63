package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// awkward are values on which a vector instruction and plain Go might differ.
var awkward = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 6,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.SmallestNonzeroFloat32, -math.MaxFloat32, math.MaxFloat32, 0.49999997, 127.5, -127.49}

// arrays returns n arrays of the length with guards at both ends, cut out at an
// offset that is not a multiple of the vectors' size. One value in eight is awkward.
func arrays(r *rand.Rand, n, length int) (cut, whole [][]float32) {
	for range n {
		lo := 4 + r.IntN(9)
		x := make([]float32, lo+length+9)
		for i := range x {
			x[i] = float32(r.NormFloat64())
			if r.IntN(8) == 0 {
				x[i] = awkward[r.IntN(len(awkward))]
			}
		}
		whole = append(whole, x)
		cut = append(cut, x[lo:lo+length:lo+length])
	}
	return cut, whole
}

func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// kernels lists the functions with their formulas, element by element; x[0] is
// the output or the array that is updated.
var kernels = []struct {
	name    string
	arrays  int
	run     func(x [][]float32, p, q float32)
	element func(x [][]float32, i int, p, q float32)
}{
	{"Add", 2, func(x [][]float32, _, _ float32) { Add(x[0], x[1]) },
		func(x [][]float32, i int, _, _ float32) { x[0][i] += x[1][i] }},
	{"Axpy", 2, func(x [][]float32, p, _ float32) { Axpy(x[0], p, x[1]) },
		func(x [][]float32, i int, p, _ float32) { x[0][i] += float32(p * x[1][i]) }},
	{"Scale", 2, func(x [][]float32, p, _ float32) { Scale(x[0], p, x[1]) },
		func(x [][]float32, i int, p, _ float32) { x[0][i] = p * x[1][i] }},
	{"Mul", 3, func(x [][]float32, _, _ float32) { Mul(x[0], x[1], x[2]) },
		func(x [][]float32, i int, _, _ float32) { x[0][i] = x[1][i] * x[2][i] }},
	{"MulInPlace", 2, func(x [][]float32, _, _ float32) { Mul(x[0], x[0], x[1]) },
		func(x [][]float32, i int, _, _ float32) { x[0][i] *= x[1][i] }},
	{"Relu", 2, func(x [][]float32, _, _ float32) { Relu(x[0], x[1]) },
		func(x [][]float32, i int, _, _ float32) {
			x[0][i] = x[1][i]
			if x[1][i] < 0 {
				x[0][i] = 0
			}
		}},
	{"ReluBack", 3, func(x [][]float32, _, _ float32) { ReluBack(x[0], x[1], x[2]) },
		func(x [][]float32, i int, _, _ float32) {
			if x[1][i] > 0 {
				x[0][i] += x[2][i]
			} else {
				x[0][i] += 0
			}
		}},
	{"Clamp", 2, func(x [][]float32, p, q float32) { Clamp(x[0], x[1], min(p, q), max(p, q)) },
		func(x [][]float32, i int, p, q float32) {
			switch v := x[1][i]; {
			case v < min(p, q):
				x[0][i] = min(p, q)
			case v > max(p, q):
				x[0][i] = max(p, q)
			default:
				x[0][i] = v
			}
		}},
	{"ClampBack", 3, func(x [][]float32, p, q float32) { ClampBack(x[0], x[1], x[2], min(p, q), max(p, q)) },
		func(x [][]float32, i int, p, q float32) {
			x[0][i] = 0
			if v := x[1][i]; v > min(p, q) && v < max(p, q) {
				x[0][i] = x[2][i]
			}
		}},
	{"Fill", 1, func(x [][]float32, p, _ float32) { Fill(x[0], p) },
		func(x [][]float32, i int, p, _ float32) { x[0][i] = p }},
	{"Fade", 2, func(x [][]float32, p, _ float32) { Fade(x[0], x[1], p) },
		func(x [][]float32, i int, p, _ float32) { x[0][i] *= p + float32((1-p)*x[1][i]) }},
	{"Average", 2, func(x [][]float32, p, _ float32) { Average(x[0], x[1], p) },
		func(x [][]float32, i int, p, _ float32) { x[0][i] += float32(p * float32(x[1][i]-x[0][i])) }},
	{"Update", 4, func(x [][]float32, p, _ float32) { adamExample(p).Update(x[0], x[1], x[2], x[3]) },
		func(x [][]float32, i int, p, _ float32) {
			c, d := adamExample(p), x[1][i]
			x[2][i] = float32(c.Beta1*x[2][i]) + float32((1-c.Beta1)*d)
			x[3][i] = float32(c.Beta2*x[3][i]) + float32(float32((1-c.Beta2)*d)*d)
			root := float32(math.Sqrt(float64(x[3][i])))
			x[0][i] -= float32(c.Rate*x[2][i]) / (float32(root*c.Root) + c.Epsilon)
		}},
	{"Quantize", 2, func(x [][]float32, p, _ float32) { Quantize(x[0], x[1], quantumExample(p), 2, -127, 101) },
		func(x [][]float32, i int, p, _ float32) {
			s := quantumExample(p)
			q := math.Round(float64(x[1][i])/(float64(s)*2)) * 2
			x[0][i] = float32(math.Max(-127, math.Min(101, q))+0) * s
		}},
	{"QuantizeUnit", 2, func(x [][]float32, _, _ float32) { Quantize(x[0], x[1], 1, 1, -1e6, 1e6) },
		func(x [][]float32, i int, _, _ float32) {
			x[0][i] = float32(math.Max(-1e6, math.Min(1e6, math.Round(float64(x[1][i])))) + 0)
		}},
}

func adamExample(p float32) AdamStep {
	return AdamStep{Beta1: 0.9, Beta2: 0.999, Rate: p, Root: 1.7, Epsilon: 1e-8}
}

func quantumExample(p float32) float32 { return 0.01 + float32(math.Abs(float64(p)))/64 }

// Each function equals its formula to the bit, at all lengths and alignments,
// and leaves what is around its arrays alone.
func TestFormulas(t *testing.T) {
	for _, k := range kernels {
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, uint64(len(k.name))))
			for n := 0; n < 75; n++ {
				p, q := float32(r.NormFloat64()), float32(r.NormFloat64())
				got, wholeGot := arrays(r, k.arrays, n)
				want := make([][]float32, k.arrays)
				wholeWant := make([][]float32, k.arrays)
				for i := range got {
					lo := len(wholeGot[i]) - 9 - n
					wholeWant[i] = append([]float32(nil), wholeGot[i]...)
					want[i] = wholeWant[i][lo : lo+n]
				}
				k.run(got, p, q)
				for i := range n {
					k.element(want, i, p, q)
				}
				for a := range wholeGot {
					for i := range wholeGot[a] {
						if !same(wholeGot[a][i], wholeWant[a][i]) {
							t.Fatalf("n %d, p %v, q %v, array %d, element %d of %d from the first guard: %v, want %v", n, p, q, a, i, len(wholeGot[a]), wholeGot[a][i], wholeWant[a][i])
						}
					}
				}
			}
		})
	}
}

// Dot and Sum add in the documented order.
func TestSums(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for n := 0; n < 300; n++ {
		x := make([]float32, 2*n+2)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		a, b := x[1:1+n], x[1+n:1+2*n]
		var dot, sum [32]float32
		for i := range a {
			dot[i%32] += float32(a[i] * b[i])
			sum[i%32] += a[i]
		}
		for h := 16; h > 0; h /= 2 {
			for i := range h {
				dot[i] += dot[i+h]
				sum[i] += sum[i+h]
			}
		}
		if got := Dot(a, b); !same(got, dot[0]) {
			t.Fatalf("n %d: Dot gives %v, want %v", n, got, dot[0])
		}
		if got := Sum(a); !same(got, sum[0]) {
			t.Fatalf("n %d: Sum gives %v, want %v", n, got, sum[0])
		}
	}
}

// MaxPairs equals its formula at all lengths and alignments, and leaves what is
// around its output alone.
func TestMaxPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	for n := 0; n < 75; n++ {
		x := make([]float32, 4*n+7)
		for i := range x {
			x[i] = float32(r.IntN(9)) - 4
		}
		shift := r.IntN(4)
		a, b := x[shift:shift+2*n], x[shift+2*n+1:shift+4*n+1]
		whole := make([]float32, n+9)
		dst := whole[3 : 3+n]
		MaxPairs(dst, a, b)
		for i, v := range dst {
			if want := max(a[2*i], a[2*i+1], b[2*i], b[2*i+1]); v != want {
				t.Fatalf("n %d, element %d: %v, want %v", n, i, v, want)
			}
		}
		for i, v := range whole {
			if (i < 3 || i >= 3+n) && v != 0 {
				t.Fatalf("n %d: element %d outside was written", n, i-3)
			}
		}
	}
}

// MaxPairsBack gives each gradient to the first of equal maxima.
func TestMaxPairsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	for n := 0; n < 75; n++ {
		row := func(n int) []float32 { // small integers: many are equal
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.IntN(5) - 2)
			}
			return x
		}
		a, b, dy := row(2*n), row(2*n), row(n)
		y := make([]float32, n)
		MaxPairs(y, a, b)
		gotA, gotB := row(2*n+9), row(2*n+9)
		wantA, wantB := append([]float32(nil), gotA...), append([]float32(nil), gotB...)
		MaxPairsBack(gotA, gotB, a, b, y, dy)
		for i := range y {
			switch tile := [4]float32{a[2*i], a[2*i+1], b[2*i], b[2*i+1]}; {
			case tile[0] == y[i]:
				wantA[2*i] += dy[i]
			case tile[1] == y[i]:
				wantA[2*i+1] += dy[i]
			case tile[2] == y[i]:
				wantB[2*i] += dy[i]
			default:
				wantB[2*i+1] += dy[i]
			}
		}
		for i := range wantA {
			if gotA[i] != wantA[i] || gotB[i] != wantB[i] {
				t.Fatalf("n %d, column %d: %v and %v, want %v and %v", n, i, gotA[i], gotB[i], wantA[i], wantB[i])
			}
		}
	}
}

// CopyRows and AddRows touch the elements of the matrix and no others.
func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 12))
	for cols := 0; cols < 40; cols++ {
		rows, dstLD, srcLD := r.IntN(5), cols+r.IntN(4), cols+r.IntN(4)
		src, got := make([]float32, 5*srcLD+50), make([]float32, 5*dstLD+50)
		for i := range src {
			src[i] = float32(r.NormFloat64())
		}
		want := make([]float32, len(got))
		CopyRows(got, dstLD, src, srcLD, rows, cols)
		AddRows(got, dstLD, src[1:], srcLD, rows, cols)
		for i := 0; i < rows; i++ {
			for j := 0; j < cols; j++ {
				want[i*dstLD+j] = src[i*srcLD+j] + src[1+i*srcLD+j]
			}
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%d x %d, distances %d and %d: element %d is %v, want %v", rows, cols, dstLD, srcLD, i, got[i], want[i])
			}
		}
	}
}

// A shorter second array is refused before anything is written.
func TestShort(t *testing.T) {
	dst := []float32{1, 2, 3}
	defer func() {
		if recover() == nil {
			t.Error("a short array was accepted")
		}
		if dst[0] != 1 {
			t.Error("something was written")
		}
	}()
	Add(dst, make([]float32, 2))
}

// The plain loops' figures are those with -tags noasm.
func BenchmarkVec(b *testing.B) {
	const n = 4096
	r := rand.New(rand.NewPCG(9, 9))
	for _, k := range kernels {
		b.Run(k.name, func(b *testing.B) {
			x := make([][]float32, k.arrays)
			for i := range x {
				x[i] = make([]float32, n)
				for j := range x[i] {
					x[i][j] = r.Float32()
				}
			}
			b.SetBytes(4 * n)
			for range b.N {
				k.run(x, 0.001, 0.5)
			}
		})
	}
}
