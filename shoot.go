package edgec

import (
	"math"
	"time"

	"edgec/internal/graph"
	"edgec/internal/train"
	"edgec/prune"
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
// whose file has this cost (bytes, where a size alone is asked for), unless cost is 0.
type goal struct{ keep, cost int }

// training is how long a shot is trained, in samples, as far as work goes; see steps.
type training struct {
	samples int
	work    float64
}

// Shots that hunt for the number of weights, and the last one.
var (
	huntTraining = training{shotSamples, stageWork}
	lastTraining = training{2 * shotSamples, 2 * stageWork}
)

// Of a shot's training, the fraction after which the masks stay, and that after
// which the learning rate falls, to shotFloor of what it was.
const (
	shotSettle = 0.65
	shotHold   = 0.55
	shotFloor  = 0.003
)

// Of a shot at a size or a time, sizeRamp is the fraction after which the thresholds have arrived,
// earlier than in others: most of the time goes to the sparse network. sizeParts are the
// fractions at which channels that pruning has emptied are removed, so that they cost no
// more time, and, up to shotSettle, the cost is measured and the number of weights corrected.
const sizeRamp = 0.4

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
	r := prune.Round{Keep: to.keep, Start: prune.Kept(prune.NewLayers(g)), Steps: s.steps(g, long.samples, batch, long.work), Settle: shotSettle, Graph: g,
		Rate: func(done float64) float64 { return s.rate * train.Cosine(done, shotHold, shotFloor) }}
	parts := []float64{1}
	if to.cost > 0 {
		r.Ramp, parts = sizeRamp, sizeParts
	}
	var moves prune.Moves
	step := 0
	for _, end := range parts {
		next := int(end * float64(r.Steps))
		m, err := staged(s, "shot", g, func() (m prune.Moves, err error) {
			t, err := s.trainer(g, batch, 0, step)
			if err != nil {
				return m, err
			}
			ls := prune.NewLayers(g)
			prune.SetGains(ls, gains)
			if to.cost > 0 {
				prune.PriceSparse(ls, g)
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
			cost, err := s.cost(g)
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

// fill is how full of the largest size a file should be, and fullEnough how full will do.
const (
	fill       = 0.985
	fullEnough = 0.97
)

// A value may have up to changeBits more or fewer than firstBits to make a file fit, and
// where all weights are kept up to mostBits.
const (
	changeBits = 0.5
	mostBits   = 7.0
)

// finishSize makes files when only a size or a time is asked for. When none fits, as where many
// weights have the same score, and go or stay together, the sparsest state is shot at.
func (s *search) finishSize() error {
	if err := s.fillSize(); err != nil || s.met() {
		return err
	}
	sh, err := s.shoot(goal{keep: s.saved[len(s.saved)-1].kept}, huntTraining)
	if err != nil {
		return err
	}
	_, err = s.finish(sh, firstBits)
	return err
}

// fillSize shoots at the size or the time, with long training. A file that is somewhat
// too large or too small is made again with values in fewer bits or more; after one that
// is further off, another shot corrects by it, unless that has led to as many weights again.
func (s *search) fillSize() error {
	keep, err := s.fitting()
	if err != nil {
		return err
	}
	most, full := float64(s.recipe.limit()), fullEnough
	if s.recipe.MaxLatency > 0 {
		full = timeFull
	}
	cost := func(p Point) float64 { return s.recipe.cost(p.Size, p.Latency) }
	fits := func(p Point) bool { return s.recipe.within(p.Size, p.Latency) && cost(p) >= full*most }
	long := lastTraining
	if s.recipe.Budget > 0 {
		long = huntTraining // better a shorter one than none
	}
	to, last := goal{keep, int(fill * most)}, 0
	for range 3 {
		sh, err := s.shoot(to, long)
		if err != nil {
			return err
		}
		p, err := s.finish(sh, firstBits)
		if err != nil {
			return err
		}
		all := kept(sh.net) >= s.saved[0].kept
		if fits(p) || all && s.recipe.MaxLatency > 0 && s.recipe.within(p.Size, p.Latency) {
			return s.spend(sh, p)
		}
		more := sizeBits(fill*most, p)
		room := more > 0 && all // for larger values, not for more of them
		if cost(p) == float64(p.Size) && (room || math.Abs(more) <= changeBits) {
			q, err := s.finish(sh, math.Min(firstBits+more, mostBits))
			if err != nil || fits(q) || room {
				return err
			}
		}
		if p.Kept == last {
			return nil
		}
		last = p.Kept
		to = goal{sh.keep, int(float64(to.cost) * fill * most / cost(p))}
	}
	return nil
}

// sizeBits is by how many bits a value may be larger for file p to have so many bytes.
func sizeBits(bytes float64, p Point) float64 {
	return 8 * (bytes - float64(p.Size)) / math.Max(float64(p.Kept), 1)
}

// fitting returns the number of weights whose file should just fit.
func (s *search) fitting() (keep int, err error) {
	dense, sparse := s.saved[0], s.saved[0]
	var large, small float64 // their estimated costs
	for i, c := range s.saved {
		cost, err := s.cost(c.net)
		if err != nil {
			return 0, err
		}
		dense, sparse, large, small = sparse, c, small, cost
		if cost <= float64(s.recipe.limit()) || i == len(s.saved)-1 {
			break
		}
	}
	if dense == sparse || small >= large {
		return sparse.kept, nil
	}
	// sizes and times grow as a power of the number of weights between two near states
	u := math.Log(float64(s.recipe.limit())/small) / math.Log(large/small)
	u = math.Max(0, math.Min(1, u))
	return int(float64(sparse.kept) * math.Pow(float64(dense.kept)/float64(sparse.kept), u)), nil
}
