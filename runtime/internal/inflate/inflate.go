// Package inflate reads what DEFLATE has compressed (RFC 1951), in the frames of gzip (RFC 1952)
// and zlib (RFC 1950).
//
// A program that has compress/gzip also has packages fmt and time: on arm64 it is 82 KB larger.
// Tests compare this package with compress/flate.
package inflate

import (
	"errors"
	"io"
)

// ErrDamaged is the error of data that DEFLATE does not make, or that have another checksum.
var ErrDamaged = errors.New("damaged compressed data")

const (
	window  = 1 << 15 // bytes that a match may reach back
	longest = 258     // bytes of a match
)

// Reader decompresses. It reads ahead of what it needs.
type Reader struct {
	in    input
	out   [2 * window]byte
	r, w  int // what is to be read of out, and where decoding goes on
	start int // of the frame in out, or 0
	block block
	frame frame
	err   error // after out[r:w]
}

// block is the one that is being decoded.
type block struct {
	last         bool
	coded        bool
	stored       int // bytes that are left of a block without a code
	symbols, far code
}

// frame is what surrounds the blocks.
type frame interface {
	// begin reads what comes before the blocks; io.EOF: nothing comes.
	begin(in *input) error
	// add takes decompressed bytes.
	add(p []byte)
	// end reads what comes after the blocks.
	end(in *input) error
}

// newReader begins a stream.
func newReader(r io.Reader, f frame) (*Reader, error) {
	z := &Reader{in: input{from: r}, frame: f}
	err := f.begin(&z.in)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return z, nil
}

// Read implements io.Reader. Its error is io.EOF only after all checksums were right.
func (z *Reader) Read(p []byte) (int, error) {
	for z.r == z.w {
		if z.err != nil {
			return 0, z.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		if z.w > window {
			copy(z.out[:], z.out[z.w-window:z.w])
			z.start = max(0, z.start-(z.w-window))
			z.r, z.w = window, window
		}
		z.err = z.decode()
		z.frame.add(z.out[z.r:z.w])
		if z.err == nil && z.finished() {
			z.err = z.next()
		}
	}
	n := copy(p, z.out[z.r:z.w])
	z.r += n
	return n, nil
}

// finished reports that all blocks are decoded.
func (z *Reader) finished() bool { return z.block.last && !z.block.coded && z.block.stored == 0 }

// next ends a frame, and begins the one after it, if there is one.
func (z *Reader) next() error {
	if err := z.frame.end(&z.in); err != nil {
		return err
	}
	z.block.last, z.start = false, z.w
	return z.frame.begin(&z.in)
}

// decode decodes until out is full or the blocks end.
func (z *Reader) decode() error {
	for z.w+longest <= len(z.out) && !z.finished() {
		var err error
		switch {
		case z.block.stored > 0:
			err = z.copyStored()
		case z.block.coded:
			err = z.decodeSymbols()
		default:
			err = z.begin()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin reads the head of a block.
func (z *Reader) begin() error {
	last, err := z.in.bits(1)
	if err != nil {
		return err
	}
	kind, err := z.in.bits(2)
	if err != nil {
		return err
	}
	z.block.last = last == 1
	switch kind {
	case 0:
		return z.beginStored()
	case 1:
		z.block.symbols, z.block.far = fixed()
	case 2:
		if err := z.readCodes(); err != nil {
			return err
		}
	default:
		return ErrDamaged
	}
	z.block.coded = true
	return nil
}

// beginStored reads the length of a block without a code, and its complement.
func (z *Reader) beginStored() error {
	z.in.align()
	n, err := z.in.bits(16)
	if err != nil {
		return err
	}
	complement, err := z.in.bits(16)
	if err != nil {
		return err
	}
	if n != ^complement&0xffff {
		return ErrDamaged
	}
	z.block.stored = int(n)
	return nil
}

// copyStored copies bytes of a block without a code.
func (z *Reader) copyStored() error {
	n, err := z.in.read(z.out[z.w:min(z.w+z.block.stored, len(z.out))])
	z.w += n
	z.block.stored -= n
	return err
}

// decodeSymbols decodes until out is full or the block ends.
func (z *Reader) decodeSymbols() error {
	for z.w+longest <= len(z.out) {
		s, err := z.in.symbol(&z.block.symbols)
		switch {
		case err != nil:
			return err
		case s < endOfBlock:
			z.out[z.w] = byte(s)
			z.w++
		case s == endOfBlock:
			z.block.coded = false
			return nil
		default:
			if err := z.match(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// match copies what lies back, of the length that symbol s begins.
func (z *Reader) match(s int) error {
	s -= endOfBlock + 1
	if s >= len(lengths) {
		return ErrDamaged
	}
	n, err := z.in.extra(lengths[s])
	if err != nil {
		return err
	}
	d, err := z.in.symbol(&z.block.far)
	if err != nil {
		return err
	}
	if d >= len(distances) {
		return ErrDamaged
	}
	back, err := z.in.extra(distances[d])
	if err != nil {
		return err
	}
	if back > z.w-z.start {
		return ErrDamaged // before the beginning
	}
	for from, to := z.w-back, z.w+n; z.w < to; { // again and again where it overlaps itself
		z.w += copy(z.out[z.w:to], z.out[from:z.w])
	}
	return nil
}
