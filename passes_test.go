package edgec

import (
	"strings"
	"testing"

	"edgec/internal/graph"
)

func TestPassOrder(t *testing.T) {
	at := map[string]int{}
	for i, p := range Passes {
		at[p.Name] = i
	}
	for _, o := range order {
		first, ok1 := at[o.first]
		then, ok2 := at[o.then]
		if !ok1 || !ok2 {
			t.Fatalf("%q before %q: no such pass", o.first, o.then)
		}
		if first >= then {
			t.Errorf("%q must come before %q, because %s", o.first, o.then, o.because)
		}
	}
}

// Making a file walks the table, and names the pass after which a graph does
// not hold together.
func TestMakeFile(t *testing.T) {
	var walked []string
	did := func(name string) Pass {
		return Pass{Name: name, make: func(*search, *graph.Graph, float64) error {
			walked = append(walked, name)
			return nil
		}}
	}
	s := &search{passes: []Pass{{Name: "not of files"}, did("dead"), did("tune"), did("settle")}}
	g := identity(t, 3, 1)
	if err := s.makeFile(g, 3, false); err != nil || strings.Join(walked, " ") != "dead tune settle" {
		t.Errorf("walked %v: %v", walked, err)
	}
	walked = nil
	if err := s.makeFile(g, 3, true); err != nil || strings.Join(walked, " ") != "dead settle" {
		t.Errorf("without training %v: %v", walked, err)
	}
	s.passes[1].make = func(_ *search, g *graph.Graph, _ float64) error {
		g.Outputs[0] = &graph.Value{Name: "lost", Shape: g.Outputs[0].Shape}
		return nil
	}
	if err := s.makeFile(g, 3, true); err == nil || !strings.Contains(err.Error(), `after pass "dead"`) {
		t.Errorf("a graph that lost its output: %v", err)
	}
}
