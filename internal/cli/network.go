package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"edgec"
)

// networkFlags say what an ONNX file leaves open.
type networkFlags struct {
	shapes shapes
	values values
	states states
}

// register adds the flags to a command that reads a float network.
func (n *networkFlags) register(cmd *cobra.Command) {
	n.shapes.register(cmd)
	cmd.Flags().Var(&n.values, "set", "value of an input of the model that never changes, as in sr=16000; once for each input")
	cmd.Flags().Var(&n.states, "state", "output that is an input of the next run, as in h_out=h_in; once for each; none: there are none (default: what names leave no doubt of)")
}

// options returns what the flags say of a network whose samples are at data; "": not known.
func (n *networkFlags) options(data string) edgec.OpenOptions {
	return edgec.OpenOptions{Shapes: n.shapes, Data: data, Values: n.values, State: n.states.links, NoState: n.states.none}
}

// values are the values of --set: numbers by the names of inputs.
type values map[string]float64

// Set implements pflag.Value.
func (v *values) Set(text string) error {
	at := strings.LastIndexByte(text, '=')
	x, err := strconv.ParseFloat(text[at+1:], 64)
	if at < 1 || err != nil {
		return fmt.Errorf("%q is no input with a number; give both, as in sr=16000", text)
	}
	if *v == nil {
		*v = values{}
	}
	(*v)[text[:at]] = x
	return nil
}

// String implements pflag.Value.
func (v *values) String() string { return "" }

// Type implements pflag.Value.
func (v *values) Type() string { return "name=number" }

// states are the values of --state: inputs by the names of outputs.
type states struct {
	links map[string]string
	none  bool
}

// Set implements pflag.Value.
func (s *states) Set(text string) error {
	out, in, ok := strings.Cut(text, "=")
	switch {
	case text == "none":
		s.none = true
		return nil
	case !ok || out == "" || in == "":
		return fmt.Errorf("%q is no output with an input; give both, as in h_out=h_in, or none", text)
	case s.links == nil:
		s.links = map[string]string{}
	}
	s.links[out] = in
	return nil
}

// String implements pflag.Value.
func (s *states) String() string { return "" }

// Type implements pflag.Value.
func (s *states) Type() string { return "output=input" }
