package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// emitRecurrent emits o, and for an LSTM before it the same with the cell behind; of the
// two reader.joinCells keeps one.
func (r *recurrent) emitRecurrent(o op.Recurrent, in []*graph.Value) (y, cell *graph.Value, err error) {
	nodes := &r.r.g.Nodes
	if o.Kind == op.LSTM && len(r.outputs) > 2 && r.outputs[2] != "" {
		with := o
		with.Cell = true
		if cell, err = r.emit(with, in...); err != nil {
			return nil, nil, err
		}
	}
	if y, err = r.emit(o, in...); err != nil {
		return nil, nil, err
	}
	if cell != nil {
		k := len(*nodes)
		r.r.cells = append(r.r.cells, [2]*graph.Node{(*nodes)[k-2], (*nodes)[k-1]})
	}
	return y, cell, nil
}

// joinCells makes layers whose states and last cell are both used one layer, of which the
// states are a slice.
func (r *reader) joinCells() {
	for _, pair := range r.cells {
		with, without := pair[0], pair[1]
		if !slices.Contains(r.g.Nodes, with) || !slices.Contains(r.g.Nodes, without) {
			continue
		}
		s := op.Slice{Before: make([]int, 3), After: []int{0, 1, 0}, Step: []int{1, 1, 1}}
		without.Op, without.Inputs = s, []*graph.Value{with.Outputs[0]}
	}
}

// defineBatched binds output k (Y, Y_h, Y_c) to a value [N,T,D H] or [N,D,H] whose batch is
// the graph's.
func (r *recurrent) defineBatched(k int, v *graph.Value) error {
	shape, b := []int{len(r.reverse), r.hidden}, batchFirst
	if k == 0 {
		shape = slices.Insert(shape, 0, v.Shape[1])
	}
	if r.timeFirst {
		b = batchAxis{at: len(shape) - 1}
	}
	v, err := r.emitAs(r.outputs[k], fmt.Sprint(r.title(), "/", k), op.Reshape{Shape: shape}, []*graph.Value{v})
	if err == nil {
		r.define(k, &operand{act: v, batch: b})
	}
	return err
}

// defineLoose binds output k to the values of the sequences of one sample.
func (r *recurrent) defineLoose(k int, of []*graph.Value) error {
	for i, v := range of { // [N,1,T,D,H] or [N,1,D,H]
		shape := []int{1, len(r.reverse), r.hidden}
		if k == 0 {
			shape = slices.Insert(shape, 1, v.Shape[1])
		}
		var err error
		if of[i], err = r.emit(op.Reshape{Shape: shape}, v); err != nil {
			return err
		}
	}
	v, err := r.joined(1, of)
	if err != nil {
		return err
	}
	rank := len(v.Shape)
	dims := slices.Clone([]int(v.Shape[1:]))
	if r.timeFirst {
		perm := []int{0}
		for d := 2; d < rank; d++ {
			perm = append(perm, d)
		}
		perm = slices.Insert(perm, rank-2, 1)
		dims = slices.Insert(dims[1:], rank-3, len(of))
		if v, err = r.emit(op.Transpose{Perm: perm}, v); err != nil {
			return err
		}
	}
	b, sample, ok := r.merged(dims), dims, true
	if r.r.ofOne() {
		b, sample, ok = r.r.place(&operand{act: v, batch: noBatch}, [2][]int{dims, dims})
	} else if b.outer > 0 && b.inner > 0 {
		sample = slices.Replace(dims, b.at, b.at+1, b.outer, b.inner)
	}
	if !ok {
		return r.fail("", "its result of shape %v cannot be placed", dims)
	}
	v, err = r.emitAs(r.outputs[k], fmt.Sprint(r.title(), "/", k), op.Reshape{Shape: sample}, []*graph.Value{v})
	if err == nil {
		r.define(k, &operand{act: v, batch: b})
	}
	return err
}

// merged returns the batch of an output whose file's shape is dims but for the batch: where
// the layer has it, merged with the same sequences as that of its input.
func (r *recurrent) merged(dims []int) batchAxis {
	b := r.in[0].batch
	if b.at = 0; r.timeFirst {
		b.at = len(dims) - 2
	}
	return b
}
