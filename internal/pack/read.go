package pack

import (
	"fmt"
	"os"
	"path/filepath"

	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/simplify"
	"edgec/internal/tflite"
	"edgec/runtime/format"
)

// Network is a quantized network as it was read.
type Network struct {
	Graph   *graph.Graph // with the grids and integers of the file
	File    *format.File // the same as instructions
	Size    int          // bytes of the files that were read
	Rounded int          // layers whose biases are float in the file
}

// Read reads the int8 .tflite file or the QDQ ONNX file at path. The error names the file
// and the nodes that stand in the way, with the remedy for each.
func Read(path string) (*Network, error) { return ReadWith(path, onnx.Options{}) }

// ReadWith is Read of an ONNX file that leaves something open.
func ReadWith(path string, o onnx.Options) (*Network, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if tflite.Is(data) {
		return readTFLite(data, path)
	}
	g, n, err := onnx.ReadWith(path, o)
	if err != nil {
		return nil, err
	}
	simplify.ChannelsFirst(g)
	foldNormalization(g)
	if err := simplify.Run(g); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !Quantized(g) {
		return nil, fmt.Errorf("edgec: %s: input %q is float: pack takes quantized networks (int8 TFLite, or ONNX with QuantizeLinear and DequantizeLinear); compress this one", path, g.Inputs[0].Name)
	}
	rounded := settle(g)
	f, err := lower.Build(g, lower.Config{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Network{g, f, int(n), rounded}, nil
}

func readTFLite(data []byte, path string) (*Network, error) {
	f, err := tflite.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	g, err := lower.Lift(f, filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	g.Inputs[0].ChannelsLast = len(g.Inputs[0].Shape) == 4 // as all of TFLite
	return &Network{g, f, len(data), 0}, nil
}

// Quantized reports whether g was quantized elsewhere: one of its activations or weights
// has a grid.
func Quantized(g *graph.Graph) bool {
	for _, v := range g.Inputs {
		if v.Grid != nil {
			return true
		}
	}
	for _, n := range g.Nodes {
		for _, v := range n.Outputs {
			if v.Grid != nil {
				return true
			}
		}
		for _, v := range n.Inputs {
			if v != nil && v.Param != nil && v.Param.Role == graph.Weight && v.Param.Grid != nil {
				return true
			}
		}
	}
	return false
}
