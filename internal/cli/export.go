package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"edgec/export"
)

// exported is the JSON result of edgec export.
type exported struct {
	File   string `json:"file"`   // that was read
	Output string `json:"output"` // that was written
	Bytes  int    `json:"bytes"`  // of the output
}

func exportCommand(a *app) *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use:   "export FILE.edgec -o OUT.onnx",
		Short: "Write a compressed network as ONNX, for other programs to check",
		Long: `Writes the compressed network as standard ONNX, with int8 weights and activations
as QuantizeLinear and DequantizeLinear. The integers are those of the file, so any
program that executes ONNX can check the accuracy that edgec reports:

  import numpy as np, onnxruntime as ort
  o = ort.SessionOptions()
  o.add_session_config_entry("session.x64quantprecision", "1")
  s = ort.InferenceSession("lenet-5-int8.onnx", o)
  x = pictures.astype(np.float32).reshape(-1, 1, 28, 28) / 255
  y = s.run(None, {s.get_inputs()[0].name: x})[0]
  print((y.argmax(1) == labels).mean())

Input and output are those of the network that was compressed, with its order of
channels: float32, preprocessed as in training. One thing differs: edgec compress removes a
softmax at the end of a classifier. Other programs may round a little differently,
so about one sample in a thousand may get another class. More do without the entry
above: ONNX Runtime then clips sums of two products to 16 bits on x86 processors
without VNNI.

Tokens are an int64 input. Recurrent layers become LSTM, GRU or RNN. A state is an input
and an output. Give zeros at the beginning of a sequence; then pass the output of each run
to the input of the next. edgec inspect of the .edgec file shows which input and output
belong together; the ONNX file has its inputs in the same order.`,
		Example: `  edgec export lenet-5.edgec -o lenet-5-int8.onnx`,
		Args:    needs(1, 1, "one .edgec file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef(cmd, "export: -o is missing; name the ONNX file to write")
			}
			return a.export(args[0], out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "ONNX file to write (required)")
	return cmd
}

func (a *app) export(path, out string) error {
	if err := errors.Join(present(path, "an .edgec file that edgec compress made"), checkOutput(out, path)); err != nil {
		return err
	}
	data, _, err := readEdgec(path)
	if err != nil {
		return err
	}
	model, err := export.ONNX(data, baseName(path))
	if err != nil {
		return about(path, fmt.Errorf("%s: %w", path, err))
	}
	if err := export.Write(out, model); err != nil {
		return about(out, err)
	}
	if a.json {
		return a.printJSON(exported{path, out, len(model)})
	}
	return a.table([]string{"file\t" + out, "bytes\t" + thousands(len(model))})
}
