package format

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func encoded(t testing.TB, f *File) []byte {
	t.Helper()
	data, _, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decoded(t testing.TB, data []byte) *File {
	t.Helper()
	f, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// tuned changes a file as fine-tuning at fixed masks does: a share of the
// values moves to a neighbour in the book (or by one), biases move, and what is
// drawn from the whole, the self-test, is new.
func tuned(f *File, r *rand.Rand, share float64) {
	for i := range f.Weights {
		w := &f.Weights[i]
		for j, v := range w.Values {
			if v == 0 || r.Float64() >= share {
				continue
			}
			if w.Book == nil {
				if v != -1 && v != 127 {
					w.Values[j]++
				}
				continue
			}
			at := slices.Index(w.Book, v) + 1 - 2*r.IntN(2)
			if at >= 0 && at < len(w.Book) && w.Book[at] != 0 {
				w.Values[j] = w.Book[at]
			}
		}
		for j := range w.Bias {
			if r.Float64() < share {
				w.Bias[j] += int32(r.IntN(3)-1) << lowZeros(w.Bias)
			}
		}
	}
	if f.Test != nil {
		f.Test.CRC ^= r.Uint32()
	}
	Finish(f) // books hold what occurs
}

// remasked moves a tenth of the weights to and from zero.
func remasked(f *File, r *rand.Rand) {
	for i := range f.Weights {
		v, book := f.Weights[i].Values, f.Weights[i].Book
		for range 1 + len(v)/10 {
			if j := r.IntN(len(v)); book == nil {
				v[j] = int8(r.IntN(5) - 2)
			} else {
				v[j] = book[r.IntN(len(book))]
			}
		}
	}
}

// rescaled changes all but masks and values: codebooks go, biases are others or
// go, scales and tables change.
func rescaled(f *File, r *rand.Rand, biases bool) {
	for i := range f.Weights {
		w := &f.Weights[i]
		w.Book = nil
		for j := range w.Bias {
			w.Bias[j] = int32(r.Uint32()) >> 12
		}
		if !biases {
			w.Bias = nil
		}
		w.Scale = []float32{w.Scale[0] * 1.25}
	}
	for i := range f.LUTs {
		f.LUTs[i][r.IntN(256)]++
	}
}

// Patch makes the new file to the byte, whatever has changed.
func TestDelta(t *testing.T) {
	for seed := range uint64(trials(20)) {
		r := rand.New(rand.NewPCG(seed, 31))
		base := network(r)
		if seed%4 == 3 {
			base = seldomZero(r)
		}
		old := encoded(t, base)
		var files [][]byte
		for _, change := range []func(f *File){
			func(*File) {},
			func(f *File) { tuned(f, r, 0.2) },
			func(f *File) { tuned(f, r, 1) },
			func(f *File) { remasked(f, r) },
			func(f *File) { rescaled(f, r, seed%2 == 1) },
			func(f *File) { f.Meta.Name, f.Test = "another", nil },
		} {
			f := decoded(t, old)
			change(f)
			Finish(f)
			if data, _, err := Encode(f); err == nil { // some changes leave the ranges
				files = append(files, data)
			}
		}
		files = append(files, encoded(t, network(r)), encoded(t, example()), old)
		for k, file := range files {
			delta, err := Diff(old, file)
			if err != nil {
				t.Fatalf("seed %d, file %d: %v", seed, k, err)
			}
			got, err := Patch(old, delta)
			if err != nil || !bytes.Equal(got, file) {
				t.Fatalf("seed %d, file %d: %v, %d bytes of %d", seed, k, err, len(got), len(file))
			}
			back, err := Diff(file, old)
			if err != nil {
				t.Fatalf("seed %d, file %d, back: %v", seed, k, err)
			}
			if got, err := Patch(file, back); err != nil || !bytes.Equal(got, old) {
				t.Fatalf("seed %d, file %d, back: %v", seed, k, err)
			}
		}
	}
}

// A fine-tune at fixed masks takes at most a tenth of the file, an unchanged
// file almost nothing.
func TestDeltaSize(t *testing.T) {
	for _, name := range []string{"lenet-300-100", "lenet-5"} {
		file, err := os.ReadFile("../../testdata/" + name + ".edgec")
		if err != nil {
			t.Fatal(err)
		}
		f := decoded(t, file)
		tuned(f, rand.New(rand.NewPCG(1, 32)), 0.05)
		for _, c := range []struct {
			what string
			file []byte
			most int
		}{{"nothing changed", file, 50}, {"one in twenty values moved", encoded(t, f), len(file) / 10}} {
			delta, err := Diff(file, c.file)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s, %s: %d bytes of %d", name, c.what, len(delta), len(c.file))
			if len(delta) > c.most {
				t.Errorf("%s, %s: %d bytes of %d, at most %d", name, c.what, len(delta), len(c.file), c.most)
			}
		}
	}
}

func TestDeltaRefuses(t *testing.T) {
	old := encoded(t, example())
	f := decoded(t, old)
	tuned(f, rand.New(rand.NewPCG(2, 32)), 0.5)
	file := encoded(t, f)
	delta, err := Diff(old, file)
	if err != nil {
		t.Fatal(err)
	}
	other := encoded(t, dense())
	refuse := func(name string, base, delta []byte, says string) {
		t.Helper()
		if got, err := Patch(base, delta); err == nil || got != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refuse("another base", other, delta, "made against another base")
	refuse("the new file as base", file, delta, "made against another base")
	refuse("no base", nil, delta, "made against another base")
	refuse("a model", old, file, "not a delta")
	refuse("nothing", old, nil, "not a delta")
	for i := range delta {
		bad := bytes.Clone(delta)
		bad[i] ^= 0x10
		refuse("damage", old, bad, "")
		refuse("a cut", old, delta[:i], "")
	}
	refuse("more", old, append(bytes.Clone(delta), 0), "checksum")
	for i := range delta[:len(delta)-4] { // damage under a right checksum
		bad := bytes.Clone(delta)
		bad[i] ^= byte(1 + i%255)
		bad = sealed(bad)
		if got, err := Patch(old, bad); err == nil && !bytes.Equal(got, file) {
			t.Errorf("damage of byte %d made another file", i)
		}
	}
	later := bytes.Clone(delta)
	later[4] = 0x20
	refuse("a later version", old, sealed(later), "of format 2.x")
	if _, err := Diff(old, delta); err == nil || !strings.Contains(err.Error(), "the new file: ") {
		t.Errorf("a delta as new file: %v", err)
	}
	if _, err := Diff(delta, old); err == nil || !strings.Contains(err.Error(), "the base: ") {
		t.Errorf("a delta as base: %v", err)
	}
	optionalSection := &writer{b: bytes.Clone(old[:len(old)-4])}
	optionalSection.b = append(optionalSection.b, 0x80|77, 1, 0)
	optionalSection.u32(0)
	unknown := sealed(optionalSection.b)
	if _, err := Diff(old, unknown); err == nil || !strings.Contains(err.Error(), "more than this version writes") {
		t.Errorf("a new file with an unknown section: %v", err)
	}
	if d, err := Diff(unknown, file); err != nil { // as base it serves
		t.Error(err)
	} else if got, err := Patch(unknown, d); err != nil || !bytes.Equal(got, file) {
		t.Errorf("a base with an unknown section: %v", err)
	}
}

// FuzzPatch: no delta makes Patch panic, and what it makes loads.
func FuzzPatch(f *testing.F) {
	old := encoded(f, example())
	for seed := range uint64(4) {
		g := decoded(f, old)
		tuned(g, rand.New(rand.NewPCG(seed, 33)), 0.5)
		d, err := Diff(old, encoded(f, g))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(d)
	}
	d, err := Diff(old, encoded(f, dense()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d)
	f.Fuzz(func(t *testing.T, delta []byte) {
		if len(delta) < 4 {
			return
		}
		file, err := Patch(old, sealed(delta))
		if err != nil {
			return
		}
		if _, err := Decode(file); err != nil {
			t.Errorf("a patched file does not load: %v", err)
		}
	})
}
