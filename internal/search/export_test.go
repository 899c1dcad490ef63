package search

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"
	"time"

	"edgec/internal/graph"
	"edgec/internal/train"
)

// AnswerTimes is how long the answer is measured; other files less.
const AnswerTimes = answerTimes

// SetClock measures inferences by another clock.
func (s *Study) SetClock(c Clock) { s.clock = c }

// RoundedLimits makes the rounded files that limits are used up with, int8 first, and reports
// what the last one loses on the held-out samples themselves, in points, and whether the search
// would end there.
func (s *Study) RoundedLimits() (files []Candidate, lost float64, enough bool, err error) {
	if err := s.int8(context.Background()); err != nil {
		return nil, 0, false, err
	}
	_, enough, err = roundedLimits(context.Background(), s, Track{})
	files = s.ledger.candidates
	return files, s.lost(files[len(files)-1]), enough, err
}

// RoundedDrop makes the rounded files within a drop, int8 first, and says of each whether it
// keeps the drop with its margin.
func (s *Study) RoundedDrop() (files []Candidate, keeps []bool, err error) {
	if err := s.int8(context.Background()); err != nil {
		return nil, nil, err
	}
	_, _, err = roundedDrop(context.Background(), s, Track{})
	for _, c := range s.ledger.candidates {
		keeps = append(keeps, c.withinMargin(s.objective(), 1))
	}
	for _, c := range s.ledger.candidates[1:] {
		if c.ineligible == c.Meets {
			return nil, nil, fmt.Errorf("%d bytes: meets %v, ineligible %v", c.Size(), c.Meets, c.ineligible)
		}
	}
	return s.ledger.candidates, keeps, err
}

// Thinned is a network that rounding has thinned out, before and after training.
type Thinned struct {
	Kept, Moved   int     // weights; those whose mask training has changed
	Before, After float64 // drops, in points
	File          Candidate
}

// Briefly makes a file of the size that is asked for as if training were too short to prune by.
func (s *Study) Briefly() (th Thinned, err error) {
	ctx := context.Background()
	t, err := s.withRounder(ctx, Track{rate: topRate, brief: true})
	if err != nil {
		return th, err
	}
	lambda, err := s.leastFitting(ctx, t.rounder, s.objective().limit())
	if err != nil {
		return th, err
	}
	g, err := t.rounder.thinned(ctx, lambda)
	if err != nil {
		return th, err
	}
	e, err := s.holdout.Graph(ctx, g, s.heldOut())
	if err != nil {
		return th, err
	}
	was := g.Clone()
	if th.After, err = s.tuneThinned(ctx, g, topRate); err != nil {
		return th, err
	}
	for i, p := range g.Params() {
		for k, m := range p.Mask {
			if m != was.Params()[i].Mask[k] || m == 0 && p.Value.Data[k] != 0 {
				th.Moved++
			}
		}
	}
	th.Kept, th.Before = keptBy(g), e.Drop
	if err := s.withinLimits(ctx, t); err != nil {
		return th, err
	}
	th.File, _ = s.ledger.last()
	return th, nil
}

// Brief reports whether training is too short to prune by, if rounding lost that many points.
func (s *Study) Brief(ctx context.Context, lost float64) (bool, error) { return s.brief(ctx, lost) }

// Rounds prunes in rounds where training may be too short for that, and rounding has lost so many
// points. It returns whether training is too short, and the number of states.
func (s *Study) Rounds(lost float64) (brief bool, states int, err error) {
	t := Track{rate: topRate, brief: true, lost: lost}
	for _, stage := range []func(context.Context, *Study, Track) (Track, error){learningRate, channelPruning, iterativePruning} {
		if t, err = stage(context.Background(), s, t); err != nil {
			return false, 0, err
		}
	}
	return t.brief, len(t.states), nil
}

// MayLose is the largest drop of an answer, in points.
func (s *Study) MayLose() float64 { return s.mayLose() }

// SlowDown lets the study believe that this machine trains n multiplications in a second.
func (s *Study) SlowDown(n float64) { s.ledger.pace = pace{work: n, time: time.Second} }

// FinalSizes returns the bytes of the int8 file: as the search encodes it on the way, and as
// one that may be the answer.
func (s *Study) FinalSizes() (way, final int, err error) {
	ctx, g := context.Background(), s.net.Clone()
	if err = s.toInt8(ctx, g, s.fewer(calibrations)); err != nil {
		return 0, 0, err
	}
	a, err := s.measure(ctx, g, s.heldOut())
	if err != nil {
		return 0, 0, err
	}
	b, err := s.measureFinal(ctx, g)
	if err == nil && a.Drop != b.Drop {
		err = fmt.Errorf("the order of units changes the drop from %v to %v", a.Drop, b.Drop)
	}
	return a.Size(), b.Size(), err
}

// Walk makes the int8 file and runs the first n stages, and returns the steps.
func (s *Study) Walk(n int) ([]Step, error) {
	ctx := context.Background()
	err := s.int8(ctx)
	t := Track{rate: topRate}
	for _, st := range stages[:n] {
		if err == nil {
			t, err = st.run(ctx, s, t)
		}
	}
	return s.ledger.steps, err
}

// StrategyNames lists the table of strategies.
func StrategyNames() (names []string) {
	for _, st := range strategies {
		names = append(names, st.name)
	}
	return names
}

// StrategyRun is a strategy that was run.
type StrategyRun struct {
	Name string
	Done bool // no dearer strategy is tried
}

// WatchStrategies tells of every strategy that is run, when it begins and when it has ended.
// The caller restores the table.
func WatchStrategies(begin func(name string), end func(StrategyRun)) (restore func()) {
	saved := strategies
	strategies = nil
	for _, st := range saved {
		run := st.run
		st.run = func(ctx context.Context, s *Study, t Track) (Track, bool, error) {
			begin(st.name)
			t, done, err := run(ctx, s, t)
			end(StrategyRun{st.name, done})
			return t, done, err
		}
		strategies = append(strategies, st)
	}
	return func() { strategies = saved }
}

// Diverge lets the training of a strategy diverge. The caller restores the table.
func Diverge(name string) (restore func()) {
	saved := strategies
	strategies = slices.Clone(saved)
	for i := range strategies {
		if strategies[i].name == name {
			strategies[i].run = func(_ context.Context, _ *Study, t Track) (Track, bool, error) {
				return t, false, fmt.Errorf("%w (step 7)", train.ErrDiverged)
			}
		}
	}
	return func() { strategies = saved }
}

// WatchStages tells of every stage that has ended, and whether it left the study and the track
// that it was given as they were. The caller restores the table.
func WatchStages(ended func(name string, unchanged bool)) (restore func()) {
	saved := stages
	stages = nil
	for _, st := range saved {
		run := st.run
		st.run = func(ctx context.Context, s *Study, t Track) (Track, error) {
			study, track := s.Hash(), t.hash()
			next, err := run(ctx, s, t)
			ended(st.name, s.Hash() == study && t.hash() == track)
			return next, err
		}
		stages = append(stages, st)
	}
	return func() { stages = saved }
}

// Hash is that of everything in a study that stages read: networks, settings, held-out samples
// and what is known of them. The loader and the ledger go on by themselves.
func (s *Study) Hash() string {
	h := sha256.New()
	for _, n := range []*Network{s.subject.Model, s.subject.Teacher} {
		if n != nil {
			hashGraph(h, n.Graph)
		}
	}
	hashGraph(h, s.net)
	id, err := s.config.settings()
	fmt.Fprintln(h, id, err, s.memory, s.inputs, s.loader.n, s.loader.augmentations)
	if s.holdout != nil {
		fmt.Fprintln(h, s.holdout.Baseline, s.holdout.Paired, s.holdout.Reference.Float, s.holdout.Reference.Unit, s.holdout.Reference.Scale, s.holdout.Reference.Noise, s.holdout.Set().Labels)
	}
	if s.test != nil {
		fmt.Fprintln(h, s.test.Baseline)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// hash is that of the networks of a track and of what is known of them.
func (t Track) hash() string {
	h := sha256.New()
	if t.start != nil {
		hashGraph(h, t.start.net)
		fmt.Fprintln(h, t.start.channels.Scores(), t.start.drop, t.start.doubt, t.start.diverged)
	}
	for _, st := range t.states {
		hashGraph(h, st.net)
		fmt.Fprintln(h, st.kept, st.drop, st.gains)
	}
	fmt.Fprintln(h, t.narrowest, t.roomy, t.rate, t.margin, t.brief, t.lost)
	return fmt.Sprintf("%x", h.Sum(nil))
}

func hashGraph(h hash.Hash, g *graph.Graph) {
	fmt.Fprintln(h, g)
	floats := func(x []float32) {
		b := make([]byte, 0, 4*len(x)+8)
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		h.Write(binary.LittleEndian.AppendUint64(b, uint64(len(x))))
	}
	for _, p := range g.Params() {
		floats(p.Shadow.Data)
		floats(p.Value.Data)
		floats(p.Mask)
		for _, x := range p.State {
			floats(x)
		}
		fmt.Fprintln(h, p.Name, p.Mask == nil, len(p.State), p.Grid, p.Book)
	}
}
