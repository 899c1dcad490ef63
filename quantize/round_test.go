package quantize

import (
	"context"
	"math"
	"strings"
	"testing"
)

// correlated draws n inputs of k values that walk at random, above zero.
func correlated(seed uint64, n, k int) []float32 {
	r := newRand(seed)
	x := make([]float32, n*k)
	for s := range n {
		v := r.NormFloat64()
		for i := range k {
			v = 0.8*v + 0.6*r.NormFloat64()
			x[s*k+i] = float32(max(0, v+0.5))
		}
	}
	return x
}

// measured returns the moments of inputs x [n, cols] whose loss gradient in output r is r+1 or
// -(r+1), so that the curvature is (r+1)^2.
func measured(t *testing.T, x []float32, rows, cols int, centered bool) *InputMoments {
	t.Helper()
	n := len(x) / cols
	s := NewMomentSums(1, rows, cols, centered)
	s.AddInputs(0, x[:n/2*cols])
	s.AddInputs(0, x[n/2*cols:])
	y, dy := make([]float32, n*rows), make([]float32, n*rows)
	for i := range y {
		y[i], dy[i] = float32(i%7)-3, float32(i%rows+1)
		if i/rows%2 == 0 {
			dy[i] = -dy[i]
		}
	}
	s.AddOutputs(y, dy, 1, n, nil)
	m, err := s.Factor(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lossOf is half of the curvature times the mean square of the change of the outputs, about
// its mean when centered, from the inputs themselves.
func lossOf(m *InputMoments, from, to, x []float32, rows, cols int, centered bool) float64 {
	n, loss := len(x)/cols, 0.0
	for r := range rows {
		sum, squares := 0.0, 0.0
		for s := range n {
			d := 0.0
			for i := range cols {
				d += float64(to[r*cols+i]-from[r*cols+i]) * float64(x[s*cols+i])
			}
			sum += d
			squares += d * d
		}
		squares /= float64(n)
		if centered {
			squares -= sum / float64(n) * sum / float64(n)
		}
		loss += m.OutputCurvature()[r] * squares / 2
	}
	return loss
}

// The loss that Round returns is what the outputs change by, rounding to the nearest loses
// more, and a larger lambda takes fewer bits and loses more.
func TestRound(t *testing.T) {
	const rows, cols, limit = 20, 40, 127
	for _, centered := range []bool{false, true} {
		x, w := correlated(5, 200, cols), normal(newRand(6), rows*cols)
		m := measured(t, x, rows, cols, centered)
		all := lossOf(m, w, make([]float32, len(w)), x, rows, cols, centered)
		bits, lost := math.Inf(1), 0.0
		for _, lambda := range []float64{1e-9, 1e-6, 1e-5, 1e-4, 1e-3} {
			scale := m.Step(w, lambda*all)
			q, loss, err := m.Round(context.Background(), w, rows, scale, limit, lambda*all)
			if err != nil {
				t.Fatal(err)
			}
			rounded, nearest := make([]float32, len(w)), make([]float32, len(w))
			b := 0.0
			for i, v := range q {
				rounded[i] = float32(scale * float64(v))
				nearest[i] = float32(scale * math.Round(float64(w[i])/scale))
				b += CodeLengths(q, limit)[limit+int(v)]
			}
			got := lossOf(m, w, rounded, x, rows, cols, centered)
			if got > loss*1.001 || got < loss*0.8 { // damping makes it less than Round says
				t.Errorf("lambda %g: the outputs lose %g, Round says %g", lambda, got, loss)
			}
			if worse := lossOf(m, w, nearest, x, rows, cols, centered); lambda == 1e-9 && worse < 1.1*loss {
				t.Errorf("it loses %g, rounding to the nearest %g", loss, worse)
			}
			if b > bits || loss < lost {
				t.Errorf("lambda %g: %.0f bits and a loss of %g, %.0f and %g at a smaller lambda", lambda, b, loss, bits, lost)
			}
			bits, lost = b, loss
		}
		if lost < 1e-3*all {
			t.Errorf("the largest lambda loses %g of %g only", lost, all)
		}
	}
}

// Steps stay between what int8 holds and the largest weight, and grow with the root of lambda.
func TestStep(t *testing.T) {
	const rows, cols = 4, 10
	w := normal(newRand(7), rows*cols)
	m := measured(t, correlated(8, 100, cols), rows, cols, true)
	top := largest(whole(w))
	for _, c := range []struct{ lambda, want float64 }{{1e-30, top / 127}, {1e9, top}} {
		if got := m.Step(w, c.lambda); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("lambda %g: step %v, want %v", c.lambda, got, c.want)
		}
	}
	if low, high := m.Step(w, 1e-2), m.Step(w, 4e-2); math.Abs(high-2*low) > 1e-9 {
		t.Errorf("four times the lambda: steps %v and %v", low, high)
	}
	curvature := (1.0 + 4 + 9 + 16) / rows
	if got, want := m.BiasStep(1e-3), math.Sqrt(12e-3/(math.Ln2*curvature)); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("step of biases %v, want %v", got, want)
	}
	if got := m.Step(make([]float32, rows*cols), 1e-5); got != 1 {
		t.Errorf("step %v of weights that are all zero", got)
	}
}

// Layers of more columns than a block are measured in blocks, which do not know of each other.
func TestBlocks(t *testing.T) {
	const rows, cols = 3, blockCols + 30
	x, w := correlated(9, 150, cols), normal(newRand(10), rows*cols)
	m := measured(t, x, rows, cols, true)
	if len(m.blocks) != 2 || m.blocks[1].lo != blockCols || m.blocks[1].hi != cols {
		t.Fatalf("blocks %+v", m.blocks)
	}
	all := lossOf(m, w, make([]float32, len(w)), x, rows, cols, true)
	if _, loss, err := m.Round(context.Background(), w, rows, m.Step(w, 1e-5), 127, 1e-5); err != nil || loss <= 0 || loss > all/10 {
		t.Errorf("loss %v of %v, %v", loss, all, err)
	}
}

// Outputs at a limit of the activation have no gradient, but a magnitude.
func TestAddOutputs(t *testing.T) {
	s := NewMomentSums(1, 2, 1, false)
	y := []float32{0, 1, -4, 2, 0, 3, 5, 0} // [2, 2 rows, 2 places]
	dy := []float32{9, 2, 2, 2, 1, 1, 3, 9}
	s.AddOutputs(y, dy, 2, 2, func(v float32) bool { return v != 0 })
	for r, want := range []struct{ curvature, absMax float64 }{{(4 + 1) / 2.0, 3}, {(4 + 4 + 9) / 2.0, 5}} {
		if s.curvature[r] != want.curvature || s.absMax[r] != want.absMax {
			t.Errorf("row %d: curvature %v, largest magnitude %v; want %+v", r, s.curvature[r], s.absMax[r], want)
		}
	}
}

// The least curvature is a hundredth of the mean; groups have moments of their own; weights of
// another shape, and inputs without a second moment, are refused.
func TestFactor(t *testing.T) {
	s := NewMomentSums(2, 4, 3, false)
	a, b := normal(newRand(11), 90), normal(newRand(12), 90)
	for i := range b {
		b[i] *= 10
	}
	s.AddInputs(0, a)
	s.AddInputs(1, b)
	s.AddOutputs(make([]float32, 4), []float32{2, 0, 2, 0}, 1, 1, nil)
	m, err := s.Factor(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c := m.Curvatures()
	if ratio := float64(c[6] / c[0]); ratio < 50 || ratio > 200 {
		t.Errorf("ten times the inputs have %v times the curvature", ratio)
	}
	if got := m.OutputCurvature(); got[0] != 4 || got[1] != 0.02 {
		t.Errorf("output curvature %v", got)
	}
	for _, w := range [][2]int{{4, 11}, {3, 9}, {0, 0}} {
		if _, _, err := m.Round(context.Background(), make([]float32, w[1]), w[0], 1, 127, 0); err == nil || !strings.Contains(err.Error(), "rows of 3 inputs") {
			t.Errorf("%d weights in %d rows: %v", w[1], w[0], err)
		}
	}
	bad := NewMomentSums(1, 1, 2, false)
	bad.AddInputs(0, []float32{float32(math.NaN()), 1})
	if _, err := bad.Factor(context.Background()); err == nil {
		t.Error("inputs that are not finite have second moments")
	}
}

// Moments of a scaled layer are those that its scaled weights and inputs have.
func TestScaled(t *testing.T) {
	const rows, cols = 3, 5
	x := correlated(13, 80, cols)
	m := measured(t, x, rows, cols, true)
	by := &Scaling{Rows: []float64{2, 1, 0.5}, Columns: []float64{1, 2, 0.5, 1, 3}}
	got := m.Scaled(by)
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = v / float32(by.Columns[i%cols])
	}
	want := measured(t, y, rows, cols, true)
	for r, k := range by.Rows {
		for i := range cols {
			w := float64(want.Curvatures()[r*cols+i]) / (k * k)
			if c := float64(got.Curvatures()[r*cols+i]); math.Abs(c/w-1) > 0.1 { // damping is of the mean
				t.Errorf("curvature of weight %d in row %d is %v, want %v", i, r, c, w)
			}
		}
		if got.AbsMax()[r] != k*m.AbsMax()[r] || got.OutputCurvature()[r] != m.OutputCurvature()[r]/(k*k) {
			t.Errorf("row %d: curvature %v, largest magnitude %v", r, got.OutputCurvature()[r], got.AbsMax()[r])
		}
	}
}
