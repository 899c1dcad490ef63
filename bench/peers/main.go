// Command peers measures edgec's runtime beside ONNX Runtime and LiteRT, in one run, and
// prints tables of times and ratios. It runs in the folder bench:
//
//	EDGEC_DATA=folder go run ./peers [-networks regexp] [-rounds n] [-o FILE]
//
// bench/setup.sh installs the peers. The column of one that is missing stays empty. All
// execute int8 networks on one thread, with batch 1. Times are of the thread's CPU, from
// batches of about 4 ms; the programs take turns in each round. With -o the tables go to
// the section "peers" of a document (package page) too.
package main

import (
	"flag"
	"fmt"
	"os"

	"edgec/bench/networks"
	"edgec/bench/page"
)

func main() {
	pattern := flag.String("networks", "", "measure the networks whose names match")
	out := flag.String("o", "", "write the tables into this document too")
	worker := flag.String("worker", "", "be a worker for this program; it starts them itself")
	rounds := flag.Int("rounds", 40, "number of rounds")
	flag.Parse()
	var err error
	switch args := flag.Args(); {
	case *worker == "edgec":
		err = serve(loadEdgec, args, os.Stdin, os.Stdout)
	case *worker == "onnxruntime" && len(args) > 0:
		err = serve(loadONNXRuntime(args[0]), args[1:], os.Stdin, os.Stdout)
	case *worker != "":
		err = fmt.Errorf("no worker %q", *worker)
	case *rounds < 1:
		err = fmt.Errorf("-rounds is %d; give at least 1", *rounds)
	default:
		err = run(*pattern, *rounds, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// run measures and prints.
func run(pattern string, rounds int, out string) error {
	models, err := networks.Folder()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "edgec-peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stored, err := networks.Store(pattern, models, dir)
	if err != nil {
		return err
	}
	c, err := begin(stored, models)
	if err != nil {
		return err
	}
	defer c.end()
	if err := c.measure(rounds); err != nil {
		return err
	}
	text := c.markdown(rounds)
	fmt.Print(text)
	if out == "" {
		return nil
	}
	return page.Write(out, "peers", text)
}
