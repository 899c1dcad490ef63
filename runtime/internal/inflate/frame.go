package inflate

import (
	"hash/adler32"
	"hash/crc32"
	"io"
)

// Gzip returns a reader of the content of a gzip file (RFC 1952) of one member or several. It
// reads the first header at once. It checks the CRC-32 and the length of each member, but no
// checksum of a header. Errors: ErrDamaged, io.ErrUnexpectedEOF, and those of r. Memory: 73 KB.
func Gzip(r io.Reader) (*Reader, error) { return newReader(r, &gzipFrame{first: true}) }

// Zlib returns a reader of the content of a zlib stream (RFC 1950) without a preset dictionary. It
// checks the Adler-32, and ignores what follows the stream. Errors and memory are those of Gzip.
func Zlib(r io.Reader) (*Reader, error) { return newReader(r, &zlibFrame{}) }

// gzipFrame is a member of a gzip file.
type gzipFrame struct {
	first bool
	sum   uint32
	size  uint32
}

const (
	gzipSum     = 1 << 1
	gzipExtra   = 1 << 2
	gzipName    = 1 << 3
	gzipComment = 1 << 4
)

func (f *gzipFrame) begin(in *input) error {
	if ended, err := in.ended(); err != nil || ended && !f.first {
		if ended {
			err = io.EOF
		}
		return err
	}
	*f = gzipFrame{}
	var head [10]byte
	for i := range head {
		b, err := in.bits(8)
		if err != nil {
			return err
		}
		head[i] = byte(b)
	}
	if head[0] != 0x1f || head[1] != 0x8b || head[2] != 8 {
		return ErrDamaged
	}
	flags := head[3]
	if flags&gzipExtra != 0 {
		n, err := in.bits(16)
		for ; err == nil && n > 0; n-- {
			_, err = in.bits(8)
		}
		if err != nil {
			return err
		}
	}
	return skipStrings(in, flags)
}

// skipStrings passes over the name, the comment and the checksum of a head.
func skipStrings(in *input, flags byte) error {
	for _, flag := range []byte{gzipName, gzipComment} {
		for flags&flag != 0 {
			b, err := in.bits(8)
			if err != nil {
				return err
			}
			if b == 0 {
				break
			}
		}
	}
	if flags&gzipSum != 0 {
		_, err := in.bits(16)
		return err
	}
	return nil
}

func (f *gzipFrame) add(p []byte) {
	f.sum = crc32.Update(f.sum, crc32.IEEETable, p)
	f.size += uint32(len(p))
}

func (f *gzipFrame) end(in *input) error {
	in.align()
	sum, err := in.bits(32)
	if err != nil {
		return err
	}
	size, err := in.bits(32)
	if err == nil && (sum != f.sum || size != f.size) {
		err = ErrDamaged
	}
	return err
}

// zlibFrame is a zlib stream.
type zlibFrame struct {
	begun bool
	sum   interface {
		io.Writer
		Sum32() uint32
	}
}

func (f *zlibFrame) begin(in *input) error {
	if f.begun {
		return io.EOF
	}
	f.begun, f.sum = true, adler32.New()
	head, err := in.big(2)
	if err == nil && (head>>8&15 != 8 || head>>12 > 7 || head%31 != 0 || head>>5&1 != 0) {
		err = ErrDamaged
	}
	return err
}

func (f *zlibFrame) add(p []byte) { f.sum.Write(p) }

func (f *zlibFrame) end(in *input) error {
	in.align()
	sum, err := in.big(4)
	if err == nil && sum != f.sum.Sum32() {
		err = ErrDamaged
	}
	return err
}
