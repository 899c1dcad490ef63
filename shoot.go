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
	keep   int     // weights that were asked for
	drop   float64 // held out
	margin float64 // of drop; see Point.Margin
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

// shoot prunes to keep weights in one go. The rounds that find the limit halve the
// network again and again at a high learning rate, and each chooses among what the
// ones before have left; one long round from a dense state chooses among all.
func (s *search) shoot(keep int, long training) (*shot, error) {
	since := time.Now()
	from := s.origin(keep)
	g := from.net.Clone()
	ls := prune.NewLayers(g)
	prune.SetGains(ls, from.gains)
	note, err := staged(s, "shot", g, func() (string, error) {
		batch := fitBatch(g, tuneBatch)
		t, err := s.trainer(g, batch, 0)
		if err != nil {
			return "", err
		}
		r := prune.Round{Keep: keep, Steps: s.steps(g, long.samples, batch, long.work), Settle: shotSettle, Graph: g,
			Rate: func(done float64) float64 { return s.rate * train.Cosine(done, shotHold, shotFloor) }}
		return s.thin("shot", r, t, ls, batch)
	})
	if err != nil {
		return nil, err
	}
	if err := removeDead(g); err != nil {
		return nil, err
	}
	type result struct{ Drop, Error float64 }
	r, err := staged(s, "judge", nil, func() (r result, err error) {
		r.Drop, r.Error, err = s.judge.graphDrop(g, s.judge.set.Len())
		return r, err
	})
	if err != nil {
		return nil, err
	}
	sh := &shot{net: g, keep: keep, drop: r.Drop, margin: r.Error + s.memory}
	s.stage("shot", g, sh.drop, true, note, since)
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

// finishSize makes files when only a size is asked for. The number of weights whose
// file should just fit is found by the estimated sizes of the states, and corrected
// by the sizes of files. When none fits, as where many weights have the same score and
// go or stay together, the sparsest state is shot at.
func (s *search) finishSize() error {
	keep, err := s.fitting()
	if err != nil {
		return err
	}
	const shots, near = 4, 0.97
	for range shots {
		sh, err := s.shoot(keep, huntTraining)
		if err != nil {
			return err
		}
		p, err := s.finish(sh, firstBits)
		if err != nil {
			return err
		}
		fill := float64(p.Size) / float64(s.recipe.MaxSize)
		if fill <= 1 && fill >= near {
			return nil
		}
		next := int(float64(keep) * (1 + near) / 2 / fill)
		if next = max(fewest, min(next, s.saved[0].kept)); next == keep {
			break
		}
		keep = next
	}
	if s.met() {
		return nil
	}
	sh, err := s.shoot(s.saved[len(s.saved)-1].kept, huntTraining)
	if err != nil {
		return err
	}
	_, err = s.finish(sh, firstBits)
	return err
}

// fitting returns the number of weights whose file should just fit.
func (s *search) fitting() (keep int, err error) {
	dense, sparse := s.saved[0], s.saved[0]
	var large, small int // their estimated sizes
	for i, c := range s.saved {
		size, err := s.estimate(c.net)
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
