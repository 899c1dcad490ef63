package tflite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	flatbuffers "github.com/google/flatbuffers/go"

	"edgec/internal/graph"
	"edgec/runtime/format"
)

// Read returns the network of a .tflite file: batch 1, one subgraph, int8
// throughout, with per-tensor activations and symmetric weights. It has the
// integers of the file. The error names the operators that stand in the way, all of them
// (graph.Causes), but for those that only read what another could not make. A network has at
// most 65,536 operators; reading takes time in proportion to the file.
func Read(data []byte) (f *format.File, err error) {
	defer func() {
		if p := recover(); p != nil { // offsets that point nowhere
			f, err = nil, fmt.Errorf("tflite: the file is damaged: %v; copy it again", p)
		}
		err = withRemedy(err)
	}()
	if !Is(data) {
		return nil, errors.New("tflite: not a TFLite file: the identifier TFL3 is missing")
	}
	m := table{flatbuffers.Table{Bytes: data, Pos: flatbuffers.GetUOffsetT(data)}}
	graphs := m.list(modelGraphs)
	if len(graphs) != 1 {
		return nil, fmt.Errorf("tflite: %d subgraphs; control flow is not supported, give a network with one", len(graphs))
	}
	r := &reader{model: m, graph: graphs[0], codes: m.list(modelCodes), buffers: m.list(modelBuffers), f: &format.File{}, at: map[int]int{}, lost: map[int]bool{}, budget: 16 * len(data)}
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

// withRemedy adds to an error that names only the cause what to do about it.
func withRemedy(err error) error {
	switch {
	case err == nil || strings.Contains(err.Error(), "; "):
		return err
	case strings.Contains(err.Error(), "damaged"):
		return fmt.Errorf("%w; copy or convert it again", err)
	}
	return fmt.Errorf("%w; change the network and convert it again, or give the float network to edgec compress as ONNX", err)
}

// tensor is an entry of the subgraph's list.
type tensor struct {
	name  string
	kind  int8
	shape []int
	data  []byte // of constants
	scale []float32
	zero  []int64
	axis  int
}

// reader turns the operators into instructions.
type reader struct {
	model, graph   table
	codes, buffers []table
	tensors        []tensor
	ops            []table
	f              *format.File
	at             map[int]int  // of an activation's number, its number in f
	lost           map[int]bool // activations that a refused operator should have made
	causes         graph.Causes
	budget         int // names, shapes and scales that tensors may still have, in bytes: several may point to the same
	weights        int // of all layers
}

// errFloat is the cause that float networks have at each of their constants: it is said once,
// and not where something else is refused.
var errFloat = errors.New("only networks that are int8 throughout are read; quantize all of it")

// maxOperators bounds the operators of a network.
const maxOperators = 1 << 16

func (r *reader) tensor(t table) error {
	x := tensor{name: t.string(tensorName), kind: t.int8(tensorType, typeFloat32), shape: t.ints(tensorShape)}
	for _, d := range x.shape {
		if d < 0 || d > format.MaxDim {
			return fmt.Errorf("tensor %q has shape %v; give a network with fixed shapes", x.name, x.shape)
		}
	}
	if b := int(t.int32(tensorBuffer, 0)); b > 0 && b < len(r.buffers) {
		x.data = r.buffers[b].bytes(bufferData)
	}
	if q, ok := t.sub(tensorQuan); ok {
		x.scale, x.zero, x.axis = q.floats(quanScale), q.longs(quanZero), int(q.int32(quanAxis, 0))
	}
	if r.budget -= len(x.name) + 8*(len(x.shape)+len(x.scale)+len(x.zero)); r.budget < 0 {
		return errors.New("the tensors have more names, shapes and scales than the file has room for: it is damaged")
	}
	r.tensors = append(r.tensors, x)
	return nil
}

func (r *reader) read() error {
	for _, t := range r.graph.list(graphTensors) {
		if err := r.tensor(t); err != nil {
			return err
		}
	}
	if r.ops = r.graph.list(graphOps); len(r.ops) > maxOperators {
		return fmt.Errorf("%d operators, at most %d are read; split the network", len(r.ops), maxOperators)
	}
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
	code, err := r.code(o)
	if err != nil {
		return graph.Named(fmt.Sprintf("operator %d", k), err)
	}
	entry := operators[code]
	if entry.build == nil {
		name := entry.name
		if name == "" {
			name = fmt.Sprintf("number %d of TFLite's list", code)
		}
		return &graph.Refusal{Place: fmt.Sprintf("operator %d", k), What: name + " is not supported", Remedy: "build the network of these: " + supported()}
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
	code, err := r.code(readers[0])
	out := readers[0].operands(opOutputs)
	if err != nil || code != opQuantize || len(out) != 1 {
		return r.activation(i) // refuses it
	}
	return r.activation(out[0])
}

// code returns the number of an operator. Old files have it in a byte.
func (r *reader) code(o table) (int, error) {
	i := int(o.int32(opCode, 0))
	if i < 0 || i >= len(r.codes) {
		return 0, fmt.Errorf("it has entry %d of %d in the list of operators: the file is damaged", i, len(r.codes))
	}
	if name := r.codes[i].string(codeCustom); name != "" {
		return 0, fmt.Errorf("custom operator %q is not supported; give a network without it", name)
	}
	return max(int(r.codes[i].int8(codeOld, 0)), int(r.codes[i].int32(codeNew, 0))), nil
}

// get returns tensor i of the list.
func (r *reader) get(i int) (*tensor, error) {
	if i < 0 || i >= len(r.tensors) {
		return nil, fmt.Errorf("tensor %d is not in the list of %d: the file is damaged", i, len(r.tensors))
	}
	return &r.tensors[i], nil
}

// grid returns the scale and zero point of an activation.
func (x *tensor) grid() (float32, int, error) {
	switch {
	case x.kind != typeInt8:
		return 0, 0, fmt.Errorf("tensor %q is %s, and pack takes networks that are int8 throughout: convert with a representative dataset, TFLITE_BUILTINS_INT8, and int8 as inference_input_type and inference_output_type; or give the float network to edgec compress (python -m tf2onnx.convert --tflite FILE --output OUT.onnx)", x.name, typeName(x.kind))
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
func (x *tensor) sample() ([]int, error) {
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
func (x *tensor) ints() ([]int, error) {
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

// Is reports whether data starts as a TFLite file does.
func Is(data []byte) bool { return len(data) >= 8 && string(data[4:8]) == "TFL3" }
