// Module uses edgec from a module of its own, as a program of yours would: it
// opens a network and data, compresses the network, packs an int8 one, and runs
// both files.
//
//	go run . ../corner/corner.onnx ../corner/data ../corner/corner-int8.onnx
package main

import (
	"context"
	"fmt"
	"os"

	"edgec"
	"edgec/runtime"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: module MODEL.onnx DATA INT8.onnx")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "module:", err)
		os.Exit(1)
	}
}

func run(model, data, quantized string) error {
	file, err := compress(model, data)
	if err != nil {
		return err
	}
	if err := infer("compressed", file); err != nil {
		return err
	}
	packed, err := edgec.Pack(quantized)
	if err != nil {
		return err
	}
	fmt.Printf("packed %d bytes to %d\n", packed.From, packed.Size)
	return infer("packed", packed.Bytes)
}

// compress returns a file that loses at most 5 points (40 held-out samples measure no less), and prints what it
// loses on the test part.
func compress(model, path string) ([]byte, error) {
	m, err := edgec.Open(model)
	if err != nil {
		return nil, err
	}
	data, err := edgec.OpenData(path, m, edgec.DataOptions{})
	if err != nil {
		return nil, err
	}
	options := edgec.Options{MaxDrop: new(5.0), NoTraining: true}
	report, err := edgec.Compress(context.Background(), m, data, options)
	if err != nil {
		return nil, err
	}
	result, err := edgec.Evaluate(report.Best.Bytes, data, edgec.EvaluateOptions{})
	if err != nil {
		return nil, err
	}
	fmt.Printf("compressed a network of %d parameters; less than 200 bytes: %t, less than 10 %% errors: %t\n",
		m.Params(), report.Best.Size < 200, result.Labels.Error < 10)
	return report.Best.Bytes, nil
}

// infer runs a file on a picture whose top right quarter is light.
func infer(name string, file []byte) error {
	m, err := runtime.Load(file)
	if err != nil {
		return err
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		return err
	}
	const side = 8
	x := make([]float32, side*side)
	for i := range x {
		if y := i / side; y < side/2 && i%side >= side/2 {
			x[i] = 0.5
		}
	}
	if err := s.SetInput(0, x); err != nil {
		return err
	}
	s.Run()
	largest := 0
	for i, v := range s.Output(0) {
		if v > s.Output(0)[largest] {
			largest = i
		}
	}
	fmt.Printf("%s: class %d\n", name, largest)
	return nil
}
