//go:build !noasm && arm.6

package kernel

import "edgec/runtime/internal/cpu"

// micros of ARMv6 and ARMv7.
//
// smlad multiplies two elements by two weights, both of 16 bits, and adds both products.
var micros = []micro{
	{name: "smlad", needs: cpu.SMLAD, least: -128, quadBytes: 8, sparseBelow: 24},
}

// tile computes tiles of a panel, one pixel at a time.
func (m *micro) tile(a *tileArgs, _ int) {
	b := *a
	b.tiles *= tilePixels
	pixelsSMLAD(&b)
}

// pixel computes one pixel of a panel.
func (m *micro) pixel(a *tileArgs, _ int) {
	b := *a
	b.tiles = 1
	pixelsSMLAD(&b)
}

// pixelsSMLAD computes args.tiles pixels.
//
//go:noescape
func pixelsSMLAD(args *tileArgs)

// There are no vectors; see micro.vectors.

func (m *micro) rescale(*rescaleArgs)                   { panic("kernel: no vectors") }
func (m *micro) rescalePanel(*rescaleArgs)              { panic("kernel: no vectors") }
func (m *micro) depthwise(*depthwiseArgs, int)          { panic("kernel: no vectors") }
func (m *micro) packPair([]byte, []int8, []int8) []byte { panic("kernel: no vectors") }
func (m *micro) largest(*maxArgs)                       { panic("kernel: no vectors") }
func (m *micro) sum(*sumArgs)                           { panic("kernel: no vectors") }
