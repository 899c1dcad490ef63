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

// codersTried is what changes of the coder are worth once units are in order, measured by programs
// that are not kept.
const codersTried = `
### What the coder leaves out

Rows that stand in order resemble each other, so these changes of the coder for sparse tensors were tried again. Bytes
are those of the nine LeNets of testdata together. Their units were shuffled and then sorted with the changed coder as
the judge; the coder as it is takes 24,299. "More" is one context more for a bit, "instead" takes the place of another.
The four packed networks of MLPerf Tiny have few sparse tensors: in each row but that of the LeNets of the other kind,
which was not tried on them, their 293,707 bytes together (units moved) change by -0.00 to +0.05 %.

| change | LeNets | |
|---|--:|--:|
| mask: the three rows above, more | 24,271 | -0.12 % |
| mask: hits and misses of this row against the row above so far, more | 24,293 | -0.02 % |
| mask: the earlier row that agrees most with this one so far, more | 24,321 | +0.09 % |
| mask: nonzero weights of the row above so far, and of this one, more | 24,285 | -0.06 % |
| mask: nonzero weights of the whole row above with the column's count, more | 24,308 | +0.04 % |
| mask: two columns to each side in the row above, two to the left, more | 24,297 | -0.01 % |
| mask: neighbours in dense layers without an image, more; instead of the row's count | 24,289; 24,298 | -0.04 %; -0.00 % |
| mask: rows since the column's last weight, more | 24,288 | -0.05 % |
| mask: the column's count in steps of half the width; of twice | 24,331; 24,288 | +0.13 %; -0.05 % |
| blocks of 4; of 16 columns | 24,403; 24,274 | +0.43 %; -0.10 % |
| block: the same block two and three rows above, more | 24,289 | -0.04 % |
| block: the blocks beside it in the row above, more | 24,258 | -0.17 % |
| value: the column's count, more; instead of its mean magnitude | 24,157; 24,205 | -0.58 %; -0.39 % |
| value: the last one of the row; of the column, more | 24,270; 24,282 | -0.12 %; -0.07 % |
| value: the one above, more | 24,298 | -0.00 % |
| value: number of neighbours, more | 24,257 | -0.17 % |
| value: its place in the tree alone, more | 24,240 | -0.24 % |
| value: the sign is the first bit | 24,274 | -0.10 % |
| counters remember 30 bits; 120 | 24,252; 24,361 | -0.19 %; +0.26 % |
| a fast counter beside each slow one, both mixed | 24,282 | -0.07 % |
| new counters start from the mixed prediction | 24,322 | +0.09 % |
| mixers learn half as fast; twice as fast; their bias alone four times as fast | 24,342; 24,330; 24,261 | +0.18 %; +0.13 %; -0.16 % |
| a second mixer, chosen by a context, averaged with the first | 24,331 | +0.13 % |
| the mixed prediction corrected by a table for each context | 24,270 | -0.12 % |
| counters and mixers start from the LeNets of the other kind | 24,231 | -0.28 % |
| eight that add no context, found one by one | 24,129 | -0.70 % |
| eleven of all, found one by one | 23,999 | -1.23 % |

None is in the format. A new coder of weights stays beside the old one in every reader for ever, so it should save 1 %
and decode in 3 % more time at most. The column's count alone, as a fourth context of values, takes 4.5 to 6.7 % more
time (least of many decodes of lenet-5-1200, lenet-5 and lenet-300-100). Of the coder for dense tensors, four histograms
an octave save 0.09 % of the packed networks, frequencies made anew every 16 symbols 0.03 %, lengths of biases predicted
from their scales 0.01 %, and means of kernel positions or channels nothing.
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
	b.WriteString(codersTried)
	return b.String()
}

func reached(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
