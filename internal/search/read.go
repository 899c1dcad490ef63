package search

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"edgec/internal/graph"
	"edgec/internal/onnx"
	"edgec/internal/simplify"
	"edgec/internal/tflite"
)

// Reading says what a file of a network leaves open; see onnx.Options. State names outputs
// with the inputs that take them in the next run; those that names leave no doubt of are
// found too, if FindState is set.
type Reading struct {
	onnx.Options
	State     map[string]string
	FindState bool
}

// ReadNetwork reads an ONNX file, with the files beside it that hold its tensors, or a TFLite
// file, and simplifies it. size is the number of bytes of all.
func ReadNetwork(path string, o Reading) (n *Network, size int, err error) {
	if tflite.IsFile(path) {
		if len(o.Shapes) > 0 {
			return nil, 0, fmt.Errorf("edgec: %s: a TFLite network has fixed sizes; leave out --shape", path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, fmt.Errorf("edgec: %w", err)
		}
		n, err := DecodeNetwork(data, path)
		return n, len(data), err
	}
	g, bytes, err := onnx.ReadWith(path, o.Options)
	if err != nil {
		return nil, 0, err
	}
	notes, err := g.LinkState(o.State, o.FindState)
	if err != nil {
		return nil, 0, err
	}
	g.Notes = append(g.Notes, notes...)
	n, err = simplified(g, path)
	return n, int(bytes), err
}

// DecodeNetwork reads an ONNX or a TFLite file from memory; name is used in messages.
func DecodeNetwork(data []byte, name string) (*Network, error) {
	decode := onnx.Decode
	if tflite.Is(data) {
		decode = tflite.Decode
	}
	g, err := decode(data, name)
	if err != nil {
		return nil, err
	}
	return simplified(g, name)
}

// simplified is the network of a graph as it was read from the file of that name.
func simplified(g *graph.Graph, name string) (*Network, error) {
	simplify.ChannelsFirst(g)
	simplify.BoundMasks(g)
	if err := simplify.Run(g); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := g.Finite(); err != nil {
		remedy := "train the network again or repair the file"
		if strings.Contains(err.Error(), "Inf") {
			remedy = "leave a mask of the outputs to the program that reads them, or repair the file"
		}
		return nil, fmt.Errorf("edgec: %s: %w; %s", name, err, remedy)
	}
	return &Network{Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), Graph: g}, nil
}
