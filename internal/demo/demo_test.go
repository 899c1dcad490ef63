package demo

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/cpu"

	"edgec"
	"edgec/internal/dataset"
	"edgec/internal/deep"
	"edgec/internal/onnx"
)

func data(t testing.TB, seed uint64, train, test, threads int) *dataset.Splits {
	t.Helper()
	d, err := Data(seed, train, test, threads)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// pixels returns the bytes of samples 0..n-1.
func pixels(s *dataset.Set, n int) []byte {
	size := s.Sample().Size()
	b := make([]byte, n*size)
	for i := range n {
		s.Bytes(i, b[i*size:(i+1)*size])
	}
	return b
}

// TestDataChecksum compares with the bytes that an amd64 CPU drew.
func TestDataChecksum(t *testing.T) {
	const n = 2000
	d := data(t, 9, n, n, 3)
	for _, c := range []struct {
		part string
		set  *dataset.Set
		want uint32
	}{{"train", d.Train, 0x8ac09f5a}, {"test", d.Test, 0x94cba32d}} {
		if got := crc32.ChecksumIEEE(pixels(c.set, n)); got != c.want {
			t.Errorf("%s: checksum of the first %d pictures %08x, want %08x", c.part, n, got, c.want)
		}
	}
}

func TestDataDependsOnSeedAndNumberOnly(t *testing.T) {
	few, many, other := data(t, 9, 50, 40, 1), data(t, 9, 200, 100, 2), data(t, 10, 50, 40, 1)
	if !bytes.Equal(pixels(few.Train, 50), pixels(many.Train, 50)) || !bytes.Equal(pixels(few.Test, 40), pixels(many.Test, 40)) {
		t.Error("the first samples change with their number or the number of threads")
	}
	for i := range 40 {
		a, b, c := make([]byte, Shape.Size()), make([]byte, Shape.Size()), make([]byte, Shape.Size())
		few.Train.Bytes(i, a)
		few.Test.Bytes(i, b)
		other.Train.Bytes(i, c)
		if bytes.Equal(a, b) || bytes.Equal(a, c) {
			t.Errorf("sample %d is the same in both parts, or for two seeds", i)
		}
	}
}

func TestClassesAreBalanced(t *testing.T) {
	d := data(t, 2, 1600, 808, 2)
	for _, s := range []*dataset.Set{d.Train, d.Test} {
		count := make([]int, len(Classes))
		for _, l := range s.Labels {
			count[l]++
		}
		if least, most := slices.Min(count), slices.Max(count); least != s.Len()/len(Classes) || most > least+1 {
			t.Errorf("%d samples: between %d and %d of a class", s.Len(), least, most)
		}
		if !slices.Equal(s.ClassNames, Classes) || s.Classes != len(Classes) {
			t.Errorf("class names %v", s.ClassNames)
		}
	}
}

// TestCharacters looks at the drawn characters before they are distorted: all
// are light on black, none touches the border, no two classes look the same,
// and no test font draws as a training font does.
func TestCharacters(t *testing.T) {
	owner := map[string]int{} // of a picture, its class; test fonts: class + 100
	for part, fonts := range [][][]byte{trainFonts, testFonts} {
		s, err := characters(fonts)
		if err != nil {
			t.Fatal(err)
		}
		if want := len(Classes) * len(fonts) * (largest - smallest + 1); s.Len() != want {
			t.Fatalf("%d characters, want %d", s.Len(), want)
		}
		pix := make([]byte, Shape.Size())
		for i, label := range s.Labels {
			s.Bytes(i, pix)
			light := 0
			for k, p := range pix {
				if p > 127 {
					light++
				}
				if row, col := k/Side, k%Side; p > 0 && (min(row, col) == 0 || max(row, col) == Side-1) {
					t.Fatalf("character %d (%s) touches the border", i, Classes[label])
				}
			}
			if light < 10 {
				t.Errorf("character %d (%s) has %d light pixels", i, Classes[label], light)
			}
			at := label + 100*part
			if before, seen := owner[string(pix)]; seen && before != at {
				t.Errorf("character %d (%s) looks like one of class %d", i, Classes[label], before)
			}
			owner[string(pix)] = at
		}
	}
}

func TestExpose(t *testing.T) {
	// a picture of two grays, 0 and 255, half each
	seen := map[bool]int{}
	for i := range 200 {
		pix := make([]byte, 1000)
		for k := 500; k < 1000; k++ {
			pix[k] = 255
		}
		expose(pix, rand.NewPCG(7, uint64(i)))
		dark, light := mean(pix[:500]), mean(pix[500:])
		if light-dark < 25 {
			t.Errorf("picture %d: dark is %.0f and light %.0f on average; too little contrast to read", i, dark, light)
		}
		seen[slices.Min(pix[:500]) == slices.Max(pix[:500])]++
	}
	if seen[false] < 150 {
		t.Errorf("%d of 200 pictures have noise", seen[false])
	}
}

func mean(b []byte) float64 {
	sum := 0
	for _, v := range b {
		sum += int(v)
	}
	return float64(sum) / float64(len(b))
}

// TestNetwork opens the committed network and measures what the package says
// of it.
func TestNetwork(t *testing.T) {
	m, err := edgec.OpenBytes(ONNX, Name)
	if err != nil {
		t.Fatal(err)
	}
	if len(ONNX) > 250_000 || m.Params() != 22000 || !Shape.Equal(m.Inputs()[0].Shape) || m.Outputs()[0].Shape[0] != len(Classes) {
		t.Errorf("%d bytes, %d parameters, inputs %v, outputs %v", len(ONNX), m.Params(), m.Inputs(), m.Outputs())
	}
	const n = 8000
	const tolerance = 0.1 // of the error in percent: what 8 samples on a border make
	d := data(t, Seed+1, n, n, 2)
	folder := t.TempDir()
	if err := dataset.WriteIdx(folder, d); err != nil {
		t.Fatal(err)
	}
	written, err := edgec.OpenData(folder, m, edgec.DataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		part edgec.Part
		want float64
	}{{edgec.Train, FreshError}, {edgec.Test, TestError}} {
		got, err := m.Evaluate(written, edgec.EvaluateOptions{Part: c.part})
		if err != nil {
			t.Fatal(err)
		}
		if d := got.Error - c.want; d > tolerance || d < -tolerance {
			t.Errorf("%s: error %.2f %%, the package says %.2f %%", c.part, got.Error, c.want)
		}
	}
}

// TestTrainAgain shows that the committed network is the one that Train makes.
func TestTrainAgain(t *testing.T) {
	deep.Only(t) // trains for a minute or two
	if goruntime.GOARCH != "amd64" || !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		t.Skip("the network was trained on amd64 with AVX2 and FMA; other CPUs round otherwise")
	}
	g, err := Train(Seed, 2, func(epoch, epochs int, loss float64) { t.Logf("epoch %d of %d: loss %.4f", epoch, epochs, loss) })
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, ONNX) {
		t.Errorf("training gives %d bytes with checksum %08x, %s has %d with %08x; if training adds in another order than before, run go generate and state the errors anew", len(got), crc32.ChecksumIEEE(got), Name, len(ONNX), crc32.ChecksumIEEE(ONNX))
	}
}

func BenchmarkData(b *testing.B) {
	const n = 1000
	for b.Loop() {
		data(b, 1, n, 0, 1)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
}

// A picture takes between a microsecond and a second.
func TestSpeed(t *testing.T) {
	got, err := Speed(1)
	if err != nil || got < time.Microsecond || got > time.Second {
		t.Errorf("%v a picture, %v", got, err)
	}
}
