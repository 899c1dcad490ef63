package edgec

import (
	"fmt"
	"time"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Files for limits that a network meets without having lost most of its weights: these are
// rounded first, all at once (see rounding), and then fine-tuned as they are. Few steps at a
// low rate are enough, where pruning needs many at a high one, which networks that know few
// samples by heart do not bear.

// A rounded file that loses more than hopeless, in points, is not fine-tuned: most weights
// have to go, and pruning them while training goes on is worth much more.
const hopeless = 20

// roundedEnough is how much a fine-tuned file may lose, beyond doubt, that ends the search:
// in points, of networks that are measured by distances in percent of their own error.
const (
	roundedEnough  = 1
	distanceEnough = 5
)

// trialTraining shows which learning rate rounded weights bear. The first is firstTrial; there
// are mostTrials, each at a third of the rate before.
var trialTraining = training{tuneSamples / 4, stageWork / 8}

const (
	firstTrial = topRate / 5
	mostTrials = 5
)

// fillRounded fills the limits with rounded weights and fine-tunes these, and reports
// whether that loses so little that nothing has to be pruned by training.
func (s *search) fillRounded() (enough bool, err error) {
	r, err := s.newRounder()
	if err != nil {
		return false, err
	}
	price, err := s.leastFitting(r)
	if err != nil {
		return false, err
	}
	g, p, err := s.roundedFile(r, price)
	if err != nil || p.Drop > hopeless {
		return false, err
	}
	first := len(s.points) - 1
	held := s.newExam()
	untuned, err := held.loss(g)
	if err != nil {
		return false, err
	}
	rate, err := s.bearable(g, held, untuned)
	if err != nil {
		return false, err
	}
	since := time.Now()
	var after float64
	p, err = s.made(func() (p Point, err error) {
		h := g.Clone()
		if err := s.finetune(h, rate, s.long()); err != nil {
			return p, err
		}
		if after, err = held.loss(h); err != nil {
			return p, err
		}
		return s.measure(h, s.judge.set.Len())
	})
	if err != nil {
		return false, err
	}
	s.showFile("file", p, fmt.Sprintf(", learning rate %.2g, %d bytes", rate, p.Size), since)
	if after < untuned && p.Meets {
		s.points[first].beaten = true
	}
	most := float64(roundedEnough)
	if isDistance(s.report.Task) {
		most = distanceEnough
	}
	return p.Meets && p.Drop-p.DropError <= most, nil
}

// bearable returns the learning rate with which a trial leaves the least loss on held-out
// samples.
func (s *search) bearable(g *graph.Graph, held *exam, untuned float64) (float64, error) {
	rate, best, least := firstTrial, 0.0, 0.0
	for n := range mostTrials {
		since := time.Now()
		loss, err := staged(s, "trial", nil, func() (float64, error) {
			h := g.Clone()
			if err := s.finetune(h, rate, trialTraining); err != nil {
				return 0, err
			}
			return held.loss(h)
		})
		if err != nil {
			return 0, err
		}
		s.show(Stage{Name: "trial", Params: params(g), Kept: kept(g), MACs: macs(g), Accepted: loss < untuned,
			Note: fmt.Sprintf(", loss %.4g after %.4g, learning rate %.2g", loss, untuned, rate)}, since)
		if n > 0 && loss > least {
			break
		}
		best, least = rate, loss
		rate /= 3
	}
	return best, nil
}

// finetune trains rounded weights and makes their constraints final.
func (s *search) finetune(g *graph.Graph, rate float64, long training) error {
	s.price = 0 // each weight takes the nearest value; what they cost hardly changes
	if err := s.train(g, rate, long); err != nil {
		return err
	}
	return s.settle(g, 0)
}

// exam is what training minimises, on held-out samples. It tells files apart that a count of
// errors on few samples does not.
type exam struct {
	s   *search
	aim *tensor.Tensor // what outputs are compared with
}

func (s *search) newExam() *exam {
	set := s.judge.set
	aim := s.feed.teacher.Run(enough(set.Len(), s.report.FloatMACs), func(lo, hi int, dst *tensor.Tensor) { read(set, lo, hi, dst) })
	if s.report.Task == TaskReconstruction {
		k := aim.Shape[1]
		x := make([]float32, k)
		for i := range aim.Shape[0] {
			set.Read(i, x)
			midway(aim.Data[i*k:(i+1)*k], x)
		}
	}
	return &exam{s, aim}
}

// loss returns the mean loss of g.
func (e *exam) loss(g *graph.Graph) (float64, error) {
	n := e.aim.Shape[0]
	out, err := outputs(g, e.s.judge.set, n, e.s.threads)
	if err != nil {
		return 0, err
	}
	k := out.Shape[1]
	dy := make([]float32, k)
	sum := 0.0
	for i := range n {
		label := -1
		if e.s.report.Task == TaskAccuracy {
			label = e.s.judge.set.Labels[i]
		}
		sum += e.s.loss.Sample(dy, out.Data[i*k:(i+1)*k], label, e.aim.Data[i*k:(i+1)*k])
	}
	return sum / float64(n), nil
}
