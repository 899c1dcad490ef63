package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
)

// mostReferrers bounds the manifests about an artifact that are copied with it.
const mostReferrers = 64

// Copied is what Copy has done.
type Copied struct {
	Artifact  *Artifact
	Before    string // digest that the tag had; "": it is new
	Referrers int    // manifests about it that were copied as well
	Skipped   int    // manifests about it of kinds that edgec does not read
}

// Copy copies an artifact to another name, in the same or another place, with the same digest.
// Signatures are files of the artifact. Manifests of others about it (signatures of cosign,
// lists of parts) are copied too.
func (c *Client) Copy(ctx context.Context, from, to string) (*Copied, error) {
	source, err := ParseRef(from)
	if err != nil {
		return nil, err
	}
	target, err := ParseRef(to)
	if err != nil {
		return nil, err
	}
	if target.Tag == "" {
		return nil, fmt.Errorf("%v: %w", target, errNoTag)
	}
	src, done, err := c.open(source, false)
	if err != nil {
		return nil, err
	}
	defer done()
	a, err := c.resolve(ctx, src, source)
	if err != nil {
		return nil, explain(ctx, source, err)
	}
	dst, done, err := c.open(target, true)
	if err != nil {
		return nil, err
	}
	defer done()
	r := &Copied{Artifact: a}
	r.Before, err = put(ctx, src, dst, a.manifest, target.Tag, func() error { return r.copyReferrers(ctx, src, dst) })
	if err != nil {
		return nil, explain(ctx, whose(err, source, target), err)
	}
	return r, nil
}

// whose returns the reference that an error of copying is about.
func whose(err error, source, target Ref) Ref {
	var e *oras.CopyError
	if errors.As(err, &e) && e.Origin == oras.CopyErrorOriginSource {
		return source
	}
	return target
}

// copyReferrers copies what others have said about the artifact.
func (r *Copied) copyReferrers(ctx context.Context, src, dst place) error {
	var found []ocispec.Descriptor
	err := src.Referrers(ctx, r.Artifact.manifest, "", func(page []ocispec.Descriptor) error {
		found = append(found, page...)
		if len(found) > mostReferrers {
			return refusal{fmt.Errorf("has more than %d manifests about it; copy it with oras", mostReferrers)}
		}
		return nil
	})
	if err != nil {
		return &oras.CopyError{Op: "Referrers", Origin: oras.CopyErrorOriginSource, Err: err}
	}
	for _, d := range found {
		d = ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
		if checkManifest(d) != nil {
			r.Skipped++
			continue
		}
		if err := copyGraph(ctx, src, dst, d); err != nil {
			return err
		}
		r.Referrers++
	}
	return nil
}

// parts lists what a manifest names, within our limits. Other manifests are left out: the one
// that it is about is there already, and a stranger's chain of them would have no end.
func parts(ctx context.Context, from content.Fetcher, d ocispec.Descriptor) (named []ocispec.Descriptor, err error) {
	all, err := content.Successors(ctx, from, d)
	if err != nil {
		return nil, err
	}
	var total int64
	for _, s := range all {
		if s.Size < 0 || s.Size > MaxFile || len(all) > mostFiles {
			return nil, refusal{fmt.Errorf("a manifest names %d parts, one of %d bytes", len(all), s.Size)}
		}
		if total += s.Size; total > DefaultTotal {
			return nil, refusal{fmt.Errorf("a manifest about it names more than %d bytes", DefaultTotal)}
		}
		if !isManifest(s.MediaType) {
			named = append(named, s)
		}
	}
	return named, nil
}

func isManifest(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageManifest || slices.Contains(imageTypes[2:], mediaType)
}
