package kernel

import (
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQuantize(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		x, scale float32
		zero     int
		want     int8
	}{
		{0, 1, 5, 5}, {0.5, 1, 0, 1}, {-0.5, 1, 0, -1}, {0.49999997, 1, 0, 0}, {1.5, 1, 0, 2}, {-1.5, 1, 0, -2}, {2.5, 1, -3, 0},
		{1000, 1, 0, 127}, {-1000, 1, 0, -128}, {inf, 1, 0, 127}, {-inf, 1, 7, -128}, {nan, 1, 7, 7}, {nan, 1, -700, -128}, {nan, 1, 300, 127}, {700, 1, -700, 0}, {2000, 1, -700, 127}, {-2147483600, 1, 2147483599, -49}, {-2147483500, 1, 2147483599, 79}, {math.MaxFloat32, 1e-12, -128, 127}, {1, 0.1, 0, 10},
	} {
		for _, n := range []int{1, 8, 11} { // alone, and in vectors
			y, x := make([]int8, n), make([]float32, n)
			for i := range x {
				x[i] = c.x
			}
			if Quantize(y, x, c.scale, c.zero); slices.ContainsFunc(y, func(q int8) bool { return q != c.want }) {
				t.Errorf("%v / %v + %d is %d, want %d", c.x, c.scale, c.zero, y, c.want)
			}
		}
	}
	r := rand.New(rand.NewPCG(15, 15))
	for range trials(20000) {
		scale, zero := r.Float32()+0.01, r.IntN(256)-128
		if r.IntN(4) == 0 {
			scale = 1.0 / 128
		}
		var y [17]int8
		var x [17]float32
		for i := range x {
			x[i] = 100 * (r.Float32() - 0.5)
		}
		Quantize(y[:], x[:], scale, zero)
		for i, v := range x {
			if want := int8(min(max(math.Round(float64(v)/float64(scale))+float64(zero), -128), 127)); y[i] != want {
				t.Fatalf("%v / %v + %d is %d, want %d", v, scale, zero, y[i], want)
			}
		}
	}
}

// Dequantize and Quantize undo each other.
func TestDequantize(t *testing.T) {
	for _, scale := range []float32{1, 0.1, 1e-6, 12345} {
		for zero := -128; zero < 128; zero += 17 {
			x, y, back := make([]int8, 256), make([]float32, 256), make([]int8, 256)
			for i := range x {
				x[i] = int8(i)
			}
			Dequantize(y, x, scale, zero)
			Quantize(back, y, scale, zero)
			for i, q := range x {
				if y[i] != scale*float32(int(q)-zero) || back[i] != q {
					t.Fatalf("%d of scale %v, zero %d is %v, and back %d", q, scale, zero, y[i], back[i])
				}
			}
		}
	}
}

// expError is the relative error that exp's doc comment states.
const expError = 1e-7

func TestExp(t *testing.T) {
	worst, at := 0.0, float32(0)
	step := uint32(97 * 2000 / trials(2000))
	for b := math.Float32bits(1e-10); ; b += step { // every 97th float32 from -1e-10 down
		x := -math.Float32frombits(b)
		if x <= -87 {
			break
		}
		if e := math.Abs(float64(exp(x))/math.Exp(float64(x)) - 1); e > worst {
			worst, at = e, x
		}
	}
	t.Logf("largest relative error %.3g at %v", worst, at)
	if worst > expError {
		t.Errorf("relative error %v at %v", worst, at)
	}
	for _, c := range [][2]float32{{0, 1}, {-87, 0}, {-1000, 0}, {float32(math.Inf(-1)), 0}, {float32(math.NaN()), 0}} {
		if got := exp(c[0]); got != c[1] {
			t.Errorf("exp(%v) = %v, want %v", c[0], got, c[1])
		}
	}
	if tiny := exp(-86.99999); tiny < 0x1p-126 {
		t.Errorf("exp(-86.99999) = %v is subnormal", tiny)
	}
}

// The same bytes on every CPU: a checksum over a million values, which a fused
// multiplication, or another order, changes.
func TestExpBits(t *testing.T) {
	const want = 0xcf135aa7
	crc := uint32(0)
	var b [4]byte
	for i := range 1 << 20 {
		v := math.Float32bits(exp(-float32(i) * (87.0 / (1 << 20))))
		b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
		crc = crc32.Update(crc, crc32.IEEETable, b[:])
	}
	if crc != want {
		t.Errorf("checksum %#08x, want %#08x: this machine computes exp otherwise", crc, uint32(want))
	}
	// what fusing would do, so that the test above is known to see it
	fused := 0
	for i := range 1000 {
		x := -float32(i) * 0.087
		if fusedExp(x) != exp(x) {
			fused++
		}
	}
	if fused == 0 {
		t.Error("fused multiplications give the same results; the checksum proves nothing")
	}
}

// fusedExp is exp with the fused multiplications that a compiler would choose.
func fusedExp(x float32) float32 {
	if !(x > -87) {
		return 0
	}
	fma := func(a, b, c float32) float32 { return float32(math.FMA(float64(a), float64(b), float64(c))) }
	n := int32(fma(x, 1.44269504, -0.5))
	f := float32(n)
	r := fma(f, 2.12194440e-4, fma(-f, 0.693359375, x))
	p := float32(1.9875691500e-4)
	for _, c := range [...]float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1} {
		p = fma(p, r, c)
	}
	return p * math.Float32frombits(uint32(n+127)<<23)
}

func TestSoftmax(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 16))
	for range trials(500) {
		n, rows := 1+r.IntN(20), 1+r.IntN(4)
		x := make([]float32, n*rows)
		for i := range x {
			x[i] = float32(r.NormFloat64() * 10)
		}
		y := make([]float32, len(x))
		Softmax(y, x, n)
		own := append([]float32(nil), x...)
		Softmax(own, own, n)
		for row := range rows {
			top, sum := math.Inf(-1), 0.0
			for _, v := range x[row*n : (row+1)*n] {
				top = max(top, float64(v))
			}
			for _, v := range x[row*n : (row+1)*n] {
				sum += math.Exp(float64(v) - top)
			}
			for i := row * n; i < (row+1)*n; i++ {
				want := math.Exp(float64(x[i])-top) / sum
				// exp twice, n additions and a division of float32, and the rounded difference
				if tol := want * (2*expError + (float64(n+3)+top-float64(x[i]))*6e-8); math.Abs(float64(y[i])-want) > tol+1e-37 {
					t.Fatalf("softmax %v, want %v", y[i], want)
				}
				if own[i] != y[i] {
					t.Fatal("in place it gives something else")
				}
			}
		}
	}
	y := make([]float32, 3)
	Softmax(y, []float32{1e30, 1e30, -1e30}, 3)
	if y[0] != 0.5 || y[1] != 0.5 || y[2] != 0 {
		t.Errorf("softmax of huge values: %v", y)
	}
}
