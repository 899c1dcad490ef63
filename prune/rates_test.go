package prune

import (
	"fmt"
	"math"
	"testing"
)

// Large masks are compared with the formula: few of the counts that it uses change when the
// element itself is left out.
func TestRates(t *testing.T) {
	const tol = 0.25 // bits
	r := newRand(2)
	for _, shape := range [][2]int{{200, 150}, {40 * 30, 25}, {64, 80}} {
		rows, cols := shape[0], shape[1]
		mask := make([]float32, rows*cols)
		row, col, total := make([]float64, rows), make([]float64, cols), 0.0
		for i := range mask {
			if r.Float64() < 0.1+0.8*float64(i/cols)/float64(rows)*float64(i%cols+1)/float64(cols) {
				mask[i] = 1
				row[i/cols]++
				col[i%cols]++
				total++
			}
		}
		for i, got := range Rates(mask, rows, cols, Coding{}) {
			if row[i/cols] < 8 || col[i%cols] < 8 {
				continue
			}
			q := math.Max(0.003, math.Min(0.9, row[i/cols]*col[i%cols]/total))
			near(t, fmt.Sprintf("rate of element %d of %v", i, shape), float64(got), math.Max(1, 2.5+math.Log2((1-q)/q)), tol)
		}
	}
}

func TestRateOfLoneWeights(t *testing.T) {
	mask := make([]float32, 200*500)
	for i := range 500 {
		mask[i] = 1 // one full row
	}
	mask[70*500+9] = 1
	sparse := Coding{MinDensity: SparseDensity}
	near(t, "usual rate of a lone weight", float64(Rates(mask, 200, 500, Coding{})[70*500+9]), 2.5+math.Log2(0.997/0.003), 1e-5)
	q := 0.5 * 1.6 / 501
	near(t, "sparse rate of a lone weight", float64(Rates(mask, 200, 500, sparse)[70*500+9]), 2.5+math.Log2((1-q)/q), 1e-5)
	near(t, "sparse rate of an empty place", float64(Rates(mask, 200, 500, sparse)[90*500+9]), 2.5+math.Log2(1/(0.1*1.6/501)-1), 1e-5)
	if got := Rates([]float32{1}, 1, 1, Coding{}); len(got) != 1 || !(got[0] >= 1) {
		t.Errorf("a scalar costs %v", got)
	}
	if got := UniformRates(2, BiasRate); len(got) != 2 || got[0] != 5 || got[1] != 5 {
		t.Errorf("biases cost %v", got)
	}
}

// With uses, each rate is a multiple.
func TestRatesByUses(t *testing.T) {
	mask := []float32{1, 0, 0, 1, 1, 0}
	once, often := Rates(mask, 2, 3, Coding{}), Rates(mask, 2, 3, Coding{Uses: 12})
	for i := range once {
		if often[i] != 12*once[i] {
			t.Errorf("element %d costs %v, %v without uses", i, often[i], once[i])
		}
	}
}

// A pixel costs what the mean of the pixels around it says, within its channel.
func TestRatesOfImages(t *testing.T) {
	image := [3]int{2, 3, 4}
	const size = 24
	mask := make([]float32, 10*size)
	for r := range 10 {
		mask[r*size+5] = 1 // channel 0, row 1, column 1
		mask[r*size+23] = float32(r % 2)
	}
	n := make([]float64, size)
	n[5], n[23] = 9, 4
	smooth(n, image)
	want := []float64{
		2.25, 1.5, 1.5, 0, 1.5, 1, 1, 0, 2.25, 1.5, 1.5, 0,
		0, 0, 0, 0, 0, 0, 4. / 9, 4. / 6, 0, 0, 4. / 6, 1,
	}
	for i, v := range want {
		if math.Abs(n[i]-v) > 1e-9 {
			t.Errorf("element %d of %v is %v, want %v", i, image, n[i], v)
		}
	}
	sharp, near := Rates(mask, 10, size, Coding{}), Rates(mask, 10, size, Coding{Image: image})
	if !(near[6] < sharp[6]) || near[3] != sharp[3] {
		t.Errorf("beside a column of weights %v bits, %v without neighbours; far away %v and %v", near[6], sharp[6], near[3], sharp[3])
	}
}
