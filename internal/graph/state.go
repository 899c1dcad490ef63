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

// LinkState adds the links of said, whose keys are names of outputs and whose values are names of
// inputs. With find it also adds the links that names and shapes leave no doubt of, and returns a
// note for each. The error names the link that is impossible, and why.
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
			return fmt.Errorf("graph: state %s=%s: one end has real numbers, the other integers or truth values; link equal ones", o.Name, i.Name)
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

// stateOf returns the number of the input that output o becomes in the next run, -1 where that
// is in doubt. Their shapes and kinds are equal, and either their names have the same stem, which
// no other input and output of the shape has, or both names are those of states and no other
// input and output has the shape.
func (g *Graph) stateOf(o *Value) int {
	same := func(v *Value) bool { return v.Shape.Equal(o.Shape) && v.Elem == o.Elem }
	named := func(v *Value) bool { return same(v) && sameStem(v.Name, o.Name) }
	if ins := numbers(g.Inputs, func(v *Value) bool { return named(v) && v.Name != o.Name }); len(ins) > 0 {
		outs := numbers(g.Outputs, func(v *Value) bool { return named(v) && v.Name != g.Inputs[ins[0]].Name })
		if len(ins) == 1 && len(outs) == 1 {
			return ins[0]
		}
		return -1
	}
	ins, outs := numbers(g.Inputs, same), numbers(g.Outputs, same)
	if len(ins) == 1 && len(outs) == 1 && stateName.MatchString(o.Name) && stateName.MatchString(g.Inputs[ins[0]].Name) {
		return ins[0]
	}
	return -1
}

// numbers returns the numbers of the values for which is holds.
func numbers(vs []*Value, is func(v *Value) bool) (list []int) {
	for i, v := range vs {
		if is(v) {
			list = append(list, i)
		}
	}
	return list
}

// stateName is what people call states.
var stateName = regexp.MustCompile(`(?i)state|hidden|cache|memory|past|present|(^|_)[hc](_?[0n])?($|_)`)

// additions are what people add to the name of a state at one end of the network.
var additions = regexp.MustCompile(`(?i)^(new|next|prev|previous|last|init|initial|input|output|in|out)[_.]|[_.]?(new|next|prev|previous|last|init|initial|input|output|in|out|cur|curr)$|_?[0n]$`)

// sameStem reports whether two names are one but for what people add at one end, or at both:
// h_out and h_in, stateN and state, hidden_out and hidden, present.0.key and
// past_key_values.0.key.
func sameStem(a, b string) bool {
	a, b = plainState(a), plainState(b)
	s, t := additions.ReplaceAllString(a, ""), additions.ReplaceAllString(b, "")
	return s != "" && t != "" && (s == t || a == t || s == b)
}

// plainState is a name in lower case, with one word for what caches are called at either end.
func plainState(name string) string {
	s := strings.ToLower(name)
	for _, past := range []string{"past_key_values", "present_key_values", "past_key_value", "present_key_value", "present"} {
		s = strings.Replace(s, past, "past", 1)
	}
	return s
}
