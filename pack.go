package edgec

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"edgec/internal/eval"
	"edgec/internal/lower"
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
	n, err := pack.ReadWith(path, o.reading())
	if err != nil {
		return nil, err
	}
	p := &Packed{Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), From: n.Size, Rounded: n.Rounded}
	if err := p.pack(n); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// What Pack and Order spend on putting units in order: about a second, and five.
const packOrdering, orderWork = 1 << 25, 1 << 27

// pack makes the file of n and compares both.
func (p *Packed) pack(n *pack.Network) error {
	removed, err := pack.RemoveDead(n.Graph)
	if err != nil {
		return err
	}
	p.Channels = removed.Channels
	p.Input = pack.Pictures(&n.File.Tensors[n.File.Inputs[0]])
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

// Order returns a compressed file of the same network in which the units of hidden layers
// stand in an order that takes fewer bytes, or the file itself. Compress and Pack do this with
// less work. Every output stays the same to the bit. Cost: codings of the file, for five to ten
// seconds. The error is that of a file that cannot be read.
func Order(file []byte) ([]byte, error) {
	data, _, err := lower.Order(context.Background(), file, lower.Ordering{Sort: orderWork, Climb: orderWork, Patience: 2000})
	return data, err
}
