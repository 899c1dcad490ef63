package edgec

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/journal"
)

// A search is the same whenever it is run, so one that was killed goes on by being run
// again: what its costly stages have left is in a journal (Recipe.Journal), and they
// take it from there.

// left is what a stage leaves behind: its result, the parameters that it trained, and
// how far the feed has come.
type left[R any] struct {
	Result R
	Params []paramState
	Feed   feedState
}

// staged does the work of a stage, which trains g, or nothing when g is nil, and takes
// samples from the feed; or takes what it left from the journal. Work that fails
// leaves nothing.
func staged[R any](s *search, name string, g *graph.Graph, work func() (R, error)) (R, error) {
	var l left[R]
	if ok, err := s.journal.Replay(name, &l); err != nil {
		return l.Result, err
	} else if ok {
		if g != nil {
			if err := restore(g, l.Params); err != nil {
				return l.Result, err
			}
		}
		return l.Result, s.feed.restore(l.Feed)
	}
	r, err := work()
	if err != nil || s.journal == nil {
		return r, err
	}
	l = left[R]{Result: r, Feed: s.feed.state()}
	if g != nil {
		l.Params = paramStates(g)
	}
	return r, s.journal.Record(name, l)
}

// paramState is a parameter without its name and shape: what training changes.
type paramState struct {
	Shadow, Mask []float32
	State        [][]float32
	Book         *graph.Codebook
}

func paramStates(g *graph.Graph) []paramState {
	var ps []paramState
	for _, p := range g.Params() {
		ps = append(ps, paramState{p.Shadow.Data, p.Mask, p.State, p.Book})
	}
	return ps
}

// restore gives g the state of the parameters of an equal network.
func restore(g *graph.Graph, ps []paramState) error {
	params := g.Params()
	if len(ps) != len(params) {
		return fmt.Errorf("edgec: the journal has %d parameters, the network %d; remove the journal and start again", len(ps), len(params))
	}
	for i, p := range params {
		if len(ps[i].Shadow) != len(p.Shadow.Data) {
			return fmt.Errorf("edgec: the journal has %d values for parameter %q, the network %d; remove the journal and start again", len(ps[i].Shadow), p.Name, len(p.Shadow.Data))
		}
		copy(p.Shadow.Data, ps[i].Shadow)
		p.Mask, p.State, p.Book = ps[i].Mask, ps[i].State, ps[i].Book
		p.Refresh()
	}
	return nil
}

// fingerprint tells searches apart that would leave something else: by networks, data
// and recipe.
func fingerprint(m *Model, data *dataset.Splits, r Recipe) (string, error) {
	h := sha256.New()
	recipe, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("edgec: %w", err)
	}
	h.Write(recipe)
	floats := func(x []float32) {
		b := make([]byte, 4*len(x))
		for i, v := range x {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
		}
		h.Write(b)
	}
	for _, m := range []*Model{m, r.Teacher} {
		if m == nil {
			continue
		}
		h.Write([]byte(m.graph.String()))
		for _, p := range m.graph.Params() {
			floats(p.Shadow.Data)
		}
	}
	for _, set := range []*dataset.Set{data.Train, data.Test} {
		if set == nil {
			h.Write([]byte("none"))
			continue
		}
		x := make([]float32, set.Sample().Size())
		for i := range set.Len() {
			set.Read(i, x)
			floats(x)
		}
		fmt.Fprint(h, set.Labels)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// openJournal starts or takes up the journal that the recipe asks for.
func (s *search) openJournal(data *dataset.Splits) error {
	if s.recipe.Journal == "" {
		return nil
	}
	id, err := fingerprint(s.model, data, s.recipe)
	if err != nil {
		return err
	}
	open := journal.Create
	if s.recipe.Resume {
		open = journal.Resume
	}
	s.journal, err = open(s.recipe.Journal, id)
	return err
}
