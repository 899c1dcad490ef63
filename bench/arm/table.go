package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"edgec/bench/networks"
	"edgec/bench/page"
)

//go:embed peers.json
var peersJSON []byte

// peers are the figures of other runtimes, which were counted before.
type peers struct {
	Source  string
	Date    string
	Unit    string
	Figures map[string]map[string]map[string]int64 // network, processor, peer: thousand instructions
}

func readPeers() (p peers, err error) {
	return p, json.Unmarshal(peersJSON, &p)
}

// best returns the peer with the fewest instructions, the first by name of equals; 0: there
// are no figures.
func (p *peers) best(network, cpu string) (peer string, thousand int64) {
	for name, n := range p.Figures[network][cpu] {
		if thousand == 0 || n < thousand || n == thousand && name < peer {
			peer, thousand = name, n
		}
	}
	return peer, thousand
}

// markdown is the section of the page.
func markdown(stored []networks.Stored, all []counts, p peers, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, qemu %s.\nFigures of peers are of %s: bench/arm/peers.json names their source.\n", time.Now().Format("2 January 2006"), version, p.Date)
	b.WriteString("\nThousands of instructions of an inference of edgec:\n\n")
	b.WriteString(page.Table(rows(stored, all, func(c counts, i int) string { return page.Thousands(thousand(c.of[i])) })))
	b.WriteString("\nThese divided by those of the best peer, and which it is:\n\n")
	var have []counts
	for _, c := range all {
		if hasPeers(stored, c, p) {
			have = append(have, c)
		}
	}
	b.WriteString(page.Table(rows(stored, have, func(c counts, i int) string {
		peer, of := p.best(stored[i].DenseName(), c.cpu)
		if of == 0 {
			return ""
		}
		return fmt.Sprintf("%.2f %s", float64(c.of[i])/1000/float64(of), peer)
	})))
	return b.String()
}

// hasPeers reports whether there is a figure for a processor.
func hasPeers(stored []networks.Stored, c counts, p peers) bool {
	for i := range stored {
		if _, n := p.best(stored[i].DenseName(), c.cpu); n > 0 {
			return true
		}
	}
	return false
}

// rows is a table of networks by processors.
func rows(stored []networks.Stored, all []counts, cell func(c counts, i int) string) [][]string {
	head := []string{"network"}
	for _, c := range all {
		head = append(head, c.label()+": "+c.kernels)
	}
	rows := [][]string{head}
	for i := range stored {
		cells := []string{stored[i].Name}
		for _, c := range all {
			cells = append(cells, cell(c, i))
		}
		rows = append(rows, cells)
	}
	return rows
}

func thousand(n int64) int64 { return (n + 500) / 1000 }
