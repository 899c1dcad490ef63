package format

import "math"

// The file: magic, version, sections, checksum.
const (
	magic             = "\x89EDG"
	oldest            = 0x10 // the first version, major in the high four bits, minor in the low
	sinceDense        = 0x11 // has secDense first
	sinceChannelsLast = 0x12 // has Preprocess.ChannelsLast first
	sinceFloats       = 0x13 // has float32 instructions and inputs first
	sinceState        = 0x13 // has secState first
)

// Sections: a tag, whose bit 7 says that a reader may skip it, then the length
// as a varint, then the content.
const (
	optional   = 0x80
	secGraph   = 1
	secWeights = 2
	secMeta    = 3 | optional
	secTest    = 4 | optional
	secDense   = 6 // weights too, of which some are seldom zero
	secState   = 7 // outputs that are inputs of the next run
)

// writer appends to a byte slice.
type writer struct{ b []byte }

func (w *writer) byte(b byte) { w.b = append(w.b, b) }

func (w *writer) uvarint(n int) {
	u := uint32(n)
	for u >= 128 {
		w.b = append(w.b, byte(u)|128)
		u >>= 7
	}
	w.b = append(w.b, byte(u))
}

func (w *writer) varint(n int) { w.uvarint(int(uint32(n)<<1 ^ uint32(int32(n)>>31))) }

func (w *writer) u16(v uint16) { w.b = append(w.b, byte(v), byte(v>>8)) }

func (w *writer) u32(v uint32) { w.b = append(w.b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }

func (w *writer) f32(v float32) { w.u32(math.Float32bits(v)) }

// grid writes the scale of t, in two bytes if it fits, and its zero point.
func (w *writer) grid(t *Tensor) {
	if h, ok := half(t.Scale); ok {
		w.u16(h)
	} else {
		w.f32(t.Scale)
	}
	w.byte(byte(int8(t.Zero)))
}

func (w *writer) string(s string) {
	w.uvarint(len(s))
	w.b = append(w.b, s...)
}

// reader takes from a byte slice; after the end it returns zeros and remembers.
type reader struct {
	b    []byte
	end  int // offset in the file of what follows b
	fail bool
}

// section takes n bytes, of which there must be as many.
func (r *reader) section(n int) *reader {
	s := &reader{b: r.b[:n:n], end: r.end - len(r.b) + n}
	r.b = r.b[n:]
	return s
}

// rest returns what has not been taken, nil of a section that is not there.
func (r *reader) rest() []byte {
	if r == nil {
		return nil
	}
	return r.b
}

// broken says what is wrong at the byte that is read next.
func (r *reader) broken(what string) error { return FormatError{r.end - len(r.b), what} }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail = true
		return 0
	}
	b := r.b[0]
	r.b = r.b[1:]
	return b
}

// uint32 takes a base-128 number of at most 32 bits, low digits first, in the
// fewest bytes.
func (r *reader) uint32() uint32 {
	var u uint32
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		if shift == 28 && b > 15 || shift > 0 && b == 0 {
			break
		}
		u |= uint32(b&127) << shift
		if b < 128 {
			return u
		}
	}
	r.fail = true
	return 0
}

func (r *reader) uvarint() int {
	u := r.uint32()
	if u > math.MaxInt32 {
		r.fail = true
		return 0
	}
	return int(u)
}

func (r *reader) varint() int {
	u := r.uint32()
	return int(int32(u>>1) ^ -int32(u&1))
}

func (r *reader) u16() uint16 { a := r.byte(); return uint16(a) | uint16(r.byte())<<8 }

func (r *reader) u32() uint32 { a := r.u16(); return uint32(a) | uint32(r.u16())<<16 }

func (r *reader) f32() float32 { return math.Float32frombits(r.u32()) }

// grid reads a scale, of four bytes if wide, otherwise of two, and a zero point.
func (r *reader) grid(t *Tensor, wide bool) {
	if wide {
		t.Scale = r.f32()
	} else {
		t.Scale = float(r.u16())
	}
	t.Zero = int(int8(r.byte()))
}

func (r *reader) string() string {
	n := r.uvarint()
	if n > len(r.b) {
		r.fail = true
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}
