package onnx

import (
	"fmt"
	"strings"
	"testing"

	"edgec/internal/simplify"
)

// relus is a model of n Relus in a chain.
func relus(n int) []byte {
	b := newModel(13).input("x", typeFloat, 0, 4)
	last := "x"
	for i := range n {
		out := fmt.Sprint("t", i)
		b.node("Relu", last, out)
		last = out
	}
	return b.output(last).bytes()
}

// pairs is a model of n/3 Relus in a chain, each rounded by a QuantizeLinear and a
// DequantizeLinear.
func pairs(n int) []byte {
	b := newModel(13).input("x", typeFloat, 0, 4).floats("s", nil, 0.5)
	last := "x"
	for i := range n / 3 {
		out := fmt.Sprint("t", i)
		b.node("Relu", last, out+"f").node("QuantizeLinear", out+"f,s", out+"q").node("DequantizeLinear", out+"q,s", out)
		last = out
	}
	return b.output(last).bytes()
}

// More nodes than are read are refused by their number, before anything is read.
func TestMostNodes(t *testing.T) {
	if _, err := Decode(relus(maxNodes+1), "m.onnx"); err == nil || !strings.Contains(err.Error(), "m.onnx: 65537 nodes, at most 65536 are read; ") {
		t.Error(err)
	}
	b := newModel(13)
	for i := range maxNames + 1 {
		b.input(fmt.Sprint("x", i), typeFloat, 0, 1)
	}
	if _, err := Decode(b.node("Relu", "x0", "y").output("y").bytes(), "m.onnx"); err == nil || !strings.Contains(err.Error(), "more than 1024 inputs") {
		t.Error(err)
	}
}

// A long chain is read: with work for each node at every node it took 12 seconds.
func TestManyNodes(t *testing.T) {
	const n = 24000
	for name, data := range map[string][]byte{"Relu": relus(n), "pairs": pairs(n)} {
		g, err := Decode(data, name)
		if err != nil {
			t.Fatal(name, err)
		}
		if err := simplify.Run(g); err != nil {
			t.Fatal(name, err)
		}
		if len(g.Nodes) == 0 || len(g.Nodes) > n {
			t.Errorf("%s: %d nodes", name, len(g.Nodes))
		}
	}
}

// BenchmarkRead reads and simplifies chains; ns/node must not grow.
func BenchmarkRead(b *testing.B) {
	for kind, chain := range map[string]func(int) []byte{"Relu": relus, "pairs": pairs} {
		for _, n := range []int{1000, 6000, 24000, 60000} {
			data := chain(n)
			b.Run(fmt.Sprintf("%s/nodes=%d", kind, n), func(b *testing.B) {
				for b.Loop() {
					g, err := Decode(data, "m")
					if err == nil {
						err = simplify.Run(g)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/node")
			})
		}
	}
}
