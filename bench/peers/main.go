// Command peers measures edgec's runtime beside ONNX Runtime and LiteRT, in one run, and
// prints tables of times and ratios. It runs in the folder bench:
//
//	EDGEC_DATA=folder go run ./peers [-networks regexp] [-large] [-rounds n] [-o FILE]
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

// options are what the flags ask for.
type options struct {
	networks string
	large    bool
	rounds   int
	out      string
}

func main() {
	var o options
	worker := flag.String("worker", "", "be a worker for this program; it starts them itself")
	flag.StringVar(&o.networks, "networks", "", "measure the networks whose names match")
	flag.BoolVar(&o.large, "large", false, "measure large networks too; packing them takes many minutes")
	flag.IntVar(&o.rounds, "rounds", 40, "number of rounds")
	flag.StringVar(&o.out, "o", "", "write the tables into this document too")
	flag.Parse()
	var err error
	switch args := flag.Args(); {
	case *worker == "edgec":
		err = serve(loadEdgec, args, os.Stdin, os.Stdout)
	case *worker == "onnxruntime" && len(args) > 0:
		err = serve(loadONNXRuntime(args[0]), args[1:], os.Stdin, os.Stdout)
	case *worker != "":
		err = fmt.Errorf("no worker %q", *worker)
	case o.rounds < 1:
		err = fmt.Errorf("-rounds is %d; give at least 1", o.rounds)
	default:
		err = o.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// run measures and prints.
func (o options) run() error {
	models, err := networks.Folder()
	if err != nil {
		return err
	}
	some, err := networks.Select(o.networks, o.large)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "edgec-peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stored, err := networks.Store(some, models, dir)
	if err != nil {
		return err
	}
	c, err := begin(stored, models)
	if err != nil {
		return err
	}
	defer c.end()
	if err := c.measure(o.rounds); err != nil {
		return err
	}
	text := c.markdown(o.rounds)
	fmt.Print(text)
	if o.out == "" {
		return nil
	}
	return page.Write(o.out, "peers", text)
}
