package sign

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"
)

// Suffix ends the name of a signature: that of net.edgec is net.edgec.minisig.
const Suffix = ".minisig"

// MaxSignature is the size of the largest signature that is read, in bytes. Those of edgec have
// about 600.
const MaxSignature = 4096

// Causes of a refusal, for errors.Is.
var (
	ErrForm     = errors.New("is not a signature in minisign's format; copy FILE.minisig again, or sign the file with edgec sign")
	ErrLegacy   = errors.New("is in minisign's legacy form, which edgec does not accept; sign the file again without -l")
	ErrOtherKey = errors.New("is by another key")
	ErrComment  = errors.New("has a comment that was changed after signing; get the signature again from its signer")
	ErrContent  = errors.New("is for other content: the file was changed or cut after signing; copy file and signature again")
)

// Sign signs what content holds, to its end. It computes size and SHA-256 of s. The time is s.Time;
// with the same one, the signature has the same bytes. Cost: one pass over the content.
func (k SecretKey) Sign(content io.Reader, s Statement) (signature []byte, signed Statement, err error) {
	if err := s.check(); err != nil {
		return nil, Statement{}, err
	}
	r, sum := minisign.NewReader(content), sha256.New()
	if s.Size, err = io.Copy(sum, r); err != nil {
		return nil, Statement{}, err
	}
	s.SHA256 = hex.EncodeToString(sum.Sum(nil))
	s.Comment = s.comment()
	return r.SignWithComments(k.key, s.Comment, "signature by edgec, key "+k.Public().ID()), s, nil
}

// Verify checks a signature of what content holds, to its end, and returns what it states, with
// the content's size and SHA-256 if it does not state them.
// The errors are those above, one for a signed comment with fields that cannot be read, and
// content's own. Cost: one pass over the content.
//
// A name, version or target is not compared with anything: only the caller knows what it wants.
func (k PublicKey) Verify(content io.Reader, signature []byte) (Statement, error) {
	s, err := k.ReadStatement(signature)
	if err != nil {
		return Statement{}, err
	}
	r, sum := minisign.NewReader(content), sha256.New()
	size, err := io.Copy(sum, r)
	if err != nil {
		return Statement{}, err
	}
	has := hex.EncodeToString(sum.Sum(nil))
	if !r.Verify(k.key, signature) || s.SHA256 != "" && (s.SHA256 != has || s.Size != size) {
		return Statement{}, fmt.Errorf("the signature %w", ErrContent)
	}
	s.SHA256, s.Size = has, size
	return s, nil
}

// ReadStatement returns what a signature states, after checking that the key has signed this
// comment for some content. It does not have the content: Verify it, or compare it with the
// SHA-256 and size of the statement, before it is used.
func (k PublicKey) ReadStatement(signature []byte) (Statement, error) {
	if len(signature) > MaxSignature {
		return Statement{}, fmt.Errorf("the signature %w: it has more than %d bytes", ErrForm, MaxSignature)
	}
	var m minisign.Signature
	if err := m.UnmarshalText(signature); err != nil || !plain(strings.ReplaceAll(m.TrustedComment, "\t", " ")) {
		return Statement{}, fmt.Errorf("the signature %w", ErrForm)
	}
	switch {
	case m.KeyID != k.key.ID():
		return Statement{}, fmt.Errorf("the signature %w, %s, and the public key is %s; give the public key of the signer", ErrOtherKey, keyID(m.KeyID), k.ID())
	case m.Algorithm != minisign.HashEdDSA:
		return Statement{}, fmt.Errorf("the signature %w", ErrLegacy)
	case !ed25519.Verify(k.raw(), append(m.Signature[:], m.TrustedComment...), m.CommentSignature[:]):
		return Statement{}, fmt.Errorf("the signature %w", ErrComment)
	}
	return parseStatement(m.TrustedComment)
}

// raw is the key of the curve.
func (k PublicKey) raw() ed25519.PublicKey {
	data, err := base64.StdEncoding.DecodeString(k.key.String())
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return data[len(data)-ed25519.PublicKeySize:]
}

// ReadSignature reads a signature file of at most MaxSignature bytes.
func ReadSignature(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSmall(f, fmt.Errorf("%w: it has more than %d bytes", ErrForm, MaxSignature))
}

// readSmall reads a key or signature; tooLong is the error if it is none by its size.
func readSmall(r io.Reader, tooLong error) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSignature+1))
	if err == nil && len(data) > MaxSignature {
		err = tooLong
	}
	return data, err
}

// VerifyFile is Verify for a file and the signature beside it, path + Suffix. Its errors name
// the file. Cost: one pass over the content, in constant memory.
func (k PublicKey) VerifyFile(path string) (Statement, error) {
	signature, err := ReadSignature(path + Suffix)
	if err != nil {
		return Statement{}, named(path+Suffix, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return Statement{}, named(path, err)
	}
	defer f.Close()
	s, err := k.Verify(f, signature)
	return s, named(path, err)
}

// VerifyBytes is Verify for content in memory.
func (k PublicKey) VerifyBytes(content, signature []byte) (Statement, error) {
	return k.Verify(bytes.NewReader(content), signature)
}

// named is err as one about a file.
func named(path string, err error) error {
	var p *os.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist) && filepath.Ext(path) == Suffix:
		return fmt.Errorf("%s: %w; the file is not signed: get its signature too, or make one with edgec sign", path, os.ErrNotExist)
	case errors.As(err, &p):
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
