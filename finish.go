package edgec

import (
	"fmt"
	"time"

	"edgec/export"
	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/train"
	"edgec/prune"
	"edgec/quantize"
	"edgec/runtime"
	"edgec/runtime/format"
	"edgec/share"
)

// calibrationSamples observe the activations.
const calibrationSamples = 1024

// tuneBatch is the batch of pruning rounds and fine-tuning, where it fits (see
// fitBatch); the Fisher information of a sample is tuneBatch times Adam's v, or in
// proportion to it.
const tuneBatch = 256

// cool fine-tunes a checkpoint while the learning rate goes to zero; the masks
// settle in the first quarter.
func (s *search) cool(c *checkpoint) error {
	if c.cooled != nil {
		return nil
	}
	since := time.Now()
	g := c.net.Clone()
	ls := prune.NewLayers(g)
	prune.SetGains(ls, c.gains)
	batch := fitBatch(g, tuneBatch)
	t, err := s.trainer(g, batch, 0)
	if err != nil {
		return err
	}
	steps := s.steps(coolSamples, batch)
	r := prune.Round{Keep: prune.Kept(ls), Steps: steps, Settle: 0.25, Criterion: s.recipe.Criterion, Graph: g,
		Rate: func(done float64) float64 { return s.rate * train.Cosine(done, 0.1, 0.005) }}
	if r.Criterion == prune.Input {
		r.Samples = s.samplesFor(64)
	}
	next := func() (train.Batch, error) { return s.feed.next(batch), nil }
	if _, err := r.Run(t, ls, next, func(step int) error {
		s.tell(Progress{Stage: "cool", Done: step, Total: steps})
		return s.stop()
	}); err != nil {
		return err
	}
	if err := removeDead(g); err != nil {
		return err
	}
	if c.after, c.margin, err = s.judge.graphDrop(g, s.judge.set.Len()); err != nil {
		return err
	}
	c.margin += s.memory
	c.cooled = g
	s.stage("cool", g, c.after, true, "", since)
	return nil
}

// dead removes channels that pruning has emptied.
func (s *search) dead(g *graph.Graph, _ float64) error { return removeDead(g) }

// quantize puts g on its grids; weights that will have a codebook get one scale
// for all channels.
func (s *search) quantize(g *graph.Graph, bits float64) error {
	cfg := quantize.Config{}
	if bits > 0 {
		cfg.PerTensor = func(*graph.Param) bool { return true }
	}
	if err := quantize.Calibrate(g, quantize.Samples(s.samplesFor(calibrationSamples), 64), cfg); err != nil {
		return err
	}
	if err := quantize.Weights(g, cfg); err != nil {
		return err
	}
	return quantize.Biases(g, cfg)
}

// share gives weights codebooks in which a value costs the given bits on
// average; 0: none.
func (s *search) share(g *graph.Graph, bits float64) error {
	if bits == 0 {
		return nil
	}
	ps := shared(g)
	f := make([][]float32, len(ps))
	for i, p := range ps {
		f[i] = fisher(p)
	}
	var err error
	s.price, err = share.Allocate(ps, f, bits)
	return err
}

// shared returns the parameters that get codebooks.
func shared(g *graph.Graph) []*graph.Param {
	var ps []*graph.Param
	for _, p := range g.Params() {
		if p.Role == graph.Weight && p.Grid != nil {
			ps = append(ps, p)
		}
	}
	return ps
}

// fisher returns the Fisher information of each weight for one sample, all
// ones before any training.
func fisher(p *graph.Param) []float32 {
	f := make([]float32, len(p.Shadow.Data))
	if len(p.State) <= train.StateSquare {
		for i := range f {
			f[i] = 1
		}
		return f
	}
	sum := 0.0
	for i, v := range p.State[train.StateSquare] {
		f[i] = tuneBatch * v
		sum += float64(f[i])
	}
	// Adam's estimate is noisy where gradients are rare
	floor := float32(0.1 * sum / float64(max(len(f), 1)))
	for i := range f {
		f[i] += floor
	}
	return f
}

// tune fine-tunes g under its constraints. Weights choose their centroids
// anew every ten steps until three quarters are done.
func (s *search) tune(g *graph.Graph, _ float64) error {
	batch := fitBatch(g, tuneBatch)
	t, err := s.trainer(g, batch, 0)
	if err != nil {
		return err
	}
	ps := shared(g)
	steps := s.steps(tuneSamples, batch)
	for i := 0; i < steps; i++ {
		if err := s.stop(); err != nil {
			return err
		}
		done := float64(i) / float64(steps)
		if _, err := t.Step(s.feed.next(batch), s.rate/5*train.Cosine(done, 0, 0.01)); err != nil {
			return err
		}
		if (i+1)%10 == 0 && done < 0.75 {
			train.Parallel(s.threads, len(ps), func(k int) {
				if p := ps[k]; p.Book != nil {
					share.Assign(p, fisher(p), s.price)
					p.Refresh()
				}
			})
		}
		s.tell(Progress{Stage: "tune", Done: i + 1, Total: steps})
	}
	return nil
}

// settle makes the constraints final and proves that all of them hold.
func (s *search) settle(g *graph.Graph, _ float64) error {
	for _, p := range shared(g) {
		if p.Book != nil {
			share.Settle(p)
		}
	}
	for _, p := range g.Params() {
		p.Refresh()
	}
	if err := removeDead(g); err != nil {
		return err
	}
	for _, p := range g.Params() {
		p.Refresh()
	}
	if err := quantize.Check(g); err != nil {
		return err
	}
	for _, p := range g.Params() {
		if err := share.Check(p); err != nil {
			return err
		}
	}
	return nil
}

// finish makes a file from a checkpoint with codebooks in which a value costs
// the given bits on average.
func (s *search) finish(c *checkpoint, bits float64) (Point, error) {
	if err := s.cool(c); err != nil {
		return Point{}, err
	}
	since := time.Now()
	g := c.cooled.Clone()
	if err := s.makeFile(g, bits, false); err != nil {
		return Point{}, err
	}
	p, err := s.measure(g, s.judge.set.Len())
	if err != nil {
		return Point{}, err
	}
	s.stage("file", g, p.Drop, p.Meets, fmt.Sprintf(", up to %d centroids, %d bytes", p.Centroids, p.Size), since)
	return p, nil
}

// measure encodes g and executes the file on the first n held-out samples.
func (s *search) measure(g *graph.Graph, n int) (Point, error) {
	data, sizes, err := export.Encode(g, s.exportConfig())
	if err != nil {
		return Point{}, err
	}
	out, err := fileOutputs(data, s.judge.set, n, s.threads)
	if err != nil {
		return Point{}, err
	}
	loss := s.judge.losses(out)
	p := Point{Size: len(data), Kept: nonZero(g), Weights: params(g), MACs: macs(g), Centroids: centroids(g), Sizes: sizes, Bytes: data,
		Metrics: newMetrics(s.judge.task, loss)}
	p.Drop, p.DropError = s.judge.drop(loss)
	p.Margin = p.DropError + s.memory
	if s.twisted != nil {
		out, err := fileOutputs(data, s.twisted.set, min(n, s.twisted.set.Len()), s.threads)
		if err != nil {
			return Point{}, err
		}
		distorted := s.twisted.losses(out)
		m := newMetrics(s.judge.task, distorted)
		p.Distorted = &m
		drop, se := meanDrop(loss, s.judge.reference, distorted, s.twisted.reference)
		p.Second = drop + se/2
	}
	p.Meets = s.recipe.meets(p.Size, p.Drop)
	s.points = append(s.points, p)
	return p, nil
}

// centroids returns the size of the largest codebook, 0 where there are none.
func centroids(g *graph.Graph) int {
	k := 0
	for _, p := range shared(g) {
		if p.Book != nil {
			k = max(k, len(p.Book.Centroids))
		}
	}
	return k
}

func (s *search) exportConfig() export.Config {
	return export.Config{
		Meta:     format.Meta{Labels: s.recipe.Labels, Input: preprocess(s.judge.set)},
		SelfTest: runtime.MakeSelfTest,
	}
}

// preprocess says how pictures become input, for sets that come from bytes.
func preprocess(set *dataset.Set) format.Preprocess { return set.Pre }

func nonZero(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		p.Refresh()
		for _, v := range p.Value.Data {
			if v != 0 {
				n++
			}
		}
	}
	return n
}

// quick makes a file from g without training: the answer of last resort, and
// an estimate of the size.
func (s *search) quick(g *graph.Graph, bits float64) (*graph.Graph, error) {
	g = g.Clone()
	return g, s.makeFile(g, bits, true)
}

// estimate returns the bytes of a file made from g without training.
func (s *search) estimate(g *graph.Graph) (int, error) {
	q, err := s.quick(g, firstBits)
	if err != nil {
		return 0, err
	}
	data, _, err := export.Encode(q, s.exportConfig())
	return len(data), err
}

// plain makes the first file: int8, nothing pruned, no training.
func (s *search) plain() error {
	since := time.Now()
	g := s.net.Clone()
	if _, err := quantize.Equalize(g); err != nil {
		return err
	}
	if err := quantize.Quantize(g, quantize.Samples(s.samplesFor(calibrationSamples), 64), quantize.Config{}); err != nil {
		return err
	}
	// a large network is measured on part of the samples
	const plainWork = 2e10
	n := min(s.judge.set.Len(), max(200, int(plainWork/float64(max(macs(g), 1)))))
	p, err := s.measure(g, n)
	if err != nil {
		return err
	}
	s.stage("int8", g, p.Drop, p.Meets, fmt.Sprintf(", %d bytes", p.Size), since)
	return nil
}

// The bits for a value that a state is tried with: first those that serve most
// networks, more if that loses too much, then fewer.
const (
	firstBits = 3.4
	fineBits  = 4.2
)

var coarseBits = []float64{3, 2.6}

// finishAll makes files from the saved states: the sparsest that meets the
// recipe is found in growing steps from the sparse end, then by bisection; it is
// made sparser, and tried with smaller codebooks.
func (s *search) finishAll() error {
	if s.recipe.sizeOnly() {
		return s.finishSize()
	}
	lo, hi := -1, len(s.saved) // saved[lo] is good enough, saved[hi] is not
	bits := 0.0                // with so many bits for a value
	for step := 1; hi-lo > 1; step++ {
		at := max(hi-step, 0)
		if lo >= 0 {
			at = (lo + hi) / 2
		}
		b, err := s.attempt(s.saved[at])
		if err != nil {
			return err
		}
		if b > 0 {
			lo, bits = at, b
		} else {
			hi = at
		}
	}
	if lo < 0 {
		return s.finer(s.saved[0])
	}
	good := s.saved[lo]
	if hi < len(s.saved) {
		var err error
		if good, bits, err = s.approach(good, s.saved[hi], bits); err != nil {
			return err
		}
	}
	if bits != firstBits {
		return nil
	}
	for _, b := range coarseBits {
		p, err := s.finish(good, b)
		if err != nil || !s.safe(p) {
			return err
		}
	}
	return nil
}

// approaches bounds how often the gap between a good and a bad state is halved.
const approaches = 2

// approach halves the gap between a state that is good enough with the given
// bits for a value and a sparser one that is not, and returns the sparsest good one.
func (s *search) approach(good, bad *checkpoint, bits float64) (*checkpoint, float64, error) {
	for range approaches {
		mid, err := s.between(good, bad)
		if err != nil {
			return nil, 0, err
		}
		b, err := s.attempt(mid)
		if err != nil {
			return nil, 0, err
		}
		if b > 0 {
			good, bits = mid, b
		} else {
			bad = mid
		}
	}
	return good, bits, nil
}

// finer tries the densest state, for which the usual codebooks are too coarse,
// with larger ones, unless a file with a codebook meets the recipe already, without
// a margin.
func (s *search) finer(c *checkpoint) error {
	for _, p := range s.points {
		if p.Centroids > 0 && p.Meets {
			return nil
		}
	}
	for _, bits := range []float64{5, 6} {
		p, err := s.finish(c, bits)
		if err != nil || p.Meets {
			return err
		}
	}
	return nil
}

// attempt finishes a checkpoint unless it is hopeless, and returns the bits for a
// value with which its file is good enough, or 0. Rounding seldom wins back anything, so
// a state that has used up the drop already, or most of the margin, is hopeless.
func (s *search) attempt(c *checkpoint) (bits float64, err error) {
	if err := s.cool(c); err != nil {
		return 0, err
	}
	if c.after > s.recipe.MaxDrop-c.margin/2 {
		return 0, nil
	}
	for _, b := range []float64{firstBits, fineBits} {
		p, err := s.finish(c, b)
		if err != nil {
			return 0, err
		}
		if s.safe(p) {
			return b, nil
		}
	}
	return 0, nil
}

// safe reports whether a file meets the recipe with a margin: the smallest of
// many files that seem good enough is one that was lucky on the held-out samples.
func (s *search) safe(p Point) bool { return p.safe(s.recipe, 1) }

// between prunes from the denser checkpoint to the geometric mean of the two.
func (s *search) between(dense, sparse *checkpoint) (*checkpoint, error) {
	return s.betweenAt(dense, geometricMean(dense.kept, sparse.kept))
}

// betweenAt prunes from a checkpoint until keep elements survive.
func (s *search) betweenAt(dense *checkpoint, keep int) (*checkpoint, error) {
	since := time.Now()
	s.net = dense.net.Clone()
	ls := prune.NewLayers(s.net)
	prune.SetGains(ls, dense.gains)
	drop, note, err := s.round(ls, keep)
	if err != nil {
		return nil, err
	}
	s.stage("prune", s.net, drop, true, note, since)
	if err := removeDead(s.net); err != nil {
		return nil, err
	}
	return &checkpoint{net: s.net.Clone(), kept: kept(s.net), drop: drop, gains: prune.Gains(ls)}, nil
}

// rescue makes a file from the latest accepted state without training, when
// the search was stopped before it had made any good one.
func (s *search) rescue() error {
	for i := len(s.saved) - 1; i >= 0 && i >= len(s.saved)-3; i-- {
		c := s.saved[i]
		net := c.net
		if c.cooled != nil {
			net = c.cooled
		}
		for _, bits := range []float64{firstBits, 5} {
			g, err := s.quick(net, bits)
			if err != nil {
				return err
			}
			p, err := s.measure(g, s.judge.set.Len())
			if err != nil {
				return err
			}
			if p.Meets {
				return nil
			}
		}
	}
	return nil
}

// finishReport chooses the answer and measures it on the test set.
func (s *search) finishReport(test *dataset.Set) (*Report, error) {
	r := s.report
	r.Tried = s.points
	r.Front = front(s.points)
	r.Seconds = time.Since(s.started).Seconds()
	p, ok := best(s.points, s.recipe)
	if !ok {
		return r, s.unmet()
	}
	r.Best = p
	if measurable(test, s.judge.task) {
		s.tell(Progress{Stage: "test", Note: "measuring the answer on the test set"})
		j := s.honest
		if j == nil {
			var err error
			if j, err = newJudge(s.model.graph, s.judge.task, test, s.threads); err != nil {
				return r, err
			}
		}
		out, err := fileOutputs(p.Bytes, test, test.Len(), s.threads)
		if err != nil {
			return r, err
		}
		r.Test = &Tested{Float: newMetrics(j.task, j.reference), File: newMetrics(j.task, j.losses(out))}
	}
	r.Seconds = time.Since(s.started).Seconds()
	return r, nil
}

// unmet says what the nearest file is.
func (s *search) unmet() error {
	if len(s.points) == 0 {
		return fmt.Errorf("edgec: stopped before any file was made; give the search more time")
	}
	small, good := s.points[0], s.points[0]
	for _, p := range s.points {
		if p.Size < small.Size {
			small = p
		}
		if p.Drop < good.Drop {
			good = p
		}
	}
	return fmt.Errorf("edgec: no file meets the limits: the smallest has %d bytes at a drop of %.2f points, the best loses %.2f points at %d bytes; allow a larger drop or size, or more time", small.Size, small.Drop, good.Drop, good.Size)
}
