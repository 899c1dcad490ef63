package preprocess

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// The test picture is the gradient of testdata/pictures.py.
const testW, testH = 21, 15

func gradient(x, y int) (r, g, b byte) {
	return byte(12 * x), byte(17 * y), byte(max(12*x-17*y, 17*y-12*x))
}

// drawn is the gradient in img, with an alpha that runs from 0 to 255.
func drawn(img interface {
	image.Image
	Set(x, y int, c color.Color)
}) image.Image {
	for y := range testH {
		for x := range testW {
			r, g, b := gradient(x, y)
			alpha := byte(x*40 + y*3)
			switch m := img.(type) {
			case *image.NRGBA:
				m.SetNRGBA(x, y, color.NRGBA{r, g, b, alpha})
			case *image.NRGBA64: // low bytes are dropped
				m.SetNRGBA64(x, y, color.NRGBA64{uint16(r)<<8 | 0xff, uint16(g)<<8 | 0x80, uint16(b) << 8, uint16(alpha) << 8})
			case *image.RGBA64:
				m.SetRGBA64(x, y, color.RGBA64{uint16(r)<<8 | 0xff, uint16(g)<<8 | 0x80, uint16(b) << 8, 0xffff})
			case *image.Gray16:
				m.SetGray16(x, y, color.Gray16{uint16(r)<<8 | 0x90})
			default:
				img.Set(x, y, color.NRGBA{r, g, b, 255})
			}
		}
	}
	return img
}

// translucent is the gradient in a palette, whose alpha runs from 0 to 255; what
// is not in the palette takes its nearest opaque neighbour.
func translucent() *image.Paletted {
	var p color.Palette
	for i := range 200 {
		p = append(p, color.NRGBA{byte(i), byte(255 - i), byte(3 * i), byte(i * 2)})
	}
	img := image.NewPaletted(image.Rect(0, 0, testW, testH), p)
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7 % 200)
	}
	return img
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decoded is a picture's pixels in its own size.
func decoded(t testing.TB, data []byte, c int) []byte {
	t.Helper()
	img, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return Pixels(img, img.Bounds().Dy(), img.Bounds().Dx(), c)
}

// TestColours: every kind of PNG gives the bytes that are stored, whatever the
// alpha, and their luma.
func TestColours(t *testing.T) {
	bounds := image.Rect(0, 0, testW, testH)
	for name, img := range map[string]image.Image{
		"rgb": drawn(image.NewRGBA(bounds)), "rgb 16 bit": drawn(image.NewRGBA64(bounds)), "rgba": drawn(image.NewNRGBA(bounds)), "rgba 16 bit": drawn(image.NewNRGBA64(bounds)),
	} {
		t.Run(name, func(t *testing.T) {
			rgb, gray := decoded(t, encodePNG(t, img), 3), decoded(t, encodePNG(t, img), 1)
			for i := range gray {
				x, y := i%testW, i/testW
				r, g, b := gradient(x, y)
				if got := [3]byte(rgb[3*i:]); got != [3]byte{r, g, b} {
					t.Fatalf("pixel %d,%d is %v, want %d %d %d", x, y, got, r, g, b)
				}
				if want := color.GrayModel.Convert(color.NRGBA{r, g, b, 255}).(color.Gray).Y; gray[i] != want && !strings.Contains(name, "16") {
					t.Fatalf("gray pixel %d,%d is %d, want %d", x, y, gray[i], want)
				}
			}
		})
	}
}

// TestGrayAndPalette: gray of 8 and 16 bits is its high byte in every channel; a
// palette's colours are its own, whatever their alpha.
func TestGrayAndPalette(t *testing.T) {
	bounds := image.Rect(0, 0, testW, testH)
	gray := image.NewGray(bounds)
	for i := range gray.Pix {
		gray.Pix[i], _, _ = gradient(i%testW, i/testW)
	}
	for name, img := range map[string]image.Image{"8 bit": gray, "16 bit": drawn(image.NewGray16(bounds))} {
		if got := decoded(t, encodePNG(t, img), 1); !bytes.Equal(got, gray.Pix) {
			t.Errorf("%s: %v", name, got)
		}
		for i, v := range decoded(t, encodePNG(t, img), 3) {
			if v != gray.Pix[i/3] {
				t.Fatalf("%s: byte %d is %d, want %d", name, i, v, gray.Pix[i/3])
			}
		}
	}
	img := translucent()
	for i, v := range decoded(t, encodePNG(t, img), 3) {
		p := img.Palette[img.Pix[i/3]].(color.NRGBA)
		if want := []byte{p.R, p.G, p.B}[i%3]; v != want {
			t.Fatalf("palette: byte %d is %d, want %d", i, v, want)
		}
	}
}

// TestPNGAsPillow compares with the checksums of Pillow's convert("RGB").
func TestPNGAsPillow(t *testing.T) {
	for name, want := range map[string]uint32{
		"gray-alpha.png": 0x42c4f709, "gray-transparent.png": 0x42c4f709, "rgb-transparent.png": 0x609762b3, "bilevel.png": 0x41b73086, "palette-4bit.png": 0x2a14a68e,
	} {
		if got := crc32.ChecksumIEEE(decoded(t, file(t, name), 3)); got != want {
			t.Errorf("%s: checksum %08x, Pillow's %08x", name, got, want)
		}
	}
}

// TestJPEG: baseline and progressive files of the same coefficients are equal,
// and all kinds are near what was compressed.
func TestJPEG(t *testing.T) {
	if !bytes.Equal(decoded(t, file(t, "baseline.jpg"), 3), decoded(t, file(t, "progressive.jpg"), 3)) {
		t.Error("baseline and progressive differ")
	}
	const most = 8 // on average; quality 90 with colours at half the resolution loses 6.4
	for _, name := range []string{"baseline.jpg", "progressive.jpg", "cmyk.jpg", "gray.jpg"} {
		sum := 0
		pixels := decoded(t, file(t, name), 3)
		for i, v := range pixels {
			r, g, b := gradient(i/3%testW, i/3/testW)
			if name == "gray.jpg" {
				r = color.GrayModel.Convert(color.NRGBA{r, g, b, 255}).(color.Gray).Y
				g, b = r, r
			}
			d := int(v) - int([]byte{r, g, b}[i%3])
			sum += max(d, -d)
		}
		if sum > most*len(pixels) {
			t.Errorf("%s: differs by %.2f on average", name, float64(sum)/float64(len(pixels)))
		}
	}
}

// TestPremultiplied: images that other decoders make are divided by their alpha.
func TestPremultiplied(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 3, 1))
	img.SetRGBA(0, 0, color.RGBA{100, 50, 25, 128})
	img.SetRGBA(1, 0, color.RGBA{200, 100, 50, 255})
	if got, want := Pixels(img, 1, 3, 3), []byte{199, 99, 49, 200, 100, 50, 0, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestPictureShape: which inputs take pictures.
func TestPictureShape(t *testing.T) {
	for _, c := range []struct{ in, want []int }{
		{[]int{4, 5, 3}, []int{4, 5, 3}}, {[]int{4, 5, 1}, []int{4, 5, 1}}, {[]int{4, 5}, []int{4, 5, 1}}, {[]int{784}, []int{28, 28, 1}}, {[]int{1}, []int{1, 1, 1}},
		{[]int{785}, nil}, {[]int{4, 5, 2}, nil}, {nil, nil}, {[]int{1, 4, 5, 3}, nil},
	} {
		h, w, ch, ok := PictureShape(c.in)
		if ok != (c.want != nil) || ok && (h != c.want[0] || w != c.want[1] || ch != c.want[2]) {
			t.Errorf("%v: %d %d %d %v", c.in, h, w, ch, ok)
		}
	}
}

// claiming is a PNG of 1x1 pixels whose header says w x h.
func claiming(t testing.TB, w, h uint32) []byte {
	b := encodePNG(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// heavy is claiming with a kind of pixel, and as many bytes as they may come from.
func heavy(t testing.TB, w, h uint32, depth, kind, interlaced byte) []byte {
	b := claiming(t, w, h)
	b[24], b[25], b[28] = depth, kind, interlaced
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return append(b, make([]byte, w*h/8000)...)
}

// heavyJPEG is a picture whose header claims another size, in a frame of the given kind.
func heavyJPEG(t testing.TB, name string, w, h uint16) []byte {
	b := bytes.Clone(file(t, name))
	for at := 2; ; at += 2 + int(binary.BigEndian.Uint16(b[at+2:])) {
		if b[at+1]&0xfc == 0xc0 {
			binary.BigEndian.PutUint16(b[at+5:], h)
			binary.BigEndian.PutUint16(b[at+7:], w)
			return append(b, make([]byte, int(w)*int(h)/8000)...)
		}
	}
}

// TestHugePictures: what cannot be true, or is too much, is refused in one line
// before memory is taken.
func TestHugePictures(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		says []string
	}{
		{"too many pixels", claiming(t, 100000, 100000), []string{"claims 100000x100000 pixels", "at most 67108864", "make it smaller"}},
		{"too tall", claiming(t, 1, 1<<26), []string{"1x67108864", "65535 a side"}},
		{"more than the file can hold", claiming(t, 8000, 8000), []string{"claims 8000x8000 pixels, which", "bytes cannot hold", "truncated"}},
		{"too many for 65,535 a side", claiming(t, 65535, 65535), []string{"65535x65535"}},
		{"16 bits a channel", heavy(t, 8000, 8000, 16, 6, 0), []string{"8000x8000 pixels takes 512000000 bytes to decode; at most 268435456", "make it smaller"}},
		{"interlaced", heavy(t, 6000, 6000, 8, 2, 1), []string{"takes 288000000 bytes"}},
		{"progressive", heavyJPEG(t, "progressive.jpg", 5000, 5000), []string{"takes 375000000 bytes"}},
		{"nothing", claiming(t, 0, 7), []string{"picture"}},
		{"cut", file(t, "baseline.jpg")[:300], []string{"not a readable picture"}},
		{"no picture", []byte("hello"), []string{"not a readable picture"}},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(c.data)
		runtime.ReadMemStats(&after)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", c.name, err)
			continue
		}
		if strconv.IntSize == 32 && strings.Contains(err.Error(), "dimension overflow") {
			continue // image/png is first to see that 32 bits do not hold the number
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", c.name, err, s)
			}
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%s: took %d bytes", c.name, taken)
		}
	}
}

// TestEmptyPictures: pictures of one colour, which compress best of all, stay
// within what a byte of a file may hold.
func TestEmptyPictures(t *testing.T) {
	const side = 3000
	bounds := image.Rect(0, 0, side, side)
	var zipped, jpg bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&zipped, image.NewPaletted(bounds, color.Palette{color.Black, color.White})); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&jpg, image.NewGray(bounds), &jpeg.Options{Quality: 1}); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"png": zipped.Bytes(), "jpeg": jpg.Bytes()} {
		img, err := Decode(data)
		if err != nil || img.Bounds() != bounds {
			t.Errorf("%s of %d bytes: %v", name, len(data), err)
		}
		t.Logf("%s: %d pixels a byte, at most %d", name, side*side/len(data), maxPerByte)
	}
}
