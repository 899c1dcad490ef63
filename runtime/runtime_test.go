package runtime

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"edgec/runtime/format"
)

func encoded(t testing.TB, f *format.File) []byte {
	t.Helper()
	data, _, err := format.Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func session(t testing.TB, m *Model) *Session {
	t.Helper()
	s, err := m.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loaded(t testing.TB, f *format.File) *Model {
	t.Helper()
	m, err := Load(encoded(t, f))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Every output of random networks of all instructions equals the reference's to
// the byte, run after run in the same session.
func TestReference(t *testing.T) {
	used := map[format.Opcode]int{}
	for seed := range uint64(trials(600)) {
		f := randomNet(seed)
		if seed%2 == 1 {
			f = floatNet(seed)
		}
		for i := range f.Instrs {
			in := &f.Instrs[i]
			used[in.Op]++
			in.RoundOnce = seed%4 == 0 && (in.Op == format.OpConv2D || in.Op == format.OpDense)
		}
		s, ref := session(t, loaded(t, f)), newReference(f)
		for run := range uint32(3) {
			ref.run(fill(f, s, 1+run)...)
			s.Run()
			for k := range f.Outputs {
				if got, want := s.OutputBytes(k), ref.bytes(k); !bytes.Equal(got, want) {
					t.Fatalf("network %d, run %d, output %d:\n%v, want\n%v\n%+v", seed, run, k, got, want, f.Instrs)
				}
			}
		}
	}
	for _, op := range format.Opcodes() {
		if used[op] == 0 {
			t.Errorf("no network has %v", op)
		}
	}
}

func TestLeNet(t *testing.T) {
	densities := []float64{0.5, 0.02}
	if testing.Short() {
		densities = densities[1:]
	}
	for _, density := range densities {
		f := lenet(1, density)
		m, err := FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, ref := session(t, m), newReference(f)
		ref.run(fill(f, s, 1)...)
		s.Run()
		if got, want := s.OutputBytes(0), ref.bytes(0); !bytes.Equal(got, want) {
			t.Errorf("density %v: %v, want %v", density, got, want)
		}
	}
}

// Setting inputs, running and reading outputs allocate nothing.
func TestAllocations(t *testing.T) {
	nets := []*format.File{lenet(1, 0.05)}
	if !testing.Short() {
		nets = append(nets, lenet(2, 1))
	}
	for seed := range uint64(trials(30)) {
		nets = append(nets, randomNet(seed))
	}
	for i, f := range nets {
		m, err := FromFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, m)
		n := len(s.Input(0))
		pixels, reals := make([]byte, n), make([]float32, n)
		if got := testing.AllocsPerRun(3, func() {
			if s.SetBytes(0, pixels) != nil || s.SetInput(0, reals) != nil || s.SetInputNCHW(0, reals) != nil {
				t.Error("an input was refused")
			}
			s.Run()
			s.Output(0)
			s.OutputBytes(0)
		}); got != 0 {
			t.Errorf("network %d: %v allocations for a run", i, got)
		}
	}
}

// Sessions of one model run at the same time (go test -race).
func TestConcurrent(t *testing.T) {
	for seed := range uint64(8) {
		f := randomNet(seed)
		m := loaded(t, f)
		want := make([][]byte, 8)
		for i := range want {
			s := session(t, m)
			fill(f, s, uint32(i+1))
			s.Run()
			want[i] = bytes.Clone(s.OutputBytes(0))
		}
		var wg sync.WaitGroup
		for i := range want {
			wg.Go(func() {
				s := session(t, m)
				for range 5 {
					fill(f, s, uint32(i+1))
					s.Run()
					if !bytes.Equal(s.OutputBytes(0), want[i]) {
						t.Errorf("network %d: session %d differs when others run", seed, i)
					}
				}
			})
		}
		wg.Wait()
	}
}

// A self-test passes on the file that it was made for, and fails for every
// weight whose flip changes the output, which most do.
func TestSelfTest(t *testing.T) {
	b := newBuilder(3)
	x := b.input(6, 6, 2)
	w := b.weight(4, 3, 3, 2)
	x = b.emit(format.Instr{Op: format.OpConv2D, In: []int{x}, Weight: w, Groups: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Out: b.int8(4, 4, 4), ClampMin: -128, ClampMax: 127})
	y := b.tensor(format.Tensor{DType: format.Float32, Shape: []int{5}})
	b.f.Outputs = []int{b.emit(format.Instr{Op: format.OpDense, In: []int{x}, Weight: b.weight(5, 1, 1, 64), Out: y})}
	b.f.Tensors[x].Scale = 4
	format.Finish(b.f)
	f := b.f
	if err := loaded(t, f).SelfTest(); err == nil || !strings.Contains(err.Error(), "no self-test") {
		t.Errorf("without one: %v", err)
	}
	test, err := MakeSelfTest(f)
	if err != nil {
		t.Fatal(err)
	}
	f.Test = test
	m := loaded(t, f)
	if err := m.SelfTest(); err != nil {
		t.Error(err)
	}
	input := fill(f, session(t, m), test.Seed)
	output := func() []byte {
		ref := newReference(f)
		ref.run(input...)
		return ref.bytes(0)
	}
	right, changed, flips := output(), 0, 0
	for k := range f.Weights {
		w := &f.Weights[k]
		w.Book = nil
		for i, old := range w.Values {
			w.Values[i] = -old
			if old == 0 {
				w.Values[i] = 99
			}
			changes := !bytes.Equal(output(), right)
			m, err := FromFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.SelfTest(); (err != nil) != changes || changes && !strings.Contains(err.Error(), "self-test failed") {
				t.Errorf("weights %d, element %d flipped: the output changes: %v, self-test: %v", k, i, changes, err)
			}
			flips, changed = flips+1, changed+bit(changes)
			w.Values[i] = old
		}
	}
	if t.Logf("%d of %d flips change the output", changed, flips); changed < flips*3/4 {
		t.Errorf("only %d of %d flips change the output", changed, flips)
	}
	f.Test = &format.SelfTest{Seed: test.Seed, CRC: test.CRC ^ 1}
	if loaded(t, f).SelfTest() == nil {
		t.Error("another checksum passes")
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Damage at every byte of a file, and every cut, is refused at Load.
func TestLoadDamaged(t *testing.T) {
	f := randomNet(5)
	test, err := MakeSelfTest(f)
	if err != nil {
		t.Fatal(err)
	}
	f.Test = test
	data := encoded(t, f)
	for i := range data {
		for _, mask := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(data)
			bad[i] ^= mask
			if _, err := Load(bad); err == nil {
				t.Fatalf("byte %d with %#x flipped loads", i, mask)
			}
		}
		if _, err := Load(data[:i]); err == nil {
			t.Fatalf("%d of %d bytes load", i, len(data))
		}
	}
	if _, err := Load(append(bytes.Clone(data), 0)); err == nil {
		t.Error("a file with a byte more loads")
	}
	for name, other := range map[string][]byte{"text": []byte("# a text file\n"), "nothing": nil, "png": []byte("\x89PNG\r\n\x1a\n"), "zeros": make([]byte, 100)} {
		if _, err := Load(other); err == nil || !strings.Contains(err.Error(), "not an edgec file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the format allows but no accumulator holds.
func TestLoadOverflow(t *testing.T) {
	b := newBuilder(1)
	x := b.input(1 << 17)
	b.f.Outputs = []int{b.dense(x, 1)}
	format.Finish(b.f)
	w := &b.f.Weights[0]
	w.Book, w.Bias = nil, nil
	for i := range w.Values {
		w.Values[i] = 127
	}
	if _, err := FromFile(b.f); err == nil || !strings.Contains(err.Error(), "overflow") {
		t.Errorf("sums of 2^17 * 127 * 255: %v", err)
	}
	for i := range w.Values {
		w.Values[i] = 0
	}
	w.Values[0] = 1
	for _, bias := range []int32{math.MaxInt32, math.MinInt32} {
		w.Bias = []int32{bias}
		if _, err := FromFile(b.f); err == nil || !strings.Contains(err.Error(), "overflow") {
			t.Errorf("bias %d and a weight: %v", bias, err)
		}
	}
	w.Bias = []int32{math.MaxInt32 - 255}
	m, err := FromFile(b.f)
	if err != nil {
		t.Fatalf("the largest sum that fits: %v", err)
	}
	s := session(t, m)
	s.Input(0)[0] = 127
	s.Run()
}

func TestUnfinished(t *testing.T) {
	f := lenet(1, 0.1)
	f.Arena = 100
	m, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewSession(Config{}); err == nil || !strings.Contains(err.Error(), "format.Finish") {
		t.Errorf("a file without a plan: %v", err)
	}
}

func TestInputs(t *testing.T) {
	b := newBuilder(9)
	x := b.input(2, 3, 2)
	z := b.input(2, 3, 2)
	y := b.emit(format.Instr{Op: format.OpAdd, In: []int{x, z}, Out: b.int8(2, 3, 2)})
	b.f.Outputs = []int{y}
	b.f.Tensors[x].Scale, b.f.Tensors[x].Zero = 0.5, -10
	b.f.Meta.Input = format.Preprocess{Bytes255: true, Mean: []float32{100, 50}, Std: []float32{10}}
	format.Finish(b.f)
	s := session(t, loaded(t, b.f))
	pixels := make([]byte, 12)
	for i := range pixels {
		pixels[i] = byte(20 * i)
	}
	if err := s.SetBytes(0, pixels); err != nil {
		t.Fatal(err)
	}
	for i, got := range s.Input(0) {
		mean := []float64{100, 50}[i%2]
		want := min(max(math.Round((float64(20*i)-mean)/10/0.5)-10, -128), 127)
		if float64(got) != want {
			t.Errorf("byte %d in channel %d becomes %d, want %v", 20*i, i%2, got, want)
		}
	}
	chw := []float32{0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15}
	hwc := []float32{0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15}
	if err := s.SetInputNCHW(0, chw); err != nil {
		t.Fatal(err)
	}
	first := slices.Clone(s.Input(0))
	if err := s.SetInput(0, hwc); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, s.Input(0)) || first[0] != -10 || first[1] != 10 {
		t.Errorf("channels first %v, last %v", first, s.Input(0))
	}
	for name, err := range map[string]error{
		"pixels": s.SetBytes(0, pixels[1:]), "reals": s.SetInput(0, hwc[1:]), "channels first": s.SetInputNCHW(0, chw[1:]), "bytes of input 1": s.SetBytes(1, pixels),
		"input -1": s.SetInput(-1, hwc), "input 2": s.SetInput(2, hwc), "input 2, channels first": s.SetInputNCHW(2, chw), "bytes of input 2": s.SetBytes(2, pixels),
	} {
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOutput(t *testing.T) {
	for seed := range uint64(40) {
		f := randomNet(seed)
		s := session(t, loaded(t, f))
		fill(f, s, 1)
		s.Run()
		for k, o := range f.Outputs {
			x, raw := &f.Tensors[o], s.OutputBytes(k)
			for i, v := range s.Output(k) {
				var want float32
				if x.DType == format.Float32 {
					want = math.Float32frombits(uint32(raw[4*i]) | uint32(raw[4*i+1])<<8 | uint32(raw[4*i+2])<<16 | uint32(raw[4*i+3])<<24)
				} else {
					want = float32(int(int8(raw[i]))-x.Zero) * x.Scale
				}
				if v != want {
					t.Fatalf("network %d: output %d element %d is %v, its bytes say %v", seed, k, i, v, want)
				}
			}
		}
	}
}

func TestInfo(t *testing.T) {
	f := lenet(1, 0.1)
	m, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	i := m.Info()
	if i.Weights != 20*25+50*500+500*800+5000 || i.MACs != 24*24*20*25+8*8*50*500+500*800+5000 {
		t.Errorf("%d weights, %d MACs", i.Weights, i.MACs)
	}
	kept := 0
	for _, w := range f.Weights {
		for _, v := range w.Values {
			if v != 0 {
				kept++
			}
		}
	}
	if i.Kept != kept || i.KeptMACs <= int64(kept) || i.KeptMACs >= i.MACs/5 {
		t.Errorf("%d of %d kept, %d MACs", i.Kept, kept, i.KeptMACs)
	}
	if i.Name != "lenet" || len(i.Labels) != 10 || !slices.Equal(i.Inputs[0], []int{28, 28, 1}) || !slices.Equal(i.Outputs[0], []int{10}) || i.Arena != f.Arena || i.Memory < 8*kept {
		t.Errorf("%+v", i)
	}
}

// maxWork bounds what a fuzzed file may ask for: the format bounds memory, not
// the time of a run.
const maxWork = 1 << 24

func work(f *format.File) int64 {
	n := int64(f.Arena)
	for k := range f.Instrs {
		in := &f.Instrs[k]
		out := int64(f.Tensors[in.Out].Elems())
		switch in.Op {
		case format.OpConv2D, format.OpDense:
			w := &f.Weights[in.Weight]
			n += out*int64(w.Elems()/w.OutC) + int64(f.Tensors[in.In[0]].Elems()+in.PadT+in.PadL+in.PadB+in.PadR)
			if in.Op == format.OpConv2D {
				s := f.Tensors[in.In[0]].Shape
				n += int64(s[0]+in.PadT+in.PadB) * int64(s[1]+in.PadL+in.PadR) * int64(s[2])
			}
		case format.OpMaxPool, format.OpAvgPool:
			n += out * int64(in.KH) * int64(in.KW)
		default:
			n += out
		}
		if n > maxWork {
			return n
		}
	}
	return n
}

// FuzzLoadRun: a file that loads also runs, and computes what the reference
// computes.
func FuzzLoadRun(f *testing.F) {
	for seed := range uint64(12) {
		data, _, err := format.Encode(randomNet(seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 9 {
			return
		}
		crc := format.Checksum(data[:len(data)-4]) // let the fuzzer past the checksum
		data = append(bytes.Clone(data[:len(data)-4]), byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24))
		file, err := format.Decode(data)
		if err != nil || work(file) > maxWork {
			return
		}
		m, err := FromFile(file)
		if err != nil {
			return
		}
		s, ref := session(t, m), newReference(file)
		m.Info()
		ref.run(fill(file, s, 1)...)
		s.Run()
		for k := range file.Outputs {
			if got, want := s.OutputBytes(k), ref.bytes(k); !bytes.Equal(got, want) {
				t.Fatalf("output %d is %v, want %v: %+v", k, got, want, file.Instrs)
			}
		}
	})
}

// BenchmarkLoad loads the compressed networks of this project, and files of
// about 10 KB with weights at random places, which cost the most bits.
func BenchmarkLoad(b *testing.B) {
	load := func(name string, data []byte) {
		b.Run(name, func(b *testing.B) {
			start, fastest := cpuTime(), time.Hour
			for b.Loop() {
				since := time.Now()
				if _, err := Load(data); err != nil {
					b.Fatal(err)
				}
				fastest = min(fastest, time.Since(since))
			}
			b.ReportMetric(float64(fastest.Microseconds())/1000, "fastest-ms")                       // nobody else was on the core
			b.ReportMetric(float64((cpuTime()-start).Microseconds())/1000/float64(b.N), "cpu-ms/op") // also on a busy machine
			b.ReportMetric(float64(len(data)), "file-bytes")
		})
	}
	files, err := filepath.Glob("../testdata/*.edgec")
	if err != nil || len(files) == 0 {
		b.Fatalf("no compressed networks in testdata: %v", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		load(filepath.Base(path), data)
	}
	load("random-LeNet-5", encoded(b, lenetOf(1, 0.6, []int{8, 20}, []int{64, 10})))
	load("random-LeNet-300-100", encoded(b, lenetOf(1, 0.11, nil, []int{119, 92, 10})))
}

func BenchmarkRun(b *testing.B) {
	for _, c := range []struct {
		name    string
		density float64
	}{{"LeNet-5-5%", 0.05}, {"LeNet-5-dense", 1}} {
		m := loaded(b, lenet(1, c.density))
		s := session(b, m)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				s.Run()
			}
			b.ReportMetric(float64(m.Info().MACs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
