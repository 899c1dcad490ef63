package edgec

import (
	"fmt"
	"math"
	"time"

	"edgec/export"
	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/passes"
	"edgec/internal/train"
	"edgec/runtime"
	"edgec/runtime/format"
)

// calibrationSamples observe the activations.
const calibrationSamples = 1024

// tuneBatch is the batch of pruning rounds and fine-tuning, where it fits (see
// fitBatch); the Fisher information of a sample is tuneBatch times Adam's v, or in
// proportion to it.
const tuneBatch = 256

// dead removes channels that pruning has emptied.
func (s *search) dead(g *graph.Graph, _ float64) error { return removeDead(g) }

// quantize puts g on its grids; weights that will have a codebook get one scale
// for all channels.
func (s *search) quantize(g *graph.Graph, bits float64) error {
	cfg := passes.Config{}
	if bits > 0 {
		cfg.PerTensor = func(*graph.Param) bool { return true }
	}
	if err := passes.Calibrate(g, passes.Samples(s.samplesFor(calibrationSamples), 64), cfg); err != nil {
		return err
	}
	if err := passes.Weights(g, cfg); err != nil {
		return err
	}
	return passes.Biases(g, cfg)
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
	s.price, err = passes.AllocateCodebooks(ps, f, bits)
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

// tune fine-tunes g under its constraints.
func (s *search) tune(g *graph.Graph, _ float64) error {
	return s.train(g, s.rate/5, tuneTraining, s.price)
}

// reassigned is the part of a fine-tuning of effort 1 in which weights choose their centroids
// anew. In longer ones they do so in no more steps: under centroids that keep changing, the loss
// grows with the number of steps.
const reassigned = 0.75

// choosing is the part of a fine-tuning in which weights choose their centroids anew.
func (r Recipe) choosing() float64 { return reassigned / math.Max(1, r.Effort) }

// train fine-tunes g under its constraints, at a rate that falls to a hundredth. Weights
// choose their centroids anew every ten steps, at a price of a bit, until most is done.
func (s *search) train(g *graph.Graph, rate float64, long training, price float64) error {
	batch := fitBatch(g, tuneBatch)
	t, err := s.trainer(g, batch, 0, 0)
	if err != nil {
		return err
	}
	noise := s.feed.noise
	s.feed.noise = 0 // it is for importance, which is known by now
	defer func() { s.feed.noise = noise }()
	ps := shared(g)
	steps := s.steps(g, long.samples, batch, long.work)
	choosing := s.recipe.choosing()
	for i := 0; i < steps; i++ {
		if err := s.stop(); err != nil {
			return err
		}
		done := float64(i) / float64(steps)
		if _, err := t.Step(s.feed.next(batch), rate*train.Cosine(done, 0, 0.01)); err != nil {
			return err
		}
		if (i+1)%10 == 0 && done < choosing {
			train.Parallel(s.threads, len(ps), func(k int) {
				if p := ps[k]; p.Book != nil {
					passes.AssignCentroids(p, fisher(p), price)
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
			passes.FinalizeCodebook(p)
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
	if err := passes.Check(g); err != nil {
		return err
	}
	for _, p := range g.Params() {
		if err := passes.CheckCodebook(p); err != nil {
			return err
		}
	}
	return nil
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
	p.Latency, err = s.timed(data, searchTimes)
	p.Meets = s.recipe.meets(p.Size, p.Drop, p.Latency)
	return p, err
}

// made makes a file as a stage, and notes it.
func (s *search) made(make func() (Point, error)) (Point, error) {
	p, err := staged(s, "file", nil, make)
	if err != nil {
		return p, err
	}
	return p, s.add(p)
}

// add notes a file, and keeps it beside the journal if it meets the recipe.
func (s *search) add(p Point) error {
	s.points = append(s.points, p)
	if !p.Meets {
		return nil
	}
	return s.journal.Keep(fmt.Sprintf("file-%02d-%d-bytes.edgec", len(s.points), p.Size), p.Bytes)
}

// showFile records and shows that a file was made.
func (s *search) showFile(name string, p Point, note string, since time.Time) {
	if p.Latency > 0 {
		note += fmt.Sprintf(", %v", p.Latency)
	}
	s.show(Stage{Name: name, Params: p.Weights, Kept: p.Kept, MACs: p.MACs, Drop: p.Drop, Accepted: p.Meets, Note: note}, since)
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

// estimate returns the bytes of a file made from g without training, values costing so
// many bits.
func (s *search) estimate(g *graph.Graph, bits float64) (int, error) {
	file, err := s.sketch(g, bits)
	return len(file), err
}

// sketch returns a file made from g without training, values costing so many bits.
func (s *search) sketch(g *graph.Graph, bits float64) ([]byte, error) {
	q, err := s.quick(g, bits)
	if err != nil {
		return nil, err
	}
	data, _, err := export.Encode(q, s.exportConfig())
	return data, err
}

// few returns how many held-out samples a file is measured on that is made for want
// of a better one: all, or for a large network part of them, at least 200.
func (s *search) few(g *graph.Graph) int {
	const work = 2e10 // multiplications in all
	return min(s.judge.set.Len(), max(200, int(work/float64(max(macs(g), 1)))))
}

// plain makes the first file: int8, nothing pruned, no training.
func (s *search) plain() error {
	since := time.Now()
	g := s.net.Clone()
	p, err := s.made(func() (p Point, err error) {
		if _, err := passes.Equalize(g); err != nil {
			return p, err
		}
		if err := passes.Quantize(g, passes.Samples(s.samplesFor(calibrationSamples), 64), passes.Config{}); err != nil {
			return p, err
		}
		return s.measure(g, s.few(g))
	})
	if err != nil {
		return err
	}
	s.showFile("int8", p, fmt.Sprintf(", %d bytes", p.Size), since)
	return nil
}
