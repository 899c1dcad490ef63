package onnx

import (
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// state returns the initial state or cell of direction d, input k; nil: zeros.
func (r *recurrent) state(k, d, i int) (*graph.Value, error) {
	if !r.has(k) {
		return nil, nil
	}
	if k == 6 && r.kind != op.LSTM {
		return nil, r.fail(r.inputName(k), "a %v has no cell; the file is damaged", r.kind)
	}
	if r.in[k].isKnown() {
		return r.constantState(k, d, i)
	}
	o, err := r.activation(k)
	if err != nil {
		return nil, err
	}
	at, axis := 0, 1 // of the batch and the directions, in the file
	if r.timeFirst {
		at, axis = 1, 0
	}
	v, rank := o.act, len(r.fileDims(o, 0))
	if rank != 3 || r.fileDims(o, 0)[axis] != len(r.reverse) || r.fileDims(o, 0)[2] != r.hidden {
		return nil, r.fail(r.inputName(k), "a state of shape %v does not fit %d directions of %d units", r.fileDims(o, 0), len(r.reverse), r.hidden)
	}
	if _, merged := o.batch.merged(); o.batch.at == at && merged == 0 {
		if v, err = r.part(v, 1, d); err != nil {
			return nil, err
		}
		return r.emit(op.Reshape{Shape: []int{r.hidden}}, v)
	}
	if v, err = r.loose(k, o, at); err != nil {
		return nil, err
	}
	if v, err = r.part(v, 1+axis, d); err != nil {
		return nil, err
	}
	if v, err = r.part(v, 1+at, min(i, v.Shape[1+at]-1)); err != nil {
		return nil, err
	}
	return r.emit(op.Reshape{Shape: []int{r.hidden}}, v)
}

// constantState returns a constant initial state, which all samples of a batch share.
func (r *recurrent) constantState(k, d, i int) (*graph.Value, error) {
	zero := true
	for _, a := range r.in[k].known {
		zero = zero && a.isFloat() && !slices.ContainsFunc(a.f, func(v float32) bool { return v != 0 })
	}
	if zero {
		return nil, nil
	}
	a, err := r.floats(k)
	if err != nil {
		return nil, err
	}
	at, axis := 0, 1
	if r.timeFirst {
		at, axis = 1, 0
	}
	if len(a.dims) != 3 || a.dims[axis] != len(r.reverse) || a.dims[2] != r.hidden || a.dims[at] < 1 {
		return nil, r.fail(r.inputName(k), "a state of shape %v does not fit %d directions of %d units", a.dims, len(r.reverse), r.hidden)
	}
	row := func(b int) []float32 {
		first := (d*a.dims[at] + b) * r.hidden
		if !r.timeFirst {
			first = (b*a.dims[axis] + d) * r.hidden
		}
		return a.f[first : first+r.hidden]
	}
	for b := range a.dims[at] {
		if !r.r.ofOne() && !slices.Equal(row(b), row(0)) {
			return nil, r.fail(r.inputName(k), "an initial state that differs from sample to sample is not supported; make it an input of the network")
		}
	}
	i = min(i, a.dims[at]-1)
	return r.param(a, graph.Constant, fmt.Sprint("state ", d, i), func(a *array) (*array, error) {
		return &array{name: a.name, typ: typeFloat, dims: []int{1, r.hidden}, f: row(i)}, nil
	})
}

// peepholes returns the peepholes of direction d; nil: there are none, or zeros.
func (r *recurrent) peepholes(d int) (*graph.Value, error) {
	if !r.has(7) {
		return nil, nil
	}
	p, err := r.floats(7)
	if err != nil {
		return nil, err
	}
	if want := []int{len(r.reverse), 3 * r.hidden}; !slices.Equal(p.dims, want) {
		return nil, r.fail(r.inputName(7), "peepholes of shape %v are not supported; %v is needed", p.dims, want)
	}
	if !slices.ContainsFunc(p.f, func(v float32) bool { return v != 0 }) {
		return nil, nil
	}
	return r.param(p, graph.Constant, fmt.Sprint("peepholes ", d), func(a *array) (*array, error) { return a.direction(d, 3*r.hidden), nil })
}
