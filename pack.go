package edgec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"edgec/internal/eval"
	"edgec/internal/graph"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/passes"
	"edgec/internal/search"
	"edgec/internal/simplify"
	"edgec/internal/tflite"
	"edgec/runtime"
	"edgec/runtime/format"
)

// Packed is a quantized network in a smaller file.
type Packed struct {
	Name     string            `json:"name"`             // of the file that was read, without folder and extension
	From     int               `json:"file_bytes"`       // of the file that was read
	Size     int               `json:"bytes"`            // of the new file
	Channels int               `json:"removed_channels"` // dead or constant
	Weights  int               `json:"weights"`          // in the new file's shapes, zeros included
	Kept     int               `json:"kept"`             // weights that are not zero
	MACsFrom int64             `json:"file_macs"`        // multiplications of an inference, as it was read
	MACs     int64             `json:"macs"`             // as it is now
	Sizes    *format.Sizes     `json:"sizes"`            // where the bytes went
	Input    format.Preprocess `json:"preprocess"`       // how pictures become input, from the input's range
	Bytes    []byte            `json:"-"`                // the file
}

// Pack turns a network that is int8 already, TFLite or ONNX in the QDQ form,
// into a compressed file with the same integers: the same input gives the same
// output, which is proved on generated inputs before it returns. Nothing is
// trained or rounded; dead channels go, and weights are coded.
func Pack(path string) (*Packed, error) {
	g, before, size, err := readQuantized(path)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	p := &Packed{Name: name, From: size}
	removed, err := simplify.RemoveDead(g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.Channels = removed.Channels
	if err := findBooks(g); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.Input = pictures(&before.Tensors[before.Inputs[0]])
	p.Input.ChannelsLast = g.Inputs[0].ChannelsLast && g.Inputs[0].Shape[1] > 1
	cfg := lower.Config{Meta: format.Meta{Input: p.Input}, SelfTest: runtime.MakeSelfTest}
	if p.Bytes, p.Sizes, err = lower.Encode(g, cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.Size = len(p.Bytes)
	was, err := runtime.FromFile(before)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	now, err := runtime.Load(p.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.MACsFrom, p.MACs = was.Info().MACs, now.Info().MACs
	p.Weights, p.Kept = now.Info().Weights, now.Info().Kept
	if err := eval.SameOutputs(was, now); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// pictures guesses from the range of an image input what its numbers are: 0 to
// 255 and -1 to 1 are told apart from 0 to 1, which is assumed otherwise.
func pictures(t *format.Tensor) format.Preprocess {
	if len(t.Shape) != 3 {
		return format.Preprocess{}
	}
	lo, hi := t.Scale*float32(-128-t.Zero), t.Scale*float32(127-t.Zero)
	near := func(a, b, width float32) bool { return a > b-width/50 && a < b+width/50 }
	switch {
	case near(lo, 0, 255) && near(hi, 255, 255):
		return format.Preprocess{Bytes255: true}
	case near(lo, -1, 2) && near(hi, 1, 2):
		return format.Preprocess{Mean: []float32{0.5}, Std: []float32{0.5}}
	}
	return format.Preprocess{}
}

// readQuantized reads a quantized network, as a graph and as instructions.
func readQuantized(path string) (g *graph.Graph, f *format.File, size int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, 0, err
	}
	if tflite.Is(data) {
		if f, err = tflite.Read(data); err != nil {
			return nil, nil, 0, fmt.Errorf("%s: %w", path, err)
		}
		if g, err = lower.Lift(f, filepath.Base(path)); err != nil {
			return nil, nil, 0, fmt.Errorf("%s: %w", path, err)
		}
		g.Inputs[0].ChannelsLast = len(g.Inputs[0].Shape) == 4 // as all of TFLite
		return g, f, len(data), nil
	}
	g, n, err := onnx.Read(path)
	if err != nil {
		return nil, nil, 0, err
	}
	simplify.ChannelsFirst(g)
	if err := simplify.Run(g); err != nil {
		return nil, nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	for _, v := range g.Inputs {
		if v.Grid == nil {
			return nil, nil, 0, fmt.Errorf("edgec: %s: input %q is float: pack takes quantized networks (int8 TFLite, or ONNX with QuantizeLinear and DequantizeLinear); compress this one", path, v.Name)
		}
	}
	if f, err = lower.Build(g, lower.Config{}); err != nil {
		return nil, nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return g, f, int(n), nil
}

// findBooks gives weights the codebook of the values that they have, where that
// makes the file smaller.
func findBooks(g *graph.Graph) error {
	data, _, err := lower.Encode(g, lower.Config{})
	if err != nil {
		return err
	}
	least := len(data)
	for _, p := range search.Shareable(g) {
		if p.Grid.Max > 127 || passes.ValueCodebook(p) != nil {
			continue
		}
		if data, _, err = lower.Encode(g, lower.Config{}); err != nil {
			return err
		}
		if len(data) >= least {
			p.Book, p.Mask = nil, nil
			p.Refresh()
			continue
		}
		least = len(data)
	}
	return nil
}
