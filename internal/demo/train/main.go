// Command train trains the network of package demo and writes it as ONNX.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"

	"edgec/internal/demo"
	"edgec/internal/onnx"
)

func main() {
	out := flag.String("o", demo.Name, "the `file` to write")
	seed := flag.Uint64("seed", demo.Seed, "of the weights and the data")
	flag.Parse()
	if err := run(*out, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(out string, seed uint64) error {
	g, err := demo.Train(seed, runtime.GOMAXPROCS(0), func(epoch, epochs int, loss float64) {
		fmt.Fprintf(os.Stderr, "epoch %d of %d: loss %.4f\n", epoch, epochs, loss)
	})
	if err != nil {
		return err
	}
	return onnx.Write(out, g)
}
