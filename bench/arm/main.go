// Command arm counts the instructions of an inference of edgec on ARM processors, under
// qemu-user, and prints a table beside the figures of peers in peers.json. It runs in the
// folder bench:
//
//	EDGEC_DATA=folder go run ./arm [-networks regexp] [-o FILE]
//	EDGEC_DATA=folder go run ./arm -layers [-table ../targets/instructions.json] [-o FILE]
//
// With -layers it counts each layer of these and of other networks, fits to the others the rates
// that predictions of edgec are made of, writes them to -table, and prints what they predict for
// the first beside what was counted; the section of a document is "layers" then.
//
// It needs gcc and Debian's qemu-user, which bench/setup.sh installs; qemu-user-static takes
// no plugins. Counts repeat, as times do not. They say nothing of caches and stalls. With -o
// the table goes to the section "arm" of a document (package page) too.
package main

import (
	"flag"
	"fmt"
	"os"

	"edgec/bench/networks"
	"edgec/bench/page"
)

func main() {
	pattern := flag.String("networks", "", "count the networks whose names match")
	out := flag.String("o", "", "write the tables into this document too")
	each := flag.Bool("layers", false, "count each layer, fit rates and print predictions")
	table := flag.String("table", "", "with -layers: write the rates into this file")
	flag.Parse()
	section, text, err := "arm", "", error(nil)
	if *each {
		section = "layers"
		text, err = inFolder(func(models, dir string) (string, error) { return layers(*pattern, *table, models, dir) })
	} else {
		text, err = inFolder(func(models, dir string) (string, error) { return count(*pattern, models, dir) })
	}
	if err == nil {
		fmt.Print(text)
		if *out != "" {
			err = page.Write(*out, section, text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "arm:", err)
		os.Exit(1)
	}
}

// inFolder makes a section of the page from the folder of networks, in a temporary folder.
func inFolder(section func(models, dir string) (string, error)) (string, error) {
	models, err := networks.Folder()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "edgec-arm")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	return section(models, dir)
}

// count counts the networks whose names match and returns the section of the page.
func count(pattern, models, dir string) (string, error) {
	stored, err := networks.Store(pattern, models, dir)
	if err != nil {
		return "", err
	}
	peers, err := readPeers()
	if err != nil {
		return "", err
	}
	q, err := prepare(dir, processors)
	if err != nil {
		return "", err
	}
	var all []counts
	for _, p := range processors {
		c, err := q.count(p, stored)
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.cpu, err)
		}
		all = append(all, c)
	}
	return markdown(stored, all, peers, q.version), nil
}
