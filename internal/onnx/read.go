package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// The opsets that the table in table.go was checked against.
const (
	minOpset = 7
	maxOpset = 28
)

// maxNodes bounds the nodes of a model, and maxNames the inputs of a graph and the outputs
// of a node. Reading takes time in proportion to the nodes and the bytes of the file.
const (
	maxNodes = 1 << 16
	maxNames = 1 << 10
)

// Options say what a file leaves open.
type Options struct {
	// Shapes are sizes of inputs by name, in the file's order of dimensions; 0 leaves a
	// dimension as it is. A size holds for every dimension of its name in other inputs too.
	Shapes map[string][]int
	// Values are those of inputs that never change: every element is that number. Such an
	// input is a constant.
	Values map[string]float64
	// Find returns the sizes of an input that are still open, without the batch, and says in
	// words where they come from; nil: nobody knows. dims has 0 where a size is open.
	Find func(name string, dims []int, integer bool) (shape []int, note string)
}

// Read reads the ONNX file at path, and tensor data in files beside it that it
// refers to (never outside of its folder). size is the number of bytes of all.
// Errors in the files are of type *Error, or *Errors where there are several.
func Read(path string) (g *graph.Graph, size int64, err error) { return ReadWith(path, Options{}) }

// ReadWith is Read of a file that leaves something open.
func ReadWith(path string, o Options) (g *graph.Graph, size int64, err error) {
	if err := refuseForeign(path); err != nil {
		return nil, 0, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("onnx: %w", err)
	}
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, 0, fmt.Errorf("onnx: %w", err)
	}
	defer folder.Close()
	m, err := parse(data, path)
	if err != nil {
		return nil, 0, err
	}
	if err := m.graph.settle(o.Shapes, path); err != nil {
		return nil, 0, err
	}
	notes, err := m.graph.fix(o, path)
	if err != nil {
		return nil, 0, err
	}
	x := &externals{folder: folder.FS()}
	if g, err = build(m, path, x); err == nil {
		g.Notes = append(g.Notes, notes...)
	}
	return g, int64(len(data)) + x.size, err
}

// Decode reads an ONNX model from memory; name stands for the file in
// messages. The graph that it returns passes graph.Check; it shares no memory
// with data. Any data that is not a supported model, and one whose tensors are
// in other files, gives an *Error, or *Errors where there are several causes.
func Decode(data []byte, name string) (*graph.Graph, error) {
	m, err := parse(data, name)
	if err != nil {
		return nil, err
	}
	return build(m, name, nil)
}

// parse decodes the protobuf messages.
func parse(data []byte, name string) (*modelProto, error) {
	refuse := func(msg string) (*modelProto, error) { return nil, &Error{File: name, Msg: msg} }
	if len(data) == 0 && nameKind(name) != "" {
		return refuse("the file is empty; by its name " + said(nameKind(name), name))
	}
	if len(data) == 0 {
		return refuse("the file is empty; export the model again")
	}
	m, err := decodeModel(data, 0)
	if err != nil || m.graph == nil {
		if text := Foreign(name, data); text != "" {
			return refuse(text)
		}
	}
	var w *wireError
	if errors.As(err, &w) {
		return refuse("truncated or not an ONNX model: " + w.Error() + " of " + fmt.Sprint(len(data)) + "; copy or export it again")
	}
	if err != nil {
		return refuse(err.Error())
	}
	if m.graph == nil || len(m.opsets) == 0 && len(m.graph.nodes) == 0 {
		return refuse("not an ONNX model: it has no graph; export the model again")
	}
	return m, nil
}

// operand is what a tensor name stands for while reading: an activation, or a
// known array for each trial batch size (the same one twice, mostly).
type operand struct {
	act     *graph.Value
	batch   batchAxis // of act
	typ     int64     // of act's elements in the file; 0: not known
	known   [2]*array
	quant   *quantized // the output of QuantizeLinear, waiting for its DequantizeLinear
	missing string     // set for an output that the reader does not compute: who should have
	refused bool       // it depends on something that was refused
	decides *decision  // it is no number that the network computes
	text    bool       // an initializer of strings
}

// constant returns the array of an operand that is known and does not depend
// on the batch, else nil.
func (o *operand) constant() *array {
	if o == nil || o.known[0] == nil || !o.known[0].same(o.known[1]) {
		return nil
	}
	return o.known[0]
}

func (o *operand) isKnown() bool { return o != nil && o.known[0] != nil }

// reader builds the graph of one model.
type reader struct {
	file      string
	producer  string     // the program that wrote it
	given     []string   // sizes of inputs that are not the file's, as --shape takes them
	outside   *externals // nil: the model came from memory
	opset     int
	batch     [2]int // trial batch sizes; equal when the file's batch is fixed
	fixed     bool
	whole     bool // the inputs have no batch: the file is for one sample
	refused   []*Error
	readable  []string // outputs that do not depend on what was refused
	g         *graph.Graph
	names     map[string]*operand
	params    map[paramKey]*graph.Param
	used      map[string]int // names given so far, by kind, and the last number given to each
	views     map[viewKey]*array
	marks     map[*graph.Value]bool // outputs of quantize/dequantize pairs
	cells     [][2]*graph.Node      // LSTMs with the last cell, and the same ones without
	budget    int                   // elements that folding may still produce
	work      int64                 // multiplications that folding may still take
	nodes     int                   // nodes read, with those of bodies
	functions map[functionKey]*functionProto
	tensors   map[*tensorProto]*array // read so far: a body is read several times
}

// foldBudget bounds the memory that computed constants may take in one file
// (a hostile ConstantOfShape could ask for any amount): 2^26 elements.
const foldBudget = 1 << 26

func newReader(m *modelProto, file string, x *externals) *reader {
	return &reader{file: file, producer: m.producer, given: m.graph.given, outside: x, g: &graph.Graph{Name: m.graph.name}, names: map[string]*operand{}, params: map[paramKey]*graph.Param{},
		views: map[viewKey]*array{}, marks: map[*graph.Value]bool{}, used: map[string]int{}, budget: foldBudget, work: foldWork, tensors: map[*tensorProto]*array{}}
}

// build reads the graph of a model. A file with a fixed batch that does not keep its
// samples apart is read once more as a network for one sample of all its inputs' sizes.
func build(m *modelProto, file string, x *externals) (*graph.Graph, error) {
	r := newReader(m, file, x)
	g, err := r.build(m)
	if err == nil || !r.fixed || r.ofOne() {
		return g, err
	}
	one := newReader(m, file, x)
	one.whole = true
	if g, again := one.build(m); again == nil {
		return g, nil
	}
	return nil, err
}

func (r *reader) build(m *modelProto) (*graph.Graph, error) {
	if n := len(m.graph.nodes); n > maxNodes {
		return nil, r.fail("", "%d nodes, at most %d are read; fold constants with onnxsim, or split the model with onnx.utils.extract_model", n, maxNodes)
	}
	for _, step := range []func(*modelProto) error{r.readOpset, r.readFunctions, r.readInitializers, r.readInputs, r.readNodes, r.readOutputs} {
		if err := step(m); err != nil {
			return nil, err
		}
	}
	if err := r.refusal(); err != nil {
		return nil, err
	}
	r.dropUnused()
	r.joinCells()
	r.placeGrids()
	if err := r.g.Check(); err != nil {
		return nil, &Error{File: r.file, Msg: err.Error()}
	}
	return r.g, nil
}

func (r *reader) fail(attr, format string, a ...any) error {
	return &Error{File: r.file, Attr: attr, Msg: withRemedy(fmt.Sprintf(format, a...), "", r.given)}
}

func (r *reader) readOpset(m *modelProto) error {
	r.opset = -1
	for _, o := range m.opsets {
		if isStandard(o.domain) {
			r.opset = int(o.version)
		}
	}
	switch {
	case r.opset < 0:
		return r.fail("", "no opset of the standard operators is declared; export the model again")
	case r.opset < minOpset || r.opset > maxOpset:
		return r.fail("", "opset %d is not supported; export the model with an opset from %d to %d (17 is a good choice)", r.opset, minOpset, maxOpset)
	}
	return nil
}

func isStandard(domain string) bool { return domain == "" || domain == "ai.onnx" }

func (r *reader) readInitializers(m *modelProto) error {
	if m.graph.sparseInitializers > 0 {
		return r.fail("", "sparse initializers are not supported; export the weights as dense tensors")
	}
	for _, t := range m.graph.initializers {
		at := fmt.Sprintf("initializer %q", t.name)
		if r.names[t.name] != nil {
			return r.fail(at, "there are two of this name; the file is damaged, export it again")
		}
		if t.dataType == typeString {
			r.names[t.name] = &operand{text: true}
			continue
		}
		a, err := r.array(t)
		if err != nil {
			r.refuse(r.fail(at, "%v", err))
			r.names[t.name] = &operand{refused: true}
			continue
		}
		r.names[t.name] = &operand{known: [2]*array{a, a}}
	}
	return nil
}

func (r *reader) readOutputs(m *modelProto) error {
	var decisions []string
	for _, v := range m.graph.outputs {
		o := r.names[v.name]
		at := fmt.Sprintf("output %q", v.name)
		switch {
		case o == nil:
			r.refuse(r.fail(at, "no node computes it; the file is damaged"))
		case o.refused:
		case o.decides != nil:
			decisions = append(decisions, v.name)
		case o.missing != "":
			r.refuse(r.fail(at, "it is an extra output of %s, which is not supported; remove it from the model", o.missing))
		case o.quant != nil:
			r.refuse(r.fail(at, "it is a quantized tensor; add a DequantizeLinear so that the output is float"))
		case o.act == nil:
			r.refuse(r.fail(at, "it does not depend on the input; remove this output from the model"))
		default:
			y := r.likeInput(o)
			r.nameOutput(y, v.name)
			r.g.Outputs = append(r.g.Outputs, y)
			r.readable = append(r.readable, v.name)
		}
	}
	if len(m.graph.outputs) == 0 {
		return r.fail("", "the graph has no output")
	}
	r.leaveOut(decisions)
	return nil
}

// likeInput returns the value of an output, in the shape of an input that has the same dimensions in
// the file. In a file for one sample an output may have lost which of its dimensions is the batch,
// and a state has one shape at both ends.
func (r *reader) likeInput(o *operand) *graph.Value {
	if !r.ofOne() || o.batch != noBatch || slices.Contains(r.g.Inputs, o.act) || slices.Contains(r.g.Outputs, o.act) {
		return o.act
	}
	dims := o.batch.fileDims(o.act.Shape, 1)
	for _, in := range r.g.Inputs {
		b := r.names[in.Name]
		if b == nil || b.act != in || b.batch.at < 0 || in.Shape.Equal(o.act.Shape) || !slices.Equal(b.batch.fileDims(in.Shape, 1), dims) {
			continue
		}
		y := &graph.Value{Name: o.act.Name, Shape: in.Shape.Clone(), Elem: o.act.Elem}
		o.act.Name = r.unique("value", y.Name+"/Reshape")
		shaped := op.Reshape{Shape: slices.Clone([]int(in.Shape.Sample()))}
		r.g.Nodes = append(r.g.Nodes, &graph.Node{Name: r.unique("node", y.Name+"/Reshape"), Op: shaped, Inputs: []*graph.Value{o.act}, Outputs: []*graph.Value{y}})
		return y
	}
	return o.act
}

// nameOutput gives a value that an operator without effect has made an output, such as
// Identity, the output's name.
func (r *reader) nameOutput(v *graph.Value, name string) {
	if r.used["value"+name] == 0 && !slices.Contains(r.g.Inputs, v) && !slices.Contains(r.g.Outputs, v) {
		v.Name = r.unique("value", name)
	}
}

// dropUnused removes nodes whose results nobody reads.
func (r *reader) dropUnused() {
	used := map[*graph.Value]bool{}
	for _, v := range r.g.Outputs {
		used[v] = true
	}
	kept := len(r.g.Nodes)
	for i := len(r.g.Nodes) - 1; i >= 0; i-- {
		n := r.g.Nodes[i]
		live := false
		for _, v := range n.Outputs {
			live = live || used[v]
		}
		if !live {
			continue
		}
		for _, v := range n.Inputs {
			if v != nil {
				used[v] = true
			}
		}
		kept--
		r.g.Nodes[kept] = n
	}
	r.g.Nodes = append([]*graph.Node(nil), r.g.Nodes[kept:]...)
}
