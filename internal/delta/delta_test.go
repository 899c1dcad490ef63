package delta

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"

	"edgec/runtime/format"
)

// pair is a base and a new file that differ in every tenth byte.
func pair() (base, file []byte) {
	r := rand.New(rand.NewPCG(1, 2))
	base = make([]byte, 10000)
	for i := range base {
		base[i] = byte(r.Uint32())
	}
	file = append(bytes.Clone(base), base[:100]...)
	for i := 0; i < len(file); i += 10 {
		file[i]++
	}
	return base, file
}

// A delta makes the new file, and states both.
func TestApply(t *testing.T) {
	base, file := pair()
	d, err := Make(base, file)
	if err != nil || len(d) > len(file)/10 || !Is(d) || Is(base) {
		t.Fatal(len(d), err)
	}
	if h, err := Read(d); err != nil || h != (Head{sum(base), sum(file), 10000, 10100}) {
		t.Errorf("%+v, %v", h, err)
	}
	if got, err := Apply(base, d, int64(len(file))); err != nil || !bytes.Equal(got, file) {
		t.Error(err)
	}
}

// A delta that lies about a file is refused, though its checksums are right.
func TestApplyRefuses(t *testing.T) {
	base, file := pair()
	good, err := Make(base, file)
	if err != nil {
		t.Fatal(err)
	}
	lies := func(baseHash, newHash [32]byte) []byte {
		d, err := format.DiffBytes(base, file, baseHash, newHash)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, c := range map[string]struct {
		base, delta []byte
		limit       int64
		want        error // nil: any
	}{
		"another base":    {file, good, MaxFile, ErrBase},
		"a cut base":      {base[:9999], good, MaxFile, ErrBase},
		"a false base":    {base, lies(sha256.Sum256(file), sha256.Sum256(file)), MaxFile, ErrBase},
		"a false result":  {base, lies(sha256.Sum256(base), sha256.Sum256(base)), MaxFile, ErrResult},
		"too large":       {base, good, int64(len(file)) - 1, ErrLarge},
		"a negative size": {base, good, -1, ErrLarge},
		"cut":             {base, good[:len(good)-1], MaxFile, nil},
		"no delta":        {base, base, MaxFile, nil},
		"nothing":         {base, nil, MaxFile, nil},
	} {
		got, err := Apply(c.base, c.delta, c.limit)
		if err == nil || got != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %d bytes, %v; want %v", name, len(got), err, c.want)
		}
	}
}
