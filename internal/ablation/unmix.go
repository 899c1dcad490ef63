package ablation

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Unmixed returns the main effects as Effects does, of a part of a design in which columns are
// correlated: there the effect of one factor appears in those of others. Factors enter a
// linear model one after another, by forward selection (Lin 1993, section 4): that with the
// largest effect on what the model leaves over, as long as it is more than networkNoise pseudo
// standard errors, and at most one for every four rows. Effects of factors in the model are
// those of the model, fitted by least squares; those of the others are on what it leaves
// over. In orthogonal columns both are those of Effects.
func Unmixed(rows [][]int, y []float64, there []bool) []float64 {
	left := append([]float64(nil), y...)
	n := 0
	for _, ok := range there {
		if ok {
			n++
		}
	}
	var model []int
	in := map[int]bool{}
	fitted := map[int]float64{}
	for {
		effects := Effects(rows, left, there)
		next, most := -1, networkNoise*PSE(effects)
		for j, e := range effects {
			if !in[j] && math.Abs(e) > most {
				next, most = j, math.Abs(e)
			}
		}
		if next >= 0 && len(model) < n/4 {
			if coefficients, ok := leastSquares(rows, y, there, append(model, next)); ok {
				model = append(model, next)
				in[next] = true
				for k, j := range model {
					fitted[j] = coefficients[k+1]
				}
				copy(left, y)
				for i, row := range rows {
					left[i] -= coefficients[0]
					for k, j := range model {
						left[i] -= coefficients[k+1] * float64(row[j])
					}
				}
				continue
			}
		}
		for j, c := range fitted {
			effects[j] = 2 * c // from low, -1, to high, +1
		}
		return effects
	}
}

// leastSquares fits y by a constant and the given columns, in this order; ok is false where
// they are not independent.
func leastSquares(rows [][]int, y []float64, there []bool, columns []int) (coefficients []float64, ok bool) {
	var x, b []float64
	for i, row := range rows {
		if !there[i] {
			continue
		}
		x = append(x, 1)
		for _, j := range columns {
			x = append(x, float64(row[j]))
		}
		b = append(b, y[i])
	}
	var fit mat.VecDense
	if err := fit.SolveVec(mat.NewDense(len(b), len(columns)+1, x), mat.NewVecDense(len(b), b)); err != nil {
		return nil, false
	}
	return fit.RawVector().Data, true
}
