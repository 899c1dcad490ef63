//go:build !noasm

package kernel

import (
	"unsafe"

	"edgec/runtime/internal/cpu"
)

// micros, the quickest first.
//
// dotprod sums four products at a time in 32 bits. neon, and the lanes of both, sum two
// in 16 bits, which -128 * -128 twice would leave.
var micros = []micro{
	{layout: dotprodLayout, needs: cpu.DotProd, requantizes: true, adds: true, vectors: true},
	{layout: neonLayout, needs: cpu.NEON, requantizes: true, adds: true, vectors: true},
}

// tile computes tiles of a panel of width channels.
func (m *micro) tile(a *tileArgs, width int) {
	switch {
	case m.needs == cpu.NEON:
		tileNEON(a)
		if width == panelWidth {
			b := secondHalf(a)
			tileNEON(&b)
		}
	case width == panelWidth:
		tileDot(a)
	default:
		tileHalfDot(a)
	}
}

// pixel computes one pixel of a panel.
func (m *micro) pixel(a *tileArgs, width int) {
	switch {
	case m.needs == cpu.NEON:
		pixelNEON(a)
		if width == panelWidth {
			b := secondHalf(a)
			pixelNEON(&b)
		}
	case width == panelWidth:
		pixelDot(a)
	default:
		pixelHalfDot(a)
	}
}

// requantize turns the sums of eight channels into outputs.
func (m *micro) requantize(a *requantizeArgs) { requantizeNEON(a) }

// requantizePanel does so with 16 channels, whose two requantizations are simple.
func (m *micro) requantizePanel(a *requantizeArgs) { requantizePanelNEON(a) }

// secondHalf returns the arguments for the channels from panelWidth/2 on.
func secondHalf(a *tileArgs) tileArgs {
	const bytes = panelWidth / 2 * 4 // of weights in a quad, of starts and of sums
	b := *a
	b.weight = (*int8)(unsafe.Add(unsafe.Pointer(a.weight), bytes))
	b.start = (*int32)(unsafe.Add(unsafe.Pointer(a.start), bytes))
	b.acc = (*int32)(unsafe.Add(unsafe.Pointer(a.acc), bytes))
	return b
}

//go:noescape
func tileDot(args *tileArgs)

//go:noescape
func tileHalfDot(args *tileArgs)

//go:noescape
func pixelDot(args *tileArgs)

//go:noescape
func pixelHalfDot(args *tileArgs)

//go:noescape
func tileNEON(args *tileArgs)

//go:noescape
func pixelNEON(args *tileArgs)

//go:noescape
func requantizeNEON(args *requantizeArgs)

//go:noescape
func requantizePanelNEON(args *requantizeArgs)

// depthwise computes pixels of a panel of width channels.
func (m *micro) depthwise(a *depthwiseArgs, width int) {
	if width == panelWidth {
		depthwiseNEON(a)
	} else {
		depthwiseHalfNEON(a)
	}
}

// packPair appends the weights of two taps.
func (m *micro) packPair(dst []byte, first, second []int8) []byte {
	return appendTaps(dst, first, second)
}

//go:noescape
func depthwiseNEON(args *depthwiseArgs)

//go:noescape
func depthwiseHalfNEON(args *depthwiseArgs)

// rows computes rows of outputs of a panel of width channels.
func (m *micro) rows(a *rowsArgs, width int) {
	switch {
	case m.needs == cpu.NEON && width == panelWidth:
		depthwiseRowsNEON(a)
	case m.needs == cpu.NEON:
		depthwiseRowsHalfNEON(a)
	case width == panelWidth:
		depthwiseRowsDot(a)
	default:
		depthwiseRowsHalfDot(a)
	}
}

//go:noescape
func depthwiseRowsNEON(args *rowsArgs)

//go:noescape
func depthwiseRowsHalfNEON(args *rowsArgs)

//go:noescape
func depthwiseRowsDot(args *rowsArgs)

//go:noescape
func depthwiseRowsHalfDot(args *rowsArgs)

// largest computes the maxima of a window.
func (m *micro) largest(a *maxArgs) {
	if a.channels >= panelWidth {
		maxNEON(a)
	} else {
		maxHalfNEON(a)
	}
}

//go:noescape
func maxNEON(args *maxArgs)

//go:noescape
func maxHalfNEON(args *maxArgs)

// sum adds what two inputs hold, on their common grid.
func (m *micro) sum(a *sumArgs) { sumNEON(a) }

//go:noescape
func sumNEON(args *sumArgs)
