package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// function is o's number in a file. The error says what the device does not have.
func (o Recurrent) function(n *graph.Node) (int, error) {
	switch {
	case !o.plain():
		return 0, fmt.Errorf("the device has recurrent layers of sigmoid and tanh without a clip: train with the default activations")
	case o.InputForget:
		return 0, fmt.Errorf("the device has no LSTM whose input and forget gates are one: train it with both")
	case optional(n, peepholeInput) != nil:
		return 0, fmt.Errorf("the device has no LSTM with peepholes: train it without")
	}
	switch {
	case o.Kind == RNN:
		return format.RecurrentRNN, nil
	case o.Kind == GRU && !o.LinearBeforeReset:
		return format.RecurrentGRU, nil
	case o.Kind == GRU:
		return format.RecurrentGRUResetAfter, nil
	case !o.Cell:
		return format.RecurrentLSTM, nil
	}
	return format.RecurrentLSTMCell, nil
}

// Lower emits OpRecurrent, whose result is float32 or, if it has a grid, int8.
func (o Recurrent) Lower(d Device, n *graph.Node) error {
	in := format.Instr{Op: format.OpRecurrent, LUT: -1, ClampMin: -128, ClampMax: 127, Reverse: o.Reverse}
	var err error
	if in.Function, err = o.function(n); err != nil {
		return err
	}
	if o.Fine {
		in.Function += format.RecurrentFine
	}
	r, y := n.Inputs[WeightInput], n.Outputs[0]
	in.In = []int{d.Float(n.Inputs[0])}
	for i := stateInput; i <= cellInput; i++ {
		v := optional(n, i)
		switch {
		case v != nil && len(in.In) < i-stateInput+1:
			return fmt.Errorf("the device starts a cell beside a state only: give the layer an initial state of zeros")
		case v != nil:
			in.In = append(in.In, d.Float(v))
		}
	}
	in.Out = d.Output(y)
	in.Weight = d.WeightOf(o.MetGrid(n).Scale, r, optional(n, BiasInput), [4]int{r.Shape[0], 1, 1, r.Shape[1]})
	d.Emit(in)
	return nil
}

func init() { RegisterLift(format.OpRecurrent, liftRecurrent) }

func liftRecurrent(l Lifter, in *format.Instr, out *graph.Value, x []*graph.Value) *graph.Value {
	o := Recurrent{Reverse: in.Reverse, Fine: in.Function >= format.RecurrentFine}
	switch cell := format.RecurrentCell(in.Function); cell {
	case format.RecurrentGRU, format.RecurrentGRUResetAfter:
		o.Kind, o.LinearBeforeReset = GRU, cell == format.RecurrentGRUResetAfter
	case format.RecurrentLSTM, format.RecurrentLSTMCell:
		o.Kind, o.Cell = LSTM, cell == format.RecurrentLSTMCell
	}
	r, b := l.WeightsOf(in, o.MetGrid(nil).Scale)
	inputs := append([]*graph.Value{x[0], r, b}, x[1:]...)
	return l.Node(o, out, inputs...)
}
