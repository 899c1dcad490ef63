package ablation

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Columns are balanced and orthogonal; those of the half are balanced and nearly so.
func TestDesign(t *testing.T) {
	const nearly = 0.5 // largest correlation of two columns of the half
	for _, k := range []int{1, 3, 10, 30, 111, 121} {
		d, err := Screen(k, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := len(d.Rows)
		for a := range k {
			for b := a; b < k; b++ {
				all, half, sum, halfSum := 0, 0, 0, 0
				for i, row := range d.Rows {
					all += row[a] * row[b]
					sum += row[a]
					if d.Part[i] > 1 {
						half += row[a] * row[b]
						halfSum += row[a]
					}
				}
				if sum != 0 || halfSum != 0 {
					t.Fatalf("%d factors: column %d is not balanced", k, a)
				}
				if a == b && (all != n || half != n/2) || a != b && all != 0 {
					t.Fatalf("%d factors: columns %d and %d have a product of %d and, in half of the rows, %d", k, a, b, all, half)
				}
				if n > 20 && a != b && math.Abs(float64(half)) > nearly*float64(n)/2 {
					t.Errorf("%d factors: columns %d and %d of the half have a product of %d in %d rows", k, a, b, half, n/2)
				}
			}
		}
	}
	if _, err := Screen(0, 1); err == nil {
		t.Error("a design without factors")
	}
}

// The columns of the quarter are nearly balanced, and few of them are alike.
func TestQuarter(t *testing.T) {
	const k, quarter = 121, 32
	const balance, alike, usual = 0.2, 0.75, 0.2 // largest mean; largest and mean correlation, without a sign
	d, err := Screen(k, 1)
	if err != nil {
		t.Fatal(err)
	}
	rows := slices.DeleteFunc(slices.Clone(d.Rows), func(row []int) bool {
		return d.Part[slices.IndexFunc(d.Rows, func(r []int) bool { return &r[0] == &row[0] })] < 4
	})
	if len(rows) != quarter {
		t.Fatalf("%d rows", len(rows))
	}
	most, sum := 0.0, 0.0
	for a := range k {
		for b := a; b < k; b++ {
			mean, product := 0.0, 0.0
			for _, row := range rows {
				mean += float64(row[a]) / quarter
				product += float64(row[a]*row[b]) / quarter
			}
			if math.Abs(mean) > balance {
				t.Fatalf("column %d has a mean of %v", a, mean)
			}
			if a != b {
				most, sum = max(most, math.Abs(product)), sum+math.Abs(product)
			}
		}
	}
	t.Logf("correlation %.2f at most, %.3f on average", most, sum/(k*(k-1)/2))
	if most > alike || sum/(k*(k-1)/2) > usual {
		t.Errorf("correlation %.2f at most, %.3f on average", most, sum/(k*(k-1)/2))
	}
}

// Effects of a linear function are twice its coefficients, whatever the number of
// factors, and the few that are none of noise stand out of it.
func TestEffectsOfALinearFunction(t *testing.T) {
	const k, sd = 100, 0.01
	d, err := Screen(k, 1)
	if err != nil {
		t.Fatal(err)
	}
	coefficients := map[int]float64{3: 0.1, 40: -0.05, 99: 0.2}
	rng := rand.New(rand.NewPCG(1, 1))
	y, there := make([]float64, len(d.Rows)), make([]bool, len(d.Rows))
	exact := slices.Clone(y)
	for i, row := range d.Rows {
		there[i] = true
		for j, c := range coefficients {
			exact[i] += c * float64(row[j])
		}
		y[i] = 5 + exact[i] + sd*rng.NormFloat64()
	}
	for j, e := range Effects(d.Rows, exact, there) {
		if math.Abs(e-2*coefficients[j]) > 1e-12 {
			t.Errorf("factor %d: effect %v, want %v", j, e, 2*coefficients[j])
		}
	}
	effects := Effects(d.Rows, y, there)
	noise, want := PSE(slices.Clone(effects)), 2*sd/math.Sqrt(float64(len(d.Rows)))
	if noise < want/1.5 || noise > want*1.5 {
		t.Errorf("noise %v, want about %v", noise, want)
	}
	for j, e := range effects {
		if beyond := math.Abs(e) > 4*noise; beyond != (coefficients[j] != 0) {
			t.Errorf("factor %d: effect %v, noise %v", j, e, noise)
		}
	}
	there[0] = false
	if e := Effects(d.Rows[:1], y[:1], there[:1]); !math.IsNaN(e[0]) {
		t.Errorf("an effect of no rows: %v", e[0])
	}
}

// Rows are analysed when all are there, or the half, or the quarter.
func TestComplete(t *testing.T) {
	part := []int{4, 1, 2, 1, 4, 2}
	for _, c := range []struct {
		there, left []bool
		part        int
	}{
		{[]bool{true, true, true, true, true, true}, []bool{true, true, true, true, true, true}, 1},
		{[]bool{true, true, true, false, true, true}, []bool{true, false, true, false, true, true}, 2},
		{[]bool{true, true, false, true, true, true}, []bool{true, false, false, false, true, false}, 4},
		{[]bool{true, true, true, true, false, true}, nil, 0},
	} {
		there := slices.Clone(c.there)
		if got := complete(there, part); got != c.part || got > 0 && !slices.Equal(there, c.left) {
			t.Errorf("%v: part %d, %v", c.there, got, there)
		}
	}
}

func TestStudent(t *testing.T) {
	for dof, want := range map[int]float64{1: 63.657, 2: 9.925, 3: 5.841, 6: 3.707, 13: 3.012, 30: 2.750} {
		if got := onePercent.student(dof); math.Abs(got/want-1) > 0.01 {
			t.Errorf("%d degrees of freedom: %v, want %v", dof, got, want)
		}
	}
	for dof, want := range map[int]float64{1: 63.657, 2: 9.925, 3: 5.841, 6: 3.707, 13: 3.012, 30: 2.750} {
		if got := onePercent.student(dof); math.Abs(got/want-1) > 0.02 {
			t.Errorf("%d degrees of freedom at 1 %%: %v, want %v", dof, got, want)
		}
	}
	if e := estimate([]float64{1, 2, 3}); e.Mean != 2 || math.Abs(e.Err-1/math.Sqrt(3)) > 1e-12 || e.beyond(onePercent) {
		t.Errorf("%+v", e)
	}
}

// Noise between seeds does not count what values or seeds do as a whole.
func TestInteraction(t *testing.T) {
	if sd := interaction([][]float64{{1, 3}, {11, 13}, {5, 7}}); math.Abs(sd) > 1e-12 {
		t.Errorf("rows and columns alone: %v", sd)
	}
	const sd, within = 0.1, 0.05
	rng := rand.New(rand.NewPCG(1, 2))
	var table [][]float64
	for v := range 500 {
		table = append(table, []float64{float64(v) + sd*rng.NormFloat64(), float64(v) + 7 + sd*rng.NormFloat64(), float64(v) - 2 + sd*rng.NormFloat64()})
	}
	if got := interaction(table); math.Abs(got/sd-1) > within {
		t.Errorf("%v, want %v", got, sd)
	}
}
