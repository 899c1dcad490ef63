package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"edgec/internal/graph"
)

// fix makes the inputs of a model constants that have values, and gives the others the sizes that
// Options.Find knows. It returns what was found, in words.
func (g *graphProto) fix(o Options, file string) (notes []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		i := slices.IndexFunc(g.inputs, func(v *valueProto) bool { return v.name == name })
		if i < 0 {
			return nil, &Error{File: file, Msg: fmt.Sprintf("there is no input %q to set; the inputs are %s", oneLine(name), g.inputNames())}
		}
		t, msg := g.inputs[i].constant(o.Values[name])
		if msg != "" {
			return nil, &Error{File: file, Attr: fmt.Sprintf("input %q", name), Msg: msg}
		}
		g.initializers = append(g.initializers, t)
	}
	for _, v := range g.inputs {
		dims := g.openDims(v)
		if o.Find == nil || dims == nil {
			continue
		}
		shape, note := o.Find(v.name, dims, elemOf(v.elemType) != graph.Float)
		if shape == nil {
			continue
		}
		if k := openBatch(v); k >= 0 {
			shape = slices.Insert(slices.Clone(shape), k, 0)
		}
		if err := g.settle(map[string][]int{v.name: shape}, file); err != nil {
			return nil, err
		}
		notes = append(notes, note)
	}
	return notes, nil
}

// openDims returns the sizes of an input without its batch, nil if none of them is open.
func (g *graphProto) openDims(v *valueProto) (dims []int) {
	known := slices.ContainsFunc(g.initializers, func(t *tensorProto) bool { return t.name == v.name })
	if known || len(v.dims) == 0 {
		return nil
	}
	batch := openBatch(v)
	for i, d := range v.dims {
		if i != batch {
			dims = append(dims, int(d.value))
		}
	}
	if !slices.Contains(dims, 0) {
		return nil
	}
	return dims
}

// constant returns the initializer that has the value of an input, or what is wrong.
func (v *valueProto) constant(x float64) (*tensorProto, string) {
	t := &tensorProto{name: v.name, dataType: v.elemType, hasRaw: true}
	n := 1
	for _, d := range v.dims {
		size := max(d.value, 1) // a batch of 1, which goes with any other
		t.dims = append(t.dims, size)
		if n *= int(size); n > maxActivation {
			return nil, "it is too large for a constant"
		}
	}
	width := map[int64]int{typeFloat: 4, typeDouble: 8, typeInt64: 8, typeInt32: 4, typeBool: 1, typeUint8: 1, typeInt8: 1}[v.elemType]
	whole := v.elemType != typeFloat && v.elemType != typeDouble
	if width == 0 || whole && x != math.Trunc(x) {
		return nil, fmt.Sprintf("%v is no value of type %s", x, typeName(v.elemType))
	}
	bits := uint64(int64(x))
	switch v.elemType {
	case typeFloat:
		bits = uint64(math.Float32bits(float32(x)))
	case typeDouble:
		bits = math.Float64bits(x)
	}
	one := binary.LittleEndian.AppendUint64(nil, bits)[:width]
	for range n {
		t.raw = append(t.raw, one...)
	}
	return t, ""
}
