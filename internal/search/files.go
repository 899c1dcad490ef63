package search

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/passes"
	"edgec/runtime"
	"edgec/runtime/format"
)

// exportConfig says what a file carries beside the network.
func (s *Study) exportConfig() lower.Config {
	return lower.Config{
		Meta:     format.Meta{Labels: s.config.Labels, Input: s.holdout.Set().Pre},
		SelfTest: runtime.MakeSelfTest,
	}
}

// encode returns the file of g, its units in a short order, and where its bytes went.
func (s *Study) encode(ctx context.Context, g *graph.Graph) ([]byte, *format.Sizes, error) {
	data, sizes, err := lower.Encode(g, s.exportConfig())
	if err != nil {
		return nil, nil, err
	}
	return ordered(ctx, data, sizes, lower.Ordering{Sort: sortWork})
}

// shortening is the factor by which moving the units of the answer makes a file of g shorter than
// encode does.
func (s *Study) shortening(ctx context.Context, g *graph.Graph, bits float64) (float64, error) {
	return resumable(s, "order", nil, func() (float64, error) {
		file, err := s.untrained(ctx, g, bits)
		if err != nil {
			return 0, err
		}
		short, _, err := ordered(ctx, file, nil, lower.Ordering{Climb: s.climb()})
		return float64(len(file)) / float64(max(len(short), 1)), err
	})
}

// ordered moves the units of a file of the given sizes, and proves that it computes the same
// for the input of its self-test.
func ordered(ctx context.Context, file []byte, sizes *format.Sizes, work lower.Ordering) ([]byte, *format.Sizes, error) {
	data, now, err := lower.Order(ctx, file, work)
	if err != nil || now == nil {
		return file, sizes, err
	}
	m, err := runtime.Load(data)
	if err != nil {
		return nil, nil, err
	}
	return data, now, m.SelfTest()
}

// shortest returns the answer with its units in the shortest order that is found in some
// work, and puts it among the candidates where it was.
func (s *Study) shortest(ctx context.Context, best Candidate, all []Candidate) (Candidate, error) {
	s.ledger.tell(Progress{Stage: "order", Note: "putting units in an order that takes fewer bytes"})
	was := best.Bytes
	work := lower.Ordering{Sort: sortWork, Climb: s.climb()}
	var err error
	if best.Bytes, best.Sizes, err = ordered(ctx, was, best.Sizes, work); err != nil {
		return best, err
	}
	for i := range all {
		if bytes.Equal(all[i].Bytes, was) {
			all[i].Bytes, all[i].Sizes = best.Bytes, best.Sizes
		}
	}
	return best, nil
}

// climb is the work of moving the units of the answer: in proportion to what training takes.
func (s *Study) climb() int64 {
	epoch := float64(MACs(s.subject.Model.Graph)) * float64(s.subject.Data.Train.Len())
	return int64(min(max(leastClimb, s.config.effort()*epoch/climbPart), mostClimb))
}

// measure encodes g and executes the file on the first n held-out samples.
func (s *Study) measure(ctx context.Context, g *graph.Graph, n int) (Candidate, error) {
	data, sizes, err := s.encode(ctx, g)
	if err != nil {
		return Candidate{}, err
	}
	return s.measureFile(ctx, g, data, sizes, n)
}

// measureFinal is measure for a file that may be the answer, on all held-out samples. Where a size is
// asked for, its units are moved as those of the answer will be: that is the size it will have.
func (s *Study) measureFinal(ctx context.Context, g *graph.Graph) (Candidate, error) {
	data, sizes, err := s.encode(ctx, g)
	if err == nil && s.objective().MaxSize > 0 {
		data, sizes, err = ordered(ctx, data, sizes, lower.Ordering{Climb: s.climb()})
	}
	if err != nil {
		return Candidate{}, err
	}
	return s.measureFile(ctx, g, data, sizes, s.heldOut())
}

// measureFile executes a file of g on the first n held-out samples.
func (s *Study) measureFile(ctx context.Context, g *graph.Graph, data []byte, sizes *format.Sizes, n int) (Candidate, error) {
	out, err := eval.Execute(ctx, data, s.holdout.Set(), n, s.config.Threads)
	if err != nil {
		return Candidate{}, err
	}
	loss := s.holdout.Losses(out)
	c := Candidate{
		Bytes: data, Sizes: sizes, Estimate: s.holdout.Compare(loss), Metrics: s.holdout.Measure(out),
		Shape: Shape{Params: Params(g), Kept: nonZero(g), MACs: MACs(g), Centroids: centroids(g)},
	}
	c.Margin = c.Error + s.memory.correction
	c.Need, err = s.need(data, searchTimes)
	c.Meets = s.objective().meets(c.Size(), c.Drop, c.Need)
	return c, err
}

// file makes a candidate as a stage, and notes it.
func (s *Study) file(make func() (Candidate, error)) (Candidate, error) {
	type stored struct {
		Candidate
		Ineligible bool
	}
	r, err := resumable(s, "file", nil, func() (stored, error) {
		c, err := make()
		return stored{c, c.ineligible}, err
	})
	if err != nil {
		return r.Candidate, err
	}
	c := r.Candidate
	c.ineligible = r.Ineligible
	return c, s.add(c)
}

// add notes a candidate, and keeps its file beside the journal if it meets the
// objective.
func (s *Study) add(c Candidate) error {
	s.ledger.candidates = append(s.ledger.candidates, c)
	if !c.Meets {
		return nil
	}
	return inJournal(s.journal.Keep(fmt.Sprintf("%02d-%d-bytes.edgec", len(s.ledger.candidates), c.Size()), c.Bytes))
}

// finish makes a file from a one-shot run with codebooks in which a value costs
// the given bits on average.
func (s *Study) finish(ctx context.Context, r *run, bits, rate float64) (Candidate, error) {
	since := time.Now()
	c, err := s.file(func() (Candidate, error) {
		d := &draft{net: r.net.Clone(), bits: bits, rate: rate}
		if err := d.run(ctx, s, trainedPasses); err != nil {
			return Candidate{}, err
		}
		return s.measureFinal(ctx, d.net)
	})
	if err != nil {
		return c, err
	}
	s.ledger.candidates[len(s.ledger.candidates)-1].samples = r.long
	s.ledger.file("file", c, s.objective(), "", since)
	return c, nil
}

// untrained returns a file made from g without training, values costing so many
// bits.
func (s *Study) untrained(ctx context.Context, g *graph.Graph, bits float64) ([]byte, error) {
	d, err := s.untrainedDraft(ctx, g, bits)
	if err != nil {
		return nil, err
	}
	data, _, err := s.encode(ctx, d.net)
	return data, err
}

func (s *Study) untrainedDraft(ctx context.Context, g *graph.Graph, bits float64) (*draft, error) {
	d := &draft{net: g.Clone(), bits: bits}
	return d, d.run(ctx, s, untrainedPasses)
}

// int8 makes the first file: nothing pruned, no training.
func (s *Study) int8(ctx context.Context) error { return s.int8File(ctx, s.net) }

// toInt8 quantizes g as it is, calibrated on n samples.
func (s *Study) toInt8(ctx context.Context, g *graph.Graph, n int) error {
	if _, err := passes.Equalize(g); err != nil {
		return err
	}
	batches, err := s.calibrationOn(ctx, n)
	if err != nil {
		return err
	}
	return stoppedOr(ctx, passes.Quantize(g, batches, passes.Config{}))
}

// int8File makes a file of net as it is: nothing pruned, no training.
func (s *Study) int8File(ctx context.Context, net *graph.Graph) error {
	since := time.Now()
	g := net.Clone()
	c, err := s.file(func() (Candidate, error) {
		if err := s.toInt8(ctx, g, s.fewer(calibrations)); err != nil {
			return Candidate{}, err
		}
		return s.measure(ctx, g, s.forFallback(g))
	})
	if err != nil {
		return err
	}
	s.ledger.outlook.file = time.Since(since) * time.Duration(s.heldOut()) / time.Duration(max(s.forFallback(g), 1))
	s.ledger.file("int8", c, s.objective(), "", since)
	return nil
}

// rescue makes files from the last states without training, when the search was
// stopped before it had made any good one.
func (s *Study) rescue(ctx context.Context, t Track) error {
	if s.ledger.shared() {
		return nil
	}
	for i := len(t.states) - 1; i >= 0 && i >= len(t.states)-rescuedLast; i-- {
		for _, bits := range []float64{firstBits, finestBits[0]} {
			d, err := s.untrainedDraft(ctx, t.states[i].net, bits)
			if err != nil {
				return err
			}
			c, err := s.measure(ctx, d.net, s.forFallback(d.net))
			if err != nil {
				return err
			}
			if err := s.add(c); err != nil {
				return err
			}
			if c.Meets {
				return nil
			}
		}
	}
	return nil
}
