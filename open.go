package edgec

import (
	"context"
	"fmt"
	"slices"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/pack"
	"edgec/internal/search"
	"edgec/runtime"
)

// Model is a trained network as it was read, simplified and not yet compressed.
// It is read-only.
type Model struct {
	Name  string // of the file, without folder and extension
	Bytes int    // of the file, with those that hold its tensors
	graph *graph.Graph
}

// Open reads an ONNX file, and the files beside it that hold its tensors if it
// was saved that way, or a TFLite file, whose integers become real numbers. What cannot be
// read is an error that names the node and the remedy.
func Open(path string) (*Model, error) { return OpenWith(path, OpenOptions{}) }

// OpenOptions say what an ONNX file leaves open.
type OpenOptions struct {
	// Shapes are sizes of inputs by name, in the file's order of dimensions; 0 leaves a
	// dimension as it is. A size holds for every dimension of its name in other inputs too.
	Shapes map[string][]int
	// Data is the path of samples whose arrays have the sizes that are still open; "": none.
	Data string
	// Values make inputs constants, every element of which is the number.
	Values map[string]float64
	// State links outputs with the inputs that take them in the next run, by their names.
	// Links that names leave no doubt of are found (Model.Notes says which), unless NoState is set.
	State   map[string]string
	NoState bool
}

func (o OpenOptions) reading() onnx.Options {
	return onnx.Options{Shapes: o.Shapes, Values: o.Values, Find: dataset.SizesIn(o.Data)}
}

// OpenWith is Open for a file that leaves something open.
func OpenWith(path string, o OpenOptions) (*Model, error) {
	n, size, err := search.ReadNetwork(path, search.Reading{Options: o.reading(), State: o.State, FindState: !o.NoState})
	if err != nil {
		return nil, err
	}
	return &Model{Name: n.Name, Bytes: size, graph: n.Graph}, nil
}

// OpenBytes reads an ONNX or a TFLite file from memory; name is used in messages.
func OpenBytes(data []byte, name string) (*Model, error) {
	n, err := search.DecodeNetwork(data, name)
	if err != nil {
		return nil, err
	}
	return &Model{Name: n.Name, Bytes: len(data), graph: n.Graph}, nil
}

// Notes says what reading has left out or taken as something else: outputs that only decide.
func (m *Model) Notes() []string { return m.graph.Notes }

// network returns the model as the search has it.
func (m *Model) network() *search.Network { return &search.Network{Name: m.Name, Graph: m.graph} }

// Inputs returns the inputs.
func (m *Model) Inputs() []Value {
	all := values(m.graph.Inputs)
	for _, l := range m.graph.State {
		all[l.Input].State = m.graph.Outputs[l.Output].Name
	}
	return all
}

// Outputs returns the outputs.
func (m *Model) Outputs() []Value { return values(m.graph.Outputs) }

func values(vs []*graph.Value) (all []Value) {
	for _, v := range vs {
		all = append(all, Value{Name: v.Name, Shape: v.Shape.Sample(), ChannelsLast: v.ChannelsLast, Integer: v.Elem != graph.Float})
	}
	return all
}

func shapes(vs []Value) (all [][]int) {
	for _, v := range vs {
		all = append(all, v.Shape)
	}
	return all
}

// Quantized reports whether the network was quantized before it was read: Pack takes it,
// Compress does not.
func (m *Model) Quantized() bool { return pack.Quantized(m.graph) }

// Preview returns the int8 file of the network before any data are seen, with the share keep,
// in (0, 1], of each layer's weights: for its size, memory and multiplications, which need
// no data. Its outputs mean nothing. An error names what the device cannot do.
func (m *Model) Preview(keep float64) ([]byte, error) { return search.Preview(m.network(), keep) }

// Params returns the number of weights and biases.
func (m *Model) Params() int { return search.Params(m.graph) }

// MACs returns the multiplications of one inference.
func (m *Model) MACs() int64 { return search.MACs(m.graph) }

// Layer is an operator of a network, for people and programs to look at.
type Layer struct {
	Name   string `json:"name"`                   // of the node
	Op     string `json:"op"`                     // operator
	Output []int  `json:"shape"`                  // of the output, without batch
	Weight []int  `json:"weight_shape,omitempty"` // [outC, inC/groups, kH, kW] or [out, in]
	Params int    `json:"params"`                 // weights, biases and constants
	MACs   int64  `json:"macs"`                   // multiplications of an inference
}

// Layers lists the operators in execution order.
func (m *Model) Layers() []Layer {
	var ls []Layer
	for _, l := range m.network().Layers() {
		ls = append(ls, Layer(l))
	}
	return ls
}

// String lists the operators, one a line.
func (m *Model) String() string { return m.graph.String() }

// Value is an input or an output of a network.
type Value struct {
	Name  string `json:"name"`  // in the ONNX file; a compressed file has none, and these are input0, output1
	Shape []int  `json:"shape"` // of a sample, channels first: [C, H, W] or [F]
	// ChannelsLast says that the ONNX network takes [H, W, C], as Keras networks do.
	ChannelsLast bool `json:"channels_last,omitempty"`
	Integer      bool `json:"integer,omitempty"` // whole numbers, such as the ids of tokens
	// State is, of an input, the output of the run before that it takes; "": samples have it.
	State string `json:"state,omitempty"`
}

// Network is what takes samples: a *Model, or a compressed file (see Input).
type Network interface {
	Inputs() []Value  // what a sample has, in order
	Outputs() []Value // what it gives, in order
}

// compressed is what a compressed file takes and gives.
type compressed struct {
	inputs, outputs []Value
	labels          []string
}

func (c compressed) Inputs() []Value  { return c.inputs }
func (c compressed) Outputs() []Value { return c.outputs }

// Input returns what a compressed file takes, for OpenData.
func Input(file []byte) (Network, error) {
	m, err := runtime.Load(file)
	if err != nil {
		return nil, err
	}
	c := compressed{numbered("input", m.Info().Inputs), numbered("output", m.Info().Outputs), m.Info().Labels}
	c.inputs[0].ChannelsLast = m.Preprocess().ChannelsLast
	for k, whole := range m.Info().Whole {
		c.inputs[k].Integer = whole
	}
	for _, s := range m.Info().State {
		c.inputs[s.Input].State = c.outputs[s.Output].Name
	}
	return c, nil
}

// numbered turns shapes of the device into those of the network, with names.
func numbered(kind string, shapes [][]int) (all []Value) {
	for k, s := range shapes {
		if len(s) == 3 {
			s = []int{s[2], s[0], s[1]}
		}
		all = append(all, Value{Name: fmt.Sprint(kind, k), Shape: s})
	}
	return all
}

// Data is a set of samples with a training part, and a test part if the source has
// one. It is read-only.
type Data struct{ splits *dataset.Splits }

// DataOptions say how samples become input.
type DataOptions struct {
	// Raw feeds bytes as 0..255 instead of 0..1.
	Raw bool
	// Mean and Std normalize bytes after that: (x - mean) / std, one value for all
	// channels or one for each. Floats are taken as they are: for them, Raw, Mean
	// and Std only tell the device what to do with pictures.
	Mean, Std []float32
	// TestLast makes the last so many samples the test part of data that has none.
	TestLast int
	// NoLabels leaves labels aside. They are not checked then.
	NoLabels bool
	// Labels are the names of the classes that folders, or labels of text, have, in the
	// order of the network's outputs; nil: those of a compressed file, or sorted as text.
	Labels []string
	// LabelColumn is the column of a CSV file that holds the labels, its name or its
	// number from 1; "": it is found.
	LabelColumn string
}

// OpenData reads the samples at path for a network. The kind is found by content:
// a folder with idx files (MNIST's own), with CIFAR's binary batches or with one
// folder of pictures per class, or an .npz, .npy, .csv or idx file. Pictures of a
// folder are resized to the network's input. A network with several inputs takes an
// .npz file with an array for each, of the input's name. An error names the file, the
// sample, the cause and the remedy.
//
// Samples may take half of the machine's memory, or what the environment variable
// EDGEC_DATA_MEMORY says; shapes are compared before more is taken.
func OpenData(path string, n Network, o DataOptions) (*Data, error) {
	return OpenDataContext(context.Background(), path, n, o)
}

// OpenDataContext is OpenData that ends with ctx.
func OpenDataContext(ctx context.Context, path string, n Network, o DataOptions) (*Data, error) {
	ins := slices.DeleteFunc(slices.Clone(n.Inputs()), func(v Value) bool { return v.State != "" }) // the run before has them
	first := ins[0]
	read := dataset.Options{Shape: first.Shape, ChannelsLast: first.ChannelsLast, Raw: o.Raw, Mean: o.Mean, Std: o.Std, TestLast: o.TestLast, NoLabels: o.NoLabels, Names: o.Labels, LabelColumn: o.LabelColumn}
	if c, ok := n.(compressed); ok && o.Labels == nil {
		read.Names, read.NamesFrom = c.labels, "the file's labels"
	}
	read.Sequences = len(ins) < len(n.Inputs())
	for _, v := range ins {
		read.Inputs = append(read.Inputs, dataset.Input{Name: v.Name, Shape: v.Shape, ChannelsLast: v.ChannelsLast, Integer: v.Integer})
	}
	read.Outputs = shapes(results(n))
	splits, err := dataset.OpenContext(ctx, path, read)
	if err != nil {
		return nil, err
	}
	return &Data{splits}, nil
}

// results returns the outputs that are more than inputs of the next run, or all where there are no others.
func results(n Network) []Value {
	state := func(v Value) bool {
		return slices.ContainsFunc(n.Inputs(), func(in Value) bool { return in.State == v.Name })
	}
	if list := slices.DeleteFunc(slices.Clone(n.Outputs()), state); len(list) > 0 {
		return list
	}
	return n.Outputs()
}

// Part is the training or the test part of data.
type Part string

// The parts.
const (
	Train Part = "train"
	Test  Part = "test"
)

// part returns the samples of a part, nil if there is none. "" is the test part, or
// the training part where there is no other.
func (d *Data) part(p Part) (*dataset.Set, Part) {
	if p == Train || p == "" && d.splits.Test == nil {
		return d.splits.Train, Train
	}
	return d.splits.Test, Test
}

// Len returns the number of samples of a part.
func (d *Data) Len(p Part) int {
	if set, _ := d.part(p); set != nil {
		return set.Len()
	}
	return 0
}

// Last returns the test part, or the training part where there is no other.
func (d *Data) Last() Part {
	_, p := d.part("")
	return p
}

// Labeled reports whether the samples have labels or target values.
func (d *Data) Labeled() bool { return d.splits.Train.Labeled() }

// NextTokens reports whether samples are judged by the next token at each position.
func (d *Data) NextTokens() bool { return d.splits.Train.NextTokens }

// Classes returns the number of classes; 0 without labels.
func (d *Data) Classes() int { return d.splits.Train.Classes }

// ClassNames returns the names of the classes, nil when they have none.
func (d *Data) ClassNames() []string { return d.splits.Train.ClassNames }

// Source says what OpenData concluded from names, shapes and contents.
func (d *Data) Source() Source { return Source(d.splits.Source) }

// Source is what data does not say, and a reader concluded.
type Source struct {
	Kind        string         `json:"kind"`                    // "csv", "npz", "npy", "idx", "cifar" or "pictures"
	Labels      string         `json:"labels_from,omitempty"`   // where labels or targets come from; "": there are none
	LabelColumn int            `json:"label_column,omitempty"`  // of a CSV file, from 1
	Classes     []string       `json:"classes,omitempty"`       // names in the order of the outputs; none: classes are numbers
	Order       string         `json:"order,omitempty"`         // why they have this order
	Layout      string         `json:"layout,omitempty"`        // how elements were reordered
	Scaling     string         `json:"scaling"`                 // how stored values become input
	Pictures    int            `json:"pictures_read,omitempty"` // files of pictures
	Resized     int            `json:"resized,omitempty"`       // pictures of another size than the input
	Skipped     map[string]int `json:"skipped,omitempty"`       // files that were not read, by extension
	Unread      []string       `json:"unread,omitempty"`        // arrays and columns that were not read
	Notes       []string       `json:"notes,omitempty"`         // what else was concluded, or is to be checked
}

// String says all of it in one line.
func (s Source) String() string { return dataset.Source(s).String() }

// String describes the data in words.
func (d *Data) String() string { return d.splits.String() }
