package eval

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
)

// openFor opens a table for a network of so many outputs.
func openFor(t *testing.T, text string, outputs int) *dataset.Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{Classes: outputs})
	if err != nil {
		t.Fatal(err)
	}
	return sp.Train
}

// TestRegression compares R2 and the mean absolute error with the textbook.
func TestRegression(t *testing.T) {
	set := openFor(t, "a,y\n1,1.5\n2,2.5\n3,3.5\n4,8.5\n", 1) // mean 4, squares 6.25 + 2.25 + 0.25 + 20.25 = 29
	h, err := NewHoldout(context.Background(), linear(t, 1, 1, 2), Regression{}, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := h.Float() // 2, 4, 6, 8: off by 0.5, 1.5, 2.5, -0.5; squares 9
	near(t, "error", m.Error, 100*9.0/29, 1e-6)
	near(t, "R2", m.R2, 1-9.0/29, 1e-8)
	near(t, "mean absolute error", m.MAE, 5.0/4, 1e-6)
	near(t, "error of the mean target", h.Measure(tensor.Of([]float32{4, 4, 4, 4}, 4, 1)).Error, m.Chance, 1e-6)
	y := []float32{2, 10}
	Regression{}.Aim(y, nil, []float32{4, 20})
	if y[0] != 3 || y[1] != 15 {
		t.Errorf("aims at %v, want the mean of 2, 10 and 4, 20", y)
	}
}

// TestYesNo compares the balanced error and the AUC with counts of samples and pairs.
func TestYesNo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, probability := range []bool{false, true} {
		task := YesNo{Probability: probability}
		const n = 60
		set := openFor(t, "a,b,label\n0,0,0\n", 1)
		set = set.Subset(make([]int, n))
		out := tensor.New(n, 1)
		var count, wrong [2]float64
		for i := range n {
			set.Labels[i] = i % 3 / 2 // two of three are 0
			out.Data[i] = float32(r.IntN(7)-3+2*set.Labels[i]) / 4
			if probability {
				out.Data[i] = out.Data[i]/4 + 0.5
			}
			count[set.Labels[i]]++
			if (out.Data[i] > task.Threshold()) != (set.Labels[i] == 1) {
				wrong[set.Labels[i]]++
			}
		}
		above, pairs := 0.0, 0.0
		for i := range n {
			for j := range n {
				if set.Labels[i] == 1 && set.Labels[j] == 0 {
					pairs++
					switch {
					case out.Data[i] > out.Data[j]:
						above++
					case out.Data[i] == out.Data[j]:
						above += 0.5
					}
				}
			}
		}
		m := Unpaired(task, set, nil, 1).Measure(out)
		near(t, "balanced error", m.Error, 50*(wrong[0]/count[0]+wrong[1]/count[1]), 1e-9)
		near(t, "AUC", m.AUC, above/pairs, 1e-12)
		near(t, "error of always no", Unpaired(task, set, nil, 1).Measure(tensor.New(n, 1)).Error, m.Chance, 1e-9)
	}
}

// TestVectors: outputs of different sizes weigh alike; a network whose outputs never change has
// an error of 100, and the cosine is that of the angle.
func TestVectors(t *testing.T) {
	set := openCSV(t, "a,b\n1,3\n2,1\n3,2\n")
	g := identity(t, 2, 1)
	h, err := NewHoldout(context.Background(), g, Vectors{}, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "error of itself", h.Float().Error, 0, 0)
	near(t, "cosine with itself", h.Float().Cosine, 1, 1e-12)
	near(t, "error of the mean", h.Measure(tensor.Of([]float32{2, 2, 2, 2, 2, 2}, 3, 2)).Error, 100, 1e-6)
	near(t, "cosine of a right angle", h.Measure(tensor.Of([]float32{3, -1, 1, -2, 2, -3}, 3, 2)).Cosine, 0, 1e-9)

	r := Reference{Float: tensor.Of([]float32{1, 100, 300, 2, 300, 100, 3, 200, 200}, 3, 3), Heads: []int{1, 2}, Set: set}
	Vectors{}.Prepare(&r)
	loss := func(y ...float32) float64 { return Vectors{}.Score(&r, tensor.Of(y, 1, 3))[0] }
	small, large := loss(2, 100, 300), loss(1, 200, 300) // off by 1 of variance 2/3; by 100 in one of two elements of variance 20000/3
	near(t, "small output", small, 1/(2.0/3)/2, 1e-6)
	near(t, "large output", large, 10000/(20000.0/3)/2/2, 1e-6)
}

// TestVectorsOfTwoUnits: scores in an output that has boxes in pixels too count as much as these,
// also where an output of much larger numbers stands beside them.
func TestVectorsOfTwoUnits(t *testing.T) {
	r := Reference{Float: tensor.New(4, 9), Heads: []int{6, 3}, Shapes: []tensor.Shape{{2, 3}, {3}}}
	for i := range 4 { // a box and a score in each of two rows; then numbers of another output
		sign := float32(1 - i%2*2)
		copy(r.row(i), []float32{100 * sign, -200 * sign, 0.5 + 0.25*sign, 300 * sign, 100, 0.5 - 0.25*sign, 1e5 * sign, 1e5, 1e5 * sign})
	}
	Vectors{}.Prepare(&r)
	loss := func(k int, off float32) float64 {
		y := slices.Clone(r.row(0))
		y[k] += off
		return Vectors{}.Score(&r, tensor.Of(y, 1, 9))[0]
	}
	if k := r.Still(); k != -1 {
		t.Errorf("output %d is said to stand still", k)
	}
	still := Reference{Float: tensor.Of([]float32{1, 1000, 2, 1000.25}, 2, 2), Heads: []int{1, 1}}
	if k := still.Still(); k != 1 {
		t.Errorf("output %d stands still, want 1", k)
	}
	near(t, "a score", loss(2, 0.25), 1.0/2/3, 1e-6)
	near(t, "a box", loss(0, 100), 1e4/(14e4/4)/4/3, 1e-6)
	near(t, "the other output", loss(6, 1e5), 1e10/(2e10/3)/3/3, 1e-6)
	for _, dead := range []float32{1e-6, 0.02} { // an output that hardly ever is above 0 is no unit
		d := Reference{Float: tensor.New(4, 2), Heads: []int{2}, Shapes: []tensor.Shape{{2, 1}}}
		for i := range 4 {
			copy(d.row(i), []float32{float32(i), dead * float32(i%2)})
		}
		if got := len(d.units()); got != 1 {
			t.Errorf("%d units of numbers beside %v", got, dead)
		}
	}
}

// TestChance: the error of the best answer that does not look at the input, by every task.
func TestChance(t *testing.T) {
	set := openCSV(t, fourSamples) // labels 0, 1, 0, 2; classes of the identity 0, 1, 2, 2
	g := identity(t, 3, 1)
	for _, tt := range []struct {
		task Task
		want float64
	}{{Classification{}, 50}, {Agreement{}, 50}, {Vectors{}, 100}} {
		h, err := NewHoldout(context.Background(), g, tt.task, set, 1)
		if err != nil {
			t.Fatal(err)
		}
		near(t, tt.task.Name(), h.Float().Chance, tt.want, 1e-9)
	}
	// half of the input is off by a quarter of its square; the mean by its variance
	h, err := NewHoldout(context.Background(), identity(t, 3, 0.5), Reconstruction{}, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	columns := [][]float64{{5, 1, 1, 1}, {1, 5, 1, 2}, {1, 1, 5, 9}}
	variance, square := 0.0, 0.0
	for _, c := range columns {
		m, v := meanVariance(c)
		variance += v * 3 / 4
		square += v*3/4 + m*m
	}
	near(t, "reconstruction", h.Float().Chance, 100*variance/(square/4), 1e-4)
}

// TestCurveScaled: the products of draws have on average the second derivatives of the loss.
func TestCurveScaled(t *testing.T) {
	r := &Reference{Scale: []float64{0.5, 8}}
	rng := rand.New(rand.NewPCG(1, 2))
	dy := make([]float32, 2)
	cross := 0.0
	const n = 20_000
	for range n {
		Regression{}.Curve(r, dy, nil, rng)
		for i, v := range dy {
			near(t, "second derivative", float64(v)*float64(v), 2/(2*r.Scale[i]), 1e-6)
		}
		cross += float64(dy[0]*dy[1]) / n
	}
	near(t, "product of two", cross, 0, 0.03)
	sum, slope := 0.0, 0.0
	const p = 0.8
	logit := []float32{float32(math.Log(p / (1 - p)))}
	for range n {
		YesNo{}.Curve(nil, dy[:1], logit, rng)
		slope += float64(dy[0]) / n
		sum += float64(dy[0]) * float64(dy[0]) / n
	}
	near(t, "mean gradient of a logit", slope, 0, 0.015)
	near(t, "its square", sum, p*(1-p), 0.01)
}

// Target values that never change leave nothing to explain.
func TestRegressionRefusesConstants(t *testing.T) {
	set := openFor(t, "a,y\n1,1.5\n2,1.5\n3,1.5\n", 1)
	if _, err := Choose(context.Background(), Subject{Graph: linear(t, 1, 1, 2), Set: set, Threads: 1}); err == nil || !strings.Contains(err.Error(), "same target values") {
		t.Errorf("error %v", err)
	}
}
