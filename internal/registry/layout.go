package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"edgec/internal/disk"
)

// layout is an OCI image layout in a folder. The store of oras-go writes index.json in place
// and syncs nothing to the disk, which a USB stick that is pulled out does not forgive; here
// every file appears whole.
type layout struct{ folder string }

// lockName is the file that keeps two writers of a layout apart.
const lockName = ".edgec.lock"

// openLayout opens the layout in a folder. A writer locks it until done is called, and makes
// the folder.
func openLayout(folder string, write bool) (p place, done func(), err error) {
	l := layout{folder}
	mark := filepath.Join(folder, ocispec.ImageLayoutFile)
	if !write {
		_, err := readSmall(mark)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("%s: is no OCI layout (it has no file %s); make one with edgec push or edgec copy", folder, ocispec.ImageLayoutFile)
		}
		return l, func() {}, err
	}
	if err := l.prepare(mark); err != nil {
		return nil, nil, err
	}
	lock, err := disk.Acquire(filepath.Join(folder, lockName))
	if errors.Is(err, disk.ErrLocked) {
		return nil, nil, fmt.Errorf("%s: another edgec writes into it; try again when it is done", folder)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: cannot write into it: %w", folder, err)
	}
	if err := l.complete(mark); err != nil {
		lock.Remove()
		return nil, nil, err
	}
	disk.Sweep(folder)
	disk.Sweep(filepath.Join(folder, ocispec.ImageBlobsDir, "sha256"))
	return l, func() { lock.Remove() }, nil
}

// prepare makes the folder of a layout, unless it is there. One with other files is refused.
func (l layout) prepare(mark string) error {
	if _, err := readSmall(mark); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, err := os.ReadDir(l.folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Mkdir(l.folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { // another may just have made it
			return fmt.Errorf("%s: cannot make this folder: %w; make the folder above it first", l.folder, reason(err))
		}
	case err != nil:
		return fmt.Errorf("%s: %w; give the name of a folder", l.folder, reason(err))
	case slices.ContainsFunc(names, foreign):
		return fmt.Errorf("%s: has other files and is no OCI layout; give an empty folder, or a new name", l.folder)
	}
	return nil
}

// foreign reports whether an entry of a folder is none that the making of a layout leaves when it is
// cut off.
func foreign(e fs.DirEntry) bool {
	ours := []string{ocispec.ImageBlobsDir, ocispec.ImageIndexFile, ocispec.ImageLayoutFile, lockName}
	return !slices.Contains(ours, e.Name()) && !(strings.HasPrefix(e.Name(), ".edgec-") && strings.HasSuffix(e.Name(), ".tmp"))
}

// complete makes what a layout without its mark lacks. The mark comes last.
func (l layout) complete(mark string) error {
	if _, err := readSmall(mark); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Join(l.folder, ocispec.ImageBlobsDir, "sha256"), 0o755); err != nil {
		return err
	}
	if i, err := l.index(); err != nil || len(i.Manifests) == 0 {
		if err := l.writeIndex(ocispec.Index{}); err != nil {
			return err
		}
	}
	return disk.Write(mark, []byte(`{"imageLayoutVersion":"`+ocispec.ImageLayoutVersion+`"}`), 0o644)
}

// reason leaves out operation and path, which the message has already.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// openRegular opens a file that is one: a pipe in a layout of a stranger would never end.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: is no regular file", path)
	}
	f, err := os.Open(path)
	return f, info.Size(), err
}

// readSmall reads a file of at most mostManifest bytes.
func readSmall(path string) ([]byte, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostManifest+1))
	if err == nil && len(data) > mostManifest {
		err = refusal{fmt.Errorf("%s has more than %d bytes", path, mostManifest)}
	}
	return data, err
}

func (l layout) indexPath() string { return filepath.Join(l.folder, ocispec.ImageIndexFile) }

// index reads the list of manifests.
func (l layout) index() (i ocispec.Index, err error) {
	data, err := readSmall(l.indexPath())
	if errors.Is(err, fs.ErrNotExist) {
		return i, nil
	}
	if err != nil {
		return i, err
	}
	if err := json.Unmarshal(data, &i); err != nil {
		return i, refusal{fmt.Errorf("%s is damaged: it is no JSON; copy the folder again", l.indexPath())}
	}
	return i, nil
}

// writeIndex writes the list of manifests, with what other tools have said of it.
func (l layout) writeIndex(i ocispec.Index) error {
	i.Versioned, i.MediaType = specs.Versioned{SchemaVersion: 2}, ocispec.MediaTypeImageIndex
	if i.Manifests == nil {
		i.Manifests = []ocispec.Descriptor{} // null is no list
	}
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if len(data) > mostManifest {
		return refusal{fmt.Errorf("%s would have more than %d bytes; begin another layout", l.indexPath(), mostManifest)}
	}
	return disk.Write(l.indexPath(), data, 0o644)
}

func (l layout) blob(d digest.Digest) (string, error) {
	if err := checkDigest(d); err != nil {
		return "", refusal{err}
	}
	return filepath.Join(l.folder, ocispec.ImageBlobsDir, "sha256", d.Encoded()), nil
}

// Fetch opens content.
func (l layout) Fetch(_ context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	path, err := l.blob(d.Digest)
	if err != nil {
		return nil, err
	}
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	if size != d.Size {
		f.Close()
		return nil, fmt.Errorf("%w: %s has %d bytes instead of %d", errSize, path, size, d.Size)
	}
	return f, nil
}

// errSize means that content has another size than it should have.
var errSize = errors.New("wrong size")

// Exists reports whether content is there, whole. It says no of a manifest, so that copying
// looks at the files that it names: one may be damaged.
func (l layout) Exists(_ context.Context, d ocispec.Descriptor) (bool, error) {
	if isManifest(d.MediaType) {
		return false, nil
	}
	path, err := l.blob(d.Digest)
	if err != nil {
		return false, err
	}
	f, size, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if size != d.Size {
		return false, nil
	}
	v := content.NewVerifyReader(f, d) // a stick forgets what it said it had
	if _, err := io.Copy(io.Discard, v); err != nil {
		return false, err
	}
	return v.Verify() == nil, nil
}

// Push stores content, and lists it in the index if it is a manifest about another one.
func (l layout) Push(ctx context.Context, d ocispec.Descriptor, r io.Reader) error {
	path, err := l.blob(d.Digest)
	if err != nil {
		return err
	}
	s, err := disk.Stage(path)
	if err != nil {
		return err
	}
	defer s.Discard()
	var manifest bytes.Buffer
	isManifest := d.MediaType == ocispec.MediaTypeImageManifest && d.Size <= mostManifest
	w := io.Writer(s)
	if isManifest {
		w = io.MultiWriter(s, &manifest)
	}
	v := content.NewVerifyReader(r, d)
	if _, err := io.Copy(w, interruptible{ctx, v}); err != nil {
		return err
	}
	if err := v.Verify(); err != nil {
		return err
	}
	if err := s.Commit(0o644); err != nil || !isManifest {
		return err
	}
	var m ocispec.Manifest
	if json.Unmarshal(manifest.Bytes(), &m) == nil && m.Subject != nil {
		return l.list(d, "")
	}
	return nil
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.Reader.Read(p)
}

// list adds a manifest to the index. A tag is taken from the manifest that had it.
func (l layout) list(d ocispec.Descriptor, tag string) error {
	i, err := l.index()
	if err != nil {
		return err
	}
	entry := ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	if tag != "" {
		entry.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	}
	same := func(m ocispec.Descriptor) bool {
		name := m.Annotations[ocispec.AnnotationRefName]
		return tag != "" && name == tag || name == "" && m.Digest == d.Digest
	}
	i.Manifests = append(slices.DeleteFunc(i.Manifests, same), entry)
	return l.writeIndex(i)
}

// Tag names a manifest.
func (l layout) Tag(_ context.Context, d ocispec.Descriptor, tag string) error { return l.list(d, tag) }

// Resolve returns the manifest with a tag or digest.
func (l layout) Resolve(_ context.Context, version string) (ocispec.Descriptor, error) {
	i, err := l.index()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	for _, m := range slices.Backward(i.Manifests) { // the last wins, should there be two
		if m.Annotations[ocispec.AnnotationRefName] == version || string(m.Digest) == version {
			return m, nil
		}
	}
	return ocispec.Descriptor{}, errdef.ErrNotFound
}

// Referrers looks through the manifests of the index that have no tag.
func (l layout) Referrers(ctx context.Context, d ocispec.Descriptor, _ string, fn func([]ocispec.Descriptor) error) error {
	i, err := l.index()
	if err != nil {
		return err
	}
	var found []ocispec.Descriptor
	for _, m := range i.Manifests {
		if m.Annotations[ocispec.AnnotationRefName] != "" || checkManifest(m) != nil {
			continue
		}
		raw, err := content.FetchAll(ctx, l, m)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another tool has listed it without its content
		}
		if err != nil {
			return err
		}
		var about ocispec.Manifest
		if json.Unmarshal(raw, &about) == nil && about.Subject != nil && about.Subject.Digest == d.Digest {
			found = append(found, m)
		}
	}
	return fn(found)
}
