package edgec

import (
	"fmt"
	"math"
	"time"

	"edgec/export"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Files for limits that a network meets without having lost most of its weights, and within a
// drop for networks that know few samples by heart: weights are rounded first, all at once (see
// rounding), and then fine-tuned as they are. Few steps at a low rate are enough, where pruning
// needs many at a high one, which such networks do not bear.

// tolerance says what the loss of a rounded file is worth, in points, or, of networks that are
// measured by distances, in percent of their own error.
type tolerance struct {
	hopeless float64 // it is not fine-tuned if it loses more: most weights have to go, and pruning them while training goes on is worth much more
	enough   float64 // the search ends if it loses no more, beyond doubt, after fine-tuning
}

var (
	classTolerance    = tolerance{hopeless: 8, enough: 1}
	distanceTolerance = tolerance{hopeless: 20, enough: 5}
)

// trialTraining shows which learning rate rounded weights bear. The first is firstTrial; there
// are up to mostTrials, each at a third of the rate before. The training that follows is
// longer, and at a third of the best rate.
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
	price, err := s.leastFitting(r, s.recipe.limit())
	if err != nil {
		return false, err
	}
	may := s.tolerance()
	g, p, err := s.roundedFile(r, price)
	if err != nil || s.lost(p) > may.hopeless {
		return false, err
	}
	rounded := len(s.points) - 1
	since := time.Now()
	best, err := s.tuneRounded(g, s.long())
	if err != nil {
		return false, err
	}
	if best.net != g {
		if p, err = s.tunedFile(best.net, since); err != nil {
			return false, err
		}
		s.points[rounded].barred = p.Meets
	}
	return p.Meets && s.lost(p)-p.DropError <= may.enough, nil
}

// heartSamples is the number of training samples below which a network that was trained on them
// is taken to know them by heart.
const heartSamples = 10_000

// byHeart reports that the network knows the samples by heart that there are to train on: their
// gradients teach it little, and pruning at high rates makes it forget more than it has to.
func (s *search) byHeart() bool { return s.report.TrainedOn && s.feed.n < heartSamples }

// Of the size of the int8 file, 1/roundedSpan is the least that rounding is tried at, which is a
// bit for a weight; sizes are halved in ratio until they differ by less than roundedGap.
const (
	roundedSpan = 8
	roundedGap  = 1.15
)

// roundedWithin makes rounded files within the drop, ever closer to the smallest that keeps it;
// they are hardly faster, so that it is not for times. The int8 file, the last that was made, is taken to keep it.
func (s *search) roundedWithin() error {
	r, err := s.newRounder()
	if err != nil {
		return err
	}
	first := len(s.points)
	defer func() {
		for i := first; i < len(s.points); i++ {
			s.points[i].barred = !s.points[i].Meets // a drop that the float network's knowledge makes up for
		}
	}()
	good := s.points[first-1].Size
	for bad := good / roundedSpan; float64(good) > roundedGap*float64(bad); {
		size := int(math.Sqrt(float64(good) * float64(bad)))
		ok, err := s.keepsRounded(r, size)
		if err != nil {
			return err
		}
		if ok {
			good = size
		} else {
			bad = size
		}
	}
	return nil
}

// keepsRounded reports whether a rounded file of that size keeps the accuracy, if need be after
// fine-tuning.
func (s *search) keepsRounded(r *rounder, size int) (bool, error) {
	price, err := s.leastFitting(r, size)
	if err != nil {
		return false, err
	}
	g, p, err := s.roundedFile(r, price)
	if err != nil || s.keeps(p) || s.lost(p) > s.recipe.MaxDrop+s.tolerance().hopeless {
		return s.keeps(p), err
	}
	since := time.Now()
	best, err := s.tuneRounded(g, huntTraining)
	if err != nil || best.net == g {
		return false, err
	}
	p, err = s.tunedFile(best.net, since)
	return s.keeps(p), err
}

// measureRounded measures a file of rounded weights, which meets a drop by what it has lost, and
// whose margin makes up for all that the float network knows of the held-out samples.
func (s *search) measureRounded(g *graph.Graph) (Point, error) {
	p, err := s.measure(g, s.judge.set.Len())
	if err != nil {
		return p, err
	}
	p.Margin = p.DropError + math.Max(s.memory, s.known)
	p.Meets = p.Meets && s.recipe.meets(p.Size, s.lost(p), p.Latency)
	return p, nil
}

// tolerance is what the loss of rounded files is worth in this task.
func (s *search) tolerance() tolerance {
	if isDistance(s.report.Task) {
		return distanceTolerance
	}
	return classTolerance
}

// tunedFile makes a file of rounded weights that were fine-tuned since then.
func (s *search) tunedFile(g *graph.Graph, since time.Time) (Point, error) {
	p, err := s.made(func() (Point, error) { return s.measureRounded(g) })
	if err == nil {
		s.showFile("file", p, fmt.Sprintf(", %d bytes", p.Size), since)
	}
	return p, err
}

// lost is the drop of a rounded file from the float network on the held-out samples
// themselves: what that knows of them, rounded weights have not forgotten.
func (s *search) lost(p Point) float64 { return p.Drop + s.known }

// tuneRounded fine-tunes g in trials at ever lower rates, as long as that is better, and
// once more for longer, and returns the one with the least loss on held-out samples, or g.
func (s *search) tuneRounded(g *graph.Graph, long training) (best examined, err error) {
	e := s.newExam()
	if best, err = e.examine(g); err != nil {
		return best, err
	}
	try := func(stage string, rate float64, long training) (loss float64, err error) {
		t, err := s.tuned(stage, g, rate, long, e)
		if t.loss < best.loss {
			best = t
		}
		return t.loss, err
	}
	rate, last := firstTrial, math.Inf(1)
	for range mostTrials {
		loss, err := try("trial", rate, trialTraining)
		if err != nil {
			return best, err
		}
		if loss > last {
			break
		}
		last = loss
		rate /= 3
	}
	_, err = try("tune", rate, long)
	return best, err
}

// tuned returns g fine-tuned, its constraints final, and examined.
func (s *search) tuned(stage string, g *graph.Graph, rate float64, long training, e *exam) (examined, error) {
	since := time.Now()
	h := g.Clone()
	const price = 0 // each weight takes the nearest value; what they cost hardly changes
	_, err := staged(s, stage, h, func() (struct{}, error) { return struct{}{}, s.train(h, rate, long, price) })
	if err != nil {
		return examined{loss: math.Inf(1)}, err
	}
	if err := s.settle(h, 0); err != nil {
		return examined{loss: math.Inf(1)}, err
	}
	t, err := e.examine(h)
	if err != nil {
		return t, err
	}
	file, _, err := export.Encode(h, s.exportConfig())
	if err != nil {
		return t, err
	}
	if !s.recipe.within(len(file), 0) {
		t.loss = math.Inf(1) // it has outgrown the size
	}
	s.stage(stage, h, t.drop, t.loss < math.Inf(1), fmt.Sprintf(", loss %.4g, learning rate %.2g", t.loss, rate), since)
	return t, nil
}

// examined is a network, its loss, and its drop in points.
type examined struct {
	net        *graph.Graph
	loss, drop float64
}

// exam is what training minimises, on held-out samples. It tells files apart that a count of
// errors on few samples does not.
type exam struct {
	s   *search
	aim *tensor.Tensor // what outputs are compared with
}

// newExam asks the teacher about the held-out samples.
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

// examine measures the mean loss of g.
func (e *exam) examine(g *graph.Graph) (examined, error) {
	n := e.aim.Shape[0]
	out, err := outputs(g, e.s.judge.set, n, e.s.threads)
	if err != nil {
		return examined{loss: math.Inf(1)}, err
	}
	k := out.Shape[1]
	dy := make([]float32, k)
	sum := 0.0
	for i := range n {
		label := -1
		if e.s.report.Task == TaskAccuracy {
			label = e.s.judge.set.Labels[i]
		}
		sum += e.s.loss.Sample([][]float32{dy}, [][]float32{out.Data[i*k : (i+1)*k]}, label, [][]float32{e.aim.Data[i*k : (i+1)*k]})
	}
	drop, _ := e.s.judge.drop(e.s.judge.losses(out))
	return examined{g, sum / float64(n), drop}, nil
}
