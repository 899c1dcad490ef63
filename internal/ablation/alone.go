package ablation

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Change is what one value of one constant does on one network: the mean response over
// seeds with the least and the most.
type Change struct {
	Mean, Least, Most float64
	N                 int // seeds
}

// Changes returns what values do to a response, by network.
func (p *Plan) Changes(r *Results, id string, what Response) map[string]Change {
	of := map[string][]float64{}
	for _, at := range r.Replicates(p.base.ID) {
		if y, ok := r.Respond(what, id, p.base.ID, at); ok {
			of[at.Network] = append(of[at.Network], y)
		}
	}
	changes := map[string]Change{}
	for network, y := range of {
		changes[network] = Change{estimate(y).Mean, slices.Min(y), slices.Max(y), len(y)}
	}
	return changes
}

// seedNoise is the standard deviation of a response that is left when the means of
// values and of seeds are taken off, by network: the interaction of a two-way layout,
//
//	r[v][s] = y[v][s] - mean over s - mean over v + mean over both
//
// with (values - 1) (seeds - 1) degrees of freedom. The noise of the base, which all
// values share, is in the mean of a seed. A network with fewer than two values or seeds
// has none.
func (p *Plan) seedNoise(r *Results, what Response) map[string]deviation {
	seeds := map[string][]Replicate{}
	for _, at := range r.Replicates(p.base.ID) {
		seeds[at.Network] = append(seeds[at.Network], at)
	}
	noise := map[string]deviation{}
	for network, on := range seeds {
		var table [][]float64
		for _, name := range p.Names {
			for _, v := range p.Alone(name) {
				if row := p.row(r, what, v.ID, on); len(row) == len(on) {
					table = append(table, row)
				}
			}
		}
		if len(table) > 1 && len(on) > 1 {
			noise[network] = deviation{interaction(table), (len(table) - 1) * (len(on) - 1)}
		}
	}
	return noise
}

// row is the response on those replicates that were measured.
func (p *Plan) row(r *Results, what Response, id string, on []Replicate) (row []float64) {
	for _, at := range on {
		if y, ok := r.Respond(what, id, p.base.ID, at); ok {
			row = append(row, y)
		}
	}
	return row
}

// interaction is the standard deviation of y[v][s] without the means of rows and
// columns.
func interaction(y [][]float64) float64 {
	rows, columns := len(y), len(y[0])
	column, sum := make([]float64, columns), 0.0
	for _, row := range y {
		mean := estimate(row).Mean
		for s, v := range row {
			column[s] += (v - mean) / float64(rows)
		}
	}
	for _, row := range y {
		mean := estimate(row).Mean
		for s, v := range row {
			sum += (v - mean - column[s]) * (v - mean - column[s])
		}
	}
	return math.Sqrt(sum / float64((rows-1)*(columns-1)))
}

// deviation is a standard deviation with its degrees of freedom.
type deviation struct {
	sd  float64
	dof int
}

// Noise is the standard deviation between seeds, by response and network.
type Noise map[Response]map[string]deviation

// SeedNoise measures it.
func (p *Plan) SeedNoise(r *Results) Noise {
	n := Noise{}
	for _, what := range decisive {
		n[what] = p.seedNoise(r, what)
	}
	return n
}

// decisive are the responses that say what a constant is worth. More work is no merit.
var decisive = []Response{SizeAtDrop, ErrorAtSize}

// Verdict says what a constant was seen to do.
func (p *Plan) Verdict(r *Results, name string, screened Screened, noise Noise) string {
	var moves []string
	measured, same := false, true
	for _, v := range p.Alone(name) {
		equal, ok := r.Same(v.ID, p.base.ID, r.Replicates(p.base.ID))
		measured, same = measured || ok, same && equal
		for _, what := range decisive {
			moves = append(moves, p.moved(r, v.ID, what, noise[what])...)
		}
	}
	slices.Sort(moves)
	moves = slices.Compact(moves)
	switch {
	case measured && same:
		return "the same files: moves nothing" + p.only(r, name)
	case len(moves) > 0:
		return "moves " + strings.Join(moves, ", ")
	case measured:
		return "within noise: moves nothing" + p.only(r, name)
	case screened.Follows:
		return "beyond noise in the design; not yet by itself"
	case screened.Effects[SizeAtDrop].N > 0 || screened.Effects[ErrorAtSize].N > 0:
		return "within noise in the design"
	}
	return "not measured"
}

// only names the networks on which a constant was set low or high by itself, where these are
// not all.
func (p *Plan) only(r *Results, name string) string {
	var on []string
	for _, s := range r.Subjects {
		at := func(v Values) bool {
			return slices.ContainsFunc(r.Replicates(v.ID), func(a Replicate) bool { return a.Network == s.Name })
		}
		if slices.ContainsFunc(p.Alone(name), at) {
			on = append(on, s.Name)
		}
	}
	if len(on) == len(r.Subjects) {
		return ""
	}
	return " on " + strings.Join(on, ", ")
}

// moved names where a response is beyond noise: everywhere, by the spread over
// networks and seeds, or on one network, by the pooled spread over its seeds.
func (p *Plan) moved(r *Results, id string, what Response, noise map[string]deviation) []string {
	var all []float64
	for _, at := range r.Replicates(p.base.ID) {
		if y, ok := r.Respond(what, id, p.base.ID, at); ok {
			all = append(all, y)
		}
	}
	if estimate(all).beyond(onePercent) {
		return []string{string(what)}
	}
	var moves []string
	for network, c := range p.Changes(r, id, what) {
		if d := noise[network]; d.sd > 0 && c.N > 1 && math.Abs(c.Mean) > threeErrors.student(d.dof)*d.sd*math.Sqrt(2/float64(c.N)) {
			moves = append(moves, fmt.Sprintf("%s on %s", what, network))
		}
	}
	return moves
}
