//go:build !nopictures

package preprocess

import (
	"bytes"
	"hash/crc32"
	"image"
	"image/color"
	"io"

	"edgec/runtime/internal/inflate"
)

// A reader of PNG files: ISO/IEC 15948. Package image/png, which tests compare it with, brings fmt and
// reflect, 200 KB of a program.

const pngMagic = "\x89PNG\r\n\x1a\n"

// The colour types of PNG.
const (
	pngGray      = 0
	pngColour    = 2
	pngPalette   = 3
	pngGrayAlpha = 4
	pngAlpha     = 6
)

// pngSamples is the number of samples of a pixel of each colour type; 0: there is no such type.
var pngSamples = [...]int{pngGray: 1, pngColour: 3, pngPalette: 1, pngGrayAlpha: 2, pngAlpha: 4}

// pngDepths are the bits of a sample that each colour type may have.
var pngDepths = [...]string{pngGray: "\x01\x02\x04\x08\x10", pngColour: "\x08\x10", pngPalette: "\x01\x02\x04\x08", pngGrayAlpha: "\x08\x10", pngAlpha: "\x08\x10"}

// pngFile is a file as its chunks describe it.
type pngFile struct {
	w, h       int
	depth      int  // bits of a sample
	kind       byte // colour type
	interlaced bool
	palette    color.Palette // 256 colours of a file that has some
	clear      [3]int        // the colour that is transparent, of pngGray and pngColour
	hasClear   bool
	pixels     [][]byte // compressed, the bodies of the IDAT chunks
}

// readPNG reads the chunks up to the last, or with head those before the pixels, as far as they can be
// read.
func readPNG(data []byte, head bool) (*pngFile, error) {
	var p *pngFile
	for rest := data[len(pngMagic):]; ; {
		name, body, next, err := pngChunk(rest)
		switch {
		case head && p != nil && (err != nil || name == "IDAT"):
			return p, nil
		case err != nil:
		case p == nil:
			p, err = pngHeader(name, body)
		case name == "IHDR":
			return nil, Error("png: two headers")
		case name == "IDAT":
			if p.kind == pngPalette && p.palette == nil {
				return nil, Error("png: no palette")
			}
			p.pixels = append(p.pixels, body)
		case name == "IEND" && p.pixels == nil:
			return nil, Error("png: no pixels")
		case name == "IEND":
			return p, nil
		case p.pixels == nil:
			err = p.describe(name, body)
		}
		if err != nil {
			return nil, err
		}
		rest = next
	}
}

// pngChunk returns the first chunk of rest and what follows.
func pngChunk(rest []byte) (name string, body, next []byte, err error) {
	const frame = 4 + 4 + 4 // length, name, checksum
	if len(rest) < frame {
		return "", nil, nil, Error("png: unexpected end of the file")
	}
	n := int64(bigEndian(rest))
	if n > int64(len(rest)-frame) {
		return "", nil, nil, Error("png: unexpected end of the file")
	}
	end := 8 + int(n)
	if crc32.ChecksumIEEE(rest[4:end]) != bigEndian(rest[end:]) {
		return "", nil, nil, Error("png: a checksum is wrong")
	}
	return string(rest[4:8]), rest[8:end], rest[end+4:], nil
}

func bigEndian(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// pngHeader reads the chunk IHDR.
func pngHeader(name string, body []byte) (*pngFile, error) {
	if name != "IHDR" || len(body) != 13 {
		return nil, Error("png: no header")
	}
	w, h := bigEndian(body), bigEndian(body[4:])
	p := &pngFile{w: int(int32(w)), h: int(int32(h)), depth: int(body[8]), kind: body[9], interlaced: body[12] == 1}
	known := int(p.kind) < len(pngDepths) && bytes.IndexByte([]byte(pngDepths[p.kind]), body[8]) >= 0
	if !known || body[10] != 0 || body[11] != 0 || body[12] > 1 {
		return nil, Error("png: depth " + itoa(p.depth) + " and colour type " + itoa(int(p.kind)) + ", or its coding, are unknown")
	}
	return p, nil
}

// describe reads a chunk before the pixels.
func (p *pngFile) describe(name string, body []byte) error {
	switch name {
	case "PLTE":
		if len(body)%3 != 0 || len(body) == 0 || len(body) > 3<<8 || p.palette != nil || p.kind == pngGray || p.kind == pngGrayAlpha {
			return Error("png: bad palette")
		}
		p.palette = make(color.Palette, 256)
		for i := range p.palette {
			c := color.NRGBA{A: 255} // what is not in the palette is black
			if 3*i < len(body) {
				c.R, c.G, c.B = body[3*i], body[3*i+1], body[3*i+2]
			}
			p.palette[i] = c
		}
	case "tRNS":
		return p.transparency(body)
	}
	return nil
}

// transparency reads the alpha of a palette, or the colour that is transparent.
func (p *pngFile) transparency(body []byte) error {
	n := pngSamples[p.kind]
	switch {
	case p.kind == pngPalette && p.palette != nil && len(body) <= 256:
		for i, alpha := range body {
			c := p.palette[i].(color.NRGBA)
			c.A = alpha
			p.palette[i] = c
		}
	case (p.kind == pngGray || p.kind == pngColour) && len(body) == 2*n:
		p.hasClear = true
		for i := range n {
			p.clear[i] = (int(body[2*i])<<8 | int(body[2*i+1])) & (1<<p.depth - 1)
		}
	default:
		return Error("png: bad transparency")
	}
	return nil
}

// model is that of the image that decode makes.
func (p *pngFile) model() color.Model {
	wide := p.depth == 16
	switch {
	case p.kind == pngGray && !p.hasClear && wide:
		return color.Gray16Model
	case p.kind == pngGray && !p.hasClear, p.kind == pngPalette:
		return color.GrayModel // a byte a pixel
	case wide:
		return color.NRGBA64Model
	}
	return color.NRGBAModel
}

// pngPass is a part of an interlaced picture: every dx-th pixel of every dy-th row.
type pngPass struct{ x, y, dx, dy int }

var pngPasses = [...]pngPass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}

// decode returns the picture: Gray, Gray16, Paletted, NRGBA or NRGBA64.
func (p *pngFile) decode() (image.Image, error) {
	var parts []io.Reader
	for _, b := range p.pixels {
		parts = append(parts, bytes.NewReader(b))
	}
	z, err := inflate.Zlib(io.MultiReader(parts...))
	if err != nil {
		return nil, Error("png: " + err.Error())
	}
	c := newCanvas(p)
	passes := pngPasses[:]
	if !p.interlaced {
		passes = []pngPass{{0, 0, 1, 1}}
	}
	for _, pass := range passes {
		if err := p.decodePass(z, pass, c); err != nil {
			return nil, err
		}
	}
	if n, err := io.ReadFull(z, make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, Error("png: more pixels than the header says, or a checksum is wrong")
	}
	return c.img, nil
}

// decodePass reads the rows of a pass, each with the number of its filter before it.
func (p *pngFile) decodePass(z io.Reader, pass pngPass, c *canvas) error {
	w, h := (p.w-pass.x+pass.dx-1)/pass.dx, (p.h-pass.y+pass.dy-1)/pass.dy
	if w <= 0 || h <= 0 {
		return nil
	}
	bits := pngSamples[p.kind] * p.depth
	size, step := (w*bits+7)/8, max(bits/8, 1)
	row, above := make([]byte, 1+size), make([]byte, 1+size)
	for y := range h {
		if _, err := io.ReadFull(z, row); err != nil {
			return Error("png: the pixels end too early: " + err.Error())
		}
		if !unfilter(row[0], row[1:], above[1:], step) {
			return Error("png: an unknown filter")
		}
		switch {
		case pass.dx == 1 && c.putRow != nil:
			c.putRow(pass.y+y*pass.dy, row[1:])
		default:
			for x := range w {
				c.put(pass.x+x*pass.dx, pass.y+y*pass.dy, row[1:], x)
			}
		}
		row, above = above, row
	}
	return nil
}

// unfilter undoes the filter of a row, whose pixels take step bytes.
func unfilter(kind byte, row, above []byte, step int) bool {
	switch kind {
	case 0:
	case 1:
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2:
		for i := range row {
			row[i] += above[i]
		}
	case 3:
		for i := range row[:step] {
			row[i] += above[i] / 2
		}
		for i := step; i < len(row); i++ {
			row[i] += byte((int(row[i-step]) + int(above[i])) / 2)
		}
	case 4:
		for i := range row[:step] {
			row[i] += above[i]
		}
		for i := step; i < len(row); i++ {
			row[i] += byte(paeth(int(row[i-step]), int(above[i]), int(above[i-step])))
		}
	default:
		return false
	}
	return true
}

// paeth returns which of the neighbours is nearest to left + above - corner, in this order.
func paeth(left, above, corner int) int {
	a, b := above-corner, left-corner
	c := a + b
	a, b, c = max(a, -a), max(b, -b), max(c, -c)
	switch {
	case a <= b && a <= c:
		return left
	case b <= c:
		return above
	}
	return corner
}

// canvas is the picture that pixels are put on.
type canvas struct {
	p   *pngFile
	img image.Image
	put func(x, y int, row []byte, i int) // pixel i of a row becomes pixel (x, y)

	putRow func(y int, row []byte) // the same for a whole row; nil where it is no quicker
}

func newCanvas(p *pngFile) *canvas {
	c, r := &canvas{p: p}, image.Rect(0, 0, p.w, p.h)
	switch {
	case p.kind == pngPalette:
		m := image.NewPaletted(r, p.palette)
		c.img, c.put = m, func(x, y int, row []byte, i int) { m.Pix[y*m.Stride+x] = byte(p.sample(row, i)) }
	case p.model() == color.Gray16Model:
		m := image.NewGray16(r)
		c.img, c.put = m, func(x, y int, row []byte, i int) { copy(m.Pix[y*m.Stride+2*x:][:2], row[2*i:]) }
	case p.model() == color.GrayModel:
		m, scale := image.NewGray(r), 255/(1<<p.depth-1)
		c.img, c.put = m, func(x, y int, row []byte, i int) { m.Pix[y*m.Stride+x] = byte(p.sample(row, i) * scale) }
	case p.depth == 16:
		m := image.NewNRGBA64(r)
		c.img, c.put = m, func(x, y int, row []byte, i int) {
			s := p.pixel(row, i)
			m.SetNRGBA64(x, y, color.NRGBA64{R: uint16(s[0]), G: uint16(s[1]), B: uint16(s[2]), A: uint16(s[3])})
		}
	default:
		m := image.NewNRGBA(r)
		c.img, c.put = m, func(x, y int, row []byte, i int) {
			s, at := p.pixel(row, i), m.Pix[y*m.Stride+4*x:][:4]
			at[0], at[1], at[2], at[3] = byte(s[0]), byte(s[1]), byte(s[2]), byte(s[3])
		}
	}
	if p.depth == 8 {
		c.putRow = p.copier(c.img)
	}
	return c
}

// copier returns what copies a whole row of samples of 8 bits.
func (p *pngFile) copier(img image.Image) func(y int, row []byte) {
	switch m := img.(type) {
	case *image.Paletted:
		return func(y int, row []byte) { copy(m.Pix[y*m.Stride:], row) }
	case *image.Gray:
		return func(y int, row []byte) { copy(m.Pix[y*m.Stride:], row) }
	case *image.NRGBA:
		switch {
		case p.kind == pngAlpha:
			return func(y int, row []byte) { copy(m.Pix[y*m.Stride:], row) }
		case p.kind == pngColour && !p.hasClear:
			return func(y int, row []byte) {
				for to := m.Pix[y*m.Stride:]; len(row) >= 3; row, to = row[3:], to[4:] {
					to[0], to[1], to[2], to[3] = row[0], row[1], row[2], 255
				}
			}
		}
	}
	return nil
}

// sample returns sample i of a row.
func (p *pngFile) sample(row []byte, i int) int {
	switch p.depth {
	case 8:
		return int(row[i])
	case 16:
		return int(row[2*i])<<8 | int(row[2*i+1])
	}
	bit := i * p.depth
	return int(row[bit/8]) >> (8 - p.depth - bit%8) & (1<<p.depth - 1)
}

// pixel returns red, green, blue and alpha of pixel i of a row, of 8 bits, or 16 where samples have so
// many.
func (p *pngFile) pixel(row []byte, i int) (s [4]int) {
	n := pngSamples[p.kind]
	for k := range n {
		s[k] = p.sample(row, n*i+k)
	}
	opaque := 1<<max(p.depth, 8) - 1
	alpha := opaque
	if p.hasClear && [3]int(s[:3]) == p.clear {
		alpha = 0
	}
	switch p.kind {
	case pngGray:
		gray := s[0] * (opaque / (1<<p.depth - 1)) // exact, and within 32 bits
		return [4]int{gray, gray, gray, alpha}
	case pngGrayAlpha:
		return [4]int{s[0], s[0], s[0], s[1]}
	case pngColour:
		s[3] = alpha
	}
	return s
}
