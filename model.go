package edgec

import (
	"fmt"
	"path/filepath"
	"strings"

	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/op"
	"edgec/internal/simplify"
	"edgec/internal/tensor"
)

// Model is a trained network as it was read, simplified and not yet compressed.
type Model struct {
	Name  string // of the file, without folder and extension
	Bytes int    // of the file, with those that hold its tensors
	graph *graph.Graph
}

// Open reads an ONNX file, and the files beside it that hold its tensors if it
// was saved that way.
func Open(path string) (*Model, error) {
	g, size, err := onnx.Read(path)
	if err != nil {
		return nil, err
	}
	return newModel(g, int(size), path)
}

// OpenBytes reads an ONNX file from memory; name is used in messages.
func OpenBytes(data []byte, name string) (*Model, error) {
	g, err := onnx.Decode(data, name)
	if err != nil {
		return nil, err
	}
	return newModel(g, len(data), name)
}

func newModel(g *graph.Graph, size int, name string) (*Model, error) {
	if err := simplify.Run(g); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return nil, fmt.Errorf("edgec: %s: the network has %d inputs and %d outputs; one of each can be compressed", name, len(g.Inputs), len(g.Outputs))
	}
	for _, p := range g.Params() {
		if i := p.Shadow.FirstNonFinite(); i >= 0 {
			return nil, fmt.Errorf("edgec: %s: parameter %q: element %d is %v; train the network again or repair the file", name, p.Name, i, p.Shadow.Data[i])
		}
	}
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	return &Model{Name: base, Bytes: size, graph: g}, nil
}

// Input returns the shape of a sample: [C, H, W] or [F].
func (m *Model) Input() tensor.Shape { return m.graph.Inputs[0].Shape.Sample() }

// Outputs returns the number of outputs of a sample.
func (m *Model) Outputs() int { return m.graph.Outputs[0].Shape.Sample().Size() }

// Params returns the number of weights and biases.
func (m *Model) Params() int { return params(m.graph) }

// MACs returns the multiplications of one inference.
func (m *Model) MACs() int64 { return macs(m.graph) }

// Layer is an operator of a network, for people and programs to look at.
type Layer struct {
	Name   string       `json:"name"`
	Op     string       `json:"op"`
	Output tensor.Shape `json:"output"`            // without batch
	Weight tensor.Shape `json:"weights,omitempty"` // [outC, inC/groups, kH, kW] or [out, in]
	Params int          `json:"params"`            // weights, biases and constants
	MACs   int64        `json:"macs"`
}

// Layers lists the operators in execution order.
func (m *Model) Layers() []Layer {
	var ls []Layer
	for _, n := range m.graph.Nodes {
		l := Layer{Name: n.Name, Op: n.Op.Name(), Output: n.Outputs[0].Shape.Sample(), MACs: op.MACs(n)}
		for _, v := range n.Inputs {
			if v == nil || v.Param == nil {
				continue
			}
			l.Params += len(v.Param.Shadow.Data)
			if v.Param.Role == graph.Weight {
				l.Weight = v.Shape
			}
		}
		ls = append(ls, l)
	}
	return ls
}

// String lists the operators, one a line.
func (m *Model) String() string { return m.graph.String() }

func params(g *graph.Graph) int {
	n := 0
	for _, p := range g.Params() {
		n += len(p.Shadow.Data)
	}
	return n
}

func macs(g *graph.Graph) int64 {
	var n int64
	for _, node := range g.Nodes {
		n += op.MACs(node)
	}
	return n
}
