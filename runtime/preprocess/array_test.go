package preprocess

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// npy is an array of version 1 of NumPy's format.
func npy(descr, order, shape string, body []byte) []byte {
	head := "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n"
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head)))
	return append(append(b, head...), body...)
}

// idx is an idx file.
func idx(kind byte, dims []int, body []byte) []byte {
	b := []byte{0, 0, kind, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, body...)
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func encoded(t testing.TB, order binary.ByteOrder, values any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, order, values); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// TestElements: every type of both formats, in both byte orders, as float64 and
// as float32.
func TestElements(t *testing.T) {
	for _, c := range []struct {
		npy    string
		idx    byte // 0: idx has no such type
		values any
		want   []float64
	}{
		{"u1", 8, []uint8{0, 1, 255}, []float64{0, 1, 255}},
		{"i1", 9, []int8{-128, 127, -1}, []float64{-128, 127, -1}},
		{"i2", 0xB, []int16{-32768, 32767, -1}, []float64{-32768, 32767, -1}},
		{"i4", 0xC, []int32{math.MinInt32, math.MaxInt32, -1}, []float64{math.MinInt32, math.MaxInt32, -1}},
		{"f4", 0xD, []float32{-1.5, 1e38, 1e-45}, []float64{-1.5, float64(float32(1e38)), float64(float32(1e-45))}},
		{"f8", 0xE, []float64{-1.1, math.Inf(1), 1e300}, []float64{-1.1, math.Inf(1), 1e300}},
		{"b1", 0, []bool{false, true, true}, []float64{0, 1, 1}},
		{"u2", 0, []uint16{65535, 256, 1}, []float64{65535, 256, 1}},
		{"u4", 0, []uint32{math.MaxUint32, 1 << 31, 1}, []float64{math.MaxUint32, 1 << 31, 1}},
		{"i8", 0, []int64{math.MinInt64, 1<<53 + 1, -1}, []float64{math.MinInt64, 1 << 53, -1}},
		{"u8", 0, []uint64{math.MaxUint64, 1 << 63, 1}, []float64{1 << 64, 1 << 63, 1}},
		{"f2", 0, []uint16{0xbe00, 0x7bff, 0x0001}, []float64{-1.5, 65504, 1.0 / (1 << 24)}},
	} {
		check := func(name string, a *Array, err error) {
			t.Helper()
			if err != nil || !slices.Equal(a.Shape, []int{3}) || a.Len() != 3 {
				t.Fatalf("%s: %+v, %v", name, a, err)
			}
			var f []float32
			for _, v := range c.want {
				f = append(f, float32(v))
			}
			if !slices.Equal(a.Float64s(), c.want) || !slices.Equal(a.Float32s(), f) {
				t.Errorf("%s: %v and %v, want %v", name, a.Float64s(), a.Float32s(), c.want)
			}
			if a.IsBytes() != (c.npy == "u1") || (a.Bytes() != nil) != a.IsBytes() {
				t.Errorf("%s: bytes %v", name, a.Bytes())
			}
		}
		a, err := Npy(npy("<"+c.npy, "False", "(3,)", encoded(t, binary.LittleEndian, c.values)))
		check("npy <"+c.npy, a, err)
		a, err = Npy(npy(">"+c.npy, "True", "(3,)", encoded(t, binary.BigEndian, c.values)))
		check("npy >"+c.npy, a, err)
		if c.idx == 0 {
			continue
		}
		data := idx(c.idx, []int{3}, encoded(t, binary.BigEndian, c.values))
		for _, data := range [][]byte{data, gz(data)} {
			x, err := OpenIdx(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			a, err := x.ReadAll()
			check("idx "+c.npy, a, err)
		}
	}
}

// TestHalf: all 65,536 numbers, against the definition.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		exp, frac := h>>10&31, float64(h&1023)
		want := math.Ldexp(1+frac/1024, exp-15)
		switch {
		case exp == 0:
			want = math.Ldexp(frac, -24)
		case exp == 31 && frac == 0:
			want = math.Inf(1)
		case exp == 31:
			want = math.NaN()
		}
		if h>>15 == 1 {
			want = -want
		}
		got := half(uint16(h))
		if want != want && got != got {
			continue // a NaN's sign means nothing
		}
		if got != float32(want) || math.Signbit(float64(got)) != (h>>15 == 1) {
			t.Fatalf("%04x is %v, want %v", h, got, want)
		}
	}
}

// TestTranspose: an array of three axes in all orders, by its indexes.
func TestTranspose(t *testing.T) {
	shape := []int{2, 3, 4}
	a, err := Npy(npy("<u2", "False", "(2, 3, 4)", encoded(t, binary.LittleEndian, []uint16{
		0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 100, 101, 102, 103, 110, 111, 112, 113, 120, 121, 122, 123})))
	if err != nil {
		t.Fatal(err)
	}
	for _, axes := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		b := a.Transpose(axes[:]...)
		i := 0
		for x := range shape[axes[0]] {
			for y := range shape[axes[1]] {
				for z := range shape[axes[2]] {
					var at [3]int
					at[axes[0]], at[axes[1]], at[axes[2]] = x, y, z
					if want := float64(100*at[0] + 10*at[1] + at[2]); b.At(i) != want {
						t.Fatalf("%v: element %d is %v, want %v", axes, i, b.At(i), want)
					}
					i++
				}
			}
		}
		if !slices.Equal(b.Shape, []int{shape[axes[0]], shape[axes[1]], shape[axes[2]]}) {
			t.Errorf("%v: shape %v", axes, b.Shape)
		}
	}
}

// TestFortran: the same array in Fortran's order.
func TestFortran(t *testing.T) {
	a, err := Npy(npy("|u1", "True", "(2, 3)", []byte{0, 10, 1, 11, 2, 12}))
	if err != nil || !slices.Equal(a.Bytes(), []byte{0, 1, 2, 10, 11, 12}) {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestClaims: a header that claims much takes no memory without the elements.
func TestClaims(t *testing.T) {
	for name, read := range map[string]func() error{
		"npy": func() error { _, err := Npy(npy("<f8", "False", "(100000, 500)", count(8))); return err },
		"npy, streamed": func() error {
			r := bytes.NewReader(npy("<f8", "False", "(100000, 500)", count(8)))
			a, err := NpyHead(r)
			if err != nil {
				return err
			}
			return a.ReadElements(r)
		},
		"idx": func() error {
			x, err := OpenIdx(bytes.NewReader(idx(0xE, []int{100000, 500}, count(8))))
			if err != nil {
				return err
			}
			_, err = x.ReadAll()
			return err
		},
		"a long header": func() error {
			_, err := Npy([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'"))
			return err
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read()
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "truncated") {
			t.Errorf("%s: error %v", name, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%s: took %d bytes", name, taken)
		}
	}
}

// TestIdxNext reads bytes one by one; other types, and more than there are, are refused.
func TestIdxNext(t *testing.T) {
	x, err := OpenIdx(bytes.NewReader(gz(idx(8, []int{2, 2}, count(4)))))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 2)
	for _, want := range [][]byte{{0, 1}, {2, 3}} {
		if err := x.Next(got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	if err := x.Next(got); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("after the end: %v", err)
	}
	if x, err = OpenIdx(bytes.NewReader(idx(9, []int{2}, count(2)))); err != nil {
		t.Fatal(err)
	}
	if x.Next(got) == nil {
		t.Error("int8 taken for bytes")
	}
}

// TestLayout: what fits a network's input, and in which order.
func TestLayout(t *testing.T) {
	for _, c := range []struct {
		array, shape []int
		first, ok    bool
	}{
		{[]int{3, 4, 5}, []int{4, 5, 3}, true, true}, {[]int{4, 5, 3}, []int{4, 5, 3}, false, true}, {[]int{60}, []int{4, 5, 3}, true, true},
		{[]int{3, 3, 3}, []int{3, 3, 3}, true, true}, // as the ONNX network has it
		{[]int{4, 5}, []int{4, 5, 1}, true, true}, {[]int{5, 4}, []int{4, 5, 1}, false, false}, {[]int{5, 4, 3}, []int{4, 5, 3}, false, false},
		{[]int{12, 5}, []int{4, 5, 3}, false, false}, {[]int{59}, []int{4, 5, 3}, false, false},
		{[]int{4, 5}, []int{20}, true, true}, {[]int{20}, []int{20}, true, true}, {[]int{4, 5}, []int{4, 5}, false, true}, {[]int{5, 4}, []int{4, 5}, false, false},
		{nil, []int{1}, true, true}, {nil, []int{4, 5, 3}, false, false},
	} {
		if first, ok := Layout(c.array, c.shape, false); ok != c.ok || ok && first != c.first {
			t.Errorf("%v for %v: %v %v, want %v %v", c.array, c.shape, first, ok, c.first, c.ok)
		}
	}
}

// TestReadOrders: an image of two rows, two columns, three channels in all the
// forms in which it may come.
func TestReadOrders(t *testing.T) {
	shape := []int{2, 2, 3}
	last, first := count(12), []byte{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}
	var values []float32
	for _, v := range first {
		values = append(values, float32(v))
	}
	body := encoded(t, binary.LittleEndian, values)
	ints := make([]int32, 12)
	for i, v := range last {
		ints[i] = int32(v)
	}
	for name, data := range map[string][]byte{
		"raw": last, "npy last": npy("|u1", "False", "(2, 2, 3)", last), "npy first": npy("|u1", "False", "(3, 2, 2)", first), "npy batch": npy("|u1", "False", "(1, 3, 2, 2)", first),
		"npy flat": npy("|u1", "False", "(12,)", first), "npy flat batch": npy("|u1", "False", "(1, 12)", first), "png": encodePNG(t, packed(last, 2, 2, 3)),
	} {
		if s, err := Read(data, shape, false); err != nil || !bytes.Equal(s.Bytes, last) || s.Values != nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	for name, data := range map[string][]byte{
		"raw": body, "npy first": npy("<f4", "False", "(3, 2, 2)", body), "npy batch": npy("<f4", "False", "(1, 3, 2, 2)", body), "npy flat": npy("<f4", "False", "(12,)", body),
		"npy last": npy("<i4", "False", "(2, 2, 3)", encoded(t, binary.LittleEndian, ints)),
	} {
		if s, err := Read(data, shape, false); err != nil || !slices.Equal(s.Values, values) || s.Bytes != nil {
			t.Errorf("%s of numbers: %+v, %v", name, s, err)
		}
	}
	for name, data := range map[string][]byte{"another shape": npy("|u1", "False", "(2, 3, 2)", last), "two samples": npy("|u1", "False", "(2, 6)", last), "too few": last[:11], "nothing": nil} {
		if s, err := Read(data, shape, false); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestReadChannelsLast: a network of channels last takes all forms as they lie, and no
// array of channels first.
func TestReadChannelsLast(t *testing.T) {
	shape, last := []int{2, 2, 3}, count(12)
	var values []float32
	for _, v := range last {
		values = append(values, float32(v))
	}
	body := encoded(t, binary.LittleEndian, values)
	for name, data := range map[string][]byte{
		"raw": last, "npy": npy("|u1", "False", "(2, 2, 3)", last), "npy batch": npy("|u1", "False", "(1, 2, 2, 3)", last), "npy flat": npy("|u1", "False", "(12,)", last),
		"png": encodePNG(t, packed(last, 2, 2, 3)),
	} {
		if s, err := Read(data, shape, true); err != nil || !bytes.Equal(s.Bytes, last) || s.Values != nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	for name, data := range map[string][]byte{
		"raw": body, "npy": npy("<f4", "False", "(2, 2, 3)", body), "npy batch": npy("<f4", "False", "(1, 2, 2, 3)", body), "npy flat batch": npy("<f4", "False", "(1, 12)", body),
	} {
		if s, err := Read(data, shape, true); err != nil || !slices.Equal(s.Values, values) || s.Bytes != nil {
			t.Errorf("%s of numbers: %+v, %v", name, s, err)
		}
	}
	for name, data := range map[string][]byte{"channels first": npy("<f4", "False", "(1, 3, 2, 2)", body), "bytes first": npy("|u1", "False", "(3, 2, 2)", last)} {
		if s, err := Read(data, shape, true); err == nil || !strings.Contains(err.Error(), "3x2x2, the network takes 2x2x3, channels last") {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	// the order of a cube is the network's
	cube := npy("<f4", "False", "(2, 2, 2)", encoded(t, binary.LittleEndian, values[:8]))
	if s, err := Read(cube, []int{2, 2, 2}, true); err != nil || !slices.Equal(s.Values, values[:8]) {
		t.Errorf("cube: %+v, %v", s, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(npy("<f4", "False", "(3, 2, 2)", make([]byte, 48)), 0)
	f.Add(npy("|u1", "True", "(2, 2, 3)", count(12)), 0)
	f.Add(npy(">i8", "False", "(1, 0)", nil), 1)
	f.Add(npy("|u1", "False", "(\n\x1b[1m, 2)", nil), 1)
	f.Add(npy("<\n4", "False", "(1, 2)", nil), 1)
	f.Add(encodePNG(f, translucent()), 2)
	f.Add(encodePNG(f, image.NewNRGBA64(image.Rect(0, 0, 3, 2))), 0)
	for _, name := range []string{"baseline.jpg", "progressive.jpg", "cmyk.jpg", "gray.jpg", "gray-alpha.png", "bilevel.png", "palette-4bit.png"} {
		f.Add(file(f, name), 3)
	}
	f.Add(count(4), 2)
	f.Add(npy("<f4", "False", "(1, 2, 2, 3)", make([]byte, 48)), -5) // channels last
	shapes := [][]int{{2, 2, 3}, {5}, {4}, {7, 3, 1}, {2, 3}}
	f.Fuzz(func(t *testing.T, data []byte, k int) {
		shape := shapes[uint(k)%uint(len(shapes))]
		n := 1
		for _, d := range shape {
			n *= d
		}
		s, err := Read(data, shape, k < 0)
		switch {
		case err != nil && (err.Error() == "" || strings.Contains(err.Error(), "\n")):
			t.Fatalf("error %q", err)
		case err == nil && len(s.Bytes)+len(s.Values) != n:
			t.Fatalf("%d bytes and %d numbers for %v", len(s.Bytes), len(s.Values), shape)
		}
	})
}

func FuzzIdx(f *testing.F) {
	f.Add(idx(8, []int{2, 2, 3}, count(12)))
	f.Add(gz(idx(0xD, []int{2}, count(8))))
	f.Add(idx(0xE, []int{math.MinInt32, 0, 7}, nil))
	f.Add(idx(9, []int{1 << 30, 1 << 30}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := OpenIdx(bytes.NewReader(data))
		if err != nil {
			return
		}
		a, err := x.ReadAll()
		if err != nil {
			return
		}
		if got := len(a.Float32s()); got != a.Len() || a.IsBytes() && len(a.Bytes()) != got {
			t.Fatal(fmt.Sprint("shape ", a.Shape, " with ", got, " elements"))
		}
	})
}
