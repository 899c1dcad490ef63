package dataset

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/x448/float16"

	"edgec/internal/tensor"
)

// array is a NumPy array: bytes for |u1, numbers otherwise.
type array struct {
	shape tensor.Shape
	bytes []uint8
	nums  []float64
}

var (
	npyDescr = regexp.MustCompile(`'descr':\s*'([<>|=]?)([a-z])(\d+)'`)
	npyOrder = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape':\s*\(([^)]*)\)`)
)

// parseNpy reads the NumPy format, version 1 to 3 (NEP 1).
func parseNpy(data []byte, name string) (*array, error) {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("dataset: %s: "+format, append([]any{name}, a...)...)
	}
	if len(data) < 12 || string(data[:6]) != "\x93NUMPY" {
		return nil, bad("not an npy array")
	}
	n, at := int(binary.LittleEndian.Uint16(data[8:])), 10
	if data[6] > 1 {
		n, at = int(binary.LittleEndian.Uint32(data[8:])), 12
	}
	if n < 0 || at+n > len(data) {
		return nil, bad("the header ends beyond the file; it is truncated")
	}
	head, body := string(data[at:at+n]), data[at+n:]
	d, order, sh := npyDescr.FindStringSubmatch(head), npyOrder.FindStringSubmatch(head), npyShape.FindStringSubmatch(head)
	if d == nil || order == nil || sh == nil {
		return nil, bad("header %q is not understood; save plain numbers", strings.TrimSpace(head))
	}
	a := &array{}
	count := 1
	for _, f := range strings.Split(sh[1], ",") {
		if f = strings.TrimSpace(f); f == "" {
			continue
		}
		v, err := strconv.Atoi(f)
		if err != nil || v < 0 || v > 0 && count > mostBytes/v {
			return nil, bad("shape (%s)", sh[1])
		}
		a.shape = append(a.shape, v)
		count *= v
	}
	size, _ := strconv.Atoi(d[3])
	if len(body) < count*size {
		return nil, bad("%d bytes of elements, shape %v needs %d; the file is truncated", len(body), a.shape, count*size)
	}
	var bo binary.ByteOrder = binary.LittleEndian
	if d[1] == ">" {
		bo = binary.BigEndian
	}
	read := npyReader(d[2], size, bo)
	if read == nil {
		return nil, bad("type %s%s is not supported; save uint8, integers or floats", d[2], d[3])
	}
	if order[1] == "True" && len(a.shape) > 1 {
		body = fromFortran(body, a.shape, size)
	}
	if d[2] == "u" && size == 1 {
		a.bytes = body[:count]
		return a, nil
	}
	a.nums = make([]float64, count)
	for i := range a.nums {
		a.nums[i] = read(body[i*size:])
	}
	return a, nil
}

func npyReader(kind string, size int, bo binary.ByteOrder) func(b []byte) float64 {
	switch fmt.Sprintf("%s%d", kind, size) {
	case "u1", "b1":
		return func(b []byte) float64 { return float64(b[0]) }
	case "i1":
		return func(b []byte) float64 { return float64(int8(b[0])) }
	case "i2":
		return func(b []byte) float64 { return float64(int16(bo.Uint16(b))) }
	case "u2":
		return func(b []byte) float64 { return float64(bo.Uint16(b)) }
	case "i4":
		return func(b []byte) float64 { return float64(int32(bo.Uint32(b))) }
	case "u4":
		return func(b []byte) float64 { return float64(bo.Uint32(b)) }
	case "i8":
		return func(b []byte) float64 { return float64(int64(bo.Uint64(b))) }
	case "u8":
		return func(b []byte) float64 { return float64(bo.Uint64(b)) }
	case "f2":
		return func(b []byte) float64 { return float64(float16.Frombits(bo.Uint16(b)).Float32()) }
	case "f4":
		return func(b []byte) float64 { return float64(math.Float32frombits(bo.Uint32(b))) }
	case "f8":
		return func(b []byte) float64 { return math.Float64frombits(bo.Uint64(b)) }
	}
	return nil
}

// fromFortran returns the elements in C order.
func fromFortran(body []byte, shape tensor.Shape, size int) []byte {
	out := make([]byte, shape.Size()*size)
	index := make([]int, len(shape))
	for i := 0; i < shape.Size(); i++ { // i counts in Fortran order
		c := 0
		for d := range shape {
			c = c*shape[d] + index[d]
		}
		copy(out[c*size:(c+1)*size], body[i*size:])
		for d := range shape {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return out
}

func openNpy(path string, o Options) (*Splits, error) {
	data, err := readAll(path)
	if err != nil {
		return nil, err
	}
	a, err := parseNpy(data, path)
	if err != nil {
		return nil, err
	}
	s, err := a.set(nil, o, path)
	return &Splits{Train: s}, err
}

// openNpz reads samples and labels by the names that people give them.
func openNpz(path string, o Options) (*Splits, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %v; the file is truncated or no npz", path, err)
	}
	defer z.Close()
	arrays := map[string]*array{}
	var names []string
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %s: %v", path, f.Name, err)
		}
		data, err := io.ReadAll(io.LimitReader(r, mostBytes))
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %s: %v; the file is damaged", path, f.Name, err)
		}
		if arrays[name], err = parseNpy(data, path+": "+f.Name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	pick := func(names ...string) *array {
		for _, n := range names {
			if arrays[n] != nil {
				return arrays[n]
			}
		}
		return nil
	}
	sp := &Splits{}
	x := pick("x_train", "train_x", "train_images", "X_train", "x", "X", "images", "data", "features")
	y := pick("y_train", "train_y", "train_labels", "Y_train", "y", "Y", "labels", "targets")
	if x == nil {
		return nil, fmt.Errorf("dataset: %s: no array named x, x_train or images among %v", path, names)
	}
	if sp.Train, err = x.set(y, o, path); err != nil {
		return nil, err
	}
	if xt := pick("x_test", "test_x", "test_images", "X_test"); xt != nil {
		sp.Test, err = xt.set(pick("y_test", "test_y", "test_labels", "Y_test"), o, path)
	}
	return sp, err
}

// set makes samples of dimension 0, with labels y or nil.
func (a *array) set(y *array, o Options, source string) (*Set, error) {
	if len(a.shape) < 2 {
		return nil, fmt.Errorf("dataset: %s: array of shape %v; dimension 0 must count samples", source, a.shape)
	}
	data := a.shape[1:]
	// channels last is turned round when the network says so
	if w := o.Shape; len(data) == 3 && len(w) == 3 && !data.Equal(w) && data[2] == w[0] && data[0] == w[1] && data[1] == w[2] {
		a = a.channelsFirst()
		data = a.shape[1:]
	}
	sample, image, err := fit(data, o, source)
	if err != nil {
		return nil, err
	}
	var floats []float32
	if a.bytes == nil {
		floats = make([]float32, len(a.nums))
		for i, v := range a.nums {
			floats[i] = float32(v)
		}
		if err := finite(floats, sample.Size(), source); err != nil {
			return nil, err
		}
	}
	s := newSet(sample, image, a.bytes, floats, a.shape[0], o.pre())
	if y == nil {
		return s, nil
	}
	labels := byteLabels(y.bytes)
	if y.bytes == nil {
		if labels, err = wholeLabels(y.nums, source); err != nil {
			return nil, err
		}
	}
	return s, s.setLabels(labels, o.Classes, source)
}

// channelsFirst turns [N,H,W,C] into [N,C,H,W].
func (a *array) channelsFirst() *array {
	n, h, w, c := a.shape[0], a.shape[1], a.shape[2], a.shape[3]
	b := &array{shape: tensor.Shape{n, c, h, w}}
	from := func(i int) int {
		x := i % w
		y := i / w % h
		ch := i / (w * h) % c
		return ((i/(w*h*c)*h+y)*w+x)*c + ch
	}
	if a.bytes != nil {
		b.bytes = make([]uint8, len(a.bytes))
		for i := range b.bytes {
			b.bytes[i] = a.bytes[from(i)]
		}
		return b
	}
	b.nums = make([]float64, len(a.nums))
	for i := range b.nums {
		b.nums[i] = a.nums[from(i)]
	}
	return b
}
