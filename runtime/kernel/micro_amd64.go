//go:build !noasm

package kernel

import "edgec/runtime/internal/cpu"

// micros, the quickest first.
//
// avx2 multiplies |x|, as unsigned bytes, by w with the sign of x: sums of two products
// are at most 2*128*127 and never saturate.
var micros = []micro{
	{name: "avx2", needs: cpu.AVX2, least: -127, sparseBelow: 5},
}

// tile computes tiles of a panel of width channels.
func (m *micro) tile(a *tileArgs, width int) {
	if width == panelWidth {
		tileAVX2(a)
	} else {
		tileHalfAVX2(a)
	}
}

// pixel computes one pixel of a panel.
func (m *micro) pixel(a *tileArgs, width int) {
	if width == panelWidth {
		pixelAVX2(a)
	} else {
		pixelHalfAVX2(a)
	}
}

func (m *micro) rescale(a *rescaleArgs) { rescaleAVX2(a) }

//go:noescape
func tileAVX2(args *tileArgs)

//go:noescape
func tileHalfAVX2(args *tileArgs)

//go:noescape
func pixelAVX2(args *tileArgs)

//go:noescape
func pixelHalfAVX2(args *tileArgs)

//go:noescape
func rescaleAVX2(args *rescaleArgs)
