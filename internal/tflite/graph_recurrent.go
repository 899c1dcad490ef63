package tflite

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// The inputs of UNIDIRECTIONAL_SEQUENCE_LSTM: x, weights of x and of the state for the gates input,
// forget, cell and output, peepholes, biases, a projection, two states, normalizations.
const (
	lstmWeights, lstmState, lstmPeepholes, lstmBias = 1, 5, 9, 12
	lstmProjection, lstmNormal                      = 16, 20
)

// lstmGates are the places of a Recurrent's gates, input, output, forget and cell, among TFLite's.
var lstmGates = []int{0, 3, 1, 2}

// lstm reads UNIDIRECTIONAL_SEQUENCE_LSTM: a Dense over all steps, and what goes through time.
func (n *node) lstm() error {
	for k := lstmPeepholes; k < len(n.in); k++ {
		if n.has(k) && (k < lstmBias || k == lstmProjection || k == lstmProjection+1 || k >= lstmNormal) {
			return fmt.Errorf("input %d is given: peepholes, projections and normalized gates are not supported", k)
		}
	}
	if act := n.small(0); act != actTanh || n.real(1, 0) != 0 || n.real(2, 0) != 0 {
		return fmt.Errorf("fused activation %d, clips %v and %v; tanh without clips is supported", act, n.real(1, 0), n.real(2, 0))
	}
	return n.recurrent(op.Recurrent{Kind: op.LSTM}, n.small(3) != 0, lstmGates, lstmWeights, lstmState, lstmBias)
}

// rnn reads UNIDIRECTIONAL_SEQUENCE_RNN: x, weights of x and of the state, biases, the state.
func (n *node) rnn() error {
	kinds := map[int]op.Gate{actRelu: {Name: "Relu"}, actTanh: {Name: "Tanh"}}
	gate, ok := kinds[n.small(1)]
	if !ok {
		return fmt.Errorf("fused activation %d; relu and tanh are supported", n.small(1))
	}
	return n.recurrent(op.Recurrent{Kind: op.RNN, Gates: [3]op.Gate{gate}}, n.small(0) != 0, []int{0}, 1, 2, 3)
}

// recurrent appends a recurrent layer: for each of its gates the inputs from weights, state and
// bias on, in the order of gates. States begin as zeros for each sample.
func (n *node) recurrent(o op.Recurrent, timeFirst bool, gates []int, weights, state, bias int) error {
	x, err := n.x(0)
	if err != nil {
		return err
	}
	s, batch := x.shape(), 0
	if timeFirst {
		batch = 1
	}
	if len(s) != 3 || s[batch] != 1 {
		return fmt.Errorf("input of shape %v; one sample of steps and features is supported", s)
	}
	steps := s[1-batch]
	w, err := n.joined(weights, gates, s[2])
	if err != nil {
		return err
	}
	units := w.shape[0] / len(gates)
	r, err := n.joined(state, gates, units)
	if err != nil {
		return err
	}
	b, err := n.joined(bias, gates, 1)
	if err != nil {
		return err
	}
	if len(r.f) != len(gates)*units*units || len(b.f) != len(gates)*units {
		return fmt.Errorf("weights of %v and of the state %v, %d biases: the file is damaged", w.shape, r.shape, len(b.f))
	}
	sums := n.emit(n.name+"_sums", op.Dense{}, n.reshaped(x, []int{1, steps, s[2]}).v, n.param(weights, w, graph.Weight, "gates"),
		n.param(bias, b.reshaped(len(b.f)), graph.Bias, "gates of "+n.name+" "))
	h := n.emit(n.name, o, sums, n.param(state, r, graph.Weight, "gates"))
	out := operand{v: h}
	if timeFirst {
		out = n.reshaped(out, []int{steps, 1, units})
	}
	n.at[n.out[0]] = out
	n.g.Notes = append(n.g.Notes, fmt.Sprintf("the states of %q are zeros at the start of each sample", n.name))
	return nil
}

// joined returns the constants from input first on, one for each gate in the order of gates, as one
// matrix of so many columns.
func (n *node) joined(first int, gates []int, columns int) (*array, error) {
	all, sparse := &array{}, false
	for _, k := range gates {
		a, err := n.constant(first + k)
		if err != nil {
			return nil, err
		}
		if columns < 1 || len(a.f)%columns != 0 {
			return nil, fmt.Errorf("constant %q of shape %v for rows of %d: the file is damaged", a.name, a.shape, columns)
		}
		all.name, all.f, sparse = a.name, append(all.f, a.f...), sparse || a.mask != nil
		if a.mask == nil {
			a = &array{mask: slices.Repeat([]float32{1}, len(a.f))}
		}
		all.mask = append(all.mask, a.mask...)
	}
	if !sparse {
		all.mask = nil
	}
	all.shape = []int{len(all.f) / columns, columns}
	return all, nil
}
