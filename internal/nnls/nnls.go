// Package nnls solves linear least squares with non-negative unknowns.
package nnls

import "math"

// sweeps bounds the passes over the unknowns.
const sweeps = 20_000

// tolerance is the relative change of all unknowns at which they have converged.
const tolerance = 1e-10

// Solve returns x >= 0 that minimizes
//
//	sum_i (sum_j a[i][j] x[j] - b[i])^2 + sum_j shrink[j] (x[j] - prior[j])^2
//
// by coordinate descent on the normal equations, which converges for this convex problem (Franc,
// Hlavac and Navara 2005, "Sequential coordinate-wise algorithm for the non-negative least squares
// problem"). prior and shrink may be nil: no shrinking. Rows of a have equal lengths; an unknown
// that no row has keeps its prior, or is 0. Cost: rows times unknowns squared, and a few thousand
// passes over the unknowns squared.
func Solve(a [][]float64, b, prior, shrink []float64) []float64 {
	if len(a) == 0 {
		return append([]float64(nil), prior...)
	}
	n := len(a[0])
	h, g := normal(a, b, n)
	x := make([]float64, n)
	for j := range n {
		if prior != nil {
			x[j] = prior[j]
		}
		if shrink != nil {
			h[j][j] += shrink[j]
			g[j] += shrink[j] * x[j]
		}
	}
	for range sweeps {
		change, size := 0.0, 0.0
		for j := range n {
			if h[j][j] == 0 {
				continue
			}
			r := g[j]
			for k := range n {
				r -= h[j][k] * x[k]
			}
			next := math.Max(0, x[j]+r/h[j][j])
			scale := math.Sqrt(h[j][j])
			change, size = math.Max(change, math.Abs(next-x[j])*scale), math.Max(size, next*scale)
			x[j] = next
		}
		if change <= tolerance*size {
			break
		}
	}
	return x
}

// normal returns a^T a and a^T b.
func normal(a [][]float64, b []float64, n int) (h [][]float64, g []float64) {
	h, g = make([][]float64, n), make([]float64, n)
	for j := range n {
		h[j] = make([]float64, n)
		for i, row := range a {
			g[j] += row[j] * b[i]
			for k := range n {
				h[j][k] += row[j] * row[k]
			}
		}
	}
	return h, g
}
