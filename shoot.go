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

// A shot at a size or a time learns sizeRate times as fast as others: a very sparse network bears
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
	r := prune.Round{Keep: to.keep, Start: prune.Kept(prune.NewLayers(g)), Steps: s.steps(g, long.samples, batch, long.work), Settle: shotSettle, Graph: g}
	rate, parts := s.rate, []float64{1}
	if to.cost > 0 {
		rate, r.Ramp, parts = sizeRate*s.rate, sizeRamp, sizeParts
	}
	r.Rate = func(done float64) float64 { return rate * train.Cosine(done, shotHold, shotFloor) }
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
				if s.recipe.MaxLatency > 0 {
					prune.PriceTime(ls, g)
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
// where no weight has to go up to mostBits.
const (
	changeBits = 0.5
	mostBits   = 7.0
)

// finishSize makes files when only a size or a time is asked for. When none fits, as where
// many weights have the same score, and go or stay together, the sparsest state is shot at.
func (s *search) finishSize() error {
	make := s.fillSize
	for _, c := range s.saved[:s.narrowest+1] {
		fits, err := s.fits(c.net)
		if err != nil {
			return err
		}
		if fits {
			make = func() error { return s.fillValues(c.net) }
			break
		}
	}
	if err := make(); err != nil || s.met() {
		return err
	}
	sh, err := s.shoot(goal{keep: s.saved[len(s.saved)-1].kept}, huntTraining)
	if err != nil {
		return err
	}
	_, err = s.finish(sh, firstBits)
	return err
}

// fits reports whether no drop is asked for and no weight of g has to go for the limits.
func (s *search) fits(g *graph.Graph) (bool, error) {
	if !s.recipe.limitsOnly() {
		return false, nil
	}
	cost, err := s.cost(g)
	return cost <= float64(s.recipe.limit()), err
}

// long is the training of a file that a limit is filled with.
func (s *search) long() training {
	if s.recipe.Budget > 0 {
		return huntTraining // better a shorter one than none
	}
	return lastTraining
}

// full reports whether a file is within the limits, and fills one of them.
func (s *search) full(p Point) bool {
	r, enough := s.recipe, fullEnough
	if r.MaxLatency > 0 {
		enough = timeFull
	}
	return r.within(p.Size, p.Latency) && r.cost(p.Size, p.Latency) >= enough*float64(r.limit())
}

// room is how many bits more for each of n weights would fill the size; without a limit
// to it there is room for all.
func (s *search) room(size, n int) float64 {
	if s.recipe.MaxSize == 0 {
		return mostBits
	}
	return 8 * (fill*float64(s.recipe.MaxSize) - float64(size)) / math.Max(float64(n), 1)
}

// fillValues fills the size, if one is asked for, with the values of g, none of whose weights has to go: as
// many bits for each as there are. All the training goes to these values.
func (s *search) fillValues(g *graph.Graph) error {
	s.tuning = s.long()
	defer func() { s.tuning = tuneTraining }()
	bits := firstBits
	for range 2 { // sizes do not grow just as bits do
		size, err := s.estimate(g, bits)
		if err != nil {
			return err
		}
		bits = math.Max(firstBits, math.Min(bits+s.room(size, kept(g)), mostBits))
	}
	for range 2 {
		p, err := s.finish(&shot{net: g}, bits)
		if err != nil || s.full(p) || p.Meets && bits == mostBits {
			return err
		}
		bits = math.Min(bits+s.room(p.Size, p.Kept), mostBits)
	}
	return nil
}

// fillSize shoots at the size or the time, with long training. A file that is somewhat
// too large or too small is made again with values in fewer bits or more; after one that
// is further off, another shot corrects by it, unless that has led to as many weights again.
func (s *search) fillSize() error {
	keep, err := s.fitting()
	if err != nil {
		return err
	}
	most := float64(s.recipe.limit())
	to, last := goal{keep, int(fill * most)}, 0
	for range 3 {
		sh, err := s.shoot(to, s.long())
		if err != nil {
			return err
		}
		p, err := s.finish(sh, firstBits)
		if err != nil {
			return err
		}
		if s.full(p) {
			return s.spend(sh, p)
		}
		cost := s.recipe.cost(p.Size, p.Latency)
		if more := s.room(p.Size, p.Kept); math.Abs(more) <= changeBits && cost == float64(p.Size) {
			q, err := s.finish(sh, firstBits+more)
			if err != nil || s.full(q) {
				return err
			}
		}
		if p.Kept == last {
			return nil
		}
		last = p.Kept
		to = goal{sh.keep, int(float64(to.cost) * fill * most / cost)}
	}
	return nil
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
