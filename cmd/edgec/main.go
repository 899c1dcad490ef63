// Edgec makes trained networks small enough for small devices. See edgec --help.
package main

import (
	"os"
	"runtime/debug"

	"edgec/internal/cli"
)

func main() {
	// Training holds few, large and long-lived buffers: collecting often costs
	// next to nothing and saves half the memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
