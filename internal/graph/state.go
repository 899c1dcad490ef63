package graph

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// StateLink says that an output of one run is an input of the next one. The first run has
// zeros there.
type StateLink struct {
	Output, Input int // numbers in Graph.Outputs and Graph.Inputs
}

// IsState reports whether input i is an output of the run before.
func (g *Graph) IsState(i int) bool {
	return slices.ContainsFunc(g.State, func(l StateLink) bool { return l.Input == i })
}

// CarriesState reports whether output k is an input of the next run.
func (g *Graph) CarriesState(k int) bool {
	return slices.ContainsFunc(g.State, func(l StateLink) bool { return l.Output == k })
}

// LinkState makes the links that the user says, inputs by the names of outputs, and with find
// those that names, or kinds of names and shapes, leave no doubt of. It returns what was found,
// in words. The error says which link cannot be.
func (g *Graph) LinkState(said map[string]string, find bool) (notes []string, err error) {
	for _, out := range slices.Sorted(maps.Keys(said)) {
		k, i := position(g.Outputs, out), position(g.Inputs, said[out])
		switch {
		case k < 0:
			return nil, fmt.Errorf("graph: state %s=%s: the network has no output %q; it has %s", out, said[out], out, listed(g.Outputs))
		case i < 0:
			return nil, fmt.Errorf("graph: state %s=%s: the network has no input %q; it has %s", out, said[out], said[out], listed(g.Inputs))
		}
		g.State = append(g.State, StateLink{k, i})
	}
	if find {
		for k, o := range g.Outputs {
			if i := g.stateOf(o); i >= 0 && !g.CarriesState(k) && !g.IsState(i) {
				g.State = append(g.State, StateLink{k, i})
				notes = append(notes, fmt.Sprintf("output %q is input %q of the next run, by its name and shape; --state none takes them apart", o.Name, g.Inputs[i].Name))
			}
		}
	}
	return notes, g.checkState()
}

// checkState verifies that links have equal ends, and that no input has two.
func (g *Graph) checkState() error {
	seen := map[int]bool{}
	for _, l := range g.State {
		if l.Output < 0 || l.Output >= len(g.Outputs) || l.Input < 0 || l.Input >= len(g.Inputs) {
			return fmt.Errorf("graph: state links output %d with input %d, which are not there", l.Output, l.Input)
		}
		o, i := g.Outputs[l.Output], g.Inputs[l.Input]
		switch {
		case seen[l.Input]:
			return fmt.Errorf("graph: input %q is the state of two outputs; link one", i.Name)
		case !o.Shape.Equal(i.Shape):
			return fmt.Errorf("graph: state %s=%s: the output has shape %v, the input %v; link equal ones", o.Name, i.Name, o.Shape.Sample(), i.Shape.Sample())
		case o.Elem != i.Elem:
			return fmt.Errorf("graph: state %s=%s: one end has whole numbers, the other has not; link equal ones", o.Name, i.Name)
		}
		seen[l.Input] = true
	}
	if len(seen) == len(g.Inputs) && len(seen) > 0 {
		return fmt.Errorf("graph: every input is a state; there is nothing left to compute from")
	}
	return nil
}

func position(vs []*Value, name string) int {
	return slices.IndexFunc(vs, func(v *Value) bool { return v.Name == name })
}

func listed(vs []*Value) string {
	var names []string
	for _, v := range vs {
		names = append(names, fmt.Sprintf("%s %v", v.Name, v.Shape.Sample()))
	}
	return strings.Join(names, ", ")
}

// stateOf returns the input that output o feeds, -1 if nothing says so: its name is the
// output's but for what people add to one of them, or the names say that both are states and no
// other has their shape.
func (g *Graph) stateOf(o *Value) int {
	found := -1
	for i, v := range g.Inputs {
		if v.Shape.Equal(o.Shape) && v.Elem == o.Elem && v.Name != o.Name && stem(v.Name) == stem(o.Name) && stem(o.Name) != "" {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	if found >= 0 || !stateName.MatchString(o.Name) {
		return found
	}
	same := func(v *Value) bool { return v.Shape.Equal(o.Shape) && v.Elem == o.Elem }
	for _, other := range g.Outputs {
		if other != o && same(other) {
			return -1
		}
	}
	for i, v := range g.Inputs {
		if same(v) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	if found >= 0 && !stateName.MatchString(g.Inputs[found].Name) {
		return -1
	}
	return found
}

// stateName is what people call states.
var stateName = regexp.MustCompile(`(?i)state|hidden|cache|memory|past|present|(^|_)[hc](_?[0n])?($|_)`)

// additions are what people add to the name of a state at one end of the network.
var additions = regexp.MustCompile(`(?i)^(new|next|prev|previous|last|init|initial|input|output|in|out)[_.]|[_.]?(new|next|prev|previous|last|init|initial|input|output|in|out|cur|curr)$|_?[0n]$`)

// stem is a name without what people add at one end: h_out and h_in are h, stateN is state,
// present.0.key and past_key_values.0.key are past.0.key.
func stem(name string) string {
	s := strings.ToLower(name)
	for _, past := range []string{"past_key_values", "present_key_values", "past_key_value", "present_key_value", "present"} {
		s = strings.Replace(s, past, "past", 1)
	}
	return additions.ReplaceAllString(s, "")
}
