package preprocess

import (
	"bytes"
	"edgec/runtime/internal/text"
	"io"
	"math"
	"strconv"
	"strings"
)

const npyMagic = "\x93NUMPY"

// maxHead bounds the header of a .npy file; NumPy's own limit is 10,000 bytes.
const maxHead = 1 << 16

// maxRank bounds the dimensions of an array: NumPy's own limit.
const maxRank = 32

// IsNpy reports whether data begins as a .npy file does.
func IsNpy(data []byte) bool { return bytes.HasPrefix(data, []byte(npyMagic)) }

// Npy reads an array in NumPy's format (NEP 1), versions 1 to 3: bool, integers
// of 8 to 64 bits and floats of 16 to 64 bits in either byte order, in C or in
// Fortran order. The elements may alias data.
func Npy(data []byte) (*Array, error) {
	r := bytes.NewReader(data)
	a, err := NpyHead(r)
	if err != nil {
		return nil, err
	}
	if err := a.set(data[len(data)-r.Len():]); err != nil {
		return nil, err
	}
	return a, nil
}

// NpyHead reads the header of an array: its shape and its type. The elements
// follow in r and are read by ReadElements.
func NpyHead(r io.Reader) (*Array, error) {
	var b [12]byte
	if _, err := io.ReadFull(r, b[:10]); err != nil || !IsNpy(b[:]) {
		return nil, Error("not an npy array; save it by numpy.save")
	}
	n := int(b[8]) | int(b[9])<<8
	if b[6] > 1 {
		if _, err := io.ReadFull(r, b[10:]); err != nil || b[11] != 0 || b[10] > maxHead>>16 {
			return nil, Error("the header is too long or ends beyond the file; the file is truncated or damaged, save it again")
		}
		n |= int(b[10]) << 16
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, Error("the header ends beyond the file; the file is truncated, save it again")
	}
	return parseHead(text.Trim(string(head), blanks))
}

// blanks are the characters between the words of a header.
const blanks = " \t\r\n\v\f"

// parseHead reads the header, a Python dictionary.
func parseHead(head string) (*Array, error) {
	kind, ok1 := field(head, "descr")
	order, ok2 := field(head, "fortran_order")
	shape, ok3 := field(head, "shape")
	if !ok1 || !ok2 || !ok3 || order != "True" && order != "False" || !strings.HasPrefix(kind, "'") {
		return nil, Error("the header is not understood; save an array of plain numbers")
	}
	kind = text.Trim(kind, "'")
	a := &Array{order: order == "True", big: strings.HasPrefix(kind, ">")}
	kind = text.Trim(kind, "<>|=")
	if len(kind) != 2 || !strings.Contains(kinds, " "+kind+" ") {
		return nil, Error("type " + printable(kind) + " is not supported; save uint8, integers or floats")
	}
	a.kind, a.size = kind[0], int(kind[1]-'0')
	n := 1
	for rest := text.Trim(shape, "() "); rest != ""; {
		var f string
		if f, rest, _ = strings.Cut(rest, ","); text.Trim(f, blanks) == "" {
			continue
		}
		d, ok := text.Int(text.Trim(f, blanks))
		if !ok {
			return nil, Error("the array's shape " + printable(shape) + " is not understood; save it by numpy.save")
		}
		if n > mostElements(a.size)/max(d, 1) {
			return nil, Error("an array of shape " + printable(shape) + " is too large; at most " + strconv.FormatInt(MaxBytes, 10) + " bytes are read")
		}
		if a.Shape = append(a.Shape, d); len(a.Shape) > maxRank {
			return nil, Error("an array of more than " + itoa(maxRank) + " dimensions; save one with less")
		}
		n *= max(d, 1)
	}
	return a, nil
}

// printable returns the start of s without control characters.
func printable(s string) string {
	var b []byte
	for _, r := range s[:min(len(s), 80)] {
		if r < ' ' || r > '~' {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// mostElements returns how many elements of size bytes an array may have.
func mostElements(size int) int { return int(min(MaxBytes, math.MaxInt) / int64(size)) }

// field returns the value of a key: a tuple with its brackets, or what stands
// before the next comma.
func field(head, key string) (string, bool) {
	_, rest, ok := strings.Cut(head, "'"+key+"'")
	if !ok {
		return "", false
	}
	rest = text.Trim(rest, " :")
	if strings.HasPrefix(rest, "(") {
		value, _, closed := strings.Cut(rest, ")")
		return value + ")", closed
	}
	rest, _, _ = strings.Cut(rest, ",")
	rest, _, _ = strings.Cut(rest, "}")
	return text.Trim(rest, blanks), true
}

// ReadElements reads the elements that follow the header, and the end behind
// them, at which archives compare checksums. Memory grows with what r really
// has.
func (a *Array) ReadElements(r io.Reader) error {
	body, _, err := readElements(r, a.Len()*a.size)
	if err != nil {
		return err
	}
	return a.set(body)
}

// readElements reads n bytes, or as many as r has, and reports whether more follow. It
// takes memory in steps that double, at most for n bytes: 1.5 n at a time, 2 n in all.
func readElements(r io.Reader, n int) (body []byte, more bool, err error) {
	body = make([]byte, 0, min(n, 1<<16))
	for len(body) < n {
		if len(body) == cap(body) {
			larger := make([]byte, len(body), min(n, 2*cap(body)))
			copy(larger, body)
			body = larger
		}
		k, err := io.ReadFull(r, body[len(body):cap(body)])
		body = body[:len(body)+k]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return body, false, nil
		}
		if err != nil {
			return body, false, err
		}
	}
	var next [1]byte
	_, err = io.ReadFull(r, next[:])
	if err == io.EOF {
		return body, false, nil
	}
	return body, err == nil, err
}

// set takes the elements as they lie in the file; bytes behind them are ignored.
func (a *Array) set(body []byte) error {
	n := a.Len() * a.size
	if len(body) < n {
		return Error(itoa(len(body)) + " bytes of elements, shape " + Dims(a.Shape) + " needs " + itoa(n) + "; the file is truncated, save it again")
	}
	a.data = body[:n:n]
	if a.order && len(a.Shape) > 1 {
		// in C order this is an array whose axes are reversed
		reversed, axes := make([]int, len(a.Shape)), make([]int, len(a.Shape))
		for i, d := range a.Shape {
			reversed[len(a.Shape)-1-i] = d
			axes[i] = len(a.Shape) - 1 - i
		}
		_, a.data = transpose(a.data, a.size, reversed, axes)
	}
	a.order = false
	return nil
}
