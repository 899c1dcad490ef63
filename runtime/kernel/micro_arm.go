//go:build !noasm && arm.6

package kernel

import (
	"unsafe"

	"edgec/runtime/internal/cpu"
)

// micros of ARMv6 and ARMv7.
//
// smlad multiplies two elements by two weights, both of 16 bits, and adds both products.
var micros = []micro{
	{name: "smlad", needs: cpu.SMLAD, least: -128, quadBytes: 8, rescales: true, lanes: true, leastLane: -128, pairBytes: 4, sparseBelow: 24},
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

// rescale turns the sums of eight channels into outputs.
func (m *micro) rescale(a *rescaleArgs) { rescaleSMLAD(a) }

// rescalePanel does so with 16 channels.
func (m *micro) rescalePanel(a *rescaleArgs) {
	rescaleSMLAD(a)
	b := *a
	b.acc = (*int32)(unsafe.Add(unsafe.Pointer(a.acc), 8*4))
	b.y = (*int8)(unsafe.Add(unsafe.Pointer(a.y), 8))
	b.scale = (*rescaling)(unsafe.Add(unsafe.Pointer(a.scale), unsafe.Sizeof(*a.scale)))
	rescaleSMLAD(&b)
}

//go:noescape
func rescaleSMLAD(args *rescaleArgs)

// depthwise computes pixels of a panel of width channels.
func (m *micro) depthwise(a *depthwiseArgs, width int) {
	if width == panelWidth {
		depthwiseSMLAD(a)
	} else {
		depthwiseHalfSMLAD(a)
	}
}

// packPair appends the weights of two taps as pairs of int16.
func (m *micro) packPair(dst []byte, first, second []int8) []byte {
	for i, v := range first {
		w := second[i]
		dst = append(dst, byte(v), byte(v>>7), byte(w), byte(w>>7))
	}
	return dst
}

//go:noescape
func depthwiseSMLAD(args *depthwiseArgs)

//go:noescape
func depthwiseHalfSMLAD(args *depthwiseArgs)

// There are no vectors; see micro.vectors.

func (m *micro) largest(*maxArgs) { panic("kernel: no vectors") }
func (m *micro) sum(*sumArgs)     { panic("kernel: no vectors") }
