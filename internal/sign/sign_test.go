package sign

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/scrypt"
)

var base = strings.Repeat("0123456789abcdef", 4)

// newKey is NewKey for tests.
func newKey(t testing.TB) SecretKey {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signed signs content.
func signed(t testing.TB, k SecretKey, content string, s Statement) []byte {
	t.Helper()
	signature, _, err := k.Sign(strings.NewReader(content), s)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// What is signed comes back from the signature, and the comment has the form of the package's
// documentation.
func TestStatement(t *testing.T) {
	k := newKey(t)
	at := time.Unix(1764540000, 0).UTC()
	const sum = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of hello
	for _, c := range []struct {
		s       Statement
		comment string
	}{
		{Statement{File: "net.edgec"}, "file:net.edgec\tsize:5\t" + sum + "\thashed"},
		{Statement{File: "my net.edgec", Version: MaxVersion, Target: "rpi-4", Base: base, Time: at},
			"timestamp:1764540000\tfile:my net.edgec\tsize:5\t" + sum + "\tversion:2147483647\ttarget:rpi-4\tbase:" + base + "\thashed"},
	} {
		signature, stated, err := k.Sign(strings.NewReader("hello"), c.s)
		if err != nil {
			t.Fatal(err)
		}
		if stated.Comment != c.comment || stated.Size != 5 || "sha256:"+stated.SHA256 != sum {
			t.Errorf("signed %+v", stated)
		}
		got, err := k.Public().VerifyBytes([]byte("hello"), signature)
		if err != nil || got != stated {
			t.Errorf("verified %+v, %v; want %+v", got, err, stated)
		}
		if early, err := k.Public().ReadStatement(signature); err != nil || early != stated {
			t.Errorf("without the content %+v, %v", early, err)
		}
		if again := signed(t, k, "hello", c.s); !bytes.Equal(again, signature) {
			t.Error("the same statement and content gave another signature")
		}
		if len(signature) > MaxSignature/4 {
			t.Errorf("%d bytes", len(signature))
		}
	}
	for _, s := range []Statement{{}, {File: "a/b"}, {File: `a\b`}, {File: ".."}, {File: "a\tb"}, {File: "a\nb"}, {File: "\xff"}, {File: strings.Repeat("a", 256)},
		{File: "a", Version: -1}, {File: "a", Version: MaxVersion + 1}, {File: "a", Target: "Rpi 4"}, {File: "a", Base: "abc"}} {
		if _, _, err := k.Sign(strings.NewReader(""), s); err == nil {
			t.Errorf("signed %+v", s)
		}
	}
}

// Whatever differs from what was signed is refused, with its cause.
func TestRefused(t *testing.T) {
	k, content := newKey(t), "the content of a file"
	s := Statement{File: "net.edgec", Version: 7}
	signature := string(signed(t, k, content, s))
	elsewhere := strings.Split(string(signed(t, k, content, Statement{File: "net.edgec", Version: 8})), "\n")
	mixed := strings.Split(signature, "\n")
	mixed[2] = elsewhere[2]
	for name, c := range map[string]struct {
		content, signature string
		want               error
	}{
		"changed content":     {"the Content of a file", signature, ErrContent},
		"cut content":         {content[:10], signature, ErrContent},
		"longer content":      {content + "x", signature, ErrContent},
		"higher version":      {content, strings.Replace(signature, "version:7", "version:9", 1), ErrComment},
		"another's comment":   {content, strings.Join(mixed, "\n"), ErrComment},
		"another key":         {content, string(signed(t, newKey(t), content, s)), ErrOtherKey},
		"legacy form":         {content, string(minisign.SignWithComments(k.key, []byte(content), s.comment(), "")), ErrLegacy},
		"empty":               {content, "", ErrForm},
		"the public key":      {content, string(k.Public().Text()), ErrForm},
		"too long":            {content, signature + strings.Repeat("\n", MaxSignature), ErrForm},
		"a control character": {content, string(minisign.NewReader(strings.NewReader("")).SignWithComments(k.key, "a\x1bb", "")), ErrForm},
	} {
		if _, err := k.Public().VerifyBytes([]byte(c.content), []byte(c.signature)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := (PublicKey{}).VerifyBytes([]byte(content), []byte(signature)); err == nil {
		t.Error("the zero key verifies")
	}
}

// No signature that is cut, or that has another byte anywhere, states anything else.
func TestDamagedSignature(t *testing.T) {
	k, content := newKey(t), []byte("content")
	signature := signed(t, k, string(content), Statement{File: "a", Version: 3})
	want, err := k.Public().VerifyBytes(content, signature)
	if err != nil {
		t.Fatal(err)
	}
	for i := range signature {
		damaged := bytes.Clone(signature)
		damaged[i] ^= 1 << (i % 7)
		for _, b := range [][]byte{damaged, signature[:i]} {
			if got, err := k.Public().VerifyBytes(content, b); err == nil && got != want {
				t.Errorf("byte %d: %+v", i, got)
			}
		}
		if _, err := k.Public().VerifyBytes(content, signature[:i]); err == nil && i < len(signature)-1 {
			t.Errorf("a signature of %d bytes verifies", i)
		}
	}
}

// Comments of other tools state what they have; a field of ours that is wrong is refused, though
// it was signed.
func TestComments(t *testing.T) {
	k := newKey(t)
	for _, c := range []struct {
		comment string
		want    Statement
		wrong   string
	}{
		{comment: "", want: Statement{}},
		{comment: "release of May: the best", want: Statement{}},
		{comment: "timestamp:5\tfile:a.bin\thashed", want: Statement{File: "a.bin", Time: time.Unix(5, 0).UTC()}},
		{comment: "version:2\tlater:field", want: Statement{Version: 2}},
		{comment: "version:2\tversion:3", wrong: "twice"},
		{comment: "version:0", wrong: "version"},
		{comment: "version:+2", wrong: "version"},
		{comment: "version:02", wrong: "version"},
		{comment: "version:2147483648", wrong: "version"},
		{comment: "timestamp:-1", wrong: "timestamp"},
		{comment: "timestamp:99999999999999", wrong: "timestamp"},
		{comment: "sha256:ABC", wrong: "sha256"},
		{comment: "base:", wrong: "base"},
		{comment: "target:", wrong: "target"},
		{comment: "size:-1", wrong: "size"},
		{comment: "sha256:" + base, wrong: "for other content"},
		{comment: "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\tsize:6", wrong: "for other content"},
	} {
		r := minisign.NewReader(strings.NewReader("hello"))
		if _, err := new(bytes.Buffer).ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		got, err := k.Public().VerifyBytes([]byte("hello"), r.SignWithComments(k.key, c.comment, ""))
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%q: %v, want %q", c.comment, err, c.wrong)
			}
			continue
		}
		c.want.Comment, c.want.Size, c.want.SHA256 = c.comment, 5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v", c.comment, got, err)
		}
	}
}

// Keys come back from their files, which nobody else may read, and which are never overwritten.
func TestKeyFiles(t *testing.T) {
	dir, k := t.TempDir(), newKey(t)
	secret, public := filepath.Join(dir, "a.key"), filepath.Join(dir, "a.pub")
	if err := k.WriteKeys(secret, public, ""); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(secret); err != nil || info.Mode() != 0o600 && goruntime.GOOS != "windows" {
		t.Errorf("%v, %v", info, err)
	}
	if got, err := ReadSecretKey(secret, nil); err != nil || !got.Public().Equal(k.Public()) {
		t.Error(err)
	}
	for _, name := range []string{public, k.Public().String(), " " + k.Public().String() + "\n"} {
		if got, err := ReadPublicKey(name); err != nil || !got.Equal(k.Public()) {
			t.Errorf("%q: %v", name, err)
		}
	}
	before, _ := os.ReadFile(secret)
	if err := newKey(t).WriteKeys(secret, public, ""); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := newKey(t).WriteKeys(filepath.Join(dir, "b.key"), public, ""); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if after, _ := os.ReadFile(secret); !bytes.Equal(before, after) {
		t.Error("a key was overwritten")
	}
	if _, err := os.Stat(filepath.Join(dir, "b.key")); err == nil {
		t.Error("half a pair was left")
	}
	for name, want := range map[string]string{secret: "this is a secret key", filepath.Join(dir, "none"): "none: no such file", "": "give the .pub file", dir: "directory"} {
		if _, err := ReadPublicKey(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	text := string(before)
	for _, wrong := range []string{"", string(k.Public().Text()), text[:len(text)-20], text[:len(text)-6] + "AAAA\n", strings.Repeat("x", MaxSignature+1)} {
		if _, err := ParseSecretKey([]byte(wrong), nil); !errors.Is(err, ErrSecretKey) {
			t.Errorf("%.60q: %v", wrong, err)
		}
	}
}

// encrypted is the file of a key that a password encrypts at little cost. It is made here from
// the format's description.
func encrypted(t *testing.T, k SecretKey, password string) []byte {
	t.Helper()
	text, err := k.Encode("")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "\n")
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err != nil || len(b) != 158 {
		t.Fatal(len(b), err)
	}
	copy(b[2:], "Sc")
	for i := 6; i < 38; i++ {
		b[i] = byte(i)
	}
	binary.LittleEndian.PutUint64(b[38:], 1<<15) // operations: with r = 8, N is 1024
	binary.LittleEndian.PutUint64(b[46:], 1<<24) // memory
	sum := blake2b.Sum256(append([]byte("Ed"), b[54:126]...))
	copy(b[126:], sum[:])
	stream, err := scrypt.Key([]byte(password), b[6:38], 1024, 8, 1, 104)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range stream {
		b[54+i] ^= x
	}
	return []byte("untrusted comment: a key\n" + base64.StdEncoding.EncodeToString(b) + "\n")
}

// An encrypted key needs its password, which is asked for once.
func TestEncryptedKey(t *testing.T) {
	k := newKey(t)
	text := encrypted(t, k, "secret") // Encode takes 1 GiB: see TestMinisignPassword
	asked := 0
	answer := func(password string) func() (string, error) {
		return func() (string, error) { asked++; return password, nil }
	}
	if got, err := ParseSecretKey(text, answer("secret")); err != nil || !got.Public().Equal(k.Public()) || asked != 1 {
		t.Error(err, asked)
	}
	if _, err := ParseSecretKey(text, answer("Secret")); !errors.Is(err, ErrPassword) {
		t.Error(err)
	}
	none := errors.New("nobody is there")
	if _, err := ParseSecretKey(text, func() (string, error) { return "", none }); !errors.Is(err, none) {
		t.Error(err)
	}
}

// VerifyFile reads the signature beside a file, of limited size, and names what is missing.
func TestVerifyFile(t *testing.T) {
	k, path := newKey(t), filepath.Join(t.TempDir(), "net.edgec")
	put := func(path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(want string) {
		t.Helper()
		if _, err := k.Public().VerifyFile(path); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%v, want %q", err, want)
		}
	}
	refused("the file is not signed")
	put(path+Suffix, signed(t, k, "hello", Statement{File: "net.edgec"}))
	refused("net.edgec: no such file")
	put(path, []byte("hello"))
	if s, err := k.Public().VerifyFile(path); err != nil || s.File != "net.edgec" {
		t.Error(s, err)
	}
	put(path, []byte("hell"))
	refused("net.edgec: the signature is for other content")
	put(path+Suffix, make([]byte, MaxSignature+1))
	refused("more than 4096 bytes")
}

// No signature is read for longer than it may be, or states what its key has not signed.
func FuzzReadStatement(f *testing.F) {
	k := newKey(f)
	signature := signed(f, k, "hello", Statement{File: "a", Version: 1})
	want, err := k.Public().ReadStatement(signature)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signature)
	f.Add([]byte("untrusted comment: \n\ntrusted comment: \n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := k.Public().ReadStatement(b); err == nil && s != want {
			t.Errorf("%+v", s)
		}
	})
}
