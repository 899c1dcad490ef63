// The program that "edgec build" makes for a board: package runtime/program
// and a model, which the build embeds. Built here, without a model, it takes
// one by --model.
package main

import "edgec/runtime/program"

// built is set by the file that the build adds.
var built program.Program

func main() { built.Start() }
