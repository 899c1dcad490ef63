package format

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// A long run of likely bits settles bytes of zero, which the decoder must find
// in the code: it tells an end by reading too far.
func TestCoderZeros(t *testing.T) {
	const n = 100000
	c := newEncoder(newModel())
	for range n {
		c.bit(1, 0, 0)
	}
	code := c.finish()
	d := newDecoder(newModel(), code, unbounded())
	for i := range n {
		if d.bit(0, 0, 0) != 1 || d.short {
			t.Fatalf("bit %d of %d in %d bytes: short %v", i, n, len(code), d.short)
		}
	}
	if d.at < len(code) {
		t.Errorf("%d of %d bytes read", d.at, len(code))
	}
}

// Every sequence of bits comes back, and the decoder reads all of the code and
// no more than its four bytes beyond.
func TestCoderBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := range 300 {
		bits := make([]int, r.IntN(2000))
		p := math.Pow(r.Float64(), 4)
		for i := range bits {
			bits[i] = bit01(r.Float64() < p) ^ trial&1
		}
		c := newEncoder(newModel())
		for i, b := range bits {
			c.bit(b, i%3, int32(i%5), 5+int32(i%7))
		}
		code := c.finish()
		d := newDecoder(newModel(), code, unbounded())
		for i, b := range bits {
			if d.bit(0, i%3, int32(i%5), 5+int32(i%7)) != b {
				t.Fatalf("trial %d: bit %d of %d", trial, i, len(bits))
			}
		}
		if d.short || d.at < len(code) {
			t.Fatalf("trial %d: %d of %d bytes read, short %v", trial, d.at, len(code), d.short)
		}
	}
}

// The unrolled form of bit does what it does.
func TestUnrolled(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const n, sets = 12, 3
	plain, quick := newEncoder(newModel()), newEncoder(newModel())
	for range 20000 {
		k := r.Perm(n)
		set, b := r.IntN(sets), bit01(r.IntN(1+k[0]) == 0)
		k0, k1, k2 := int32(k[0]), int32(k[1]), int32(k[2])
		plain.bit(b, set, k0, k1, k2)
		quick.bit3(b, set, k0, k1, k2)
	}
	if !reflect.DeepEqual(plain.model, quick.model) || !bytes.Equal(plain.finish(), quick.finish()) {
		t.Error("bit3 differs from bit")
	}
}

// The numbers that SPEC.md states of the model.
func TestModelTables(t *testing.T) {
	for i, got := range logistic {
		want := math.Round(65536 / (1 + math.Exp(-float64(i-32)/4)))
		if math.Abs(float64(got)-want) > 0 {
			t.Errorf("logistic[%d] = %d, want %v", i, got, want)
		}
	}
	var tables tables
	tables.fill()
	for i, x := range tables.stretch {
		p := int32(i)<<5 + 16
		if squash(int32(x)) < p && x != 2047 || x > -2047 && squash(int32(x)-1) >= p {
			t.Errorf("stretch[%d] = %d: squash is %d, and %d before", i, x, squash(int32(x)), squash(int32(x)-1))
		}
	}
	for x := int32(-3000); x < 3000; x++ {
		if squash(x) > squash(x+1) || squash(x) < 1 || squash(x) > 65535 {
			t.Fatalf("squash(%d) = %d, squash(%d) = %d", x, squash(x), x+1, squash(x+1))
		}
	}
}

func TestNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	values := []int32{0, 1, -1, 2, 3, 127, -128, 1 << 20, math.MaxInt32, math.MinInt32}
	for range 2000 {
		values = append(values, int32(r.Uint32())>>r.IntN(32))
	}
	c := newEncoder(newModel())
	for i, v := range values {
		c.signed(v, int32(i%32), int32(i/32%32))
		c.number(uint32(v), int32(i%32), int32(i/32%32))
	}
	d := newDecoder(newModel(), c.finish(), unbounded())
	for i, v := range values {
		if got := d.signed(0, int32(i%32), int32(i/32%32)); got != v {
			t.Fatalf("number %d is %d, want %d", i, got, v)
		}
		if got := d.number(0, int32(i%32), int32(i/32%32)); got != uint32(v) {
			t.Fatalf("number %d is %d, want %d", i, got, uint32(v))
		}
	}
}

// codedTensor codes w under the grid g and returns what is decoded.
func codedTensor(t testing.TB, w *Weight, g grid) *Weight {
	in := *w
	in.Values = append([]int8(nil), w.Values...)
	c := newEncoder(newModel())
	codeWeight(c, &in, g, false, nil)
	code := c.finish()
	out := &Weight{OutC: w.OutC, KH: w.KH, KW: w.KW, InC: w.InC}
	d := newDecoder(newModel(), code, unbounded())
	codeWeight(d, out, g, false, nil)
	if d.short || d.broken || d.at < len(code) {
		t.Fatalf("weights %d x %v: %d of %d bytes read, short %v, broken %v", w.OutC, g, d.at, len(code), d.short, d.broken)
	}
	return out
}

// Counts of weights pass 16 bits: by rows, by positions of a row, by channels.
func TestLargeCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, g := range []grid{
		{40000, 1, 1, 1, kindPlain},
		{2, 256, 256, 1, kindImage},
		{200, 1, 1, 200, kindPlain},
		{400, 10, 10, 1, kindKernel},
	} {
		w := &Weight{OutC: g.rows, KH: g.kh, KW: g.kw, InC: g.c, Scale: []float32{1}}
		w.Values = make([]int8, w.Elems())
		for i := range w.Values {
			w.Values[i] = 1 + int8(r.IntN(2))
		}
		if got := codedTensor(t, w, g); !reflect.DeepEqual(got, w) {
			t.Errorf("weights of %v differ", g)
		}
	}
}

// FuzzWeights: weights, scales and biases of any kind come back as they were.
func FuzzWeights(f *testing.F) {
	f.Add([]byte{3, 2, 2, 1, 0, 5, 0, 0, 7, 0, 0, 0, 250, 1, 0, 0, 3})
	f.Add([]byte{200, 1, 1, 1, 1})
	f.Add([]byte{5, 1, 3, 4, 0xff, 0, 128, 127, 129, 1, 0, 0, 128})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 5 {
			return
		}
		g := grid{1 + int(data[0]), 1 + int(data[1]&15), 1 + int(data[2]&15), 1 + int(data[3]&15), int32(data[4] >> 6 % 3)}
		flags, data := data[4], data[5:]
		w := &Weight{OutC: g.rows, KH: g.kh, KW: g.kw, InC: g.c}
		w.Values = make([]int8, w.Elems())
		at := 0
		take := func() byte {
			if len(data) == 0 {
				return 0
			}
			at++
			return data[at%len(data)] ^ byte(at/len(data)*int(flags&16))
		}
		var seen [256]bool
		for i := range w.Values {
			w.Values[i] = int8(take())
			seen[uint8(w.Values[i])] = true
		}
		if flags&1 != 0 {
			for v := -128; v < 128; v++ {
				if seen[uint8(v)] || v == 0 && flags&32 != 0 {
					w.Book = append(w.Book, int8(v))
				}
			}
		}
		w.Scale = make([]float32, 1+bit01(flags&2 != 0)*(g.rows-1))
		for i := range w.Scale {
			if w.Scale[i] = float(uint16(take())<<4 | 0x400); flags&4 != 0 {
				w.Scale[i] *= 1.0000001
			}
		}
		if flags&8 != 0 {
			w.Bias = make([]int32, g.rows)
			for i := range w.Bias {
				w.Bias[i] = int32(take())<<(flags>>3) - 5<<(take()&31)
			}
		}
		if got := codedTensor(t, w, g); !reflect.DeepEqual(got, w) {
			t.Fatalf("got %+v, want %+v", got, w)
		}
	})
}
