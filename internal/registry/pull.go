package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"edgec/internal/disk"
)

// PullOptions are how Pull writes files.
type PullOptions struct {
	Folder  string          // which must be there; "": the current one
	Keep    func(File) bool // which files are wanted; nil: all. The signatures of wanted files come too
	Replace bool            // replace other files of the same names, which are an error otherwise

	// Verify checks signatures; nil: they are not checked. A file without one is refused.
	// Documents without one are left out: they only inform.
	Verify Verifier

	Begin func(File) // is told of each file that is about to be fetched; nil: nobody is
}

// Verifier checks the signature of a file. It reads the content to its end.
type Verifier func(f File, content io.Reader, signature []byte) error

// Pulled is a file that Pull has dealt with.
type Pulled struct {
	File
	Path      string `json:"path,omitempty"`
	Unchanged bool   `json:"unchanged"` // it was there already
	Unsigned  bool   `json:"unsigned"`  // it was left out, since it has no signature
}

// maxSignature is the size of the largest signature that is read.
const maxSignature = 4096

// Pull writes the files of an artifact. Every file appears whole, after all of them have
// arrived and passed every check; a pull that fails leaves what was there. Programs can be
// executed.
func (c *Client) Pull(ctx context.Context, a *Artifact, o PullOptions) ([]Pulled, error) {
	w := &pull{client: c, from: a, PullOptions: o}
	defer w.discard()
	for _, f := range a.Files {
		p := Pulled{File: f, Path: filepath.Join(o.Folder, f.Name)}
		if !w.wanted(f) {
			continue
		}
		if o.Verify != nil && f.Kind != Signature {
			if _, signed := a.SignatureOf(f.Name); !signed && f.Kind != Document {
				return nil, explain(ctx, a.Ref, unsigned(f))
			} else if !signed {
				p.Path, p.Unsigned = "", true
			}
		}
		if !p.Unsigned {
			var err error
			if p.Unchanged, err = w.unchanged(p); err != nil {
				return nil, err
			}
		}
		w.files = append(w.files, p)
	}
	return w.files, w.write(ctx)
}

// pull is a Pull under way.
type pull struct {
	PullOptions
	client *Client
	from   *Artifact
	files  []Pulled
	staged []*disk.Staged // by the index of files; nil: nothing to write
}

// wanted reports whether a file is to be written.
func (w *pull) wanted(f File) bool {
	if w.Keep == nil || w.Keep(f) {
		return true
	}
	if f.Kind != Signature {
		return false
	}
	of, ok := w.from.Find(f.Name[:len(f.Name)-len(SignatureSuffix)])
	return ok && w.Keep(of)
}

// unchanged reports whether the file is there already. Another file in its place is an error.
func (w *pull) unchanged(p Pulled) (bool, error) {
	info, err := os.Lstat(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, fmt.Errorf("%s: is a folder; move it away, or pull into another folder with -o", p.Path)
	case info.Mode().IsRegular() && info.Size() == p.Bytes && hashOf(p.Path) == p.SHA256:
		return true, nil
	case !w.Replace:
		return false, fmt.Errorf("%s: another file of this name is there; give --force to replace it, or another folder with -o", p.Path)
	}
	return false, nil
}

// hashOf returns the SHA-256 of a file, "" if it cannot be read.
func hashOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// write fetches what is missing, checks all, and gives the files their names.
func (w *pull) write(ctx context.Context) error {
	w.staged = make([]*disk.Staged, len(w.files))
	for i, p := range w.files {
		if !p.Unchanged && !p.Unsigned {
			if err := w.stage(ctx, i); err != nil {
				return err
			}
		}
		if err := w.check(ctx, i); err != nil {
			return err
		}
	}
	return w.commit()
}

// commit gives the files their names, after all of them are on the disk.
func (w *pull) commit() error {
	for _, s := range w.staged {
		if s == nil {
			continue
		}
		if err := s.Sync(); err != nil {
			return err
		}
	}
	for i, s := range w.staged {
		if w.files[i].Unchanged && w.files[i].Kind == Program {
			if err := executable(w.files[i]); err != nil {
				return err
			}
		}
		if s == nil {
			continue
		}
		mode := fs.FileMode(0o644)
		if w.files[i].Kind == Program {
			mode = 0o755
		}
		if err := s.Commit(mode); err != nil {
			return err
		}
	}
	return nil
}

// executable lets the user execute a program that was there already.
func executable(p Pulled) error {
	info, err := os.Stat(p.Path)
	if err != nil || info.Mode().Perm()&0o100 != 0 {
		return err
	}
	return os.Chmod(p.Path, 0o755)
}

// stage fetches a file.
func (w *pull) stage(ctx context.Context, i int) (err error) {
	p := w.files[i]
	if w.Begin != nil {
		w.Begin(p.File)
	}
	if w.staged[i], err = disk.Stage(p.Path); err != nil {
		return err
	}
	r, err := w.client.Open(ctx, w.from, p.File)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w.staged[i], interruptible{ctx, r})
	return err
}

// check verifies the signature of a file, from the bytes that will have its name.
func (w *pull) check(ctx context.Context, i int) error {
	p := w.files[i]
	if w.Verify == nil || p.Kind == Signature || p.Unsigned {
		return nil
	}
	var r io.Reader
	if s := w.staged[i]; s != nil {
		r = io.NewSectionReader(s, 0, p.Bytes)
	} else {
		f, err := os.Open(p.Path)
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	return w.client.verify(ctx, w.from, p.File, r, w.Verify)
}

// verify checks content with the signature of a file.
func (c *Client) verify(ctx context.Context, a *Artifact, f File, content io.Reader, verify Verifier) error {
	of, signed := a.SignatureOf(f.Name)
	if !signed {
		return explain(ctx, a.Ref, unsigned(f))
	}
	signature, err := c.Fetch(ctx, a, of, maxSignature)
	if err != nil {
		return err
	}
	if err := verify(f, content, signature); err != nil {
		return explain(ctx, a.Ref, refusal{fmt.Errorf("%s: %w", f.Name, err)})
	}
	return nil
}

func unsigned(f File) error {
	return refusal{fmt.Errorf("%s: has no signature; sign it with edgec sign before edgec push, or leave --pub out", f.Name)}
}

// Verify checks the signature of each file of an artifact, which it fetches and does not keep.
// Documents need no signature.
func (c *Client) Verify(ctx context.Context, a *Artifact, verify Verifier) error {
	for _, f := range a.Files {
		if _, signed := a.SignatureOf(f.Name); f.Kind == Signature || f.Kind == Document && !signed {
			continue
		}
		r, err := c.Open(ctx, a, f)
		if err != nil {
			return err
		}
		err = c.verify(ctx, a, f, r, verify)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *pull) discard() {
	for _, s := range w.staged {
		if s != nil {
			s.Discard()
		}
	}
}
