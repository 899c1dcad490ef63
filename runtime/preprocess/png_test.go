package preprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"math/rand/v2"
	"testing"
)

// chunk returns a chunk of a PNG file.
func chunk(name string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, name...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// randomPNG writes a picture of random bytes: any filter, and a palette or a transparent colour where
// they may be.
func randomPNG(t testing.TB, r *rand.Rand, kind byte, depth int, interlaced, clear bool) []byte {
	t.Helper()
	w, h := 1+r.IntN(20), 1+r.IntN(20)
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	head = append(head, byte(depth), kind, 0, 0, 0)
	passes := []pngPass{{0, 0, 1, 1}}
	if interlaced {
		head[12], passes = 1, pngPasses[:]
	}
	file := append([]byte(pngMagic), chunk("IHDR", head)...)
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.IntN(4) * 85) // transparent colours are met often
		}
		return b
	}
	if kind == pngPalette {
		file = append(file, chunk("PLTE", random(3*(1+r.IntN(1<<depth))))...)
	}
	switch {
	case clear && kind == pngPalette:
		file = append(file, chunk("tRNS", random(1+r.IntN(1<<depth)))...)
	case clear:
		file = append(file, chunk("tRNS", random(2*pngSamples[kind]))...)
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	for _, p := range passes {
		pw, ph := (w-p.x+p.dx-1)/p.dx, (h-p.y+p.dy-1)/p.dy
		for range ph {
			if pw > 0 {
				z.Write(append([]byte{byte(r.IntN(5))}, random((pw*pngSamples[kind]*depth+7)/8)...))
			}
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	cut := r.IntN(packed.Len())
	file = append(append(file, chunk("IDAT", packed.Bytes()[:cut])...), chunk("IDAT", packed.Bytes()[cut:])...)
	return append(file, chunk("IEND", nil)...)
}

// samePixels compares a picture, gray and in colours, with that of image/png.
func samePixels(t *testing.T, data []byte) {
	t.Helper()
	want, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatalf("image/png reads it: %v", err)
	}
	b := want.Bounds()
	for _, c := range []int{1, 3} {
		if !bytes.Equal(Pixels(got, b.Dy(), b.Dx(), c), Pixels(want, b.Dy(), b.Dx(), c)) {
			t.Fatalf("%T of %v has other pixels than %T with %d channels", got, b, want, c)
		}
	}
}

// Every form of PNG has the pixels that image/png reads.
func TestPNG(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	n := 0
	for kind, depths := range pngDepths {
		for _, depth := range []byte(depths) {
			for i := range 32 {
				data := randomPNG(t, r, byte(kind), int(depth), i&1 > 0, i&2 > 0 && kind < pngGrayAlpha)
				if _, err := png.Decode(bytes.NewReader(data)); err != nil {
					t.Fatalf("colour type %d, depth %d: the test's picture is wrong: %v", kind, depth, err)
				}
				samePixels(t, data)
				if w, h, err := PictureSize(data); err != nil || w < 1 || h < 1 {
					t.Errorf("size %dx%d: %v", w, h, err)
				}
				n++
			}
		}
	}
	if n != 15*32 {
		t.Errorf("%d pictures; PNG has 15 pairs of colour type and depth", n)
	}
}

// What is damaged anywhere is refused, or read as image/png reads it.
func FuzzPNG(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for kind, depths := range pngDepths {
		for _, depth := range []byte(depths) {
			f.Add(randomPNG(f, r, byte(kind), int(depth), depth > 4, kind == pngPalette))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := png.DecodeConfig(bytes.NewReader(data)); err == nil && c.Width*c.Height > 1<<16 {
			return
		}
		samePixels(t, data)
		if img, err := Decode(data); err == nil && img.Bounds().Empty() {
			t.Error("an empty picture")
		}
	})
}

// A file that ends anywhere is refused.
func TestPNGEnds(t *testing.T) {
	data := randomPNG(t, rand.New(rand.NewPCG(5, 6)), pngPalette, 8, true, true)
	for n := range data {
		if _, err := Decode(data[:n]); err == nil {
			t.Fatalf("%d bytes of %d were read", n, len(data))
		}
	}
}

func BenchmarkPNG(b *testing.B) {
	var file bytes.Buffer
	if err := png.Encode(&file, drawnLarge()); err != nil {
		b.Fatal(err)
	}
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			if _, err := Decode(file.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("image/png", func(b *testing.B) {
		for b.Loop() {
			if _, err := png.Decode(bytes.NewReader(file.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// drawnLarge is a picture of 640x480 pixels that deflate cannot make trivial.
func drawnLarge() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for i := range img.Pix {
		img.Pix[i] = byte(i*i>>7) | byte(i%4/3*255)
	}
	return img
}
