package onnx

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"edgec/internal/graph"
)

// Given is what a user says of a file's inputs. The zero value says nothing.
type Given struct {
	// Shapes are the sizes of inputs, by name: of all dimensions, or of all but the batch.
	// A size that the file fixes must be the file's. A size that the file names, as in
	// [batch, seq], counts for every input that has the name.
	Shapes map[string][]int
	// Values are those of inputs that never change: every element is that number. Such an
	// input is a constant.
	Values map[string]float64
	// Find returns the sizes of an input that are still open, and says in words where they come
	// from; nil: nobody knows. dims are those without the batch, 0 where they are open.
	Find func(name string, dims []int, integer bool) (shape []int, note string)
}

// apply completes the inputs of a model. Notes say what was found.
func (o Given) apply(m *modelProto, file string) (notes []string, err error) {
	fail := func(name, format string, args ...any) ([]string, error) {
		return nil, &Error{File: file, Attr: fmt.Sprintf("input %q", name), Msg: fmt.Sprintf(format, args...)}
	}
	byName := map[string]*valueProto{}
	for _, v := range m.graph.inputs {
		byName[v.name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(o.Shapes)) {
		v := byName[name]
		if v == nil {
			return fail(name, "the network has no input of this name; it has %s", named(m))
		}
		if msg := v.size(o.Shapes[name], byName); msg != "" {
			return fail(name, "%s", msg)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		v := byName[name]
		if v == nil {
			return fail(name, "the network has no input of this name; it has %s", named(m))
		}
		t, msg := v.constant(o.Values[name])
		if msg != "" {
			return fail(name, "%s", msg)
		}
		m.graph.initializers = append(m.graph.initializers, t)
	}
	for _, v := range m.graph.inputs {
		dims := v.openDims(m)
		if o.Find == nil || dims == nil {
			continue
		}
		shape, note := o.Find(v.name, dims, elemOf(v.elemType) != graph.Float)
		if shape != nil && v.size(shape, byName) == "" {
			notes = append(notes, note)
		}
	}
	return notes, nil
}

// openDims returns the sizes of an input without its batch, nil if none of them is open.
func (v *valueProto) openDims(m *modelProto) (dims []int) {
	known := slices.ContainsFunc(m.graph.initializers, func(t *tensorProto) bool { return t.name == v.name })
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

// named lists the inputs of a model with their shapes.
func named(m *modelProto) string {
	var all []string
	for _, v := range m.graph.inputs {
		all = append(all, v.name+" "+v.shapeText())
	}
	return strings.Join(all, ", ")
}

// shapeText is the shape as the file has it, [batch, 128].
func (v *valueProto) shapeText() string {
	var sizes []string
	for _, d := range v.dims {
		switch {
		case d.value > 0:
			sizes = append(sizes, fmt.Sprint(d.value))
		case d.param != "":
			sizes = append(sizes, d.param)
		default:
			sizes = append(sizes, "?")
		}
	}
	return "[" + strings.Join(sizes, ", ") + "]"
}

// size fixes the dimensions that v leaves open, but for its batch. It returns what is wrong.
func (v *valueProto) size(shape []int, all map[string]*valueProto) string {
	if !v.hasShape || len(v.dims) == 0 {
		if len(shape) == 0 {
			return "its shape is not open"
		}
		v.hasShape, v.dims = true, make([]dimProto, len(shape))
	}
	batch, was, given := openBatch(v), v.shapeText(), shape
	switch len(shape) {
	case len(v.dims):
	case len(v.dims) - 1:
		shape = slices.Insert(slices.Clone(shape), max(batch, 0), 0)
	default:
		return fmt.Sprintf("its shape is %s; give %d sizes, or one for each dimension but the batch", v.shapeText(), len(v.dims))
	}
	for i := range v.dims {
		d, n := v.dims[i], shape[i]
		if i == batch || n == 0 {
			continue
		}
		if d.value > 0 && int(d.value) != n {
			return fmt.Sprintf("its shape is %s in the file, and cannot be %v", was, given)
		}
		v.dims[i].value = int64(n)
		for _, other := range all {
			for k := range other.dims {
				if d.param != "" && other.dims[k].param == d.param && other.dims[k].value == 0 {
					other.dims[k].value = int64(n)
				}
			}
		}
	}
	return ""
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
