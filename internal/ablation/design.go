package ablation

import (
	"fmt"
	"math/rand/v2"
)

// Design is a two-level design: Rows[i][j] is +1 where row i has factor j at its high
// level, and -1 where it has the low one.
type Design struct {
	Rows [][]int
	Part []int // of each row: 4 in the supersaturated quarter, 2 in the rest of the half, 1 elsewhere
}

// Screen returns a Plackett-Burman design of k factors: columns are balanced and
// orthogonal, so that each main effect is estimated from all rows, whatever the
// others do. It has the least number of rows, a prime plus 1 and a multiple of 4, that
// is larger than k + 2. Its resolution is III: an effect is mixed with the interactions of
// pairs of other factors.
//
// Two more columns, which no factor has, mark half of the rows, and half of these. Both
// parts are supersaturated, with fewer rows than factors. In the half, columns are balanced,
// and nearly orthogonal (Lin 1993, section 2); in the quarter they are nearly balanced, and
// effects of different factors are mixed up to the correlation of their columns.
// The signs of columns are drawn at random from seed; otherwise one row would have
// every factor high.
func Screen(k int, seed uint64) (Design, error) {
	if k < 1 {
		return Design{}, fmt.Errorf("ablation: no constant to vary")
	}
	n := 4
	for n < k+3 || !prime(n-1) {
		n += 4
	}
	m := paley(n)
	rng := rand.New(rand.NewPCG(seed, 0xab1a7e))
	sign := make([]int, n)
	for j := range sign {
		sign[j] = 2*rng.IntN(2) - 1
	}
	d := Design{Rows: make([][]int, n), Part: make([]int, n)}
	for i, row := range m {
		d.Rows[i] = make([]int, k)
		for j := range k {
			d.Rows[i][j] = sign[j] * row[j+1] // column 0 is all ones
		}
		switch {
		case row[n-1] < 0:
			d.Part[i] = 1
		case row[n-2] < 0:
			d.Part[i] = 2
		default:
			d.Part[i] = 4
		}
	}
	return d, nil
}

// paley returns a Hadamard matrix of n rows, n - 1 a prime with remainder 3 by 4,
// whose first row and column are all ones (Paley 1933, construction I).
func paley(n int) [][]int {
	q := n - 1
	chi := make([]int, q) // 0, or whether a number is a square
	for i := range chi {
		chi[i] = -1
	}
	chi[0] = 0
	for i := 1; i < q; i++ {
		chi[i*i%q] = 1
	}
	m := make([][]int, n)
	for i := range m {
		m[i] = make([]int, n)
		for j := range m[i] {
			switch {
			case i == 0 || j == 0:
				m[i][j] = 1
			case i == j:
				m[i][j] = -1
			default:
				m[i][j] = -chi[(j-i+q)%q]
			}
		}
	}
	return m
}

func prime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}
