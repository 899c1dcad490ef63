package edgec

import (
	"time"

	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/train"
)

// shot is a network that was pruned in one go, with its learning rate gone to
// zero: what files are made from.
type shot struct {
	net    *graph.Graph
	keep   int     // weights that were asked for, or that a limit has led to
	drop   float64 // held out
	margin float64 // of drop; see Point.Margin
}

// goal is what a shot is pruned to: a number of weights, corrected on the way to that
// whose file, with values of so many bits, has this cost (bytes, where a size alone is
// asked for), unless cost is 0.
type goal struct {
	keep, cost int
	bits       float64
}

// training is how long a shot or a file is trained, in samples, as far as work goes; see
// steps.
type training struct {
	samples int
	work    float64
}

// Shots that hunt for the number of weights, the last one, and files, in which training
// repairs little.
var (
	huntTraining = training{shotSamples, stageWork}
	lastTraining = training{2 * shotSamples, 2 * stageWork}
	tuneTraining = training{tuneSamples, stageWork / 2}
)

// Of a shot's training, the fraction after which the masks stay, and that after
// which the learning rate falls, to shotFloor of what it was.
const (
	shotSettle = 0.65
	shotHold   = 0.55
	shotFloor  = 0.003
)

// A shot at limits learns sizeRate times as fast as others: a very sparse network bears
// more. Of such a shot, sizeRamp is the fraction after which the thresholds have arrived,
// earlier than in others: most of the time goes to the sparse network. sizeParts are the
// fractions at which channels that pruning has emptied are removed, so that they cost no
// more time, and, up to shotSettle, the cost is measured and the number of weights corrected.
const (
	sizeRate = 1.5
	sizeRamp = 0.4
)

var sizeParts = []float64{0.2, 0.3, sizeRamp, 0.47, 0.54, 0.6, 0.63, shotSettle, 1}

// shoot prunes to to.keep weights in one go, or to as many as make a file of to.cost.
// The rounds that find the limit halve the network again and again at a high learning
// rate, and each chooses among what the ones before have left; one long round from a
// dense state chooses among all.
func (s *search) shoot(to goal, long training) (*shot, error) {
	since := time.Now()
	from := s.origin(to.keep)
	g, gains := from.net.Clone(), from.gains
	batch := fitBatch(g, tuneBatch)
	r := passes.GradualPruning{Keep: to.keep, Start: passes.Kept(passes.NewLayers(g)), Steps: s.steps(g, long.samples, batch, long.work), Freeze: shotSettle, Graph: g}
	rate, parts := s.rate, []float64{1}
	if to.cost > 0 {
		rate, r.Ramp, parts = sizeRate*s.rate, sizeRamp, sizeParts
	}
	r.Rate = func(done float64) float64 { return rate * train.Cosine(done, shotHold, shotFloor) }
	var moves passes.Moves
	step := 0
	for _, end := range parts {
		next := int(end * float64(r.Steps))
		m, err := staged(s, "shot", g, func() (m passes.Moves, err error) {
			t, err := s.trainer(g, batch, 0, step)
			if err != nil {
				return m, err
			}
			ls := passes.NewLayers(g)
			passes.SetGains(ls, gains)
			if to.cost > 0 {
				passes.SparseRates(ls, g)
				if s.recipe.MaxLatency > 0 {
					passes.MACRates(ls, g)
				}
			}
			return s.thin("shot", r, step, next, t, ls, batch)
		})
		if err != nil {
			return nil, err
		}
		moves.Add(m)
		step = next
		if err := removeDead(g); err != nil {
			return nil, err
		}
		if to.cost > 0 && end < shotSettle {
			cost, err := s.cost(g, to.bits)
			if err != nil {
				return nil, err
			}
			r.Keep = s.steady(r.Keep, max(fewest, int(float64(kept(g))*float64(to.cost)/cost)))
		}
	}
	type result struct{ Drop, Error float64 }
	res, err := staged(s, "judge", nil, func() (r result, err error) {
		r.Drop, r.Error, err = s.judge.graphDrop(g, s.judge.set.Len())
		return r, err
	})
	if err != nil {
		return nil, err
	}
	sh := &shot{net: g, keep: r.Keep, drop: res.Drop, margin: res.Error + s.memory}
	s.stage("shot", g, sh.drop, true, moved(moves), since)
	return sh, nil
}

// thinning is how many times sparser than its origin a shot is that has less
// training than it takes to thin out the densest state.
const thinning = 4

// origin returns the state that a shot at keep weights starts from. That is the densest
// state of the narrowest network that has as many, or, where the work of a stage does not
// suffice for that, the sparsest with thinning times as many.
func (s *search) origin(keep int) *checkpoint {
	i := s.narrowest
	for i > 0 && s.saved[i].kept < keep {
		i--
	}
	from := s.saved[i]
	if shotSamples*float64(macs(from.net)) <= stageWork {
		return from
	}
	for _, c := range s.saved[i:] {
		if float64(c.kept) >= thinning*float64(keep) {
			from = c
		}
	}
	return from
}
