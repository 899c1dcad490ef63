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

	// Verify checks a file and its signature; nil: signatures are not checked. A file without
	// one is refused. Documents without one are left out: they only inform.
	Verify func(f File, content io.Reader, signature []byte) error

	Begin func(File) // is told of each file that is about to be fetched; nil: nobody is
}

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
			if _, signed := a.SignatureOf(f.Name); !signed {
				if f.Kind != Document {
					return nil, explain(ctx, a.Ref, refusal{fmt.Errorf("%s: has no signature; sign it with edgec sign before edgec push, or pull without --pub", f.Name)})
				}
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
		if err := w.verify(ctx, i); err != nil {
			return err
		}
	}
	for i, s := range w.staged {
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

// verify checks the signature of a file, from the bytes that will have its name.
func (w *pull) verify(ctx context.Context, i int) error {
	p := w.files[i]
	if w.Verify == nil || p.Kind == Signature || p.Unsigned {
		return nil
	}
	of, _ := w.from.SignatureOf(p.Name)
	signature, err := w.client.Fetch(ctx, w.from, of, maxSignature)
	if err != nil {
		return err
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
	if err := w.PullOptions.Verify(p.File, r, signature); err != nil {
		return explain(ctx, w.from.Ref, refusal{fmt.Errorf("%s: %w", p.Name, err)})
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
