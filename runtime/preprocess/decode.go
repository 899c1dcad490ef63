//go:build !nopictures

package preprocess

import (
	"bytes"
	"image"
	"image/color"
	_ "image/jpeg" // pictures that Decode reads
	"strconv"
)

// Pictures reports whether Read reads pictures. Device programs are built without their
// decoders where the model takes none.
const Pictures = true

func readPicture(data []byte, shape []int) (Sample, error) {
	h, w, c, ok := PictureShape(shape)
	if !ok {
		return Sample{}, Error("the network takes " + Dims(shape) + " values, no picture; give an .npy or raw file")
	}
	img, err := Decode(data)
	if err != nil {
		return Sample{}, err
	}
	size := img.Bounds()
	return Sample{Bytes: Pixels(img, h, w, c), Resized: size.Dx() != w || size.Dy() != h}, nil
}

// Decode reads a picture: PNG, JPEG, or another format that the program has
// registered with package image. It refuses pictures beyond the package's
// limits by their header, before memory is taken for their pixels: a pixel takes
// 1 to 16 bytes in a PNG (interlaced, 16 bits a channel), 1 to 24 in a JPEG
// (progressive CMYK).
func Decode(data []byte) (image.Image, error) {
	c, format, err := decodeConfig(data)
	if err != nil {
		return nil, Error("not a readable picture: " + err.Error() + "; copy or save it again")
	}
	if err := CheckSize(c.Width, c.Height); err != nil {
		return nil, err
	}
	if int64(c.Width)*int64(c.Height) > maxPerByte*int64(len(data)) {
		return nil, Error("the picture claims " + Dims([]int{c.Width, c.Height}) + " pixels, which " + itoa(len(data)) + " bytes cannot hold; the file is truncated or damaged")
	}
	if need := int64(c.Width) * int64(c.Height) * pixelBytes(c.ColorModel, format, data); need > MaxMemory {
		return nil, Error("the picture of " + Dims([]int{c.Width, c.Height}) + " pixels takes " + strconv.FormatInt(need, 10) + " bytes to decode; at most " + itoa(MaxMemory) + " are taken: make it smaller")
	}
	img, err := decodeImage(data, format)
	if err != nil {
		return nil, Error("not a readable picture: " + err.Error() + "; copy or save it again")
	}
	return img, nil
}

// PictureSize returns width and height of a picture by its header.
func PictureSize(data []byte) (w, h int, err error) {
	c, _, err := decodeConfig(data)
	return c.Width, c.Height, err
}

// decodeConfig is image.DecodeConfig.
func decodeConfig(data []byte) (image.Config, string, error) {
	if !bytes.HasPrefix(data, []byte(pngMagic)) {
		return image.DecodeConfig(bytes.NewReader(data))
	}
	p, err := readPNG(data, true)
	if err != nil {
		return image.Config{}, "", err
	}
	return image.Config{ColorModel: p.model(), Width: p.w, Height: p.h}, "png", nil
}

// decodeImage is image.Decode.
func decodeImage(data []byte, format string) (image.Image, error) {
	if format != "png" {
		img, _, err := image.Decode(bytes.NewReader(data))
		return img, err
	}
	p, err := readPNG(data, false)
	if err != nil {
		return nil, err
	}
	return p.decode()
}

// pixelBytes returns how many bytes Go's decoder takes for a pixel.
func pixelBytes(m color.Model, format string, data []byte) int64 {
	n := int64(1)
	switch m {
	case color.Gray16Model:
		n = 2
	case color.YCbCrModel:
		n = 3
	case color.RGBAModel, color.NRGBAModel, color.CMYKModel:
		n = 4
	case color.RGBA64Model, color.NRGBA64Model:
		n = 8
	}
	switch {
	case format == "png" && isInterlaced(data):
		n *= 2 // a picture of each pass
	case format == "jpeg" && n == 4:
		n += 4 // the planes before colours are converted
	}
	if format == "jpeg" && isProgressive(data) {
		n += 4 * min(n, 4) // a coefficient of 32 bits for each sample of at most four planes
	}
	return n
}

// isInterlaced reads the last byte of a PNG's header chunk.
func isInterlaced(data []byte) bool {
	const at = 8 + 8 + 12
	return len(data) > at && data[at] != 0
}

// isProgressive looks for the start of a progressive frame (SOF2) among the segments of a
// JPEG.
func isProgressive(data []byte) bool {
	const sof2, sos = 0xc2, 0xda
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		switch marker := data[at+1]; {
		case marker == sof2:
			return true
		case marker == sos:
			return false
		case marker == 0xff: // fill
			at++
		case marker >= 0xd0 && marker <= 0xd9 || marker <= 1: // without a length
			at += 2
		default:
			at += 2 + int(data[at+2])<<8 + int(data[at+3])
		}
	}
	return false
}

// Pixels returns the bytes of a picture, [h,w,c] row-major, c being 1 (gray) or
// 3 (red, green, blue): its own pixels where it has that size, else those of
// the picture that is resized to it. The package's documentation has the
// colours.
//
// The filter is a triangle with antialiasing, first across, then down, each
// rounded to bytes: Pillow's BILINEAR, which torchvision uses for pictures; the
// formula is that of tf.image.resize with antialias. Destination i lies at
// (i + 1/2) from/to, source j at j + 1/2, and
//
//	weight(i, j) = max(0, 1 - |position(j) - position(i)| / max(1, from/to))
//	out(i)       = floor(sum_j k(i, j) in(j) / 2^22 + 1/2)
//	k(i, j)      = floor(2^22 weight(i, j) / sum_j weight(i, j) + 1/2)
//
// Pillow computes the weights in float64, here they are exact fractions. Source:
// Pillow 12.0, src/libImaging/Resample.c; later releases filter down first where
// that is cheaper, which can differ by 1.
//
// Where rows change it takes 4 bytes of memory for each byte of the result. Its
// time is in proportion to the rows of the taller picture times the columns of
// the wider one.
func Pixels(img image.Image, h, w, c int) []byte {
	b := img.Bounds()
	s := newScaler(b.Dy(), b.Dx(), h, w, c)
	if gray, ok := img.(*image.Gray); ok && c == 1 { // the luma of a gray is itself
		for y := b.Min.Y; y < b.Max.Y; y++ {
			s.add(gray.Pix[gray.PixOffset(b.Min.X, y):][:b.Dx()])
		}
		return s.bytes()
	}
	at, line := colours(img), make([]byte, b.Dx()*c)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := 0; x < b.Dx(); x++ {
			p := at(b.Min.X+x, y)
			if c == 1 {
				line[x] = luma(p)
				continue
			}
			line[3*x], line[3*x+1], line[3*x+2] = byte(p.R>>8), byte(p.G>>8), byte(p.B>>8)
		}
		s.add(line)
	}
	return s.bytes()
}

// luma is color.GrayModel's formula.
func luma(p color.RGBA64) byte {
	return byte((19595*uint32(p.R) + 38470*uint32(p.G) + 7471*uint32(p.B) + 1<<15) >> 24)
}

// colours returns the function that reads a pixel's colour as the file stores
// it, 16 bits a channel, not multiplied by alpha; A means nothing.
func colours(img image.Image) func(x, y int) color.RGBA64 {
	switch m := img.(type) {
	case *image.NRGBA:
		return func(x, y int) color.RGBA64 { return stored(m.NRGBAAt(x, y)) }
	case *image.NRGBA64:
		return func(x, y int) color.RGBA64 { return color.RGBA64(m.NRGBA64At(x, y)) }
	case *image.Paletted:
		var table [256]color.RGBA64
		for i, p := range m.Palette[:min(len(m.Palette), len(table))] {
			table[i] = divided(p)
		}
		return func(x, y int) color.RGBA64 { return table[m.ColorIndexAt(x, y)] }
	case image.RGBA64Image: // no allocation for each pixel
		return func(x, y int) color.RGBA64 { return opaque(m.RGBA64At(x, y)) }
	}
	return func(x, y int) color.RGBA64 { return divided(img.At(x, y)) }
}

// stored widens bytes to 16 bits: 255 becomes 65,535.
func stored(p color.NRGBA) color.RGBA64 {
	return color.RGBA64{R: uint16(p.R) * 257, G: uint16(p.G) * 257, B: uint16(p.B) * 257}
}

// divided returns a colour without its alpha.
func divided(p color.Color) color.RGBA64 {
	switch p := p.(type) {
	case color.NRGBA: // of palettes; exact where alpha is 0 too
		return stored(p)
	case color.NRGBA64:
		return color.RGBA64(p)
	}
	r, g, b, a := p.RGBA()
	return opaque(color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(b), A: uint16(a)})
}

// opaque divides a colour by the alpha that it is multiplied by. What is wholly
// transparent has lost its colour and stays black.
func opaque(p color.RGBA64) color.RGBA64 {
	if p.A == 0xffff || p.A == 0 {
		return p
	}
	a := uint32(p.A)
	return color.RGBA64{R: uint16(uint32(p.R) * 0xffff / a), G: uint16(uint32(p.G) * 0xffff / a), B: uint16(uint32(p.B) * 0xffff / a)}
}
