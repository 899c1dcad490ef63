package graph

import (
	"slices"
	"strings"
	"testing"

	"edgec/internal/tensor"
)

// network has inputs and outputs of these names, all of one shape but those with a number behind
// a colon.
func network(inputs, outputs []string) *Graph {
	g := &Graph{}
	value := func(name string) *Value {
		name, size, other := strings.Cut(name, ":")
		v := &Value{Name: name, Shape: tensor.Shape{1, 4}}
		if other {
			v.Shape = tensor.Shape{1, len(size)}
		}
		return v
	}
	for _, n := range inputs {
		g.Inputs = append(g.Inputs, value(n))
	}
	for _, n := range outputs {
		g.Outputs = append(g.Outputs, value(n))
	}
	return g
}

// TestFindState: what names and shapes leave no doubt of, and what they do.
func TestFindState(t *testing.T) {
	for name, c := range map[string]struct {
		inputs, outputs string
		want            []StateLink
	}{
		"h":                     {"x h_in", "y h_out", []StateLink{{1, 1}}},
		"added to one":          {"x state", "y stateN", []StateLink{{1, 1}}},
		"h and c":               {"x h0 c0", "y hn cn", []StateLink{{1, 1}, {2, 2}}},
		"caches":                {"id:1 past_key_values.0.key past_key_values.0.value", "logits:12 present.0.key present.0.value", []StateLink{{1, 1}, {2, 2}}},
		"keys and values":       {"id:1 keys values", "logits:12 keys_out values_out", []StateLink{{1, 1}, {2, 2}}},
		"by shape and kind":     {"x:12 hidden", "y:123 state", []StateLink{{1, 1}}},
		"two of a shape":        {"x:12 hidden hidden2", "y:123 state", nil},
		"two outputs of a name": {"x:12 h", "y:123 h_out h_next", nil},
		"added to the outputs":  {"x:12 hidden cell", "y:123 hidden_out cell_out", []StateLink{{1, 1}, {2, 2}}},
		"another shape":         {"x h_in:123", "y h_out", nil},
		"no states":             {"left right", "sum difference", nil},
		"an autoencoder":        {"x", "y", nil},
		"input and output are":  {"input", "output", nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := network(strings.Fields(c.inputs), strings.Fields(c.outputs))
			notes, err := g.LinkState(nil, true)
			if err != nil || !slices.Equal(g.State, c.want) || len(notes) != len(c.want) {
				t.Errorf("%v, %v, %v; want %v", g.State, notes, err, c.want)
			}
		})
	}
}

// TestSaidState: what the user says counts, or is refused by name.
func TestSaidState(t *testing.T) {
	for name, c := range map[string]struct {
		said map[string]string
		says string
	}{
		"as said":           {map[string]string{"b": "a"}, ""},
		"no such output":    {map[string]string{"z": "a"}, `no output "z"; it has y [4], b [4]`},
		"no such input":     {map[string]string{"b": "z"}, `no input "z"`},
		"another shape":     {map[string]string{"b": "x"}, "the output has shape [4], the input [2]"},
		"two for one input": {map[string]string{"b": "a", "y": "a"}, `input "a" is the state of two outputs`},
	} {
		t.Run(name, func(t *testing.T) {
			g := network([]string{"x:12", "a"}, []string{"y", "b"})
			_, err := g.LinkState(c.said, false)
			if c.says == "" && (err != nil || !g.IsState(1) || !g.CarriesState(1) || g.IsState(0)) {
				t.Errorf("%v, %v", g.State, err)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v; want %s", err, c.says)
			}
		})
	}
}

// TestImpossibleState: links that are refused, whoever made them.
func TestImpossibleState(t *testing.T) {
	for name, c := range map[string]struct {
		links []StateLink
		says  string
	}{
		"no such number": {[]StateLink{{0, 2}}, "input 2, which are not there"},
		"another kind":   {[]StateLink{{0, 1}}, "link equal ones"},
		"nothing left":   {[]StateLink{{0, 0}, {1, 1}}, "every input is a state"},
	} {
		t.Run(name, func(t *testing.T) {
			g := network([]string{"a", "ids"}, []string{"y", "next"})
			g.Inputs[1].Elem, g.Outputs[1].Elem = Integer, Integer
			g.State = c.links
			if _, err := g.LinkState(nil, false); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %s", err, c.says)
			}
		})
	}
}
