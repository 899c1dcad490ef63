package format

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// seldomZero builds a file of three convolutions and a dense layer, most of whose
// weights are not zero: normal or in steps, signs by column or at random, scales and
// biases of all lengths.
func seldomZero(r *rand.Rand) *File {
	f := &File{Tensors: []Tensor{{Shape: []int{6, 6, 16}, Scale: 0.5}}, Inputs: []int{0}}
	add := func(op Opcode, out []int, w Weight, groups int) {
		randomScales(&w, r)
		randomValues(&w, r)
		f.Weights = append(f.Weights, w)
		f.Tensors = append(f.Tensors, Tensor{Shape: out, Scale: 1})
		in := Instr{Op: op, In: []int{len(f.Tensors) - 2}, Out: len(f.Tensors) - 1, Weight: len(f.Weights) - 1, LUT: -1, ClampMin: -128, ClampMax: 127}
		if op == OpConv2D {
			in.StrideH, in.StrideW, in.DilH, in.DilW, in.Groups = 1, 1, 1, 1, groups
		}
		f.Instrs = append(f.Instrs, in)
	}
	c := 32 + r.IntN(24)
	add(OpConv2D, []int{4, 4, c}, Weight{OutC: c, KH: 3, KW: 3, InC: 16}, 1)
	add(OpConv2D, []int{3, 4, c}, Weight{OutC: c, KH: 2, KW: 1, InC: 1}, c)
	add(OpConv2D, []int{3, 4, 8}, Weight{OutC: 8, KH: 1, KW: 1, InC: c}, 1)
	add(OpDense, []int{20}, Weight{OutC: 20, KH: 1, KW: 1, InC: 96}, 0)
	f.Outputs = []int{len(f.Tensors) - 1}
	Finish(f)
	for i := range f.Weights { // the sum of a channel has to fit
		for k := range f.Weights[i].Bias {
			f.Weights[i].Bias[k] = min(max(f.Weights[i].Bias[k], -1<<30), 1<<30)
		}
	}
	return f
}

// randomScales gives w scales, one or each channel's, and mostly biases.
func randomScales(w *Weight, r *rand.Rand) {
	scales := 1
	if r.IntN(2) == 0 {
		scales = w.OutC
	}
	for range scales {
		s := float(uint16(0x2000 + r.IntN(0x800)))
		if r.IntN(3) == 0 {
			s = float32(math.Exp2(-20 * r.Float64()))
		}
		w.Scale = append(w.Scale, s)
	}
	if r.IntN(4) > 0 {
		long := r.IntN(31)
		for range w.OutC {
			w.Bias = append(w.Bias, int32(r.Uint32())>>(1+r.IntN(31-long)))
		}
	}
}

// randomValues gives w values of which few are zero, and a codebook or the value
// -128, which no codebook of the quantizer has.
func randomValues(w *Weight, r *rand.Rand) {
	w.Values = make([]int8, w.Elems())
	step, cols := 1+r.IntN(2)*(1+r.IntN(9)), w.Elems()/w.OutC
	spread, biased := max(math.Exp2(7*r.Float64())/float64(step), 1.5), r.IntN(2) == 0
	for i := range w.Values {
		v := r.NormFloat64() * spread * math.Exp2(float64(i%cols%5)-2)
		if biased && i%cols%3 > 0 {
			v = math.Abs(v)
		}
		w.Values[i] = int8(step * int(min(max(math.Round(v), float64(-127/step)), float64(127/step))))
	}
	if step > 1 || r.IntN(2) == 0 {
		w.Book = occurring(w.Values)
	} else {
		w.Values[r.IntN(len(w.Values))] = -128
	}
}

// occurring returns the values that occur, ascending.
func occurring(values []int8) (book []int8) {
	var seen [256]bool
	for _, v := range values {
		seen[int(v)+128] = true
	}
	for k, is := range seen {
		if is {
			book = append(book, int8(k-128))
		}
	}
	return book
}

// Files whose weights are seldom zero come back as they were, in the section of
// version 1.1, and are written again to the byte.
func TestDenseRoundTrip(t *testing.T) {
	signs, above, dense := map[bool]int{}, map[bool]int{}, 0
	for seed := range uint64(trials(60)) {
		f := seldomZero(rand.New(rand.NewPCG(seed, 31)))
		data, sizes, err := Encode(f)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if sizes.Total() != len(data) {
			t.Fatalf("seed %d: the parts sum to %d of %d bytes", seed, sizes.Total(), len(data))
		}
		is := rawSections(data)[secDense] != nil
		if dense += bit01(is); data[len(magic)] != 0x10+byte(bit01(is)) {
			t.Fatalf("seed %d: version %#x, with a section of dense tensors: %v", seed, data[len(magic)], is)
		}
		g, err := Decode(data)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !reflect.DeepEqual(f, g) {
			t.Fatalf("seed %d: read\n%+v, written\n%+v", seed, g.Weights, f.Weights)
		}
		again, _, err := Encode(g)
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("seed %d: written again, the bytes differ (%v)", seed, err)
		}
		for i, shape := range f.grids() {
			w := &f.Weights[i]
			c := &tensorCoder{coder: newEncoder(newModel()), g: shape, kind: shape.kind, v: w.Values, book: withoutZero(w.Book)}
			c.dense = newDenseCoder(rans{})
			x := newDenseTensor(shape, c.book)
			x.mean = 16
			like, modelled := c.dense.cheapest(x, w.Values)
			above[like]++
			signs[modelled]++
		}
	}
	if n := trials(60); dense < n*4/5 || min(signs[true], signs[false], above[true], above[false]) < n/6 {
		t.Errorf("of %d files %d have dense tensors; tensors by whether signs are worth modelling: %v, rows alike: %v", n, dense, signs, above)
	}
}

// Zero has a place beside values of one sign.
func TestDenseOneSign(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 31))
	for _, value := range []int8{-20, 20, -128, 127} {
		w := &Weight{OutC: 8, KH: 1, KW: 1, InC: 16, Scale: []float32{1}, Book: []int8{min(value, 0), max(value, 0)}}
		for range w.Elems() {
			w.Values = append(w.Values, w.Book[r.IntN(2)])
		}
		g := grid{8, 1, 1, 16, kindPlain}
		c := newEncoder(newModel())
		c.dense = newDenseCoder(rans{})
		codeWeight(c, w, g, true, nil)
		code, symbols := c.finish(), c.dense.finish()
		d := newDecoder(newModel(), code, unbounded())
		d.dense = newDenseCoder(ransDecoder(symbols))
		got := &Weight{OutC: 8, KH: 1, KW: 1, InC: 16}
		codeWeight(d, got, g, false, nil)
		if d.stopped() || !d.dense.ended() || !slices.Equal(got.Values, w.Values) {
			t.Errorf("%d: short %v or %v, broken %v or %v, %d of %v", value, d.short, d.dense.short, d.broken, d.dense.broken, got.Values, w.Values)
		}
	}
}

// Tensors of normal weights take about the entropy that they have.
func TestDenseCodeLength(t *testing.T) {
	r := rand.New(rand.NewPCG(32, 32))
	w := Weight{OutC: 64, KH: 1, KW: 1, InC: 784, Scale: []float32{1}}
	w.Values = make([]int8, w.Elems())
	ideal, sigma := 0.0, make([]float64, 784)
	for i := range sigma {
		sigma[i] = math.Exp2(1 + 3*r.Float64())
	}
	for i := range w.Values {
		s := sigma[i%784]
		v := math.Round(r.NormFloat64() * s)
		w.Values[i] = int8(v)
		cdf := func(x float64) float64 { return math.Erfc(-x/s/math.Sqrt2) / 2 }
		ideal -= math.Log2(cdf(v+0.5)-cdf(v-0.5)) / 8 // for a coder that knew every deviation
	}
	data, sizes, err := Encode(denseFile(w))
	if err != nil {
		t.Fatal(err)
	}
	got, entropy := float64(sizes.Coded()), w.Entropy()/8
	t.Logf("%d bytes, of weights %.0f, order-0 entropy %.0f, ideal %.0f", len(data), got, entropy, ideal)
	if data[len(magic)] != 0x11 || got > 1.03*ideal || got > entropy {
		t.Errorf("%.0f bytes of weights; a coder that knew the deviation of every column would need %.0f", got, ideal)
	}
}

// What is sparse, or small, is written as version 1.0 wrote it.
func TestSparseStays(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 33))
	for _, c := range []struct {
		rows   int
		share  float64
		tagged byte
	}{{64, 0.9, secDense}, {64, 0.1, secWeights}, {5, 0.9, secWeights}} {
		w := Weight{OutC: c.rows, KH: 1, KW: 1, InC: 784, Scale: []float32{1}, Values: make([]int8, c.rows*784)}
		for i := range w.Values {
			if r.Float64() < c.share {
				w.Values[i] = int8(r.IntN(200) - 100)
			}
		}
		data, _, err := Encode(denseFile(w))
		if err != nil {
			t.Fatal(err)
		}
		if got := rawSections(data); got[c.tagged] == nil || data[len(magic)]&15 != byte(bit01(c.tagged == secDense)) {
			t.Errorf("%d rows, %v not zero: version %#x, want section %d", c.rows, c.share, data[len(magic)], c.tagged)
		}
	}
}

// A dense section that damage or an attack has changed is refused, or read as
// something valid; it never makes the reader panic.
func TestDenseHostile(t *testing.T) {
	r := rand.New(rand.NewPCG(34, 34))
	data, _, err := Encode(seldomZero(r))
	if err != nil {
		t.Fatal(err)
	}
	start, refused := bytes.Index(data, []byte{secDense}), 0
	for range trials(2000) {
		bad := bytes.Clone(data)
		for k := r.IntN(4); k >= 0; k-- {
			bad[start+r.IntN(len(bad)-4-start)] = byte(r.Uint32())
		}
		if r.IntN(3) == 0 {
			bad = bad[:start+5+r.IntN(len(bad)-9-start)]
		}
		f, err := Decode(sealed(bad))
		if err == nil {
			err = f.Check()
			if err != nil {
				t.Fatalf("Decode returned a file that Check refuses: %v", err)
			}
		} else {
			refused++
		}
	}
	if refused < trials(2000)*9/10 {
		t.Errorf("%d of %d damaged files were refused: the state at the end does not show damage", refused, trials(2000))
	}
}

// Weights that are in the file twice, in one section or in both, and streams that end too
// early or too late.
func TestDenseRefuses(t *testing.T) {
	f := seldomZero(rand.New(rand.NewPCG(35, 35)))
	data, _, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	graph, body := sectionOf(secGraph, encodeGraph(f)...), rawSections(data)[secDense].b
	sparse := sectionOf(secWeights, encodeWeights(f, nil, &Sizes{})...)
	r := &reader{b: body}
	n := r.uvarint()
	head := len(body) - len(r.b)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"both sections", assemble(graph, sparse, sectionOf(secDense, body...)), "twice"},
		{"the section twice", assemble(graph, sectionOf(secDense, body...), sectionOf(secDense, body...)), "twice"},
		{"a cut length", assemble(graph, sectionOf(secDense, 0x80)), "too early"},
		{"a stream beyond the section", assemble(graph, sectionOf(secDense, 100, 1)), "too early"},
		{"no symbols", assemble(graph, sectionOf(secDense, body[:head+n]...)), "too early"},
		{"a word less", assemble(graph, sectionOf(secDense, body[:len(body)-4]...)), "too early"},
		{"a word more", assemble(graph, sectionOf(secDense, append(bytes.Clone(body), 0, 0, 0, 0)...)), "before their section"},
	} {
		_, err := Decode(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if e, ok := err.(FormatError); !ok || e.Offset < 0 || e.Offset > len(c.data) {
			t.Errorf("%s: %v, in a file of %d bytes", c.name, err, len(c.data))
		}
	}
	for _, good := range [][]byte{assemble(graph, sparse), assemble(graph, sectionOf(secDense, body...))} {
		if g, err := Decode(good); err != nil || !reflect.DeepEqual(f.Weights, g.Weights) {
			t.Errorf("the base: %v", err)
		}
	}
}

// Classes cover all magnitudes, each once.
func TestClasses(t *testing.T) {
	m := 0
	for c := range uint32(classes) {
		n, least := digits(c)
		if int(least) != m {
			t.Fatalf("class %d starts at %d, want %d", c, least, m)
		}
		for range 1 << n {
			if magClass[m] != uint8(c) {
				t.Fatalf("magnitude %d has class %d, want %d", m, magClass[m], c)
			}
			m++
		}
	}
	if m != 256 {
		t.Errorf("the classes end at %d", m)
	}
}

// Frequencies are at least 1 and fill all slots, and every slot is found, whatever was counted.
func TestHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(36, 36))
	for k := range int32(scales + 1) {
		var h histogram
		if h.even(); k < scales {
			h.start(k)
		}
		for step := range 6000 {
			for c := range classes {
				if h.cum[c+1] <= h.cum[c] {
					t.Fatalf("histogram %d, step %d: class %d has slots %d to %d", k, step, c, h.cum[c], h.cum[c+1])
				}
			}
			for slot := 0; slot < 1<<freqBits; slot += 1 + r.IntN(200) {
				c := int(h.first[slot>>firstShift])
				if int(h.cum[c]) > slot&^(1<<firstShift-1) {
					t.Fatalf("histogram %d, step %d: the search for slot %d starts at class %d, behind it", k, step, slot, c)
				}
			}
			if h.cum[0] != 0 || h.cum[classes] != 1<<freqBits {
				t.Fatalf("histogram %d: %v", k, h.cum)
			}
			for range 10 {
				h.learn(uint32(min(r.IntN(classes), r.IntN(1+int(k)))))
			}
		}
	}
}

// The initial histograms are the density that they are made of.
func TestBell(t *testing.T) {
	for i, got := range bell {
		if want := math.Round(255 * math.Exp(-math.Pow(math.Exp2(float64(i-16)/4)/1.2, 1.5))); float64(got) != want {
			t.Errorf("bell[%d] is %d, want %v", i, got, want)
		}
	}
}

// Groups of any length come back, and the decoder ends where the encoder started.
func TestRans(t *testing.T) {
	r := rand.New(rand.NewPCG(37, 37))
	for range trials(200) {
		enc := &denseCoder{}
		for i := range enc.of {
			enc.of[i].start(int32(i))
		}
		type part struct{ h, class, v, n uint32 }
		var parts []part
		for range r.IntN(300) {
			p := part{h: r.Uint32N(scales), class: r.Uint32N(classes), n: r.Uint32N(17)}
			p.v = r.Uint32() & (1<<p.n - 1)
			parts = append(parts, p)
			enc.class(&enc.of[p.h], p.class)
			enc.open(p.v, uint(p.n))
			enc.end()
		}
		code := enc.finish()
		dec := newDenseCoder(ransDecoder(code))
		for i, p := range parts {
			class := dec.class(&dec.of[p.h], 0)
			v := dec.open(0, uint(p.n))
			if dec.end(); class != p.class || v != p.v {
				t.Fatalf("symbol %d of %d: class %d, digits %d, want %+v", i, len(parts), class, v, p)
			}
		}
		if !dec.ended() {
			t.Fatalf("%d symbols: the decoder has read %d of %d bytes and ends with %#x", len(parts), dec.at, len(code), dec.x)
		}
	}
}

// A file says which version it has, the first that has all it holds.
func TestVersionOf(t *testing.T) {
	sparse, dense := encoded(t, example()), encoded(t, seldomZero(rand.New(rand.NewPCG(38, 38))))
	for _, c := range []struct {
		name         string
		data         []byte
		major, minor int
	}{{"sparse", sparse, 1, 0}, {"dense", dense, 1, 1}, {"a magic alone", sparse[:4], 0, 0}, {"nothing", nil, 0, 0}, {"another file", []byte("\x89PNG\r\n"), 0, 0}} {
		if major, minor := VersionOf(c.data); major != c.major || minor != c.minor {
			t.Errorf("%s: version %d.%d, want %d.%d", c.name, major, minor, c.major, c.minor)
		}
	}
	if major, minor := Version(); major != 1 || minor != 3 {
		t.Errorf("version %d.%d", major, minor)
	}
}

// encodeWeights returns the section of weights alone.
func encodeWeights(f *File, dense []bool, sizes *Sizes) []byte {
	section, _ := weightsSection(f, dense, sizes)
	return section
}
