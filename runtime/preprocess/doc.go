// Package preprocess turns a file of the outside world into the input of a
// network: PNG and JPEG pictures, .npy arrays, idx files and raw values. The
// data sets of the host, "edgec run" and the device programs read their files
// by this package, so all of them see the same bytes.
//
// # Pictures
//
// A picture becomes bytes in three steps.
//
//  1. Colours of 16 bits a channel are read. Alpha is dropped: a pixel keeps
//     the colour that the file stores, however transparent it is, as Pillow's
//     convert("RGB") and TensorFlow's decode_png(channels=3) do.
//  2. Each pixel becomes bytes: the high byte of red, green and blue, or of
//     the luma of ITU-R BT.601, (19595 R + 38470 G + 7471 B + 2^15) >> 16 (the
//     formula of color.GrayModel), where the network takes one channel.
//  3. A picture of another size is resized: see Pixels.
//
// All of it is integer arithmetic, so every CPU gives the same bytes. Package
// image/jpeg may round otherwise in another release of Go: the host and the
// device program decode JPEG alike when one release has built both.
// Orientation tags (EXIF) and colour profiles are not applied.
//
// # Memory
//
// Headers are checked before memory is taken. A picture has at most MaxPixels
// pixels, MaxSide rows and columns, 8,256 pixels for each byte of its file, which
// DEFLATE cannot exceed, and takes at most MaxMemory bytes to decode; an array's
// elements are read as far as the file has them.
//
// Numbers are printed by strconv, errors are strings: the package is part of
// device programs, which have to stay small.
package preprocess

import "strconv"

// Error is a file that cannot become input: what is wrong and the remedy, in
// one line. The caller names the file.
type Error string

// Error returns the line.
func (e Error) Error() string { return string(e) }

func itoa(n int) string { return strconv.Itoa(n) }

// Dims writes a shape as "28x28x1".
func Dims(shape []int) string {
	s := ""
	for i, d := range shape {
		if i > 0 {
			s += "x"
		}
		s += itoa(d)
	}
	return s
}
