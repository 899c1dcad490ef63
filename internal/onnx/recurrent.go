package onnx

import (
	"fmt"
	"slices"
	"strings"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// recurrent is a node RNN, GRU or LSTM being read.
type recurrent struct {
	*node
	kind      op.RecurrentKind
	gates     int
	hidden    int
	reverse   []bool // of each direction
	timeFirst bool   // layout 0: [T,B,...]; 1: [B,T,...]
	w, rec, b *array // [D,gH,I], [D,gH,H], [D,2gH] or nil
}

// buildRecurrent reads the recurrent layers: for each direction a Dense over all steps,
// which makes the sums of W and the biases, and an op.Recurrent behind it.
func buildRecurrent(kind op.RecurrentKind, gates int) func(*node) error {
	return func(n *node) error {
		r := &recurrent{node: n, kind: kind, gates: gates}
		if err := r.readAttributes(); err != nil {
			return err
		}
		if err := r.readWeights(); err != nil {
			return err
		}
		samples, merge, err := r.sequences()
		if err != nil {
			return err
		}
		if err := r.checkLengths(samples[0].Shape[1]); err != nil {
			return err
		}
		var y, last, cell []*graph.Value
		for i, x := range samples {
			out, err := r.sequence(x, i)
			if err != nil {
				return err
			}
			y, last, cell = append(y, out[0]), append(last, out[1]), append(cell, out[2])
		}
		for k, values := range [][]*graph.Value{y, last, cell} {
			if k >= len(n.outputs) || n.outputs[k] == "" || values[0] == nil {
				continue
			}
			if err := merge(k, values); err != nil {
				return err
			}
		}
		return nil
	}
}

func (r *recurrent) readAttributes() error {
	switch d := r.attrString("direction", "forward"); d {
	case "forward":
		r.reverse = []bool{false}
	case "reverse":
		r.reverse = []bool{true}
	case "bidirectional":
		r.reverse = []bool{false, true}
	default:
		return r.fail("direction", "%q is not supported, only forward, reverse and bidirectional", d)
	}
	layout := r.attrInt("layout", 0)
	if r.timeFirst = layout == 0; layout != 0 && layout != 1 {
		return r.fail("layout", "%d is not supported, only 0 and 1", layout)
	}
	r.doubtReset()
	return nil
}

// doubtReset notes a GRU that PyTorch cannot have meant: its own resets behind the weights,
// and one of its exporters forgets to say so (onnxscript issue 2852).
func (r *recurrent) doubtReset() {
	if r.kind == op.GRU && r.r.producer == "pytorch" && r.attrInt("linear_before_reset", 0) == 0 {
		r.r.note("node %q (GRU) has no linear_before_reset=1, which PyTorch's GRU needs; if the file's outputs are not those of PyTorch, export it again with dynamo=False", r.title())
	}
}

// readWeights reads W, R and B, and checks that they fit each other.
func (r *recurrent) readWeights() (err error) {
	if r.w, err = r.floats(1); err != nil {
		return err
	}
	if r.rec, err = r.floats(2); err != nil {
		return err
	}
	d := len(r.reverse)
	if len(r.rec.dims) != 3 || r.rec.dims[0] != d || r.rec.dims[1] != r.gates*r.rec.dims[2] || r.rec.dims[2] < 1 {
		return r.fail(r.inputName(2), "weights of shape %v are not supported; [%d, %d hidden, hidden] is needed", r.rec.dims, d, r.gates)
	}
	r.hidden = r.rec.dims[2]
	if h := r.attrInt("hidden_size", r.hidden); h != r.hidden {
		return r.fail("hidden_size", "it is %d, but the weights have %d", h, r.hidden)
	}
	if len(r.w.dims) != 3 || r.w.dims[0] != d || r.w.dims[1] != r.rec.dims[1] || r.w.dims[2] < 1 {
		return r.fail(r.inputName(1), "weights of shape %v are not supported; [%d, %d, inputs] is needed", r.w.dims, d, r.rec.dims[1])
	}
	if !r.has(3) {
		return nil
	}
	if r.b, err = r.floats(3); err != nil {
		return err
	}
	if want := []int{d, 2 * r.rec.dims[1]}; !slices.Equal(r.b.dims, want) {
		return r.fail(r.inputName(3), "biases of shape %v are not supported; %v is needed", r.b.dims, want)
	}
	return nil
}

// mostLoose is the number of sequences of one sample that a layer may go through one by one.
const mostLoose = 64

// sequences returns the inputs [N,T,I], one where the file's batch is the graph's, else one
// for each sequence of the sample; merge defines output k from what was made of each.
func (r *recurrent) sequences() (x []*graph.Value, merge func(k int, of []*graph.Value) error, err error) {
	o, err := r.activation(0)
	if err != nil {
		return nil, nil, err
	}
	at := 0
	if r.timeFirst {
		at = 1
	}
	dims := r.fileDims(o, 0)
	if len(dims) != 3 || dims[2] != r.w.dims[2] {
		return nil, nil, r.fail(r.inputName(0), "its shape %v does not fit weights of %d inputs, which take three dimensions", dims, r.w.dims[2])
	}
	if _, merged := o.batch.merged(); o.batch.at == at && merged == 0 {
		return []*graph.Value{o.act}, func(k int, of []*graph.Value) error { return r.defineBatched(k, of[0]) }, nil
	}
	v, err := r.loose(0, o, at)
	if err != nil {
		return nil, nil, err
	}
	count := v.Shape[1+at]
	if count > mostLoose {
		return nil, nil, r.fail(r.inputName(0), "%d sequences in one sample are more than the %d that are supported; export the network with batch 1", count, mostLoose)
	}
	for i := range count {
		one, err := r.part(v, 1+at, i)
		if err != nil {
			return nil, nil, err
		}
		if one, err = r.emit(op.Reshape{Shape: []int{dims[1-at], dims[2]}}, one); err != nil {
			return nil, nil, err
		}
		x = append(x, one)
	}
	return x, r.defineLoose, nil
}

// loose returns o, input i, with the sequences of a sample along an axis of their own: the
// file's dimension at, without the batch that it may hold.
func (r *recurrent) loose(i int, o *operand, at int) (*graph.Value, error) {
	if r.r.ofOne() {
		return r.withoutBatch(o, 3)
	}
	dims := r.fileDims(o, 0)
	size, merged := o.batch.merged()
	if o.batch.at != at || merged == 0 {
		return nil, r.fail(r.inputName(i), "the batch is not dimension %d of its shape %v; transpose it, or export the network with batch 1", at, dims)
	}
	if dims[at] = size; slices.Equal(o.act.Shape[1:], dims) {
		return o.act, nil
	}
	return r.emit(op.Reshape{Shape: dims}, o.act)
}

// part returns place i of an axis of v, as an axis of 1.
func (r *recurrent) part(v *graph.Value, axis, i int) (*graph.Value, error) {
	if v.Shape[axis] == 1 {
		return v, nil
	}
	s := op.Slice{Before: make([]int, len(v.Shape)), After: make([]int, len(v.Shape)), Step: slices.Repeat([]int{1}, len(v.Shape))}
	s.Before[axis], s.After[axis] = i, v.Shape[axis]-i-1
	return r.emit(s, v)
}

// checkLengths accepts lengths of sequences that are all full.
func (r *recurrent) checkLengths(steps int) error {
	if !r.has(4) {
		return nil
	}
	for _, known := range r.in[4].known {
		if known == nil || known.isFloat() {
			return r.fail(r.inputName(4), "lengths that differ from run to run are not supported; export the network without sequence_lens, for sequences of a fixed length")
		}
		for _, l := range known.i {
			if l != int64(steps) {
				return r.fail(r.inputName(4), "a length of %d for sequences of %d steps is not supported; export the network without sequence_lens", l, steps)
			}
		}
	}
	return nil
}

// sequence reads all directions for one input x [N,T,I], the i-th of its sample: Y
// [N,T,D H], Y_h and Y_c [N,D,H].
func (r *recurrent) sequence(x *graph.Value, i int) (out [3]*graph.Value, err error) {
	var y, last, cell []*graph.Value
	for d := range r.reverse {
		o, in, err := r.direction(x, d, i)
		if err != nil {
			return out, err
		}
		v, c, err := r.emitRecurrent(o, in)
		if err != nil {
			return out, err
		}
		y = append(y, v)
		step := v.Shape[1] - 1
		if o.Reverse {
			step = 0
		}
		if v, err = r.part(v, 1, step); err != nil {
			return out, err
		}
		last = append(last, v)
		if c != nil {
			if c, err = r.part(c, 1, c.Shape[1]-1); err != nil {
				return out, err
			}
			cell = append(cell, c)
		}
	}
	if out[0], err = r.joined(2, y); err != nil {
		return out, err
	}
	if out[1], err = r.joined(1, last); err != nil {
		return out, err
	}
	out[2], err = r.joined(1, cell)
	return out, err
}

// joined concatenates values; nil: there are none.
func (r *recurrent) joined(axis int, v []*graph.Value) (*graph.Value, error) {
	switch len(v) {
	case 0:
		return nil, nil
	case 1:
		return v[0], nil
	}
	return r.emit(op.Concat{Axis: axis}, v...)
}

// direction makes the sums of direction d over x, and returns the operator and its inputs.
func (r *recurrent) direction(x *graph.Value, d, i int) (o op.Recurrent, in []*graph.Value, err error) {
	if o, err = r.operator(d); err != nil {
		return o, nil, err
	}
	form := fmt.Sprint("recurrent ", d)
	rows := r.gates * r.hidden
	w, err := r.param(r.w, graph.Weight, form, func(a *array) (*array, error) { return a.direction(d, rows, a.dims[2]), nil })
	if err != nil {
		return o, nil, err
	}
	weights, err := r.param(r.rec, graph.Weight, form, func(a *array) (*array, error) { return a.direction(d, rows, a.dims[2]), nil })
	if err != nil {
		return o, nil, err
	}
	bias, inner, err := r.biases(d, i, o.LinearBeforeReset)
	if err != nil {
		return o, nil, err
	}
	s, err := r.emit(op.Dense{}, x, w, bias)
	if err != nil {
		return o, nil, err
	}
	in = []*graph.Value{s, weights, inner}
	for k := 5; k < 7; k++ {
		state, err := r.state(k, d, i)
		if err != nil {
			return o, nil, err
		}
		in = append(in, state)
	}
	peep, err := r.peepholes(d)
	if err != nil {
		return o, nil, err
	}
	in = append(in, peep)
	for len(in) > 2 && in[len(in)-1] == nil {
		in = in[:len(in)-1]
	}
	return o, in, nil
}

// direction returns the part of a for direction d, as a matrix.
func (a *array) direction(d int, dims ...int) *array {
	if a.dims[0] == 1 {
		return a.reshaped(dims)
	}
	n := volume(dims)
	return &array{name: a.name, typ: a.typ, dims: dims, f: a.f[d*n : (d+1)*n]}
}

// operator reads the attributes of direction d.
func (r *recurrent) operator(d int) (o op.Recurrent, err error) {
	o = op.Recurrent{Kind: r.kind, Reverse: r.reverse[d], LinearBeforeReset: r.kind == op.GRU && r.attrInt("linear_before_reset", 0) != 0,
		InputForget: r.kind == op.LSTM && r.attrInt("input_forget", 0) != 0, Clip: r.attrFloat("clip", 0)}
	a := r.attr("activations")
	if a == nil {
		return o, nil
	}
	count := map[op.RecurrentKind]int{op.RNN: 1, op.GRU: 2, op.LSTM: 3}[r.kind]
	if len(a.strings) != count*len(r.reverse) {
		return o, r.fail("activations", "%d are given, %d are needed", len(a.strings), count*len(r.reverse))
	}
	var alpha, beta []float32
	if a := r.attr("activation_alpha"); a != nil {
		alpha = a.floats
	}
	if b := r.attr("activation_beta"); b != nil {
		beta = b.floats
	}
	for k, name := range a.strings {
		var g op.Gate
		var ok bool
		if g, alpha, beta, ok = op.NewGate(string(name), alpha, beta); !ok {
			return o, r.fail("activations", "%q is not supported; use Sigmoid and Tanh", strings.ToValidUTF8(string(name), "?"))
		}
		if k/count == d {
			o.Gates[k%count] = g
		}
	}
	return o, nil
}

// biases returns the bias of the sums of direction d, which has that of R as far as it
// can be merged, and what is left of R's: the last gate's of a GRU that resets behind R.
// Each sequence i of a sample has its own, since their grids follow from those of the inputs.
func (r *recurrent) biases(d, i int, resetAfter bool) (bias, inner *graph.Value, err error) {
	if r.b == nil {
		return nil, nil, nil
	}
	rows := r.gates * r.hidden
	merged := rows
	if resetAfter {
		merged -= r.hidden
	}
	form := fmt.Sprint("recurrent bias ", d, merged, i, " ", r.outputs)
	bias, err = r.param(r.b, graph.Bias, form, func(a *array) (*array, error) {
		b := a.direction(d, 2*rows)
		sum := &array{name: a.name, typ: typeFloat, dims: []int{rows}, f: slices.Clone(b.f[:rows])}
		for k := range merged {
			sum.f[k] += b.f[rows+k]
		}
		return sum, nil
	})
	if err != nil || merged == rows || !slices.ContainsFunc(r.b.direction(d, 2*rows).f[rows+merged:], func(v float32) bool { return v != 0 }) {
		return bias, nil, err
	}
	inner, err = r.param(r.b, graph.Bias, form+" of R", func(a *array) (*array, error) {
		rest := &array{name: a.name + "_recurrent", typ: typeFloat, dims: []int{rows}, f: slices.Clone(a.direction(d, 2*rows).f[rows:])}
		clear(rest.f[:merged])
		return rest, nil
	})
	return bias, inner, err
}

// recurrentLayer is the row of a recurrent layer of so many gates.
func recurrentLayer(kind op.RecurrentKind, gates int) row {
	return row{kind.String(), []int{7, 14, 22}, 3, nil, buildRecurrent(kind, gates)}
}

// anyOutput lists the operators of which output 0 may be absent while others are used.
var anyOutput = map[string]bool{"GRU": true, "LSTM": true, "RNN": true}
