// Package delta makes updates small: what a receiver needs beside the file that it has, the base,
// to make the new one. The coding is that of package runtime/format (DELTA.md), which device
// programs read too. This package adds the SHA-256 of both files, which a receiver checks: no
// delta, however it was made, yields any other file than the one whose hash it states.
//
// The delta of two programs of edgec build that differ in their model has 1 to 4 % of their size;
// docs/REFERENCE.md has figures.
package delta

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"edgec/runtime/format"
)

// Suffix ends the names of files with deltas.
const Suffix = ".edd"

// MaxFile bounds the files that deltas are made of and make, in bytes.
const MaxFile = format.MaxDeltaFile

// Head is what a delta says of the two files. Nothing of it is proved before Apply has returned.
type Head struct {
	Base, New           string // SHA-256, in hexadecimal
	BaseBytes, NewBytes int64
}

// Causes of a refusal, for errors.Is.
var (
	ErrBase   = errors.New("the delta was made against another base")
	ErrResult = errors.New("the delta makes another file than it states; copy the whole file")
	ErrLarge  = errors.New("the delta is for a file that is larger than accepted")
)

// Make returns the delta from base to file, of at most MaxFile bytes each. It may be larger than
// the file, if the two have little in common. Cost: 0.1 s for programs of 2 MB; five bytes of
// memory for each byte of the base.
func Make(base, file []byte) ([]byte, error) {
	return format.DiffBytes(base, file, sha256.Sum256(base), sha256.Sum256(file))
}

// Is reports whether data begins like a delta.
func Is(data []byte) bool { return format.IsByteDelta(data) }

// Read returns the head of a delta, which may come from anywhere.
func Read(delta []byte) (Head, error) {
	d, err := format.ReadByteDelta(delta)
	if err != nil {
		return Head{}, err
	}
	return Head{hex.EncodeToString(d.BaseHash[:]), hex.EncodeToString(d.NewHash[:]), int64(d.Base), int64(d.New)}, nil
}

// Apply makes the new file out of base and a delta, which may come from anywhere. It checks the
// base before, allocates at most limit bytes for the result, and checks the result. So the result
// has the SHA-256 that Read returns; whether this is the wanted file, the caller knows.
func Apply(base, delta []byte, limit int64) ([]byte, error) {
	h, err := Read(delta)
	if err != nil {
		return nil, err
	}
	if has := sum(base); has != h.Base {
		return nil, fmt.Errorf("%w, of %d bytes and SHA-256 %s, and this one has %s; find that file, or copy the whole new one", ErrBase, h.BaseBytes, h.Base, has)
	}
	if h.NewBytes > limit {
		return nil, fmt.Errorf("%w: of %d bytes, at most %d; copy the whole file", ErrLarge, h.NewBytes, limit)
	}
	file, err := format.PatchBytes(base, delta, int(min(limit, MaxFile)))
	if err != nil {
		return nil, err
	}
	if sum(file) != h.New {
		return nil, ErrResult
	}
	return file, nil
}

// sum is the SHA-256 of data in hexadecimal.
func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
