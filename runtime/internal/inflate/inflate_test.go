package inflate

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// bare is a frame around nothing.
type bare struct{ begun bool }

func (f *bare) begin(*input) error {
	if f.begun {
		return io.EOF
	}
	f.begun = true
	return nil
}
func (*bare) add([]byte)       {}
func (*bare) end(*input) error { return nil }

func raw(r io.Reader) *Reader {
	z, _ := newReader(r, &bare{})
	return z
}

// texts are data of several kinds and sizes.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise, few, far := make([]byte, 200_000), make([]byte, 300_000), make([]byte, 150_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for i := range few {
		few[i] = byte(r.ExpFloat64() * 3)
	}
	copy(far, noise[:window])
	copy(far[window:], noise[:window]) // matches of the longest distance
	return map[string][]byte{
		"empty": nil, "one": {7}, "zeros": make([]byte, 1<<18), "noise": noise, "few": few, "far": far,
		"words": []byte(strings.Repeat("units and channels of hidden layers may stand in any order; ", 3000)),
	}
}

// deflated compresses.
func deflated(t testing.TB, text []byte, level int) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLevels(t *testing.T) {
	for name, text := range texts() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
			data := deflated(t, text, level)
			for kind, r := range map[string]io.Reader{"whole": bytes.NewReader(data), "bytes": iotest.OneByteReader(bytes.NewReader(data)), "with EOF": iotest.DataErrReader(bytes.NewReader(data))} {
				if got, err := io.ReadAll(raw(r)); err != nil || !bytes.Equal(got, text) {
					t.Errorf("%s, level %d, %s: %d of %d bytes, %v", name, level, kind, len(got), len(text), err)
				}
			}
			if len(data) < 2000 {
				for n := range data {
					if _, err := io.ReadAll(raw(bytes.NewReader(data[:n]))); !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("%s, level %d, cut to %d: %v", name, level, n, err)
					}
				}
			}
		}
	}
}

// A block with the fixed code, made by hand: the letter a, then 258 bytes from one back.
func TestFixed(t *testing.T) {
	got, err := io.ReadAll(raw(bytes.NewReader([]byte{0x4b, 0x1c, 0x05, 0x00})))
	want, wrong := io.ReadAll(flate.NewReader(bytes.NewReader([]byte{0x4b, 0x1c, 0x05, 0x00})))
	if err != nil || wrong != nil || !bytes.Equal(got, want) || len(got) != 259 {
		t.Errorf("%d bytes, %v; compress/flate: %d, %v", len(got), err, len(want), wrong)
	}
}

func TestGzip(t *testing.T) {
	text := texts()["few"]
	var b bytes.Buffer
	for i, part := range [][]byte{text[:1000], nil, text[1000:]} {
		w := gzip.NewWriter(&b)
		if i == 0 {
			w.Name, w.Comment, w.Extra = "name", "comment", []byte("extra")
		}
		w.Write(part)
		w.Close()
	}
	data := b.Bytes()
	z, err := Gzip(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d of %d bytes, %v", len(got), len(text), err)
	}
	checkDamage(t, data, func(r io.Reader) (*Reader, error) { return Gzip(r) })
	if z, err = Gzip(bytes.NewReader(append(bytes.Clone(data), 'x'))); err == nil {
		_, err = io.ReadAll(z)
	}
	if err == nil {
		t.Error("a byte after the end is no error")
	}
}

func TestZlib(t *testing.T) {
	text := texts()["words"]
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(text)
	w.Close()
	data := b.Bytes()
	z, err := Zlib(bytes.NewReader(append(bytes.Clone(data), "what follows"...)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d of %d bytes, %v", len(got), len(text), err)
	}
	checkDamage(t, data, func(r io.Reader) (*Reader, error) { return Zlib(r) })
}

// checkDamage flips bits of the last bytes, which are a checksum, and cuts.
func checkDamage(t *testing.T, data []byte, open func(io.Reader) (*Reader, error)) {
	read := func(data []byte) error {
		z, err := open(bytes.NewReader(data))
		if err == nil {
			_, err = io.Copy(io.Discard, z)
		}
		return err
	}
	for i := 1; i <= 4; i++ {
		bad := bytes.Clone(data)
		bad[len(bad)-i] ^= 0x10
		if err := read(bad); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d from the end: %v", i, err)
		}
	}
	for _, n := range []int{0, 1, 5, len(data) / 2, len(data) - 1} {
		if err := read(data[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d: %v", n, err)
		}
	}
	for i := range 2 {
		bad := bytes.Clone(data)
		bad[i] ^= 0xff
		if err := read(bad); err == nil {
			t.Errorf("byte %d of the head is changed, and nothing is said", i)
		}
	}
}

// A match that reaches into the member before is damage.
func TestMembers(t *testing.T) {
	head := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	text := []byte("abcdefgh")
	sum := crc32.ChecksumIEEE(text)
	member := append(append(bytes.Clone(head), deflated(t, text, 9)...), byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24), 8, 0, 0, 0)
	both := append(bytes.Clone(member), head...)
	both = append(both, 0x4b, 0x1c, 0x05, 0x00) // which begins with its own letter
	z, err := Gzip(bytes.NewReader(append(both, make([]byte, 8)...)))
	if err == nil {
		_, err = io.ReadAll(z)
	}
	if !errors.Is(err, ErrDamaged) { // the checksum
		t.Error(err)
	}
	both = append(bytes.Clone(member), head...)
	both = append(both, 0x03, 0x02, 0x00, 0x00) // the match alone
	if z, err = Gzip(bytes.NewReader(both)); err == nil {
		var got []byte
		if got, err = io.ReadAll(z); len(got) != len(text) {
			t.Errorf("%q", got)
		}
	}
	if !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

func FuzzReader(f *testing.F) {
	for _, text := range texts() {
		f.Add(deflated(f, text[:min(len(text), 3000)], 9))
		f.Add(deflated(f, text[:min(len(text), 300)], flate.HuffmanOnly))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 1 << 20
		want, wrong := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), most))
		got, err := io.ReadAll(io.LimitReader(raw(bytes.NewReader(data)), most))
		if (err == nil) != (wrong == nil) {
			t.Fatalf("error %v, compress/flate's %v", err, wrong)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, compress/flate has %d", len(got), len(want))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	for name, text := range texts() {
		data := deflated(b, text, 6)
		for kind, open := range map[string]func(r io.Reader) io.Reader{"ours": func(r io.Reader) io.Reader { return raw(r) }, "flate": func(r io.Reader) io.Reader { return flate.NewReader(r) }} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					io.Copy(io.Discard, open(bytes.NewReader(data)))
				}
			})
		}
	}
}
