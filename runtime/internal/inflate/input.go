package inflate

import "io"

// input reads bits, the lowest of a byte first.
type input struct {
	from    io.Reader
	buf     [4096]byte
	at, end int    // what is left of buf
	held    uint64 // bits that are taken from it
	n       uint   // how many
}

// more reads on; io.ErrUnexpectedEOF at the end.
func (in *input) more() error {
	for range 100 {
		n, err := in.from.Read(in.buf[:])
		if n > 0 {
			in.at, in.end = 0, n
			return nil
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// hold takes bytes until there are so many bits, at most 48.
func (in *input) hold(n uint) error {
	for in.n < n {
		if in.at == in.end {
			if err := in.more(); err != nil {
				return err
			}
		}
		in.held |= uint64(in.buf[in.at]) << in.n
		in.at++
		in.n += 8
	}
	return nil
}

// bits returns the next n bits, at most 32.
func (in *input) bits(n uint) (uint32, error) {
	if err := in.hold(n); err != nil {
		return 0, err
	}
	v := uint32(in.held & (1<<n - 1))
	in.held >>= n
	in.n -= n
	return v, nil
}

// align drops the rest of a byte.
func (in *input) align() {
	in.held >>= in.n % 8
	in.n -= in.n % 8
}

// read reads whole bytes, at least one unless there is an error.
func (in *input) read(p []byte) (n int, err error) {
	for ; in.n >= 8 && n < len(p); n++ {
		p[n] = byte(in.held)
		in.held >>= 8
		in.n -= 8
	}
	if n > 0 {
		return n, nil
	}
	if in.at == in.end {
		if err := in.more(); err != nil {
			return 0, err
		}
	}
	n = copy(p, in.buf[in.at:in.end])
	in.at += n
	return n, nil
}

// ended reports that no byte is left.
func (in *input) ended() (bool, error) {
	err := in.hold(8)
	if err == io.ErrUnexpectedEOF {
		return true, nil
	}
	return false, err
}

// big returns n big-endian bytes, at most 4.
func (in *input) big(n int) (v uint32, err error) {
	for range n {
		b, err := in.bits(8)
		if err != nil {
			return 0, err
		}
		v = v<<8 | b
	}
	return v, nil
}
