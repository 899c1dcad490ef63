package onnx

import (
	"fmt"
	"slices"
	"strings"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// readInputs makes a value of every graph input and settles the model's batch.
func (r *reader) readInputs(m *modelProto) error {
	var inputs []*valueProto
	for _, v := range m.graph.inputs {
		if o := r.names[v.name]; o != nil && o.act == nil { // old files list initializers as inputs too
			continue
		}
		at := fmt.Sprintf("input %q", v.name)
		if v.name == "" || slices.ContainsFunc(inputs, func(w *valueProto) bool { return w.name == v.name }) {
			return r.fail(at, "there are two of this name, or it has none; the file is damaged, export it again")
		}
		if inputs = append(inputs, v); len(inputs) > maxNames {
			return r.fail(at, "the graph has more than %d inputs, which are not supported; join them", maxNames)
		}
	}
	if len(inputs) == 0 {
		return r.fail("", "the graph has no input; there is nothing to compute from")
	}
	var good []*valueProto
	for _, v := range inputs {
		if err := r.checkInput(v); err != nil {
			r.refuse(err)
			r.names[v.name] = &operand{refused: true}
			continue
		}
		good = append(good, v)
	}
	r.settleBatch(good)
	for _, v := range good {
		if err := r.addInput(v); err != nil {
			r.refuse(err)
			r.names[v.name] = &operand{refused: true}
		}
	}
	return nil
}

// checkInput verifies type and rank of a graph input.
func (r *reader) checkInput(v *valueProto) error {
	at := fmt.Sprintf("input %q", v.name)
	switch {
	case v.elemType == 0:
		return r.fail(at, "it is not a tensor; only tensor inputs are supported")
	case !isFloat(v.elemType) && elemOf(v.elemType) == graph.Float:
		return r.fail(at, "inputs of type %s are not supported; export the network with a float32 input", typeName(v.elemType))
	case !v.hasShape:
		return r.fail(at, "it has no shape; give it, as in --shape %s=1x128, or export the model with the input's sizes (only the batch may be left open)", v.name)
	}
	for i, d := range v.dims {
		if d.value < 0 || d.value > 1<<24 {
			return r.fail(at, "dimension %d is %d; the file is damaged", i, d.value)
		}
	}
	return nil
}

// settleBatch chooses the trial batches: two where an input leaves its batch open, else
// the size that all inputs have, in dimension 0 if possible.
func (r *reader) settleBatch(inputs []*valueProto) {
	r.batch = [2]int{2, 3}
	if r.whole {
		r.batch, r.fixed = [2]int{1, 1}, true
		return
	}
	n, first := 0, true
	for _, v := range inputs {
		if len(v.dims) == 0 {
			continue
		}
		k := openBatch(v)
		if k >= 0 && v.dims[k].value == 0 {
			return
		}
		d := int(v.dims[0].value)
		if first || d == n {
			n, first = d, false
		} else {
			n = 1 // what is left is a model for one sample
		}
	}
	if n > 0 || first { // numbers alone have no batch
		r.batch, r.fixed = [2]int{max(n, 1), max(n, 1)}, true
	}
}

// openBatch returns the dimension of an input that its names say is the batch: an open
// one named so, else dimension 0 where it is open. It is -1 where no name tells.
func openBatch(v *valueProto) int {
	for k, d := range v.dims {
		name := strings.ToLower(d.param)
		if d.value == 0 && (strings.Contains(name, "batch") || name == "n" || name == "b" || name == "bs") {
			return k
		}
	}
	if v.dims[0].value == 0 {
		return 0
	}
	return -1
}

// batchOf returns where the batch of an input is.
func (r *reader) batchOf(v *valueProto) (b batchAxis, err error) {
	at := fmt.Sprintf("input %q", v.name)
	switch {
	case len(v.dims) == 0:
		return scalar, nil
	case r.whole:
		return noBatch, nil
	}
	if !r.fixed {
		if k := openBatch(v); k >= 0 {
			return batchAxis{at: k}, nil
		}
	}
	for k, d := range v.dims {
		if r.fixed && int(d.value) == r.batch[0] {
			return batchAxis{at: k}, nil
		}
	}
	if r.ofOne() {
		return noBatch, nil
	}
	return b, r.fail(at, "its batch (dimension 0) differs from another input's; all inputs must have the same batch")
}

// addInput makes the value of one graph input.
func (r *reader) addInput(v *valueProto) error {
	at := fmt.Sprintf("input %q", v.name)
	b, err := r.batchOf(v)
	if err != nil {
		return err
	}
	shape := tensor.Shape{1}
	for i, d := range v.dims {
		switch {
		case i == b.at:
		case d.value == 0:
			return r.fail(at, "dimension %d (%q) is not a fixed size; give one, as in --shape %s=%s, or export the model with it fixed (only the batch may vary)", i, d.param, v.name, exampleShape(v, b.at))
		default:
			shape = append(shape, int(d.value))
		}
	}
	if len(shape) == 1 { // a value has a dimension beside the batch
		if b.at >= 0 {
			b = onlyBatch
		} else {
			b = scalar
		}
		shape = append(shape, 1)
	}
	if shape.Size() < 0 || shape.Size() > maxActivation {
		return r.fail(at, "shape %v is too large", shape)
	}
	val := &graph.Value{Name: r.unique("value", v.name), Shape: shape, Elem: elemOf(v.elemType)}
	r.g.Inputs = append(r.g.Inputs, val)
	r.names[v.name] = &operand{act: val, batch: b, typ: v.elemType}
	return nil
}
