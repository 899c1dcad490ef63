package program

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"edgec/runtime"
)

// array is a NumPy array in C order; one of the two is set.
type array struct {
	shape  []int
	bytes  []byte
	floats []float32
}

// setArray fills the session's input from an .npy file. Its shape is the
// network's, channels first (as in ONNX) or last, or flat: float arrays then
// have the order of the ONNX network, byte arrays that of pixels.
func setArray(s *runtime.Session, shape []int, data []byte) error {
	a, err := readNpy(data)
	if err != nil {
		return err
	}
	for len(a.shape) > 1 && a.shape[0] == 1 && len(a.shape) > len(shape) {
		a.shape = a.shape[1:] // a batch of one
	}
	if n := len(s.Input(0)); max(len(a.bytes), len(a.floats)) != n {
		return Error("the array has shape " + shapeString(a.shape) + ", the network takes " + shapeString(shape))
	}
	first := false
	if len(shape) == 3 {
		chw := []int{shape[2], shape[0], shape[1]}
		switch {
		case slices.Equal(a.shape, chw):
			first = true
		case slices.Equal(a.shape, shape):
		default:
			first = a.bytes == nil
		}
	}
	if a.bytes == nil {
		if first {
			return s.SetInputNCHW(0, a.floats)
		}
		return s.SetInput(0, a.floats)
	}
	if first {
		a.bytes = channelsLast(a.bytes, shape)
	}
	return s.SetBytes(0, a.bytes)
}

// channelsLast turns [C,H,W] into [H,W,C], the given shape.
func channelsLast(x []byte, shape []int) []byte {
	y := make([]byte, len(x))
	c, area := shape[2], shape[0]*shape[1]
	for ch := 0; ch < c; ch++ {
		for p := 0; p < area; p++ {
			y[p*c+ch] = x[ch*area+p]
		}
	}
	return y
}

// readNpy reads versions 1 to 3 of NumPy's format, elements uint8, float16,
// float32 or float64 in little endian.
func readNpy(data []byte) (*array, error) {
	const tooShort = Error("the .npy file is cut short")
	if len(data) < 12 {
		return nil, tooShort
	}
	n, at := int(data[8])|int(data[9])<<8, 10
	if data[6] >= 2 {
		n, at = n|int(data[10])<<16|int(data[11])<<24, 12
	}
	if n < 0 || n > len(data)-at {
		return nil, tooShort
	}
	head, body := string(data[at:at+n]), data[at+n:]
	if strings.Contains(field(head, "fortran_order"), "True") {
		return nil, Error("the .npy array is in Fortran order; save numpy.ascontiguousarray of it")
	}
	a := &array{}
	elems := 1
	dims := strings.Trim(field(head, "shape"), "() ")
	for _, d := range strings.Split(dims, ",") {
		if d = strings.TrimSpace(d); d == "" {
			continue
		}
		v, err := strconv.Atoi(d)
		if err != nil || v < 0 || v > len(body) || elems*v > len(body) {
			return nil, tooShort
		}
		a.shape = append(a.shape, v)
		elems *= v
	}
	kind := strings.Trim(field(head, "descr"), "'\" ")
	size := map[string]int{"|u1": 1, "<f2": 2, "<f4": 4, "<f8": 8}[kind]
	if size == 0 {
		return nil, Error("the .npy array has elements of kind " + kind + "; save it as uint8 or float32")
	}
	if len(body) < elems*size {
		return nil, tooShort
	}
	if size == 1 {
		a.bytes = body[:elems]
		return a, nil
	}
	a.floats = make([]float32, elems)
	for i := range a.floats {
		a.floats[i] = element(body[i*size:], size)
	}
	return a, nil
}

// field returns the value of a key in the header, a Python dictionary.
func field(head, key string) string {
	_, rest, ok := strings.Cut(head, "'"+key+"'")
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, " :")
	if strings.HasPrefix(rest, "(") {
		value, _, _ := strings.Cut(rest, ")")
		return value
	}
	value, _, _ := strings.Cut(rest, ",")
	return value
}

func element(b []byte, size int) float32 {
	bits := uint64(0)
	for i := size - 1; i >= 0; i-- {
		bits = bits<<8 | uint64(b[i])
	}
	switch size {
	case 8:
		return float32(math.Float64frombits(bits))
	case 4:
		return math.Float32frombits(uint32(bits))
	}
	return half(uint16(bits))
}

// half returns the value of a binary16 number (IEEE 754).
func half(h uint16) float32 {
	exp, frac := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(1+frac/1024, exp-15)
	switch {
	case exp == 0:
		v = math.Ldexp(frac, -24)
	case exp == 31 && frac == 0:
		v = math.Inf(1)
	case exp == 31:
		v = math.NaN()
	}
	if h>>15 == 1 {
		v = -v
	}
	return float32(v)
}
