package preprocess

import "bytes"

// Limits of a picture, checked against its header.
const (
	MaxSide   = 1<<16 - 1 // rows, columns: JPEG's own limit
	MaxPixels = 1 << 26   // 64 megapixels
	MaxMemory = 1 << 28   // bytes that decoding takes: 256 MiB
	// maxPerByte is the number of pixels that a byte of a file can hold: DEFLATE
	// makes at most 1,032 bytes of one (RFC 1951: 258 bytes of two bits), PNG's
	// pixels have at least one bit. JPEG and GIF stay below it.
	maxPerByte = 8 * 1032
)

// IsPicture reports whether data begins as a PNG or a JPEG file does.
func IsPicture(data []byte) bool {
	const png, jpeg = "\x89PNG\r\n\x1a\n", "\xff\xd8\xff"
	return bytes.HasPrefix(data, []byte(png)) || bytes.HasPrefix(data, []byte(jpeg))
}

// CheckSize refuses a picture of w x h pixels that is empty or beyond the
// limits MaxSide and MaxPixels.
func CheckSize(w, h int) error {
	claims := "the picture claims " + Dims([]int{w, h}) + " pixels"
	switch {
	case w <= 0 || h <= 0:
		return Error(claims + "; nothing is there to look at")
	case w > MaxSide || h > MaxSide || int64(w)*int64(h) > MaxPixels:
		return Error(claims + "; at most " + itoa(MaxPixels) + ", and " + itoa(MaxSide) + " a side, are read: make it smaller")
	}
	return nil
}

// PictureShape returns height, width and channels of the pictures that an input takes:
// [H,W,C] with one or three channels, [H,W], or the square of a flat input [F].
// ok is false for other shapes.
func PictureShape(input []int) (h, w, c int, ok bool) {
	switch {
	case len(input) == 3 && (input[2] == 1 || input[2] == 3):
		return input[0], input[1], input[2], true
	case len(input) == 2:
		return input[0], input[1], 1, true
	case len(input) == 1:
		for h = 1; h*h < input[0]; h++ {
		}
		return h, h, 1, h*h == input[0]
	}
	return 0, 0, 0, false
}
