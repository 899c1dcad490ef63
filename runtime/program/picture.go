package program

import (
	"bytes"
	"image"
	"image/color"
	_ "image/jpeg" // pictures that Decode knows
	_ "image/png"
)

// maxPixels bounds a picture before memory is taken for it.
const maxPixels = 1 << 26

// Decode reads a PNG or JPEG picture from memory.
func Decode(data []byte) (image.Image, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, Error("not a readable picture: " + err.Error())
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return nil, Error("the picture has " + itoa(c.Width) + "x" + itoa(c.Height) + " pixels, at most " + itoa(maxPixels) + " are read; make it smaller")
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, Error("not a readable picture: " + err.Error())
	}
	return img, nil
}

// Pixels resizes a picture to h rows of w pixels with c channels (1: gray, the
// luma of ITU-R BT.601; 3: red, green, blue, multiplied by alpha) and returns
// its bytes, [h, w, c].
//
// The filter is a triangle, as wide as two source pixels or two destination
// pixels, whichever is more, in whole numbers: every CPU gives the same bytes.
// A picture of the right size passes unchanged.
func Pixels(img image.Image, h, w, c int) []byte {
	at := rgbaAt(img)
	b := img.Bounds()
	down, across := triangle(b.Dy(), h), triangle(b.Dx(), w)
	acc := make([]uint64, h*w*c) // in units of 2^-2*weightBits
	line := make([]uint32, b.Dx()*c)
	row := make([]uint64, w*c)
	for sy := 0; sy < b.Dy(); sy++ {
		for sx := 0; sx < b.Dx(); sx++ {
			p := at(b.Min.X+sx, b.Min.Y+sy)
			if c == 1 {
				line[sx] = luma(p)
				continue
			}
			line[3*sx], line[3*sx+1], line[3*sx+2] = uint32(p.R), uint32(p.G), uint32(p.B)
		}
		squeeze(row, line, across, c)
		for _, t := range down[sy] {
			out := acc[t.to*w*c : (t.to+1)*w*c]
			for i, v := range row {
				out[i] += t.weight * v
			}
		}
	}
	pixels := make([]byte, len(acc))
	for i, v := range acc {
		pixels[i] = byte((v >> (2 * weightBits)) >> 8)
	}
	return pixels
}

// squeeze filters one line of the picture to the width of row.
func squeeze(row []uint64, line []uint32, across [][]tap, c int) {
	clear(row)
	for sx, taps := range across {
		for _, t := range taps {
			for ch := 0; ch < c; ch++ {
				row[t.to*c+ch] += t.weight * uint64(line[sx*c+ch])
			}
		}
	}
}

// luma is color.GrayModel's formula in 16 bits.
func luma(p color.RGBA64) uint32 {
	return (19595*uint32(p.R) + 38470*uint32(p.G) + 7471*uint32(p.B) + 1<<15) >> 16
}

func rgbaAt(img image.Image) func(x, y int) color.RGBA64 {
	if fast, ok := img.(image.RGBA64Image); ok { // no allocation for each pixel
		return fast.RGBA64At
	}
	return func(x, y int) color.RGBA64 {
		r, g, b, a := img.At(x, y).RGBA()
		return color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(b), A: uint16(a)}
	}
}

// weightBits is the precision of a filter weight; 16-bit colours, two weights
// and 64 bits leave no room for overflow.
const weightBits = 16

// tap is the weight with which a source position counts in a destination
// position.
type tap struct {
	to     int
	weight uint64 // the weights of one destination add up to 1<<weightBits
}

// triangle returns, for each of the source positions, the destinations that it
// counts in. Destination i lies at (i + 1/2) from/to, source j at j + 1/2; the
// weight falls linearly with their distance to zero at max(1, from/to).
func triangle(from, to int) [][]tap {
	taps := make([][]tap, from)
	for i := 0; i < to; i++ {
		// everything times 2*to
		reach, centre := 2*max(from, to), (2*i+1)*from
		first := max(0, (centre-reach)/(2*to)-1)
		last := min(from-1, (centre+reach)/(2*to)+1)
		weight := func(j int) uint64 {
			d := (2*j+1)*to - centre
			return uint64(max(0, reach-max(d, -d)))
		}
		total, best := uint64(0), first
		for j := first; j <= last; j++ {
			total += weight(j)
			if weight(j) > weight(best) {
				best = j
			}
		}
		left := uint64(1) << weightBits
		for j := first; j <= last; j++ {
			left -= weight(j) << weightBits / total
		}
		for j := first; j <= last; j++ {
			q := weight(j) << weightBits / total
			if j == best {
				q += left // rounding
			}
			if q > 0 {
				taps[j] = append(taps[j], tap{i, q})
			}
		}
	}
	return taps
}
