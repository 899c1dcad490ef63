package edgec

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"edgec/internal/eval"
	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/pack"
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
	Rounded  int               `json:"rounded_biases"`   // layers whose biases are float in the file: they are rounded as ONNX Runtime does
	MACsFrom int64             `json:"file_macs"`        // multiplications of an inference, as it was read
	MACs     int64             `json:"macs"`             // as it is now
	Sizes    *format.Sizes     `json:"sizes"`            // where the bytes went
	Input    format.Preprocess `json:"preprocess"`       // how pictures become input, from the input's range
	Bytes    []byte            `json:"-"`                // the file
}

// Pack turns a network that is int8 already, TFLite or ONNX in the QDQ form,
// into a compressed file with the same integers: the same input gives the same
// output, which is proved on generated inputs before it returns. Nothing is
// trained, and nothing rounded but float biases, as ONNX Runtime rounds them (Rounded);
// dead channels go, and weights are coded. The error names the nodes that cannot be
// packed, with what to do about each.
func Pack(path string) (*Packed, error) { return PackWith(path, OpenOptions{}) }

// PackWith is Pack for a file that leaves something open.
func PackWith(path string, o OpenOptions) (*Packed, error) {
	n, err := pack.ReadWith(path, onnx.Options(o))
	if err != nil {
		return nil, err
	}
	p := &Packed{Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), From: n.Size, Rounded: n.Rounded}
	if err := p.pack(n); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// packOrdering is the work of putting the units of a packed network in order, about a second.
const packOrdering = 1 << 25

// pack makes the file of n and compares both.
func (p *Packed) pack(n *pack.Network) error {
	removed, err := pack.RemoveDead(n.Graph)
	if err != nil {
		return err
	}
	p.Channels = removed.Channels
	p.Input = pictures(&n.File.Tensors[n.File.Inputs[0]])
	in := n.Graph.Inputs[0]
	p.Input.ChannelsLast = in.ChannelsLast && in.Shape[1] > 1
	f, err := lower.Build(n.Graph, lower.Config{Meta: format.Meta{Input: p.Input}, SelfTest: runtime.MakeSelfTest})
	if err != nil {
		return err
	}
	if p.Bytes, p.Sizes, err = pack.Encode(f); err != nil {
		return err
	}
	if file, sizes, err := lower.Order(context.Background(), p.Bytes, lower.Ordering{Sort: packOrdering}); err != nil {
		return err
	} else if sizes != nil {
		p.Bytes, p.Sizes = file, sizes
	}
	p.Size = len(p.Bytes)
	was, err := runtime.FromFile(n.File)
	if err != nil {
		return err
	}
	now, err := runtime.Load(p.Bytes)
	if err != nil {
		return err
	}
	p.MACsFrom, p.MACs = was.Info().MACs, now.Info().MACs
	p.Weights, p.Kept = now.Info().Weights, now.Info().Kept
	return eval.SameOutputs(was, now)
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
