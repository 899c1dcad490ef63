// Halfweights rewrites an ONNX file so that its weights take two bytes instead
// of four: every float32 initializer with two or more axes becomes float16, and
// a Cast node gives it back as float32, so that the graph computes as before on
// the rounded weights. Biases stay float32. The file of examples/lenet-5 is made
// with it.
//
//	go run ./internal/halfweights IN.onnx OUT.onnx
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "halfweights:", err)
		os.Exit(1)
	}
}

// run converts the file args[0] to args[1].
func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("give two files: halfweights IN.onnx OUT.onnx")
	}
	model, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	half, err := convert(model)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return os.WriteFile(args[1], half, 0o644)
}
