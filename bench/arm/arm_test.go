package main

import (
	"slices"
	"strings"
	"testing"

	"edgec/bench/networks"
)

// Every figure of a peer belongs to a network and a processor that are measured.
func TestPeers(t *testing.T) {
	p, err := readPeers()
	if err != nil {
		t.Fatal(err)
	}
	if p.Source == "" || p.Date == "" || p.Unit != "thousand instructions" {
		t.Errorf("source %q, date %q, unit %q", p.Source, p.Date, p.Unit)
	}
	for name, of := range p.Figures {
		if !slices.ContainsFunc(networks.All, func(n networks.Network) bool { return n.Name == name }) {
			t.Errorf("no network %s", name)
		}
		for cpu := range of {
			if !slices.ContainsFunc(processors, func(p processor) bool { return p.cpu == cpu }) {
				t.Errorf("%s: no processor %s", name, cpu)
			}
		}
	}
	if peer, n := p.best("resnet8", "cortex-a76"); peer != "XNNPACK int8" || n != 1501 {
		t.Errorf("best of resnet8: %s, %d", peer, n)
	}
	if peer, n := p.best("ad", "cortex-a76"); n != 0 {
		t.Errorf("best of ad: %s, %d; there is none", peer, n)
	}
}

// A few counts may be higher than the least; not most of them.
func TestLeast(t *testing.T) {
	of, err := least(strings.Fields("5000 6000 5001 5000 5000  700 700 700 700 700"), 2)
	if err != nil || !slices.Equal(of, []int64{5000, 700}) {
		t.Errorf("%v, %v", of, err)
	}
	for _, bad := range []string{"5000 6000 6000 6000 6000", "5000 5000", "0 0 0 0 0", "x 1 1 1 1"} {
		if of, err := least(strings.Fields(bad), 1); err == nil {
			t.Errorf("%s: %v", bad, of)
		}
	}
}
