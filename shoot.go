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
	keep   int     // weights that were asked for, or that a size has led to
	drop   float64 // held out
	margin float64 // of drop; see Point.Margin
}

// goal is what a shot is pruned to: a number of weights, corrected on the way to that
// whose file, with values of so many bits, has so many bytes, unless bytes is 0.
type goal struct {
	keep, bytes int
	bits        float64
}

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

// Of a shot at a size, sizeRamp is the fraction after which the thresholds have arrived,
// earlier than in others: most of the time goes to the sparse network. sizeParts are the
// fractions at which channels that pruning has emptied are removed, so that they cost no
// more time, and, up to shotSettle, the size is measured and the number of weights corrected.
const sizeRamp = 0.4

var sizeParts = []float64{0.2, 0.3, sizeRamp, 0.47, 0.54, 0.6, 0.63, shotSettle, 1}

// shoot prunes to to.keep weights in one go, or to as many as make a file of to.bytes.
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
	if to.bytes > 0 {
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
			if to.bytes > 0 {
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
		if to.bytes > 0 && end < shotSettle {
			size, err := s.estimate(g, to.bits)
			if err != nil {
				return nil, err
			}
			r.Keep = max(fewest, int(float64(kept(g))*float64(to.bytes)/float64(size)))
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

// finishSize makes files when only a size is asked for. When none fits, as where many
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

// fillSize shoots at the size with values of firstBits and, as long as rounding them costs
// much more than pruning, again at fewer weights with values of a bit more, unless that
// was worse.
func (s *search) fillSize() error {
	least := math.Inf(1)
	for bits := firstBits; bits <= mostBits; bits++ {
		sh, p, err := s.fillWith(bits)
		if err != nil || sh == nil || p.Drop >= least || !coarse(sh.drop, p) {
			return err
		}
		least = p.Drop
	}
	return nil
}

// mostRounding is the loss by rounding, in points, that is never too much.
const mostRounding = 1

// coarse reports whether a file lost more by the rounding of its values than its shot by
// pruning.
func coarse(shot float64, p Point) bool {
	return p.Drop-shot-p.DropError > math.Max(shot, mostRounding)
}

// fillWith shoots at the size, with long training and values of the given bits, and returns the
// last shot and its file. A file that is somewhat too large or too small is made again
// with values in fewer bits or more; after one that is further off, another shot corrects
// by it, unless that has led to as many weights again. The shot is nil where the size
// leaves room for all weights with larger values.
func (s *search) fillWith(bits float64) (*shot, Point, error) {
	keep, err := s.fitting(bits)
	if err != nil {
		return nil, Point{}, err
	}
	most := float64(s.recipe.MaxSize)
	fits := func(p Point) bool { return float64(p.Size) <= most && float64(p.Size) >= fullEnough*most }
	long := lastTraining
	if s.recipe.Budget > 0 {
		long = huntTraining // better a shorter one than none
	}
	var sh *shot
	var p Point
	to, last := goal{keep, int(fill * most), bits}, 0
	for range 3 {
		if sh, err = s.shoot(to, long); err != nil {
			return nil, p, err
		}
		if p, err = s.finish(sh, bits); err != nil || fits(p) {
			return sh, p, err
		}
		more := 8 * (fill*most - float64(p.Size)) / math.Max(float64(p.Kept), 1)
		room := more > 0 && kept(sh.net) >= s.saved[0].kept // for larger values, not for more of them
		if room || math.Abs(more) <= changeBits {
			q, err := s.finish(sh, math.Min(bits+more, mostBits))
			if room {
				return nil, q, err
			}
			if err != nil || fits(q) {
				return sh, q, err
			}
		}
		if p.Kept == last {
			break
		}
		last = p.Kept
		to = goal{sh.keep, int(float64(to.bytes) * fill * most / float64(p.Size)), bits}
	}
	return sh, p, nil
}

// fitting returns the number of weights whose file should just fit, with values of the
// given bits.
func (s *search) fitting(bits float64) (keep int, err error) {
	dense, sparse := s.saved[0], s.saved[0]
	var large, small int // their estimated sizes
	for i, c := range s.saved {
		size, err := s.estimate(c.net, bits)
		if err != nil {
			return 0, err
		}
		dense, sparse, large, small = sparse, c, small, size
		if size <= s.recipe.MaxSize || i == len(s.saved)-1 {
			break
		}
	}
	if dense == sparse || small >= large {
		return sparse.kept, nil
	}
	// sizes grow as a power of the number of weights between two near states
	u := math.Log(float64(s.recipe.MaxSize)/float64(small)) / math.Log(float64(large)/float64(small))
	u = math.Max(0, math.Min(1, u))
	return int(float64(sparse.kept) * math.Pow(float64(dense.kept)/float64(sparse.kept), u)), nil
}
