package tflite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// Read returns the network of a .tflite file: batch 1, one subgraph, int8
// throughout, with per-tensor activations and symmetric weights. It has the
// integers of the file. The error names the operators that stand in the way, all of them
// (graph.Causes), but for those that only read what another could not make. A network has at
// most 65,536 operators; reading takes time in proportion to the file.
func Read(data []byte) (f *format.File, err error) {
	defer guard(&err)
	src, err := open(data)
	if err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	r := &reader{source: src, f: &format.File{}, at: map[int]int{}, lost: map[int]bool{}}
	if err := r.read(); err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	if n := len(r.f.Tensors); n > format.MaxTensors {
		return nil, fmt.Errorf("tflite: %d tensors on the device, at most %d are possible; split the network", n, format.MaxTensors)
	}
	format.Finish(r.f)
	if err := r.f.Check(); err != nil {
		return nil, fmt.Errorf("tflite: %w", err)
	}
	return r.f, nil
}

// reader turns the operators into instructions.
type reader struct {
	*source
	f       *format.File
	at      map[int]int  // of an activation's number, its number in f
	lost    map[int]bool // activations that a refused operator should have made
	causes  graph.Causes
	weights int // of all layers
}

// errFloat is the cause that float networks have at each of their constants: it is said once,
// and not where something else is refused.
var errFloat = errors.New("only networks that are int8 throughout are read; quantize all of it")

func (r *reader) read() error {
	r.inputs()
	for k, o := range r.ops {
		r.operator(k, o)
	}
	for _, i := range r.graph.ints(graphOutputs) {
		n, ok := r.at[i]
		if !ok && !r.lost[i] {
			r.causes.Add(fmt.Errorf("output %d is not computed", i))
		}
		r.f.Outputs = append(r.f.Outputs, n)
	}
	return r.causes.Err()
}

// operator reads operator k. Nothing is said of one that reads what another should have made.
func (r *reader) operator(k int, o table) {
	in, out := o.operands(opInputs), o.operands(opOutputs)
	lost := slices.ContainsFunc(in, func(i int) bool { return r.lost[i] })
	var err error
	if !lost {
		if err = r.build(k, o, in, out); !errors.Is(err, errFloat) || len(r.causes) == 0 {
			r.causes.Add(err)
		}
	}
	for _, i := range out {
		if lost || err != nil {
			r.lost[i] = true
		}
	}
}

// build appends the instructions of operator k.
func (r *reader) build(k int, o table, in, out []int) error {
	code, custom, err := r.code(o)
	if err == nil && custom != "" {
		err = fmt.Errorf("custom operator %q is not supported; give a network without it", custom)
	}
	if err != nil {
		return graph.Named(fmt.Sprintf("operator %d", k), err)
	}
	entry := operators[code]
	if entry.build == nil {
		name := entry.name
		if name == "" {
			name = nameOf(code)
		}
		return &graph.Refusal{Place: fmt.Sprintf("operator %d", k), What: name + " is not supported", Remedy: "build the network of these: " + supported(func(o operator) bool { return o.build != nil })}
	}
	c := &call{reader: r, in: in, out: out}
	c.options, _ = o.sub(opOptions)
	if err = c.check(entry); err == nil {
		err = entry.build(c)
	}
	if err != nil {
		return graph.Named(fmt.Sprintf("operator %d (%s)", k, entry.name), err)
	}
	return nil
}

// inputs enters the inputs of the network.
func (r *reader) inputs() {
	all := r.graph.ints(graphInputs)
	readers := map[int][]table{} // of each input
	for _, i := range all {
		readers[i] = nil
	}
	for _, o := range r.ops {
		for _, i := range o.operands(opInputs) {
			if list, ok := readers[i]; ok {
				readers[i] = append(list, o)
			}
		}
	}
	for _, i := range all {
		n, err := r.input(i, readers[i])
		if err != nil {
			r.causes.Add(graph.Named("an input of the network", err))
			r.lost[i] = true
		}
		r.f.Inputs = append(r.f.Inputs, n)
	}
}

// input enters an input of the network. A float one that only a QUANTIZE reads
// is that operator's int8 result: the runtime quantizes what it is given.
func (r *reader) input(i int, readers []table) (int, error) {
	x, err := r.get(i)
	if err != nil || x.kind != typeFloat32 || len(readers) != 1 {
		return r.activation(i)
	}
	code, _, err := r.code(readers[0])
	out := readers[0].operands(opOutputs)
	if err != nil || code != opQuantize || len(out) != 1 {
		return r.activation(i) // refuses it
	}
	return r.activation(out[0])
}

// grid returns the scale and zero point of an activation.
func (x *entry) grid() (float32, int, error) {
	switch {
	case x.kind != typeInt8:
		return 0, 0, fmt.Errorf("tensor %q is %s, and pack takes networks that are int8 throughout: convert with a representative dataset, TFLITE_BUILTINS_INT8, and int8 as inference_input_type and inference_output_type; or give the float network to edgec compress", x.name, typeName(x.kind))
	case len(x.scale) != 1 || len(x.zero) > 1:
		return 0, 0, fmt.Errorf("tensor %q has %d scales; activations with one are supported", x.name, len(x.scale))
	}
	if s := x.scale[0]; !usable(s) {
		return 0, 0, fmt.Errorf("tensor %q has scale %v, files hold 2^-40 to 2^30: convert the network with samples that move it", x.name, s)
	}
	z := 0
	if len(x.zero) == 1 {
		if x.zero[0] < -128 || x.zero[0] > 127 {
			return 0, 0, fmt.Errorf("tensor %q has zero point %d, outside int8", x.name, x.zero[0])
		}
		z = int(x.zero[0])
	}
	return x.scale[0], z, nil
}

// usable reports whether a file can hold the scale s.
func usable(s float32) bool { return s >= 1.0/(1<<40) && s <= 1<<30 }

// sample returns a shape without the batch, which must be 1.
func (x *entry) sample() ([]int, error) {
	if len(x.shape) < 2 || len(x.shape) > 5 || x.shape[0] != 1 {
		return nil, fmt.Errorf("tensor %q has shape %v; batch 1 and 1 to 4 more dimensions are supported", x.name, x.shape)
	}
	return append([]int(nil), x.shape[1:]...), nil
}

// activation enters tensor i of the list into the file.
func (r *reader) activation(i int) (int, error) {
	x, err := r.get(i)
	if err != nil {
		return 0, err
	}
	shape, err := x.sample()
	if err != nil {
		return 0, err
	}
	scale, zero, err := x.grid()
	if err != nil {
		return 0, err
	}
	r.at[i] = r.add(format.Tensor{Shape: shape, Scale: scale, Zero: zero})
	return r.at[i], nil
}

func (r *reader) add(t format.Tensor) int {
	r.f.Tensors = append(r.f.Tensors, t)
	return len(r.f.Tensors) - 1
}

// ints returns the numbers of a constant int32 or int64 tensor.
func (x *entry) ints() ([]int, error) {
	size := map[int8]int{typeInt32: 4, typeInt64: 8}[x.kind]
	if size == 0 || len(x.data) == 0 || len(x.data)%size != 0 {
		return nil, fmt.Errorf("tensor %q is no constant list of integers", x.name)
	}
	out := make([]int, len(x.data)/size)
	for i := range out {
		n := int64(int32(binary.LittleEndian.Uint32(x.data[i*size:])))
		if size == 8 {
			n = int64(binary.LittleEndian.Uint64(x.data[i*size:]))
		}
		if n < math.MinInt32 || n > math.MaxInt32 {
			return nil, fmt.Errorf("tensor %q holds %d, beyond 32 bits", x.name, n)
		}
		out[i] = int(n)
	}
	return out, nil
}
