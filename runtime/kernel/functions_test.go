package kernel

import (
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/runtime/format"
)

// ulps is the distance of got from want in units of the float32 spacing at want.
func ulps(got float32, want float64) float64 {
	if f := float32(want); f != f || math.IsInf(float64(f), 0) || f == 0 {
		if f == got || f != f && got != got {
			return 0
		}
		return math.Abs(float64(got)-want) / math.SmallestNonzeroFloat32
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

// anyFloat is a random float32 of magnitude 2^least to 2^most.
func anyFloat(r *rand.Rand, least, most int) float32 {
	v := math.Ldexp(1+r.Float64(), least+r.IntN(most-least))
	if r.IntN(2) == 0 {
		v = -v
	}
	return float32(v)
}

// The functions stay within what their comments promise.
func TestFunctionErrors(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for name, c := range map[string]struct {
		f           func(float32) float32
		want        func(float64) float64
		least, most int // powers of 2 of |x|
		ulp, abs    float64
	}{
		"exp":      {Exp, math.Exp, -20, 6, 1.3, 0},
		"sin":      {Sin, math.Sin, -20, 20, 0.51, 0},
		"cos":      {Cos, math.Cos, -20, 20, 0.51, 0},
		"tanh":     {Tanh, math.Tanh, -20, 6, 1.6, 0},
		"sigmoid":  {Sigmoid, sigmoid, -20, 6, 2.4, 0},
		"erf":      {Erf, math.Erf, -20, 0, 3, 0},
		"far erf":  {Erf, math.Erf, 0, 6, math.Inf(1), 2e-7},
		"softplus": {Softplus, func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, -20, 6, 4, 0},
		"gelu":     {Gelu, func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) }, -20, 3, math.Inf(1), 5e-7},
		"silu":     {Silu, func(x float64) float64 { return x * sigmoid(x) }, -20, 6, 3.5, 0},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		for range 100000 {
			x := anyFloat(r, c.least, c.most)
			got, want := c.f(x), c.want(float64(x))
			if u := ulps(got, want); u > c.ulp && math.Abs(want) > 1e-37 || c.abs > 0 && math.Abs(float64(got)-want) > c.abs*max(1, math.Abs(float64(x))) {
				t.Errorf("%s(%v) = %v, want %v: %.2f ulp", name, x, got, want, u)
				break
			}
		}
	}
	r := rand.New(rand.NewPCG(2, 2))
	for range 100000 {
		x := math.Float32frombits(r.Uint32() & (1<<31 - 1))
		if u := ulps(Log(x), math.Log(float64(x))); u > 0.9 && x == x {
			t.Fatalf("log(%v) = %v, want %v: %.2f ulp", x, Log(x), math.Log(float64(x)), u)
		}
		a, b := abs(anyFloat(r, -10, 10)), anyFloat(r, -4, 3)
		if want := math.Pow(float64(a), float64(b)); float32(want) > 1e-37 && float32(want) <= math.MaxFloat32 {
			if u := ulps(Pow(a, b), want); u > 0.51 {
				t.Fatalf("%v^%v = %v, want %v: %.2f ulp", a, b, Pow(a, b), want, u)
			}
		}
	}
}

// What no polynomial is for.
func TestFunctionEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name      string
		got, want float32
	}{
		{"exp inf", Exp(inf), inf}, {"exp -inf", Exp(-inf), 0}, {"exp 88.7", Exp(88.7), float32(math.Exp(float64(float32(88.7))))}, {"exp 100", Exp(100), inf}, {"exp NaN", Exp(nan), nan},
		{"log 0", Log(0), -inf}, {"log -1", Log(-1), nan}, {"log inf", Log(inf), inf}, {"log of a subnormal", Log(0x1p-140), float32(-140 * math.Ln2)}, {"log NaN", Log(nan), nan},
		{"sin inf", Sin(inf), nan}, {"sin 1e30", Sin(1e30), 0}, {"cos 1e30", Cos(1e30), 1}, {"tanh inf", Tanh(inf), 1}, {"tanh -inf", Tanh(-inf), -1}, {"tanh NaN", Tanh(nan), nan},
		{"sigmoid NaN", Sigmoid(nan), nan}, {"sigmoid -100", Sigmoid(-100), 0}, {"erf -9", Erf(-9), -1}, {"erf NaN", Erf(nan), nan}, {"softplus 100", Softplus(100), 100}, {"softplus NaN", Softplus(nan), nan},
		{"0^0", Pow(0, 0), 1}, {"0^-1.5", Pow(0, -1.5), inf}, {"0^1.5", Pow(0, 1.5), 0}, {"-2^3", Pow(-2, 3), -8}, {"-2^-2", Pow(-2, -2), 0.25}, {"-2^0.5", Pow(-2, 0.5), nan}, {"-1^65", Pow(-1, 65), -1},
		{"2^200", Pow(2, 200), inf}, {"NaN^2", Pow(nan, 2), nan}, {"max(1, NaN)", most(1, nan), nan}, {"min(NaN, 1)", least(nan, 1), nan},
	} {
		if c.got != c.want && (c.got == c.got || c.want == c.want) {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

// wantBits sums up the CRC-32 of all functions of the same 4096 numbers: every CPU has it.
const wantBits uint32 = 0xaf710a84

// Every CPU computes the same bits of every function.
func TestFunctionBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	x := make([]float32, 4096)
	for i := range x {
		x[i] = anyFloat(r, -20, 7)
	}
	sum := func(y []float32) uint32 {
		h := crc32.NewIEEE()
		for _, v := range y {
			b := Bits(v)
			h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
		return h.Sum32()
	}
	y, all := make([]float32, len(x)), uint32(0)
	for f := range format.UnaryFunctions {
		Pointwise(y, x, Function(f, 0.3))
		all = all*31 + sum(y)
	}
	for f := range format.BinaryFunctions {
		b := NewBroadcast([]int{len(x) / 2}, []int{len(x) / 2}, []int{len(x) / 2})
		b.Apply(y, x[:len(x)/2], x[len(x)/2:], Combine(f))
		all = all*31 + sum(y[:len(x)/2])
	}
	for f := range format.ReduceFunctions {
		Reduce(y[:64], x, 16, 4, Reducer(f))
		all = all*31 + sum(y[:64])
	}
	MatMul(y, x, x[1000:], 30, 31, 29)
	all = all*31 + sum(y[:30*29])
	MatMulTransposed(y, x, x[1000:], 30, 31, 29)
	all = all*31 + sum(y[:30*29])
	Normalize(y, x, 64, 1e-5, false)
	if all = all*31 + sum(y); all != wantBits {
		t.Errorf("the results of all functions have the sum %#x, want %#x: this CPU computes other bits", all, wantBits)
	}
}

// Products are those of float64 but for rounding, however the rows end.
func TestMatMul(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 50 {
		m, k, n := 1+r.IntN(6), 1+r.IntN(20), 1+r.IntN(11)
		a, b, bt := make([]float32, m*k), make([]float32, k*n), make([]float32, k*n)
		for i := range a {
			a[i] = r.Float32() - 0.5
		}
		for i := range b {
			b[i] = r.Float32() - 0.5
			bt[i%n*k+i/n] = b[i]
		}
		y, yt := make([]float32, m*n), make([]float32, m*n)
		MatMul(y, a, b, m, k, n)
		MatMulTransposed(yt, a, bt, m, k, n)
		for i := range y {
			want := 0.0
			for j := range k {
				want += float64(a[i/n*k+j]) * float64(b[j*n+i%n])
			}
			if math.Abs(float64(y[i])-want) > 1e-5 || math.Abs(float64(yt[i])-want) > 1e-5 {
				t.Fatalf("%dx%dx%d: %v and %v, want %v", m, k, n, y[i], yt[i], want)
			}
		}
	}
}

// Products have the bits of plain Go, whatever vectors compute them.
func TestMatMulBits(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	quickest := best
	defer func() { best = quickest }()
	for range 300 {
		m, k, n := 1+r.IntN(3), 1+r.IntN(40), 1+r.IntN(80)
		x := make([]float32, m*k+k*n)
		for i := range x {
			x[i] = anyFloat(r, -6, 6)
		}
		for _, f := range []func(y, a, b []float32, m, k, n int){MatMul, MatMulTransposed} {
			y, want := make([]float32, m*n), make([]float32, m*n)
			best = quickest
			f(y, x[:m*k], x[m*k:], m, k, n)
			best = nil
			f(want, x[:m*k], x[m*k:], m, k, n)
			for i := range y {
				if !sameBits(y[i], want[i]) {
					t.Fatalf("%dx%dx%d: element %d is %v, want %v", m, k, n, i, y[i], want[i])
				}
			}
		}
	}
}

func BenchmarkMatMul(b *testing.B) {
	const m, k, n = 128, 64, 128
	x, y := make([]float32, m*k+k*n), make([]float32, m*n)
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	for name, f := range map[string]func(y, a, b []float32, m, k, n int){"rows": MatMul, "transposed": MatMulTransposed} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				f(y, x[:m*k], x[m*k:], m, k, n)
			}
			b.ReportMetric(float64(m*k*n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "MMAC/s")
		})
	}
}
