package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/errdef"
)

// Content is a file to push. Its SHA256 and Bytes follow from Data.
type Content struct {
	File
	Data []byte
}

// Facts are what a manifest says of its files, beside their names.
type Facts struct {
	Name     string // of the model
	Version  int    // 0: none
	Licences []string
	Model    ModelFacts
}

// ModelFacts are the "config" of ModelPack. Empty ones are left out.
type ModelFacts struct {
	Architecture string `json:"architecture,omitempty"`
	Format       string `json:"format,omitempty"`
	ParamSize    string `json:"paramSize,omitempty"` // number of weights, such as 60.1K
	Precision    string `json:"precision,omitempty"`
	Quantization string `json:"quantization,omitempty"`
}

// configuration is the configuration of ModelPack.
type configuration struct {
	Descriptor struct {
		Name     string   `json:"name,omitempty"`
		Version  string   `json:"version,omitempty"`
		Licenses []string `json:"licenses,omitempty"`
	} `json:"descriptor"`
	Config  ModelFacts `json:"config"`
	ModelFS struct {
		Type    string          `json:"type"`
		DiffIDs []digest.Digest `json:"diffIds"`
	} `json:"modelfs"`
}

// created stands for the time of making, which the manifest must not depend on.
const created = "1970-01-01T00:00:00Z"

// Push stores files under a tag, which moves there if it exists. before is the digest that the
// tag had, "" if it is new. The order of files does not matter: equal files and facts give an
// equal digest. The tag moves last, so that a push that fails has changed nothing that others
// see. Cost: all files are in memory twice.
func (c *Client) Push(ctx context.Context, ref string, files []Content, facts Facts) (a *Artifact, before string, err error) {
	r, err := ParseRef(ref)
	if err != nil {
		return nil, "", err
	}
	if r.Tag == "" {
		return nil, "", fmt.Errorf("%v: %w", r, errNoTag)
	}
	packed, a, err := c.pack(ctx, files, facts)
	if err != nil {
		return nil, "", fmt.Errorf("%v: %w", r, err)
	}
	a.Ref = r
	p, done, err := c.open(r, true)
	if err != nil {
		return nil, "", err
	}
	defer done()
	before, err = put(ctx, packed, p, a.manifest, r.Tag, nil)
	if err != nil {
		return nil, "", explain(ctx, r, err)
	}
	return a, before, nil
}

// pack makes the artifact in memory.
func (c *Client) pack(ctx context.Context, files []Content, facts Facts) (*memory.Store, *Artifact, error) {
	store := memory.New()
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b Content) int {
		return cmp.Or(a.Kind.Compare(b.Kind), cmp.Compare(a.Name, b.Name))
	})
	var layers []ocispec.Descriptor
	for _, f := range files {
		d, err := pushBytes(ctx, store, f.descriptor().MediaType, f.Data)
		if err != nil {
			return nil, nil, err
		}
		d.Annotations = annotations(f.File)
		layers = append(layers, d)
	}
	config, err := pushConfig(ctx, store, facts, layers)
	if err != nil {
		return nil, nil, err
	}
	about := map[string]string{ocispec.AnnotationCreated: created}
	for key, value := range map[string]string{ocispec.AnnotationTitle: facts.Name, ocispec.AnnotationVersion: version(facts.Version), ocispec.AnnotationLicenses: joined(facts.Licences)} {
		if value != "" {
			about[key] = value
		}
	}
	d, err := oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, artifactType, oras.PackManifestOptions{Layers: layers, ConfigDescriptor: &config, ManifestAnnotations: about})
	if err != nil {
		return nil, nil, err
	}
	raw, err := content.FetchAll(ctx, store, d)
	if err != nil {
		return nil, nil, err
	}
	if err := checkManifest(d); err != nil {
		return nil, nil, err
	}
	a, err := parse(raw, c.options.MaxBytes) // what pull would refuse is not pushed
	if err != nil {
		return nil, nil, err
	}
	a.Digest, a.manifest = string(d.Digest), ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	return store, a, nil
}

// annotations are those of the layer of a file. Both names are there: ModelPack's for its
// tools, OCI's for oras.
func annotations(f File) map[string]string {
	a := map[string]string{filePath: f.Name, ocispec.AnnotationTitle: f.Name}
	for key, value := range map[string]string{systemKey: f.System, baseKey: f.Base} {
		if value != "" {
			a[key] = value
		}
	}
	return a
}

func version(v int) string {
	if v <= 0 {
		return ""
	}
	return strconv.Itoa(v)
}

// joined is a list of licences as an expression of SPDX.
func joined(licences []string) (text string) {
	for i, l := range licences {
		if i > 0 {
			text += " AND "
		}
		text += l
	}
	return text
}

func pushConfig(ctx context.Context, store *memory.Store, facts Facts, layers []ocispec.Descriptor) (ocispec.Descriptor, error) {
	var c configuration
	c.Descriptor.Name, c.Descriptor.Version, c.Descriptor.Licenses = facts.Name, version(facts.Version), facts.Licences
	c.Config = facts.Model
	c.ModelFS.Type = "layers"
	for _, l := range layers {
		c.ModelFS.DiffIDs = append(c.ModelFS.DiffIDs, l.Digest)
	}
	data, err := json.Marshal(c)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return pushBytes(ctx, store, configType, data)
}

// pushBytes stores data, which may be there already.
func pushBytes(ctx context.Context, store *memory.Store, mediaType string, data []byte) (ocispec.Descriptor, error) {
	d := content.NewDescriptorFromBytes(mediaType, data)
	if err := store.Push(ctx, d, bytes.NewReader(data)); err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
		return d, err
	}
	return d, nil
}

// put copies a manifest and what it names, then calls also (which may be nil), and moves the tag
// last of all.
func put(ctx context.Context, from content.ReadOnlyStorage, to place, manifest ocispec.Descriptor, tag string, also func() error) (before string, err error) {
	switch d, err := to.Resolve(ctx, tag); {
	case err == nil:
		before = string(d.Digest)
	case !errors.Is(err, errdef.ErrNotFound):
		return "", err
	}
	if err := copyGraph(ctx, from, to, manifest); err != nil {
		return "", err
	}
	if also != nil {
		if err := also(); err != nil {
			return "", err
		}
	}
	if before == string(manifest.Digest) {
		return before, nil
	}
	return before, to.Tag(ctx, manifest, tag)
}

// copyGraph copies a manifest and what it names.
func copyGraph(ctx context.Context, from content.ReadOnlyStorage, to place, manifest ocispec.Descriptor) error {
	return oras.CopyGraph(ctx, from, to, manifest, oras.CopyGraphOptions{MaxMetadataBytes: 8 * mostManifest, FindSuccessors: parts})
}
