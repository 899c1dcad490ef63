package format

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// byteDelta is DiffBytes with the files' hashes.
func byteDelta(t testing.TB, base, file []byte) []byte {
	t.Helper()
	d, err := DiffBytes(base, file, sha256.Sum256(base), sha256.Sum256(file))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// randomBytes is n random bytes.
func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 44))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// relinked is a program-like file whose numbers of 32 bits, every 16 bytes, point somewhere else,
// with new content in the middle.
func relinked(base, middle []byte, shift uint32) []byte {
	half := len(base) / 2
	b := append(append(append([]byte{}, base[:half]...), middle...), base[half:]...)
	for i := 0; i+4 <= len(b); i += 16 {
		v := uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24
		v += shift
		b[i], b[i+1], b[i+2], b[i+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	return b
}

// The new file comes back byte for byte, from our reader and from one that is written from
// DELTA.md, and a delta between like files is small.
func TestByteDelta(t *testing.T) {
	program := randomBytes(1, 20000)
	for name, c := range map[string]struct {
		base, file []byte
		most       int // bytes of the delta
	}{
		"both empty":        {nil, nil, 100},
		"from nothing":      {nil, randomBytes(2, 500), 640},
		"to nothing":        {program, nil, 100},
		"equal":             {program, program, 100},
		"one byte":          {program, append(append(bytes.Clone(program[:777]), program[777]+1), program[778:]...), 105},
		"longer":            {program, append(bytes.Clone(program), randomBytes(3, 300)...), 430},
		"shorter":           {program, program[:12345], 105},
		"first part gone":   {program, program[5000:], 105},
		"halves swapped":    {program, append(bytes.Clone(program[10000:]), program[:10000]...), 110},
		"twice":             {program, append(bytes.Clone(program), program...), 110},
		"new middle":        {program, relinked(program, randomBytes(4, 400), 0), 540},
		"relinked":          {program, relinked(program, nil, 4096), 600},
		"zeros":             {make([]byte, 30000), make([]byte, 50000), 200},
		"unlike":            {program, randomBytes(5, 3000), 3200},
		"changes at an end": {program[:100], append(bytes.Clone(program[:90]), randomBytes(6, 30)...), 140},
	} {
		delta := byteDelta(t, c.base, c.file)
		got, err := PatchBytes(c.base, delta, len(c.file))
		if err != nil || !bytes.Equal(got, c.file) {
			t.Errorf("%s: %v", name, err)
		}
		if len(delta) > c.most {
			t.Errorf("%s: %d bytes, at most %d", name, len(delta), c.most)
		}
		head, err := ReadByteDelta(delta)
		if err != nil || head.BaseHash != sha256.Sum256(c.base) || head.NewHash != sha256.Sum256(c.file) || head.Base != len(c.base) || head.New != len(c.file) {
			t.Errorf("%s: head %+v, %v", name, head, err)
		}
		if spec := specPatch(c.base, head); !bytes.Equal(spec, c.file) {
			t.Errorf("%s: the reader of DELTA.md makes another file", name)
		}
	}
}

// specPatch is the reader of DELTA.md.
func specPatch(base []byte, head ByteDelta) (file []byte) {
	d := newSpecDecoder(head.changes)
	mix := func(c, n int) int { return int(uint32(256*c+n) * 0x9E3779B1 >> 21) }
	var s1, s2, place int
	var added, plain byte
	for len(file) < head.New {
		same := int(d.number(specLog(s1), specLog(s2)))
		s1, s2 = same, s1
		file = append(file, base[place:place+same]...)
		place += same
		other := int(d.number(16, 16))
		isPlain := other > 0 && d.flag(0)
		for range other {
			n := 1
			for i := range 8 {
				if isPlain {
					n = 2*n + d.bit(2+i, 4352+n, 256+mix(256+int(plain), n), 2304+mix(256+int(plain)/16, n))
				} else {
					n = 2*n + d.bit(10+i, n, 256+mix(int(added), n), 2304+mix(int(base[place]), n))
				}
			}
			if isPlain {
				plain = byte(n)
				file = append(file, plain)
			} else {
				added = byte(n)
				file = append(file, added+base[place])
			}
			place++
		}
		if len(file) < head.New {
			place += int(d.signed(0, 0))
		}
	}
	return file
}

// A delta of another base, a damaged one, one of a later version and one for a larger file than
// is wanted are refused.
func TestByteDeltaRefuses(t *testing.T) {
	base := randomBytes(1, 5000)
	file := relinked(base, randomBytes(2, 100), 512)
	delta := byteDelta(t, base, file)
	refuse := func(name string, base, delta []byte, limit int, want string) {
		t.Helper()
		if got, err := PatchBytes(base, delta, limit); err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("%s: %d bytes, %v; want %q", name, len(got), err, want)
		}
	}
	refuse("another base", randomBytes(3, 5000), delta, 1<<20, "made against another base, of 5000 bytes")
	refuse("a shorter base", base[:4999], delta, 1<<20, "made against another base")
	refuse("a limit", base, delta, len(file)-1, "the delta is for a file of 5100 bytes, at most 5099 are accepted")
	refuse("no delta", base, base, 1<<20, "does not start with the magic number")
	refuse("nothing", base, nil, 1<<20, "does not start with the magic number")
	later := bytes.Clone(delta)
	later[4] = 0x20
	refuse("a later version", base, sealed(later), 1<<20, "of format 2.x")
	for i := range delta {
		refuse("cut", base, delta[:i], 1<<20, "")
		damaged := bytes.Clone(delta)
		damaged[i] ^= 1 << (i % 8)
		refuse("damaged", base, damaged, 1<<20, "")
		damaged = sealed(damaged)
		if got, err := PatchBytes(base, damaged, 1<<20); err == nil && !bytes.Equal(got, file) {
			t.Errorf("damage of byte %d made another file", i)
		}
	}
	if _, err := DiffBytes(make([]byte, MaxDeltaFile+1), nil, [32]byte{}, [32]byte{}); err == nil {
		t.Error("a file that is too large has a delta")
	}
}

// TestByteDeltaSize prints sizes of deltas.
func TestByteDeltaSize(t *testing.T) {
	var files [][]byte
	for _, name := range []string{"coder_test.go", "delta_test.go", "format_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, text)
	}
	for i, file := range files {
		edited := bytes.ReplaceAll(file, []byte("int"), []byte("int64"))
		delta := byteDelta(t, file, edited)
		t.Logf("every int is an int64: a file of %d bytes, a delta of %d", len(edited), len(delta))
		if len(delta) > len(edited)/10 {
			t.Errorf("file %d: a delta of %d bytes", i, len(delta))
		}
	}
}

// FuzzPatchBytes: no delta makes PatchBytes panic, or make another file than the one that it was
// made of, as its checksums say, or a larger one than the limit.
func FuzzPatchBytes(f *testing.F) {
	base := randomBytes(1, 600)
	f.Add(byteDelta(f, base, relinked(base, randomBytes(2, 50), 3)))
	f.Add(byteDelta(f, base, nil))
	f.Add(byteDelta(f, base, append(bytes.Clone(base[300:]), base...)))
	f.Fuzz(func(t *testing.T, delta []byte) {
		if len(delta) < 4 {
			return
		}
		const limit = 1 << 16
		file, err := PatchBytes(base, sealed(delta), limit)
		if err == nil && len(file) > limit {
			t.Errorf("%d bytes", len(file))
		}
	})
}
