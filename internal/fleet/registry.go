package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"edgec/internal/registry"
)

// registryChannel is a channel in a registry, or in an OCI layout: an artifact whose tag moves
// with each publication. It has the file desired, and the others under their checksums. It takes
// no reports: devices need no right to write there.
type registryChannel struct {
	client *registry.Client
	ref    string
	folder string             // of a layout
	put    []registry.Content // by Put, for the next Publish
}

// NewRegistry returns the channel of a tag in a registry, HOST/NAME:TAG or oci:FOLDER:TAG.
func NewRegistry(client *registry.Client, ref string) (Channel, error) {
	r, err := registry.ParseRef(ref)
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	if r.Tag == "" {
		return nil, fmt.Errorf("fleet: %s: give a tag and no digest, since a tag can move to the next program", ref)
	}
	return &registryChannel{client: client, ref: ref, folder: r.Folder}, nil
}

func (c *registryChannel) String() string { return c.ref }
func (c *registryChannel) Close() error   { return nil }

// absent lets an error of the registry be fs.ErrNotExist where that is the cause.
func absent(err error) error {
	if errors.Is(err, registry.ErrNotFound) {
		return fmt.Errorf("%w (%w)", err, fs.ErrNotExist)
	}
	return err
}

// made returns an error if the layout is not there yet, which the first publication makes.
func (c *registryChannel) made() error {
	if c.folder == "" {
		return nil
	}
	_, err := os.Stat(filepath.Join(c.folder, "oci-layout"))
	return err
}

// Document is of Channel.
func (c *registryChannel) Document(ctx context.Context) ([]byte, error) {
	if err := c.made(); err != nil {
		return nil, err
	}
	a, err := c.client.Resolve(ctx, c.ref)
	if err != nil {
		return nil, absent(err)
	}
	f, ok := a.Find(documentName)
	if !ok {
		return nil, foreignf("%s: has no document of a fleet; publish with edgec fleet roll", c.ref)
	}
	data, err := c.client.Fetch(ctx, a, f, MostDocument)
	return data, absent(err)
}

// File is of Channel.
func (c *registryChannel) File(ctx context.Context, sum string, bytes int64) ([]byte, error) {
	if err := c.made(); err != nil {
		return nil, err
	}
	return RegistryFiles{c.client}.Blob(ctx, c.ref, sum, bytes)
}

// Wait is of Channel.
func (c *registryChannel) Wait(ctx context.Context, longest time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(longest):
		return nil
	}
}

// Prepare is of Channel.
func (c *registryChannel) Prepare(context.Context) error { return nil }

// Report is of Channel.
func (c *registryChannel) Report(context.Context, string, []byte) error { return ErrNoReports }

// Reports is of Channel.
func (c *registryChannel) Reports(context.Context) ([]Received, int, error) {
	return nil, 0, ErrNoReports
}

// Prune is of Channel. The tag has the files of its document only; what no tag names any more, the
// registry removes by its own rules.
func (c *registryChannel) Prune(context.Context, map[string]bool) error { return nil }

// Put is of Channel. The file is sent with the next document.
func (c *registryChannel) Put(_ context.Context, sum string, data []byte) error {
	if slices.ContainsFunc(c.put, func(has registry.Content) bool { return has.Name == sum }) {
		return nil
	}
	c.put = append(c.put, registry.Content{File: registry.File{Name: sum, Kind: registry.Program}, Data: data})
	return nil
}

// Publish is of Channel. What was put before goes with it, or else what the tag has now.
func (c *registryChannel) Publish(ctx context.Context, document []byte) error {
	if len(c.put) == 0 {
		if err := c.keep(ctx); err != nil {
			return err
		}
	}
	files := append([]registry.Content{{File: registry.File{Name: documentName, Kind: registry.Document}, Data: document}}, c.put...)
	_, _, err := c.client.Push(ctx, c.ref, files, registry.Facts{})
	return err
}

// keep fetches the files that the tag has now.
func (c *registryChannel) keep(ctx context.Context) error {
	if errors.Is(c.made(), fs.ErrNotExist) {
		return nil
	}
	a, err := c.client.Resolve(ctx, c.ref)
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range a.Files {
		if f.Kind == registry.Document {
			continue
		}
		data, err := c.client.Fetch(ctx, a, f, MostFile)
		if err != nil {
			return err
		}
		c.put = append(c.put, registry.Content{File: f, Data: data})
	}
	return nil
}

// RegistryFiles fetches files of artifacts in registries.
type RegistryFiles struct{ Client *registry.Client }

// Blob returns the file of an artifact with this SHA-256, which has so many bytes.
func (r RegistryFiles) Blob(ctx context.Context, reference, sum string, bytes int64) ([]byte, error) {
	a, err := r.Client.Resolve(ctx, reference)
	if err != nil {
		return nil, absent(err)
	}
	for _, f := range a.Files {
		if f.SHA256 == sum {
			data, err := r.Client.Fetch(ctx, a, f, bytes)
			return data, absent(err)
		}
	}
	return nil, fmt.Errorf("%s: has no file with the checksum %.12s (%w)", reference, sum, fs.ErrNotExist)
}

// Send stores programs in a registry and makes artifacts refer to them there, by the digest of
// the manifest, which cannot move.
func (r RegistryFiles) Send(ctx context.Context, ref string, artifacts []Artifact) error {
	var files []registry.Content
	for _, a := range artifacts {
		files = append(files, registry.Content{File: registry.File{Name: a.File, Kind: registry.Program, System: a.System.String()}, Data: a.Data})
	}
	pushed, _, err := r.Client.Push(ctx, ref, files, registry.Facts{})
	if err != nil {
		return err
	}
	where := pushed.Ref
	where.Tag, where.Digest = "", pushed.Digest
	for i := range artifacts {
		artifacts[i].Reference = where.String()
	}
	return nil
}
