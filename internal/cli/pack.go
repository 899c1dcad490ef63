package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"edgec"
	"edgec/export"
)

// packed is the JSON result of edgec pack.
type packed struct {
	File   string `json:"file"`   // that was read
	Output string `json:"output"` // that was written
	*edgec.Packed
}

func packCommand(a *app) *cobra.Command {
	out, network := "", networkFlags{}
	cmd := &cobra.Command{
		Use:   "pack FILE -o OUT.edgec",
		Short: "Shrink a network that is int8 already, with the same results",
		Long: `Packs a quantized network as it is: an int8 .tflite file, or ONNX in the QDQ form.
The same integers in give the same integers out, to the bit, as TFLite's reference
kernels compute them. edgec removes channels that are dead or constant and codes the
weights. It needs no data and no training, and nothing is lost. For a float network,
edgec compress makes a much smaller file.

Float biases are rounded as ONNX Runtime rounds them. What the device cannot compute
exactly, such as asymmetric weights beyond int8, is an error that names each node and
how to quantize it.

Pictures become input as byte / 255, unless the range of the input is 0 to 255 or
-1 to 1. A softmax at the end of a TFLite network is computed in float from the
integers before it, and not rounded to int8.

An .edgec file is packed once more: edgec puts its hidden units in an order that takes
fewer bytes. Every output stays the same, to the bit. That may take half a minute.`,
		Example: `  edgec pack person.tflite -o person.edgec
  edgec build person.edgec --target rpi-zero`,
		Args: needs(1, 1, "one .tflite, .onnx or .edgec file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef(cmd, "pack: -o is missing; name the file to write")
			}
			return a.pack(args[0], out, network.options(""))
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (required)")
	network.register(cmd)
	return cmd
}

// refuseQuantized says what a network is for that edgec compress cannot make smaller.
func refuseQuantized(path string, m *edgec.Model, out string) error {
	if !m.Quantized() {
		return nil
	}
	return hinted{fmt.Errorf("%s: is quantized already; give the float network that it was made from", path),
		fmt.Sprintf("edgec pack %s -o %s keeps its integers and its results, in a smaller file, and needs no data", path, out)}
}

func (a *app) pack(path, out string, open edgec.OpenOptions) error {
	if err := errors.Join(present(path, "a quantized .tflite or .onnx file"), checkOutput(out, path)); err != nil {
		return err
	}
	isEdgec, err := checkInput(path, "a quantized .tflite or .onnx file")
	if err != nil {
		return err
	}
	if isEdgec {
		return a.order(path, out)
	}
	show := a.newProgress()
	defer show.end()
	show.slow("packing " + path)
	p, err := edgec.PackWith(path, open)
	show.end()
	if err != nil {
		return about(path, err)
	}
	if err := export.Write(out, p.Bytes); err != nil {
		return about(out, err)
	}
	if a.json {
		return a.printJSON(packed{path, out, p})
	}
	if p.Rounded > 0 {
		a.note("%s: layers with float biases: %d; these are rounded to steps of the layer's sum, as ONNX Runtime does", path, p.Rounded)
	}
	return a.table([]string{
		fmt.Sprintf("bytes\t%s\t%s\t%.1f times smaller", thousands(p.From), thousands(p.Size), float64(p.From)/float64(p.Size)),
		fmt.Sprintf("MACs\t%s\t%s\t%s dead channels removed", thousands(int(p.MACsFrom)), thousands(int(p.MACs)), thousands(p.Channels)),
		fmt.Sprintf("weights\t\t%s\t%s nonzero", thousands(p.Weights), thousands(p.Kept)),
		"outputs\t\tthe same\ton generated inputs",
		"pictures\t\t" + preprocessing(p.Input) + "\tguessed from the range of the input",
	})
}

// reordered is the JSON result of edgec pack for an .edgec file.
type reordered struct {
	File   string `json:"file"`       // that was read
	Output string `json:"output"`     // that was written
	From   int    `json:"file_bytes"` // of the file that was read
	Size   int    `json:"bytes"`      // of the new file
}

// order writes a compressed file again, its units in a shorter order.
func (a *app) order(path, out string) error {
	data, _, err := readEdgec(path)
	if err != nil {
		return err
	}
	show := a.newProgress()
	defer show.end()
	show.slow("putting units in order")
	file, err := edgec.Order(data)
	show.end()
	if err != nil {
		return about(path, err)
	}
	if err := export.Write(out, file); err != nil {
		return about(out, err)
	}
	if a.json {
		return a.printJSON(reordered{path, out, len(data), len(file)})
	}
	return a.table([]string{
		fmt.Sprintf("bytes\t%s\t%s\t%.2f %% smaller", thousands(len(data)), thousands(len(file)), 100*(1-float64(len(file))/float64(len(data)))),
		"outputs\t\tthe same\tto the bit",
	})
}
