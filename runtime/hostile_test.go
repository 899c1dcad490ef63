package runtime

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/runtime/format"
)

// allocated returns the bytes and the objects that f allocates, and what the rest of the
// program allocates meanwhile.
func allocated(f func()) (bytes, objects int64) {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), int64(after.Mallocs - before.Mallocs)
}

// mostLoaded is the memory that loading n bytes takes at most, as Load promises.
func mostLoaded(n int) int64 {
	return 5*int64(min(n<<16, 1<<24+n<<12, format.MaxWeights)) + 256<<20 + 32<<10*int64(n)
}

// image8 is a network of one int8 image and one instruction for each of ins, which all read it,
// whose outputs have the shapes given.
func image8(shape []int, weights []format.Weight, ins []format.Instr, outs ...[]int) *format.File {
	f := &format.File{Tensors: []format.Tensor{{Shape: shape, Scale: 1}}, Inputs: []int{0}, Weights: weights}
	for k, in := range ins {
		in.In, in.Out, in.LUT, in.ClampMin, in.ClampMax = []int{0}, k+1, -1, -128, 127
		f.Instrs, f.Tensors = append(f.Instrs, in), append(f.Tensors, format.Tensor{Shape: outs[k], Scale: 1})
		f.Outputs = append(f.Outputs, k+1)
	}
	format.Finish(f)
	return f
}

// conv1 is a convolution of stride 1 by weights 0 with the padding given around the image.
func conv1(pad, groups int) format.Instr {
	return format.Instr{Op: format.OpConv2D, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: groups, PadT: pad, PadL: pad, PadB: pad, PadR: pad}
}

func randomWeight(r *rand.Rand, outC, k, inC int, density float64) format.Weight {
	w := format.Weight{OutC: outC, KH: k, KW: k, InC: inC, Scale: []float32{0.01}, Values: make([]int8, outC*k*k*inC)}
	for i := range w.Values {
		if r.Float64() < density {
			w.Values[i] = int8(1 + r.IntN(100))
		}
	}
	return w
}

func limited(t *testing.T, m *Model, c Config, field string) {
	t.Helper()
	var s *Session
	var err error
	took := int64(math.MaxInt64)
	for range 5 { // the garbage collector may allocate meanwhile
		n, _ := allocated(func() { s, err = m.NewSession(c) })
		took = min(took, n)
	}
	e, ok := err.(LimitError)
	if !ok || e.Field != field || s != nil || took > 4096 || !strings.Contains(err.Error(), "raise Config."+field) {
		t.Errorf("%+v: error %v after %d bytes, want the limit of %s", c, err, took, field)
	}
}

// rounding is what the allocator may add to the memory of a session: a page for each large piece.
func rounding(f *format.File) int64 { return 8192 * int64(6+2*len(f.Outputs)) }

// What a session takes is known, and refused before it is taken.
func TestLimits(t *testing.T) {
	f := image8([]int{16, 16, 4}, []format.Weight{randomWeight(rand.New(rand.NewPCG(1, 1)), 8, 1, 4, 1)}, []format.Instr{conv1(1, 1)}, []int{18, 18, 8})
	m, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	i := m.Info()
	if want := int64(18*18*(4*8+8*roundWork+pixelWork) + 18*18*4 + callWork); i.Work != want {
		t.Errorf("%d steps, want %d", i.Work, want)
	}
	limited(t, m, Config{Memory: i.Session - 1}, "Memory")
	limited(t, m, Config{Work: i.Work - 1}, "Work")
	for _, c := range []Config{{}, {i.Session, i.Work}, {Memory: math.MaxInt64, Work: math.MaxInt64}, Unlimited()} {
		if _, err := m.NewSession(c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Info.Session is what NewSession allocates, and Info.Work no less than what a run multiplies.
func TestSessionMemory(t *testing.T) {
	nets := []*format.File{lenet(1, 0.05), lenet(1, 1)}
	for seed := range uint64(trials(200)) {
		nets = append(nets, randomNet(seed))
	}
	for k, f := range nets {
		m, err := FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		i := m.Info()
		took, _ := allocated(func() { session(t, m) })
		if took > i.Session+rounding(f) || i.Session > 3*took+1024*int64(len(f.Instrs)) {
			t.Errorf("network %d: a session takes %d bytes, %d were foretold", k, took, i.Session)
		}
		if i.Work < i.KeptMACs {
			t.Errorf("network %d: %d steps, %d multiplications", k, i.Work, i.KeptMACs)
		}
	}
}

// One large pool, one tensor listed many times, many channels: each in a file of a few bytes.
func TestHostileSessions(t *testing.T) {
	pool := format.Instr{Op: format.OpMaxPool, KH: 1500, KW: 1500, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Weight: -1, PadT: 1499, PadL: 1499, PadB: 1499, PadR: 1499}
	long := image8([]int{1500, 1500, 1}, nil, []format.Instr{pool}, []int{2999, 2999, 1})
	m := loaded(t, long)
	if want := int64(2999*2999*(1500*1500*(1+meetWork)+roundWork+pixelWork) + callWork); m.Info().Work != want {
		t.Errorf("%d steps, want %d", m.Info().Work, want)
	}
	limited(t, m, Config{}, "Work")

	same := image8([]int{4096, 1024, 1}, nil, []format.Instr{{Op: format.OpReshape, Shape: []int{1 << 22}, Weight: -1}}, []int{1 << 22})
	same.Outputs = slices.Repeat([]int{1}, 200)
	m = loaded(t, same)
	took, _ := allocated(func() { session(t, m) })
	if took > 6<<22+1<<16 {
		t.Errorf("an output of %d bytes, listed 200 times: %d bytes of memory", 1<<22, took)
	}
	limited(t, m, Config{Memory: 5 << 22}, "Memory")

	channels := image8([]int{1, 1, 1 << 20}, nil, []format.Instr{{Op: format.OpReshape, Shape: []int{1 << 20}, Weight: -1}}, []int{1 << 20})
	channels.Meta.Input = format.Preprocess{Mean: []float32{0.5, 0.25}, Std: []float32{0.5}}
	m = loaded(t, channels)
	if took, _ := allocated(func() { session(t, m) }); took > 6<<20+1<<16 {
		t.Errorf("%d channels: %d bytes of memory", 1<<20, took)
	}
}

// Channels that the preprocessing does not name share a table.
func TestSharedTables(t *testing.T) {
	f := image8([]int{2, 2, 5}, nil, []format.Instr{{Op: format.OpReshape, Shape: []int{20}, Weight: -1}}, []int{20})
	f.Tensors[0].Scale, f.Tensors[1].Scale = 1.0/64, 1.0/64
	for _, pre := range []format.Preprocess{{}, {Mean: []float32{0.5}}, {Mean: []float32{0.1, 0.2, 0.3}}, {Mean: []float32{0.5}, Std: []float32{1, 2}},
		{Mean: []float32{0, 0.1, 0.2, 0.3, 0.4}}, {Bytes255: true, Mean: []float32{1, 2, 3, 4, 5, 6, 7}}} {
		f.Meta.Input = pre
		m := loaded(t, f)
		s := session(t, m)
		pixels := make([]byte, 20)
		for i := range pixels {
			pixels[i] = byte(13 * i)
		}
		if err := s.SetBytes(0, pixels); err != nil {
			t.Fatal(err)
		}
		got := slices.Clone(s.Input(0))
		want := make([]float32, 20)
		for i := range want {
			want[i] = pre.Real(pixels[i], i%5)
		}
		if err := s.SetInput(0, want); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, s.Input(0)) {
			t.Errorf("%+v: %v, want %v", pre, got, s.Input(0))
		}
	}
}

// Weights that instructions share are packed once, whatever their images are, and groups are
// no objects. Results are those of weights of their own.
func TestSharedWeights(t *testing.T) {
	for _, density := range []float64{0.1, 1} {
		w := randomWeight(rand.New(rand.NewPCG(5, 5)), 16, 3, 8, density)
		alone, sameImage, images := []format.Instr{conv1(1, 1)}, []format.Instr{}, []format.Instr{}
		var same, sizes [][]int
		for k := range mostForms {
			sameImage, same = append(sameImage, conv1(1, 1)), append(same, []int{6, 6, 16})
			images, sizes = append(images, conv1(k, 1)), append(sizes, []int{4 + 2*k, 4 + 2*k, 16})
		}
		load := func(ins []format.Instr, outs ...[]int) (*Model, int64) {
			data := encoded(t, image8([]int{6, 6, 8}, []format.Weight{w}, ins, outs...))
			var m *Model
			took, _ := allocated(func() {
				var err error
				if m, err = Load(data); err != nil {
					t.Fatal(err)
				}
			})
			return m, took
		}
		_, one := load(alone, same[0])
		_, many := load(sameImage, same...)
		if more := many - one; more > 12*4096 {
			t.Errorf("density %v: one convolution takes %d bytes, 8 with its weights %d", density, one, many)
		}
		m, many := load(images, sizes...)
		kept := int64(m.Info().Kept)
		if more := many - one; more > 12*4096+mostForms*40*kept {
			t.Errorf("density %v: one convolution takes %d bytes, 8 on images of their own with its weights %d", density, one, many)
		}
		s, ref := session(t, m), newReference(m.f)
		ref.run(fill(m.f, s, 1)...)
		s.Run()
		for k := range m.f.Outputs {
			if !bytes.Equal(s.OutputBytes(k), ref.bytes(k)) {
				t.Errorf("density %v: output %d differs", density, k)
			}
		}
		images, sizes = append(images, conv1(mostForms, 1)), append(sizes, []int{4 + 2*mostForms, 4 + 2*mostForms, 16})
		if _, err := FromFile(image8([]int{6, 6, 8}, []format.Weight{w}, images, sizes...)); err == nil || !strings.Contains(err.Error(), "more than 8 widths") {
			t.Errorf("one image more: %v", err)
		}
	}
}

// One tensor in several numbers of groups, and depthwise. The third dense form is a list.
func TestSharedGroups(t *testing.T) {
	for _, c := range []struct {
		density float64
		inC     int
	}{{0.2, 1}, {1, 1}, {0.2, 2}, {1, 2}, {1, 8}} {
		f := &format.File{Weights: []format.Weight{randomWeight(rand.New(rand.NewPCG(6, 6)), 48, 1, c.inC, c.density)}}
		for k, groups := range []int{1, 2, 16, 48, 2, 24} {
			f.Tensors, f.Inputs = append(f.Tensors, format.Tensor{Shape: []int{3, 3, groups * c.inC}, Scale: 1}), append(f.Inputs, k)
		}
		for k := range f.Inputs {
			in := conv1(0, f.Tensors[k].Shape[2]/c.inC)
			in.In, in.Out, in.LUT, in.ClampMin, in.ClampMax = []int{k}, len(f.Tensors), -1, -128, 127
			f.Instrs, f.Tensors, f.Outputs = append(f.Instrs, in), append(f.Tensors, format.Tensor{Shape: []int{3, 3, 48}, Scale: 1}), append(f.Outputs, in.Out)
		}
		format.Finish(f)
		m := loaded(t, f)
		s, ref := session(t, m), newReference(f)
		ref.run(fill(f, s, 1)...)
		s.Run()
		for k := range f.Outputs {
			if !bytes.Equal(s.OutputBytes(k), ref.bytes(k)) {
				t.Errorf("%+v: output %d differs", c, k)
			}
		}
		if kept := m.Info().Kept; m.Info().Memory > (mostDense*64+mostForms*8)*kept+6*48*64 {
			t.Errorf("%+v: %d bytes for %d weights", c, m.Info().Memory, kept)
		}
	}
}

// Groups are no objects where there are very many.
func TestManyGroups(t *testing.T) {
	const n = 2 * mostGroups
	f := image8([]int{2, 2, 2 * n}, []format.Weight{randomWeight(rand.New(rand.NewPCG(7, 7)), n, 1, 2, 1)}, []format.Instr{conv1(0, n)}, []int{2, 2, n})
	data := encoded(t, f)
	var s *Session
	took, objects := allocated(func() {
		m, err := Load(data)
		if err == nil {
			s, err = m.NewSession(Config{})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if objects > 1000 || took > 200*n+1<<19 {
		t.Errorf("%d groups: %d objects, %d bytes", n, objects, took)
	}
	ref := newReference(f)
	ref.run(fill(f, s, 1)...)
	if s.Run(); !bytes.Equal(s.OutputBytes(0), ref.bytes(0)) {
		t.Error("outputs differ")
	}
}

// What random changes make of released files costs what Load promises.
func TestHostileMutations(t *testing.T) {
	seeds, err := filepath.Glob("format/testdata/v1/*.edgec")
	if err != nil || len(seeds) == 0 {
		t.Fatalf("no files: %v", err)
	}
	rounds := 10
	if deep.On() {
		rounds = 5000
	}
	r := rand.New(rand.NewPCG(8, 8))
	for _, path := range seeds {
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range rounds {
			data := mutated(r, original)
			var m *Model
			took, _ := allocated(func() { m, _ = Load(data) })
			if took > mostLoaded(len(data)) {
				t.Errorf("%s: %d bytes of file, %d of memory", path, len(data), took)
			}
			if m == nil {
				continue
			}
			if i := m.Info(); i.Session < 1<<26 {
				if took, _ := allocated(func() { session(t, m) }); took > i.Session+rounding(m.f) {
					t.Errorf("%s: a session takes %d bytes, %d were foretold", path, took, i.Session)
				}
			}
		}
	}
}

// mutated changes a few bytes, mostly of the graph, and makes the checksum right.
func mutated(r *rand.Rand, original []byte) []byte {
	data := bytes.Clone(original[:len(original)-4])
	most := len(data) - 5
	if r.IntN(4) > 0 {
		most = min(most, 60)
	}
	for range 1 + r.IntN(4) {
		at := 5 + r.IntN(most)
		switch r.IntN(4) {
		case 0:
			data[at] = byte(r.Uint32())
		case 1:
			data[at] ^= 1 << r.IntN(8)
		case 2:
			data[at] |= 0x80
		case 3:
			data[at] = []byte{0, 1, 127, 128, 255}[r.IntN(5)]
		}
	}
	crc := format.Checksum(data)
	return append(data, byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24))
}
