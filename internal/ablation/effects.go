package ablation

import (
	"math"
	"slices"
)

// Estimate is a mean over replicates with its standard error, infinite with fewer than
// two.
type Estimate struct {
	Mean, Err float64
	N         int
}

// estimate is the mean of values that differ at random.
func estimate(x []float64) Estimate {
	e := Estimate{N: len(x), Err: math.Inf(1)}
	for _, v := range x {
		e.Mean += v / float64(len(x))
	}
	if len(x) < 2 {
		return e
	}
	sum := 0.0
	for _, v := range x {
		sum += (v - e.Mean) * (v - e.Mean)
	}
	e.Err = math.Sqrt(sum / float64(len(x)-1) / float64(len(x)))
	return e
}

// beyond reports whether the mean is not 0, by Student's t at a level.
func (e Estimate) beyond(l significance) bool {
	return e.N > 1 && math.Abs(e.Mean) > l.student(e.N-1)*e.Err
}

// significance is a level of a test of both sides: the quantile of the normal
// distribution, and those of Student's t for 1 to 3 degrees of freedom.
type significance struct {
	normal float64
	few    [3]float64
}

// Each constant has up to four tests of the verdict, so that these are at 1 %.
// On one network three standard errors are asked for, at 0.27 %, since there are many networks.
var (
	onePercent  = significance{2.575829, [3]float64{63.657, 9.925, 5.841}}
	threeErrors = significance{networkNoise, [3]float64{235.80, 19.206, 9.219}}
)

// student is the quantile of Student's t, within 2 % from 4 degrees of freedom on
// (Abramowitz and Stegun 1964, 26.7.5).
func (l significance) student(dof int) float64 {
	if dof <= len(l.few) {
		return l.few[dof-1]
	}
	z, n := l.normal, float64(dof)
	return z + (z*z*z+z)/(4*n) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*n*n) + (3*math.Pow(z, 7)+19*math.Pow(z, 5)+17*z*z*z-15*z)/(384*n*n*n)
}

// Effects returns the main effect of each factor: the mean response of the rows that
// have it high less that of the rows that have it low. Rows without a response are
// left out; a factor without a row at either level has NaN.
func Effects(rows [][]int, y []float64, there []bool) []float64 {
	if len(rows) == 0 {
		return nil
	}
	effects := make([]float64, len(rows[0]))
	for j := range effects {
		var sum, n [2]float64
		for i, row := range rows {
			if there[i] {
				sum[(row[j]+1)/2] += y[i]
				n[(row[j]+1)/2]++
			}
		}
		effects[j] = sum[1]/n[1] - sum[0]/n[0]
	}
	return effects
}

// PSE is Lenth's pseudo standard error of effects of which most are none:
//
//	s0  = 1.5 median |e|
//	PSE = 1.5 median { |e| : |e| < 2.5 s0 }
func PSE(effects []float64) float64 {
	var size []float64
	for _, e := range effects {
		if !math.IsNaN(e) {
			size = append(size, math.Abs(e))
		}
	}
	s0 := 1.5 * median(size)
	size = slices.DeleteFunc(size, func(v float64) bool { return v >= 2.5*s0 })
	return 1.5 * median(size)
}

// median is NaN without values. It sorts them.
func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// networkNoise is how many pseudo standard errors of one network an effect there has to
// have to be followed: 2 of 1000 effects without any do.
const networkNoise = 3

// Screened is what the design says of one constant.
type Screened struct {
	Effects map[Response]Estimate // from low to high, over replicates
	Alone   []string              // the networks in which it is beyond their own noise
	Follows bool                  // it is halved and doubled by itself
	Rank    float64               // the largest effect in units of its noise, to follow the strongest first
}

// Screening analyses the runs of the design's rows, by the name of each constant.
// Replicates of one seed are what the rows were measured on.
func (p *Plan) Screening(r *Results) map[string]Screened {
	found := map[string]Screened{}
	for _, what := range Responses {
		columns := make([]column, len(p.Names))
		for _, at := range r.Replicates(p.base.ID) {
			if at.Seed == 0 {
				p.addEffects(columns, r, what, at)
			}
		}
		for j, name := range p.Names {
			s := found[name]
			if s.Effects == nil {
				s.Effects = map[Response]Estimate{}
			}
			s.add(what, columns[j])
			found[name] = s
		}
	}
	return found
}

// column collects the effects of one constant on one response.
type column struct {
	effects []float64 // of each replicate
	noise   []float64 // pseudo standard error of each
	alone   []string  // networks in which it is beyond their own noise
	most    float64   // effect in units of a network's noise
}

// addEffects adds those of one replicate, if all rows, or those of the half or the quarter,
// were measured: of other rows, columns are neither balanced nor orthogonal.
func (p *Plan) addEffects(columns []column, r *Results, what Response, at Replicate) {
	y, there := make([]float64, len(p.Rows)), make([]bool, len(p.Rows))
	for i, row := range p.Rows {
		y[i], there[i] = r.Respond(what, row.ID, p.base.ID, at)
	}
	if complete(there, p.Design.Part) == 0 {
		return
	}
	effects := Unmixed(p.Design.Rows, y, there)
	noise := PSE(effects)
	for j, e := range effects {
		if math.IsNaN(e) {
			continue
		}
		c := &columns[j]
		c.effects, c.noise = append(c.effects, e), append(c.noise, noise)
		if z := math.Abs(e) / noise; noise > 0 && z > networkNoise {
			c.alone = append(c.alone, at.Network)
			c.most = math.Max(c.most, z)
		}
	}
}

// complete returns the largest part of the rows that is there, 1, 2 for the half or 4 for the
// quarter, leaving the other rows out, or 0.
func complete(there []bool, part []int) int {
	for _, d := range []int{1, 2, 4} {
		all := true
		for i, p := range part {
			all = all && (there[i] || p < d)
		}
		if !all {
			continue
		}
		for i, p := range part {
			there[i] = there[i] && p >= d
		}
		return d
	}
	return 0
}

// pooled is the mean of effects whose noise is known. The spread over a few networks says
// little: of a hundred constants some have hardly any.
func pooled(effects, noise []float64) Estimate {
	e := Estimate{N: len(effects)}
	sum := 0.0
	for i, v := range effects {
		e.Mean += v / float64(len(effects))
		sum += noise[i] * noise[i]
	}
	e.Err = math.Sqrt(sum) / float64(max(len(effects), 1))
	return e
}

// add takes in the effects on one response.
func (s *Screened) add(what Response, c column) {
	e := pooled(c.effects, c.noise)
	s.Effects[what] = e
	if !slices.Contains(decisive, what) {
		return
	}
	for _, name := range c.alone {
		if !slices.Contains(s.Alone, name) {
			s.Alone = append(s.Alone, name)
		}
	}
	s.Rank = math.Max(s.Rank, c.most)
	if z := math.Abs(e.Mean) / e.Err; e.N > 1 && z > networkNoise {
		s.Follows = true
		s.Rank = math.Max(s.Rank, z)
	}
	s.Follows = s.Follows || len(c.alone) > 0
}
