// Command figures prints the size and the shape of the source tree: lines of
// the root package, the largest struct and the constants of the search, who
// switches over operators and opcodes, and the longest and most complex
// functions. It reads the source alone, so any commit can be measured:
//
//	scripts/figures
//	scripts/figures /path/to/another/checkout
package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

func main() {
	dir := "."
	switch len(os.Args) {
	case 1:
	case 2:
		dir = os.Args[1]
	default:
		fmt.Fprintln(os.Stderr, "usage: figures [folder of the module]")
		os.Exit(2)
	}
	if err := run(dir, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// run measures the module in dir and prints a line for each figure.
func run(dir string, w io.Writer) error {
	t, err := parse(os.DirFS(dir))
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range t.figures() {
		fmt.Fprintf(table, "%s\t%s\n", f.name, f.value)
	}
	return table.Flush()
}
