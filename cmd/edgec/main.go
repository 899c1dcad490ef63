// Edgec makes trained networks small enough for small devices. See edgec --help.
package main

import (
	"os"

	"edgec/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
