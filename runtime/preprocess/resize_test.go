package preprocess

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"image"
	"math/big"
	"testing"
)

// noise is a picture of testdata/pictures.py, [h,w,c].
func noise(h, w, c int) []byte {
	x, out := uint32(1), make([]byte, h*w*c)
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return out
}

// packed is a picture of bytes [h,w,c].
func packed(pix []byte, h, w, c int) image.Image {
	if c == 1 {
		return &image.Gray{Pix: pix, Stride: w, Rect: image.Rect(0, 0, w, h)}
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		copy(img.Pix[4*i:], pix[3*i:3*i+3])
	}
	return img
}

// TestPillow compares resized noise with the checksums of Pillow 12's BILINEAR,
// which testdata/pictures.py prints.
func TestPillow(t *testing.T) {
	for _, p := range []struct {
		c, w, h, w2, h2 int
		crc             uint32
	}{
		{1, 17, 13, 5, 7, 0xc2dd88e2},
		{1, 5, 7, 17, 13, 0xd5c4d4eb},
		{1, 64, 48, 28, 28, 0x0cda2598},
		{1, 3, 300, 4, 3, 0x2d7c28b6},
		{1, 300, 200, 1, 1, 0x12b88320},
		{1, 13, 17, 13, 5, 0xc4d4e762},
		{1, 13, 17, 6, 17, 0xf8dd9dc5},
		{1, 640, 480, 96, 96, 0x9e437a32},
		{1, 2, 2, 224, 224, 0xe1de2ea9},
		{3, 17, 13, 5, 7, 0xbe679e21},
		{3, 5, 7, 17, 13, 0xbccfa830},
		{3, 64, 48, 28, 28, 0x7c479c49},
		{3, 3, 300, 4, 3, 0x1b00b62c},
		{3, 300, 200, 1, 1, 0xe54d3674},
		{3, 13, 17, 13, 5, 0x2ca74e29},
		{3, 13, 17, 6, 17, 0x7957ae67},
		{3, 640, 480, 96, 96, 0x82cabeaf},
		{3, 2, 2, 224, 224, 0x77187d36},
	} {
		got := crc32.ChecksumIEEE(Pixels(packed(noise(p.h, p.w, p.c), p.h, p.w, p.c), p.h2, p.w2, p.c))
		if got != p.crc {
			t.Errorf("%dx%d to %dx%d, %d channels: checksum %08x, Pillow's %08x", p.w, p.h, p.w2, p.h2, p.c, got, p.crc)
		}
	}
}

// filtered is the formula of Pixels along one line of one channel, in fractions.
func filtered(line []byte, to int) []byte {
	from, out := len(line), make([]byte, to)
	half, one := big.NewRat(1, 2), big.NewRat(1, 1)
	ratio := big.NewRat(int64(from), int64(to))
	support := ratio
	if support.Cmp(one) < 0 {
		support = one
	}
	rounded := func(x *big.Rat) int64 { // floor(x + 1/2) of what is not negative
		x = new(big.Rat).Add(x, half)
		return new(big.Int).Quo(x.Num(), x.Denom()).Int64()
	}
	for i := range out {
		centre := new(big.Rat).Add(big.NewRat(int64(i), 1), half)
		centre.Mul(centre, ratio)
		weights, total := make([]*big.Rat, from), new(big.Rat)
		for j := range line {
			d := new(big.Rat).Add(big.NewRat(int64(j), 1), half)
			d.Abs(d.Sub(d, centre)).Quo(d, support)
			weights[j] = d.Sub(one, d)
			if d.Sign() < 0 {
				d.SetInt64(0)
			}
			total.Add(total, d)
		}
		sum := int64(0)
		for j, v := range line {
			k := new(big.Rat).Quo(weights[j], total)
			sum += rounded(k.Mul(k, big.NewRat(1<<22, 1))) * int64(v)
		}
		out[i] = byte(min(255, rounded(big.NewRat(sum, 1<<22))))
	}
	return out
}

// obvious resizes a picture by filtered, first across, then down.
func obvious(pix []byte, h, w, c, toH, toW int) []byte {
	wide := make([]byte, h*toW*c)
	line := func(pix []byte, first, step, n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = pix[first+i*step]
		}
		return out
	}
	for y := range h {
		for ch := range c {
			for x, v := range filtered(line(pix, y*w*c+ch, c, w), toW) {
				wide[(y*toW+x)*c+ch] = v
			}
		}
	}
	out := make([]byte, toH*toW*c)
	for k := range toW * c {
		for y, v := range filtered(line(wide, k, toW*c, h), toH) {
			out[y*toW*c+k] = v
		}
	}
	return out
}

// TestResize compares with the formula in fractions, for sizes of all kinds.
func TestResize(t *testing.T) {
	sides := []int{1, 2, 3, 7, 8, 20}
	for _, from := range sides {
		for _, to := range sides {
			for _, other := range []int{1, 5} {
				for _, c := range []int{1, 3} {
					pix := noise(from, other, c)
					got := Pixels(packed(pix, from, other, c), to, 9-other, c)
					if want := obvious(pix, from, other, c, to, 9-other); !bytes.Equal(got, want) {
						t.Fatalf("%dx%d to %dx%d, %d channels:\n%v, want\n%v", other, from, 9-other, to, c, got, want)
					}
				}
			}
		}
	}
}

// TestUniform: a picture of one colour keeps it at all sizes, the extremes too.
func TestUniform(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 40}, {40, 1}, {77, 28}, {28, 77}, {1000, 999}, {MaxSide, 1}, {MaxSide, 3}, {MaxSide, MaxSide - 1}, {1, MaxSide}} {
		for _, v := range []byte{1, 128, 255} {
			line := bytes.Repeat([]byte{v}, size[0])
			for name, got := range map[string][]byte{
				"across": Pixels(packed(line, 1, size[0], 1), 1, size[1], 1), "down": Pixels(packed(line, size[0], 1, 1), size[1], 1, 1),
			} {
				if !bytes.Equal(got, bytes.Repeat([]byte{v}, size[1])) {
					t.Errorf("%d becomes another colour from %d to %d %s", v, size[0], size[1], name)
				}
			}
		}
	}
}

// TestBounds: a part of a picture is read where it lies.
func TestBounds(t *testing.T) {
	pix := noise(9, 11, 3)
	whole := packed(pix, 9, 11, 3).(*image.NRGBA)
	part := whole.SubImage(image.Rect(4, 3, 9, 8))
	copied := image.NewNRGBA(image.Rect(0, 0, 5, 5))
	for y := range 5 {
		for x := range 5 {
			copied.SetNRGBA(x, y, whole.NRGBAAt(4+x, 3+y))
		}
	}
	for _, size := range []int{5, 3, 12} {
		for _, c := range []int{1, 3} {
			if !bytes.Equal(Pixels(part, size, size, c), Pixels(copied, size, size, c)) {
				t.Errorf("size %d, %d channels: differs", size, c)
			}
		}
	}
	gray := packed(noise(9, 11, 1), 9, 11, 1).(*image.Gray).SubImage(image.Rect(4, 3, 9, 8))
	if got := Pixels(gray, 5, 5, 1); got[0] != noise(9, 11, 1)[3*11+4] || got[24] != noise(9, 11, 1)[7*11+8] {
		t.Errorf("gray: %v", got)
	}
}

func BenchmarkPixels(b *testing.B) {
	pix := noise(480, 640, 3)
	for _, side := range []int{28, 96, 224} {
		b.Run(fmt.Sprint("640x480 to ", side), func(b *testing.B) {
			img := packed(pix, 480, 640, 3)
			b.SetBytes(480 * 640)
			for b.Loop() {
				Pixels(img, side, side, 3)
			}
		})
	}
}
