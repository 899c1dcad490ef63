package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/passes"
)

// Layers whose inputs want more than 8 bits: signals of a large dynamic range, and numbers that
// are outputs. Which ones those are is measured.

// tooCoarse: the int8 file, the first that was made, loses more than is asked for, beyond
// doubt. Inputs of 16 bits take twice the time, so that they are not for times.
func tooCoarse(s *Study) bool {
	if s.objective().executed() || len(s.ledger.candidates) == 0 {
		return false
	}
	first := s.ledger.candidates[0]
	return first.Drop-refineDoubt*first.Error > s.accepted()
}

// missed: no file keeps the drop. On few samples, the int8 file may exceed it by chance.
func missed(s *Study) bool {
	o := s.objective()
	return !o.executed() && !o.limitsOnly() && len(s.ledger.candidates) > 0 &&
		!slices.ContainsFunc(s.ledger.candidates, func(c Candidate) bool { return c.Meets })
}

// accepted returns the drop that a file may have: the one that is asked for, or with limits alone
// one that counts as little.
func (s *Study) accepted() float64 {
	if s.objective().limitsOnly() {
		return limitsDrop
	}
	return s.objective().drop()
}

// refineInputs finds the layers that need inputs of 16 bits to keep the drop, as few as
// possible, and makes a file of these. Where 16 bits everywhere do not help beyond doubt, the
// track stays as it is.
func refineInputs(ctx context.Context, s *Study, t Track) (Track, bool, error) {
	return s.refineWith(ctx, t, refineDoubt)
}

// refineAnyway is refineInputs without the doubt: it is enough that 16 bits help at all.
func refineAnyway(ctx context.Context, s *Study, t Track) (Track, bool, error) {
	return s.refineWith(ctx, t, 0)
}

func (s *Study) refineWith(ctx context.Context, t Track, doubt float64) (Track, bool, error) {
	since := time.Now()
	names, err := resumable(s, "refine", nil, func() ([]string, error) { return s.layersToRefine(ctx, doubt) })
	if err != nil || len(names) == 0 {
		return t, false, err
	}
	t.base = s.refined(names)
	first := s.ledger.candidates[0]
	s.ledger.prepared("16 bits", t.base, fmt.Sprintf("8 bits of activations cost %.2f points: the inputs of %d of %d layers get 16: %s",
		first.Drop, len(names), len(layerNames(s.net)), firstNames(names)), since)
	return t, false, s.int8File(ctx, t.base)
}

// firstNames joins the first few names.
func firstNames(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// layerNames returns the names of the layers of g, also of recurrent ones, in execution order.
func layerNames(g *graph.Graph) (names []string) {
	for _, n := range g.Nodes {
		if _, recurrent := n.Op.(op.Refiner); recurrent || op.IsLayer(n) {
			names = append(names, n.Name)
		}
	}
	return names
}

// refined returns a copy of the network in which the named layers have inputs of 16 bits.
func (s *Study) refined(names []string) *graph.Graph {
	g := s.net.Clone()
	passes.Refine(g, func(n *graph.Node) bool { return slices.Contains(names, n.Name) })
	return g
}

// layersToRefine ranks layers by how much 16 bits of their input alone win, and returns the first
// of them that keep the drop together, or come close to what all win. It returns none unless all of
// them win more than doubt times their standard errors.
func (s *Study) layersToRefine(ctx context.Context, doubt float64) ([]string, error) {
	names := layerNames(s.net)
	n := s.refineSamples(len(names) + 1)
	none, err := s.lostWith(ctx, nil, n)
	if err != nil {
		return nil, err
	}
	all, err := s.lostWith(ctx, names, n)
	if err != nil || all.Drop+doubt*(all.Error+none.Error) >= none.Drop {
		return nil, err
	}
	gain := map[string]float64{}
	for i, name := range names {
		s.ledger.tell(Progress{Stage: "16 bits", Done: i, Total: len(names)})
		e, err := s.lostWith(ctx, []string{name}, n)
		if err != nil {
			return nil, err
		}
		gain[name] = none.Drop - e.Drop
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(gain[b], gain[a]) })
	goal := max(s.accepted(), all.Drop+refineRest*(none.Drop-all.Drop))
	few, many := 0, len(names) // many will do
	for many-few > 1 {
		k := (few + many) / 2
		e, err := s.lostWith(ctx, names[:k], n)
		if err != nil {
			return nil, err
		}
		if e.Drop <= goal {
			many = k
		} else {
			few = k
		}
	}
	return names[:many], nil
}

// refineSamples returns how many samples the work for one of the trials allows.
func (s *Study) refineSamples(trials int) int {
	return int(refineWork / float64(max(MACs(s.net), 1)) / float64(trials))
}

// lostWith estimates the drop of the int8 network whose named layers have inputs of 16 bits. It is
// calibrated and measured on about n samples.
func (s *Study) lostWith(ctx context.Context, names []string, n int) (eval.Estimate, error) {
	g := s.refined(names)
	if err := s.toInt8(ctx, g, min(s.fewer(calibrations), max(calibrationPart, n))); err != nil {
		return eval.Estimate{}, err
	}
	return s.holdout.Graph(ctx, g, min(s.heldOut(), max(fewestFallback, n)))
}
