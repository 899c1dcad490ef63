package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"edgec"
)

// networkFlags say what a float network leaves open.
type networkFlags struct {
	shapes, values, states []string
}

// noState is the value of --state that finds no links.
const noState = "none"

// register adds the flags to a command that reads a float network.
func (n *networkFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&n.shapes, "shape", nil, "size of an input that the ONNX file leaves open, with or without the batch: ids=128 or x=1x16x64 (default: as DATA has it)")
	f.StringArrayVar(&n.values, "set", nil, "value of an input of the ONNX network that never changes, such as sr=16000")
	f.StringArrayVar(&n.states, "state", nil, "output that is an input of the next run, such as h_out=h_in, or none (default: what names leave no doubt of)")
}

// options returns what the flags say, for a network whose samples are at data.
func (n *networkFlags) options(data string) (o edgec.OpenOptions, err error) {
	o = edgec.OpenOptions{Data: data, Shapes: map[string][]int{}, Values: map[string]float64{}, State: map[string]string{}}
	var errs []error
	for _, s := range n.shapes {
		name, sizes, ok := strings.Cut(s, "=")
		shape := parseSizes(sizes)
		if !ok || shape == nil {
			errs = append(errs, fmt.Errorf("--shape %s: give the input and its sizes, such as ids=128 or x=1x16x64", s))
		}
		o.Shapes[name] = shape
	}
	for _, s := range n.values {
		name, value, ok := strings.Cut(s, "=")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			errs = append(errs, fmt.Errorf("--set %s: give the input and a number, such as sr=16000", s))
		}
		o.Values[name] = v
	}
	for _, s := range n.states {
		out, in, ok := strings.Cut(s, "=")
		switch {
		case s == noState:
			o.NoState = true
		case !ok || out == "" || in == "":
			errs = append(errs, fmt.Errorf("--state %s: give the output and the input, such as h_out=h_in, or none", s))
		default:
			o.State[out] = in
		}
	}
	return o, errors.Join(errs...)
}

// check returns what is wrong with the flags, joined.
func (n *networkFlags) check() error {
	_, err := n.options("")
	return err
}

// parseSizes reads 1x16x64; nil: it is no list of sizes.
func parseSizes(s string) (shape []int) {
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == 'x' || r == ',' }) {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > 1<<24 {
			return nil
		}
		shape = append(shape, n)
	}
	return shape
}
