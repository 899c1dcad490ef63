package edgec

import (
	"math"

	"edgec/internal/graph"
)

// Files for limits alone: the best accuracy within a size, a time or both.

// fill is how full of the largest size a file should be, and fullEnough how full will do.
const (
	fill       = 0.985
	fullEnough = 0.97
)

// A value may have up to changeBits more or fewer than were planned to make a file fit,
// and up to mostBits where they are worth it.
const (
	changeBits = 0.5
	mostBits   = 7.0
)

// finishLimits makes files when only limits are asked for, and no drop, by pruning. When
// none fits, as where many weights have the same score, and go or stay together, the
// sparsest state is shot at.
func (s *search) finishLimits() error {
	if err := s.fillPruned(); err != nil || s.met() {
		return err
	}
	sh, err := s.shoot(goal{keep: s.saved[len(s.saved)-1].kept}, huntTraining)
	if err != nil {
		return err
	}
	_, err = s.finish(sh, firstBits)
	return err
}

// fits reports whether limits alone are asked for and no weight of g has to go for them.
func (s *search) fits(g *graph.Graph) (bool, error) {
	if !s.recipe.limitsOnly() {
		return false, nil
	}
	cost, err := s.cost(g, firstBits)
	return cost <= float64(s.recipe.limit()), err
}

// long is the training of a file that limits are filled with.
func (s *search) long() training {
	if s.recipe.Budget > 0 {
		return huntTraining // better a shorter one than none
	}
	return lastTraining
}

// full reports whether a file is within the limits, and fills one of them.
func (s *search) full(p Point) bool {
	enough := fullEnough
	if s.recipe.MaxLatency > 0 {
		enough = timeFull
	}
	return s.recipe.within(p.Size, p.Latency) && s.recipe.cost(p.Size, p.Latency) >= enough*float64(s.recipe.limit())
}

// room is how many bits more for each of n weights would fill the size; where none is
// asked for there is room for all.
func (s *search) room(size, n int) float64 {
	if s.recipe.MaxSize == 0 {
		return mostBits
	}
	return 8 * (fill*float64(s.recipe.MaxSize) - float64(size)) / math.Max(float64(n), 1)
}

// fillPruned shoots at the limits with values of firstBits and, as long as rounding them
// costs much more than pruning, again at fewer weights with values of a bit more, unless
// that was worse. Outputs that are numbers ask for finer values than classes do.
func (s *search) fillPruned() error {
	least := math.Inf(1)
	bits := firstBits
	if isDistance(s.report.Task) {
		bits = distanceBits
	}
	for ; bits <= mostBits; bits++ {
		sh, p, err := s.fillWith(bits)
		if err != nil || p.Drop >= least || !coarse(sh.drop, p) {
			return err
		}
		least = p.Drop
	}
	return nil
}

// distanceBits are the first bits for a value of a network that is measured by distances.
const distanceBits = 5.4

// mostRounding is the loss by rounding, in points, that is never too much.
const mostRounding = 1

// coarse reports whether a file lost more by the rounding of its values than its shot by
// pruning.
func coarse(shot float64, p Point) bool {
	return p.Drop-shot-p.DropError > math.Max(shot, mostRounding)
}

// fillWith shoots at the limits, with long training and values of so many bits, and
// returns the last shot and its file. A file that is somewhat too large or too small is
// made again with values in fewer bits or more; after one that is further off, another
// shot corrects by it, unless that has led to as many weights again.
func (s *search) fillWith(bits float64) (sh *shot, p Point, err error) {
	keep, err := s.fitting(bits)
	if err != nil {
		return nil, p, err
	}
	most := float64(s.recipe.limit())
	to, last := goal{keep, int(fill * most), bits}, 0
	for range 3 {
		if sh, err = s.shoot(to, s.long()); err != nil {
			return nil, p, err
		}
		if p, err = s.finish(sh, bits); err != nil {
			return sh, p, err
		}
		if s.full(p) {
			return sh, p, s.spend(sh, p, bits)
		}
		cost := s.recipe.cost(p.Size, p.Latency)
		if more := s.room(p.Size, p.Kept); cost == float64(p.Size) && math.Abs(more) <= changeBits {
			q, err := s.finish(sh, bits+more)
			if err != nil || s.full(q) {
				return sh, q, err
			}
		}
		if p.Kept == last {
			break
		}
		last = p.Kept
		to = goal{sh.keep, int(float64(to.cost) * fill * most / cost), bits}
	}
	return sh, p, nil
}

// fitting returns the number of weights whose file, with values of so many bits, should
// just be within the limits.
func (s *search) fitting(bits float64) (keep int, err error) {
	dense, sparse := s.saved[0], s.saved[0]
	var large, small float64 // their costs, without training
	for i, c := range s.saved {
		cost, err := s.cost(c.net, bits)
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
