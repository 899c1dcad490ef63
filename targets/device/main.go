// The program that "edgec build" makes for a board: package runtime/program
// and a model, which the build embeds. Built here, without a model, it takes
// one by --model.
package main

import (
	"os"
	"runtime/debug"

	"edgec/runtime/program"
)

// model is set by the file that the build adds.
var model []byte

func main() {
	// The working set is small and lives as long as the program: collecting
	// earlier costs nothing and keeps the peak of small boards' memory low.
	debug.SetGCPercent(20)
	os.Exit(program.Main(model, os.Args, os.Stdin, os.Stdout, os.Stderr))
}
