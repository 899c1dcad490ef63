package main

import (
	"fmt"
	"strings"
)

// The aims of the coder: millions of int8 weights decoded in a second, and bytes
// of everything but weights and biases for a network of 8 layers.
const aimSpeed, aimOverhead = 20, 200

const codersHead = `
## The coder against others

Bytes that the same int8 weights take. They are those that the file holds, in dense shapes, after dead structure has left: all tensors in the file's order, row by
row, one byte a weight. Written by ` + "`EDGEC_DATA=... go run ./internal/bench -coders`" + `, which runs the reference programs; ` + "`-rows NAME`" + ` measures one network.

- *Order-0 entropy*: of each tensor's histogram of int8 values. The histogram itself is not paid for.
- *xz -9e*: the .xz file; *least xz*: the smallest of .xz, .lzma and raw, which has no header. *zstd -19*: without a checksum.
- *edgec*: masks, values and codebooks, all that is needed for the int8 weights beside their shapes, which the others do not hold either (fields masks, indexes and
  codebooks of format.Sizes).
- *edgec, file*: all of it, with graph, scales, biases, tables, self-test and checksum.
- In brackets: how many times edgec's bytes for the weights.
`

const codersSpeed = `
### Decoding

From the bytes of a file to its int8 weights, on one core, the least time of many. All of format.Decode is counted: checksum, graph, weights, validation and the plan of
the working memory; packing for the kernels is not. MB/s are millions of int8 weights a second in dense shapes, zeros included. Of a sparse
layer what is coded is the weights that are not zero and where they are, so it yields more weights for the same work; a layer that is seldom zero has the quicker of the two
coders. The aim is %d MB/s.
`

const codersOverhead = `
### What is not weights

Bytes beside masks, values and codebooks. The aim is less than %d for 8 layers with weights, without biases.
` + "`go test -run Overhead -v ./internal/lower`" + ` has such a network, with one scale for each layer and with one for each
channel.
`

// codersMarkdown is the page's section about the coder.
func codersMarkdown(of []coded) string {
	if len(of) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(codersHead)
	b.WriteString("\n| network | int8 weights | not zero | order-0 entropy | xz -9e | least xz | zstd -19 | edgec | edgec, file |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range of {
		times := func(n int) string { return fmt.Sprintf("%s (%.2f)", thousands(n), float64(n)/float64(c.Sizes.Coded())) }
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s, %s | %s | %s | %s |\n", c.Row, thousands(c.Weights), thousands(c.Kept), times(c.Entropy), times(c.XZ), c.LeastForm, times(c.Least), times(c.Zstd),
			thousands(c.Sizes.Coded()), times(c.Sizes.Total()))
	}
	fmt.Fprintf(&b, "\n(%s.)\n", of[0].Programs)
	fmt.Fprintf(&b, codersSpeed, aimSpeed)
	b.WriteString("\n| network | int8 weights | not zero | ms | MB/s of weights | reached? | ns for each nonzero weight |\n|---|---|---|---|---|---|---|\n")
	for _, c := range of {
		fmt.Fprintf(&b, "| %s | %s | %.1f %% | %.2f | %.1f | %s | %.0f |\n", c.Row, thousands(c.Weights), 100*float64(c.Kept)/float64(c.Weights), c.Seconds*1e3, c.speed(), reached(c.speed() >= aimSpeed), c.Seconds*1e9/float64(c.Kept))
	}
	fmt.Fprintf(&b, codersOverhead, aimOverhead)
	b.WriteString("\n| network | layers | header | graph | scales | tables | meta | self-test, checksum | together | for 8 layers | biases |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range of {
		s := &c.Sizes
		n := s.Total() - s.Coded() - s.Biases
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", c.Row, c.Layers, s.Header, s.Graph, s.Scales, s.LUTs, s.Meta, s.Test+s.Checksum, n, n*8/c.Layers, s.Biases)
	}
	return b.String()
}

func reached(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
