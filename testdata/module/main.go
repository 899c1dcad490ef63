// Module uses edgec from a module of its own, as a program of yours would: it
// packs an int8 network and runs the result.
//
//	go run . ../corner/corner.onnx ../corner/data ../corner/corner-int8.onnx
package main

import (
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

func run(model, data, int8 string) error {
	packed, err := edgec.Pack(int8)
	if err != nil {
		return err
	}
	fmt.Printf("packed %d bytes to %d\n", packed.From, packed.Size)
	return infer("packed", packed.Bytes)
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
