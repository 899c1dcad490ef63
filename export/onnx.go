package export

import (
	"fmt"

	"edgec/internal/lower"
	"edgec/internal/onnx"
	"edgec/internal/simplify"
	"edgec/runtime/format"
)

// ONNX returns a compressed file as a standard ONNX model with the same integers, so that
// another program can check what the runtime computes. name is the name of the model's
// graph; "": the name that the file carries (format.Meta), or "edgec" where it has none.
//
// The model is in the QDQ form. Weights are int8 initializers, biases int32 initializers,
// each behind a DequantizeLinear; activations pass a QuantizeLinear and a DequantizeLinear
// with an int8 zero point: real = scale * (q - zero). A table becomes a Gather of 256 int8
// values. Inputs ("input", "input1", ...) and outputs ("output", "output1", ...) are
// float32, inputs of whole numbers int64, batch first and channels first, [N, C, H, W] for an
// image [H, W, C] of the file, but for input 0 of a network that takes [N, H, W, C] (format.Preprocess.ChannelsLast).
// Opset is 13 or the first that has all operators. Codebooks, masks, labels, the
// preprocessing and the self-test are left out.
//
// ONNX rounds halves to even where the runtime rounds them away from zero, so an output may
// differ by a few steps of its scale. Equal files and names give equal bytes.
//
// The error wraps a format.FormatError, format.UnsupportedError or format.Error when the file
// cannot be read (format.Decode). Otherwise it names the instruction, or the operator that
// ONNX does not have.
//
// Cost: decoding the weights, and about a byte of the result for each weight, zeros included.
func ONNX(file []byte, name string) ([]byte, error) {
	f, err := format.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if name == "" {
		name = f.Meta.Name
	}
	g, err := lower.Lift(f, name)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	simplify.ChannelsLast(g)
	model, err := onnx.Encode(g)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return model, nil
}
