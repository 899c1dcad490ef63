//go:build !noasm

package kernel

import "edgec/runtime/internal/cpu"

// micros, the quickest first.
//
// vnni multiplies x + 128, as unsigned bytes, by w in AVX-512 dot products; start is
// less by 128 times the sum of the weights.
//
// avx2 multiplies |x|, as unsigned bytes, by w with the sign of x: sums of two products
// are at most 2*128*127 and never saturate.
var micros = []micro{
	{layout: vnniLayout, needs: cpu.AVX2 | cpu.VNNI, requantizes: true, adds: true, vectors: true, offset: 128},
	{layout: avx2Layout, needs: cpu.AVX2, requantizes: true, adds: true, vectors: true},
}

// tile computes tiles of a panel of width channels.
func (m *micro) tile(a *tileArgs, width int) {
	switch {
	case m.offset == 0 && width == panelWidth:
		tileAVX2(a)
	case m.offset == 0:
		tileHalfAVX2(a)
	case width == panelWidth:
		tileVNNI(a)
	default:
		tileHalfVNNI(a)
	}
}

// pixel computes one pixel of a panel.
func (m *micro) pixel(a *tileArgs, width int) {
	switch {
	case m.offset == 0 && width == panelWidth:
		pixelAVX2(a)
	case m.offset == 0:
		pixelHalfAVX2(a)
	case width == panelWidth:
		pixelVNNI(a)
	default:
		pixelHalfVNNI(a)
	}
}

// requantize turns the sums of eight channels into outputs.
func (m *micro) requantize(a *requantizeArgs) { requantizeAVX2(a) }

// requantizePanel does so with 16 channels, whose two requantizations are simple.
func (m *micro) requantizePanel(a *requantizeArgs) { requantizePanelAVX2(a) }

//go:noescape
func tileVNNI(args *tileArgs)

//go:noescape
func tileHalfVNNI(args *tileArgs)

//go:noescape
func pixelVNNI(args *tileArgs)

//go:noescape
func pixelHalfVNNI(args *tileArgs)

//go:noescape
func tileAVX2(args *tileArgs)

//go:noescape
func tileHalfAVX2(args *tileArgs)

//go:noescape
func pixelAVX2(args *tileArgs)

//go:noescape
func pixelHalfAVX2(args *tileArgs)

//go:noescape
func requantizeAVX2(args *requantizeArgs)

//go:noescape
func requantizePanelAVX2(args *requantizeArgs)

// depthwise computes pixels of a panel of width channels.
func (m *micro) depthwise(a *depthwiseArgs, width int) {
	if width == panelWidth {
		depthwiseAVX2(a)
	} else {
		depthwiseHalfAVX2(a)
	}
}

// packPair appends the weights of two taps as pairs of int16. In a panel of 16 channels
// they have the order in which VPUNPCKLWD and VPUNPCKHWD leave them: 0 to 3, 8 to 11, 4
// to 7, 12 to 15.
func (m *micro) packPair(dst []byte, first, second []int8) []byte {
	for i := range first {
		c := i
		if len(first) == panelWidth {
			c = i&3 | i&4<<1 | i&8>>1
		}
		a, b := int16(first[c]), int16(second[c])
		dst = append(dst, byte(a), byte(a>>8), byte(b), byte(b>>8))
	}
	return dst
}

//go:noescape
func depthwiseAVX2(args *depthwiseArgs)

//go:noescape
func depthwiseHalfAVX2(args *depthwiseArgs)

func (m *micro) rows(*rowsArgs, int) { panic("kernel: no rows") }

// largest computes the maxima of a window.
func (m *micro) largest(a *maxArgs) {
	if a.channels >= panelWidth {
		maxAVX2(a)
	} else {
		maxHalfAVX2(a)
	}
}

//go:noescape
func maxAVX2(args *maxArgs)

//go:noescape
func maxHalfAVX2(args *maxArgs)

// sum adds what two inputs hold, on their common grid.
func (m *micro) sum(a *sumArgs) { sumAVX2(a) }

//go:noescape
func sumAVX2(args *sumArgs)
