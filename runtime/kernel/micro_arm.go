//go:build !noasm && arm.6

package kernel

import (
	"unsafe"

	"edgec/runtime/internal/cpu"
)

// micros of ARMv6 and ARMv7.
//
// smlad multiplies two elements by two weights, both of 16 bits, and adds both products.
//
// neon sums two products at a time in 16 bits, as on arm64.
var micros = []micro{
	{layout: neonLayout, needs: cpu.SMLAD | cpu.NEON, requantizes: true, adds: true},
	{layout: smladLayout, needs: cpu.SMLAD, requantizes: true},
}

// tile computes tiles of a panel of width channels.
func (m *micro) tile(a *tileArgs, width int) {
	if m.quadBytes == 4 {
		pairs(*a, a.tiles*tilePixels/2, width)
		return
	}
	b := *a
	b.tiles *= tilePixels
	pixelsSMLAD(&b)
}

// pixel computes one pixel of a panel; neon does it twice, since the last pixel is
// repeated.
func (m *micro) pixel(a *tileArgs, width int) {
	if m.quadBytes == 4 {
		pairs(*a, 1, width)
		return
	}
	b := *a
	b.tiles = 1
	pixelsSMLAD(&b)
}

// pairs computes n pairs of pixels, eight channels at a time.
func pairs(a tileArgs, n, width int) {
	const bytes = panelWidth / 2 * 4 // of weights in a quad, of starts and of sums
	a.tiles = n
	pairsNEON(&a)
	if width == panelWidth {
		a.weight = (*int8)(unsafe.Add(unsafe.Pointer(a.weight), bytes))
		a.start = (*int32)(unsafe.Add(unsafe.Pointer(a.start), bytes))
		a.acc = (*int32)(unsafe.Add(unsafe.Pointer(a.acc), bytes))
		pairsNEON(&a)
	}
}

// pairsNEON computes args.tiles pairs of pixels and eight channels.
//
//go:noescape
func pairsNEON(args *tileArgs)

// pixelsSMLAD computes args.tiles pixels.
//
//go:noescape
func pixelsSMLAD(args *tileArgs)

// requantize turns the sums of eight channels into outputs.
func (m *micro) requantize(a *requantizeArgs) {
	if m.quadBytes == 4 {
		requantizeNEON(a)
	} else {
		requantizeSMLAD(a)
	}
}

// requantizePanel does so with 16 channels.
func (m *micro) requantizePanel(a *requantizeArgs) {
	m.requantize(a)
	b := *a
	b.acc = (*int32)(unsafe.Add(unsafe.Pointer(a.acc), 8*4))
	b.y = (*int8)(unsafe.Add(unsafe.Pointer(a.y), 8))
	b.scale = (*requantization)(unsafe.Add(unsafe.Pointer(a.scale), unsafe.Sizeof(*a.scale)))
	m.requantize(&b)
}

//go:noescape
func requantizeSMLAD(args *requantizeArgs)

//go:noescape
func requantizeNEON(args *requantizeArgs)

// depthwise computes pixels of a panel of width channels.
func (m *micro) depthwise(a *depthwiseArgs, width int) {
	switch {
	case m.quadBytes == 4:
		depthwiseNEON(a)
		if width == panelWidth {
			b := *a
			b.weight = (*byte)(unsafe.Add(unsafe.Pointer(a.weight), 8))
			b.start = (*int32)(unsafe.Add(unsafe.Pointer(a.start), 8*4))
			b.acc = (*int32)(unsafe.Add(unsafe.Pointer(a.acc), 8*4))
			b.x = (*int8)(unsafe.Add(unsafe.Pointer(a.x), 8))
			depthwiseNEON(&b)
		}
	case width == panelWidth:
		depthwiseSMLAD(a)
	default:
		depthwiseHalfSMLAD(a)
	}
}

// packPair appends the weights of two taps: for SMLAD as pairs of int16.
func (m *micro) packPair(dst []byte, first, second []int8) []byte {
	if m.quadBytes == 4 {
		return appendTaps(dst, first, second)
	}
	for i, v := range first {
		w := second[i]
		dst = append(dst, byte(v), byte(v>>7), byte(w), byte(w>>7))
	}
	return dst
}

//go:noescape
func depthwiseNEON(args *depthwiseArgs)

// rows computes rows of outputs of a panel of width channels.
func (m *micro) rows(a *rowsArgs, width int) {
	depthwiseRowsNEON(a)
	if width == panelWidth {
		b := *a
		b.x, b.y = (*int8)(unsafe.Add(unsafe.Pointer(a.x), 8)), (*int8)(unsafe.Add(unsafe.Pointer(a.y), 8))
		b.weight = (*byte)(unsafe.Add(unsafe.Pointer(a.weight), 8))
		b.start = (*int32)(unsafe.Add(unsafe.Pointer(a.start), 8*4))
		b.scale = (*requantization)(unsafe.Add(unsafe.Pointer(a.scale), unsafe.Sizeof(*a.scale)))
		depthwiseRowsNEON(&b)
	}
}

//go:noescape
func depthwiseRowsNEON(args *rowsArgs)

//go:noescape
func depthwiseSMLAD(args *depthwiseArgs)

//go:noescape
func depthwiseHalfSMLAD(args *depthwiseArgs)

// sum adds what two inputs hold, on their common grid.
func (m *micro) sum(a *sumArgs) { sumNEON(a) }

//go:noescape
func sumNEON(args *sumArgs)

// There are no vectors; see micro.vectors.

func (m *micro) largest(*maxArgs) { panic("kernel: no vectors") }
