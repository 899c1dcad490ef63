package quantize

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// samples returns n values of a distribution by name.
func samples(name string, n int, rng *rand.Rand) []float32 {
	x := make([]float32, n)
	for i := range x {
		g := rng.NormFloat64()
		switch name {
		case "relu":
			g = max(g, 0)
		case "outlier":
			if i == n/2 {
				g = 100
			}
		case "heavy":
			g = g * g * g
		case "shifted":
			g += 40
		case "negative":
			g = -math.Abs(g) * 1e-3
		}
		x[i] = float32(g)
	}
	return x
}

// A histogram that grew while values arrived holds every value, in bins at most
// twice as wide as one that had known the range.
func TestHistogramGrows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"normal", "relu", "outlier", "heavy", "shifted", "negative"} {
		x := samples(name, 20000, rng)
		var h Histogram
		for part := range slices.Chunk(x, 37) {
			if !h.Add(part) {
				t.Fatalf("%s: finite values refused", name)
			}
		}
		count := h.zeros
		for _, n := range h.bins {
			count += n
		}
		if count != float64(len(x)) || h.Total() != count {
			t.Errorf("%s: %v values counted, total %v, want %d", name, count, h.Total(), len(x))
		}
		lo, hi := float64(slices.Min(x)), float64(slices.Max(x))
		if h.max != hi && hi != 0 || h.min != lo && lo != 0 {
			t.Errorf("%s: range %v..%v, want %v..%v", name, h.min, h.max, lo, hi)
		}
		if h.lo > h.min || h.lo+h.width*Bins < h.max*(1-1e-9) {
			t.Errorf("%s: bins %v..%v do not cover %v..%v", name, h.lo, h.lo+h.width*Bins, h.min, h.max)
		}
		if limit := 4 * (h.max - h.min) / Bins; h.width > limit {
			t.Errorf("%s: bins %v wide, want at most %v", name, h.width, limit)
		}
		slices.Sort(x)
		for _, p := range []float64{0.01, 0.3, 0.5, 0.9, 0.999} {
			k := int(p * float64(len(x)))
			below, above := float64(x[k-2])-h.width, float64(x[k+2])+h.width
			if got := h.Quantile(p); got < below || got > above {
				t.Errorf("%s: quantile %v is %v, want %v..%v", name, p, got, below, above)
			}
		}
	}
}

func TestHistogramRefusesNonFinite(t *testing.T) {
	var h Histogram
	h.Add([]float32{1, 2})
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		if h.Add([]float32{0, bad, 3}) {
			t.Errorf("%v accepted", bad)
		}
	}
	if h.Total() != 2 {
		t.Errorf("total %v after refused values, want 2", h.Total())
	}
}

// exactError is the mean squared error of rounding x to the grid: the slow
// version of SquaredError.
func exactError(x []float32, method Method) (err float64, scale float64) {
	var h Histogram
	h.Add(x)
	a := Choose(&h, method, 0.9999)
	y := slices.Clone(x)
	a.Round(y)
	for i := range x {
		e := float64(x[i] - y[i])
		err += e * e
	}
	return err / float64(len(x)), float64(a.Scale)
}

// The mse method is never worse than the others on the error that it minimizes,
// up to the width of a bin, and clips an outlier that minmax keeps.
func TestMethods(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const binning = 1.02
	for _, name := range []string{"normal", "relu", "heavy", "shifted", "negative"} {
		x := samples(name, 50000, rng)
		best, _ := exactError(x, MSE)
		for _, m := range []Method{MinMax, Percentile, Entropy} {
			if e, _ := exactError(x, m); best > e*binning {
				t.Errorf("%s: mse has error %v, %v has %v", name, best, m, e)
			}
		}
	}
	x := samples("outlier", 200000, rng)
	_, full := exactError(x, MinMax)
	for _, m := range []Method{Percentile, Entropy} {
		if _, scale := exactError(x, m); scale > full/5 {
			t.Errorf("%v: scale %v hardly clips the outlier of minmax's %v", m, scale, full)
		}
	}
	var h Histogram
	h.Add(samples("normal", 50000, rng))
	a := Choose(&h, Percentile, 0.9)
	lo, hi := a.Limits()
	if math.Abs(float64(hi)-1.2816) > 0.06 || math.Abs(float64(lo)+1.2816) > 0.06 {
		t.Errorf("90 %% at each end of a normal distribution: %v..%v, want -1.28..1.28", lo, hi)
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name   string
		lo, hi float64
		zero   int
	}{
		{"relu", 0, 6, -128},
		{"positive range is extended to zero", 3, 6, -128},
		{"negative", -5, 0, 127},
		{"negative range is extended to zero", -5, -4, 127},
		{"symmetric", -1.27, 1.28, -1},
		{"mostly positive", -1, 9, -102}, // -128 + 25.5, halves away from zero
	} {
		a := Fit(c.lo, c.hi)
		if a.Zero != c.zero {
			t.Errorf("%s: zero point %d, want %d", c.name, a.Zero, c.zero)
		}
		lo, hi := a.Limits()
		step := float64(a.Scale)
		if float64(lo) > c.lo+step || float64(hi) < c.hi-step {
			t.Errorf("%s: grid %v..%v, want %v..%v within a step of %v", c.name, lo, hi, c.lo, c.hi, step)
		}
		if RoundScale(float64(a.Scale)) != a.Scale {
			t.Errorf("%s: scale %v is not half precision", c.name, a.Scale)
		}
	}
	if a := Fit(0, 0); !(a.Scale > 0) {
		t.Errorf("empty range: scale %v", a.Scale)
	}
}

func TestRoundScale(t *testing.T) {
	for _, s := range []float64{1, 1.0 / 255, 0.3, 2.5e-5, 3e-6, 1000, 65504} {
		got := float64(RoundScale(s))
		if math.Abs(got-s) > 0.032*s {
			t.Errorf("RoundScale(%v) = %v", s, got)
		}
	}
	for _, s := range []float64{1e-9, 1e6} {
		if got := RoundScale(s); got != float32(s) {
			t.Errorf("RoundScale(%v) = %v, want it unchanged", s, got)
		}
	}
}

func TestLattice(t *testing.T) {
	bytes := func(step float32, last int, every int) []float32 {
		var x []float32
		for i := 0; i <= last; i += every {
			x = append(x, float32(i)*step)
		}
		return x
	}
	for _, c := range []struct {
		name  string
		x     []float32
		scale float32
		zero  int
	}{
		{"0..1", bytes(1.0/255, 255, 1), RoundScale(1.0 / 255), -128},
		{"dark pictures", bytes(1.0/255, 40, 1), RoundScale(1.0 / 255), -128},
		{"black and white", []float32{0, 1}, RoundScale(1.0 / 255), -128},
		{"0..255", bytes(1, 255, 1), 1, -128},
		{"even bytes", bytes(1, 254, 2), 1, -128},
		{"-128..127", append(bytes(-1, 128, 1), bytes(1, 127, 1)...), 1, 0},
		{"step 3", bytes(3, 250, 1), 3, -128},
	} {
		var l Lattice
		l.Add(c.x)
		a, ok := l.Grid()
		if !ok || a.Scale != c.scale || a.Zero != c.zero {
			t.Errorf("%s: scale %v, zero %d, found %v; want %v, %d", c.name, a.Scale, a.Zero, ok, c.scale, c.zero)
			continue
		}
		seen := map[float64]bool{}
		for _, v := range c.x {
			q := math.Round(float64(v)/float64(a.Scale)) + float64(a.Zero)
			if q < -128 || q > 127 {
				t.Errorf("%s: %v is outside of the grid", c.name, v)
			}
			seen[q] = true
		}
		distinct := slices.Clone(c.x)
		slices.Sort(distinct)
		if want := len(slices.Compact(distinct)); len(seen) != want {
			t.Errorf("%s: %d integers for %d values", c.name, len(seen), want)
		}
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, name := range []string{"normal", "relu"} {
		var l Lattice
		l.Add(samples(name, 100, rng))
		if _, ok := l.Grid(); ok {
			t.Errorf("%s: took random values for bytes", name)
		}
	}
}

func TestMethodText(t *testing.T) {
	for m := MSE; m <= Entropy; m++ {
		text, err := m.MarshalText()
		var back Method
		if err != nil || back.UnmarshalText(text) != nil || back != m {
			t.Errorf("%v: %s, %v, read back as %v", m, text, err, back)
		}
	}
	var m Method
	if m.UnmarshalText([]byte("magic")) == nil {
		t.Error("unknown method accepted")
	}
}
