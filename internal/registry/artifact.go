package registry

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The constants of CNCF ModelPack (github.com/modelpack/model-spec), as far as edgec writes
// or reads them. Layers are files as they are ("raw"), never archives.
const (
	artifactType   = "application/vnd.cncf.model.manifest.v1+json"
	configType     = "application/vnd.cncf.model.config.v1+json"
	weightType     = "application/vnd.cncf.model.weight.v1.raw"
	codeType       = "application/vnd.cncf.model.code.v1.raw"
	documentType   = "application/vnd.cncf.model.doc.v1.raw"
	modelPackLayer = "application/vnd.cncf.model." // how the types of all its layers begin

	filePath = "org.cncf.model.filepath" // annotation of a layer: the name of its file
)

// What ModelPack has no word for.
const (
	signatureType = "application/vnd.edgec.signature.v1+minisign"
	deltaType     = "application/vnd.edgec.delta.v1"

	systemKey = "edgec.system" // annotations: File.System and File.Base
	baseKey   = "edgec.base"
)

// Kind says what a file is.
type Kind string

// The kinds of files.
const (
	Model     Kind = "model"     // an .edgec file
	Program   Kind = "program"   // what edgec build made
	Delta     Kind = "delta"     // what makes a new file from an old one
	Document  Kind = "document"  // such as a model card
	Signature Kind = "signature" // of the file with its name before .minisig
)

// mediaTypes are the types of layers, by kind, in the order of the layers in a manifest.
var mediaTypes = []struct {
	kind Kind
	name string
}{{Model, weightType}, {Program, codeType}, {Delta, deltaType}, {Document, documentType}, {Signature, signatureType}}

// Compare orders kinds as the layers of a manifest are.
func (k Kind) Compare(o Kind) int { return cmp.Compare(k.place(), o.place()) }

func (k Kind) place() int {
	for i, m := range mediaTypes {
		if m.kind == k {
			return i
		}
	}
	return len(mediaTypes)
}

// SignatureSuffix ends the names of signatures.
const SignatureSuffix = ".minisig"

// Limits of an artifact. They are checked before anything is allocated or fetched.
const (
	mostManifest = 1 << 20 // bytes of a manifest, or of the index of a layout
	mostFiles    = 256
	MaxFile      = 1 << 30 // bytes of one file
	DefaultTotal = 1 << 30 // bytes of all files, unless Options say otherwise
	mostName     = 200     // bytes of a name
)

// File is one file of an artifact.
type File struct {
	Name   string `json:"name"` // without folder; see checkName
	Kind   Kind   `json:"kind"`
	SHA256 string `json:"sha256"` // of the content, 64 hexadecimal digits
	Bytes  int64  `json:"bytes"`
	System string `json:"system,omitempty"`      // of a program: GOOS/GOARCH as in linux/arm64, with GOARM as in "linux/arm v6"; "": not stated
	Base   string `json:"base_sha256,omitempty"` // of a delta: SHA-256 of the file that it is applied to; "": not stated. Only the delta proves it
}

// descriptor names the content of f.
func (f File) descriptor() ocispec.Descriptor {
	d := ocispec.Descriptor{Digest: digest.NewDigestFromEncoded(digest.SHA256, f.SHA256), Size: f.Bytes}
	for _, m := range mediaTypes {
		if m.kind == f.Kind {
			d.MediaType = m.name
		}
	}
	return d
}

// Artifact is a set of files under one name.
type Artifact struct {
	Ref     Ref    // as it was asked for
	Digest  string // of the manifest, "sha256:...". It names these files, also after the tag has moved
	Name    string // of the model; "": not stated
	Version int    // that the pusher has stated, 0: none. Only a signature proves one
	Files   []File

	manifest ocispec.Descriptor
}

// Find returns the file with a name.
func (a *Artifact) Find(name string) (File, bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}

// SignatureOf returns the signature of the file with a name.
func (a *Artifact) SignatureOf(name string) (File, bool) {
	f, ok := a.Find(name + SignatureSuffix)
	return f, ok && f.Kind == Signature
}

// imageTypes are the types of manifests and configurations that containers have.
var imageTypes = []string{ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json", ocispec.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json"}

// checkManifest refuses a manifest that cannot be one of ours by its descriptor alone.
func checkManifest(d ocispec.Descriptor) error {
	for _, t := range imageTypes {
		if d.MediaType == t {
			return errImage
		}
	}
	switch {
	case d.MediaType != ocispec.MediaTypeImageManifest:
		return fmt.Errorf("is no OCI manifest, but %s; give an artifact that edgec push made", shortened(d.MediaType))
	case d.Size <= 0 || d.Size > mostManifest:
		return fmt.Errorf("has a manifest of %d bytes, and at most %d are read", d.Size, mostManifest)
	}
	return checkDigest(d.Digest)
}

var errImage = errors.New("is an image of containers, not a model; run it with docker or podman, or give an artifact that edgec push made")

func checkDigest(d digest.Digest) error {
	if d.Validate() != nil || d.Algorithm() != digest.SHA256 {
		return fmt.Errorf("has the digest %s, and edgec reads sha256 digests only", shortened(string(d)))
	}
	return nil
}

// parse reads a manifest, and checks it; most is the sum of bytes that files may have.
func parse(raw []byte, most int64) (*Artifact, error) {
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, errors.New("has a manifest that is no JSON; the registry is damaged, or is none")
	}
	if err := checkType(m); err != nil {
		return nil, err
	}
	if n := len(m.Layers); n == 0 || n > mostFiles {
		return nil, fmt.Errorf("has %d files; an artifact has 1 to %d", n, mostFiles)
	}
	if m.Config.Size < 0 || m.Config.Size > mostManifest {
		return nil, fmt.Errorf("has a configuration of %d bytes, and at most %d are read", m.Config.Size, mostManifest)
	}
	a := &Artifact{Name: shortened(m.Annotations[ocispec.AnnotationTitle])}
	a.Version, _ = strconv.Atoi(m.Annotations[ocispec.AnnotationVersion])
	a.Version = max(a.Version, 0)
	var total int64
	seen := map[string]bool{}
	for _, d := range m.Layers {
		f, err := fileOf(d)
		if err != nil {
			return nil, err
		}
		if folded := strings.ToLower(f.Name); seen[folded] { // some file systems take them for one
			return nil, fmt.Errorf("has two files with the name %s", f.Name)
		} else {
			seen[folded] = true
		}
		if total += f.Bytes; total > most {
			return nil, fmt.Errorf("has more than %d bytes in its files; give --max-size with more if you trust its source", most)
		}
		a.Files = append(a.Files, f)
	}
	return a, nil
}

// checkType refuses other artifacts than models.
func checkType(m ocispec.Manifest) error {
	t := m.ArtifactType
	if t == "" {
		t = m.Config.MediaType
	}
	for _, image := range imageTypes {
		if t == image {
			return errImage
		}
	}
	if t != artifactType && t != configType {
		return fmt.Errorf("is an artifact of another kind (%s); give one that edgec push made", shortened(t))
	}
	return nil
}

// fileOf reads and checks the layer of a file.
func fileOf(d ocispec.Descriptor) (File, error) {
	name := d.Annotations[filePath]
	if name == "" {
		name = d.Annotations[ocispec.AnnotationTitle]
	}
	if err := CheckName(name); err != nil {
		return File{}, err
	}
	if err := checkDigest(d.Digest); err != nil {
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	if d.Size < 0 || d.Size > MaxFile {
		return File{}, fmt.Errorf("%s: has %d bytes; a file has at most %d", name, d.Size, MaxFile)
	}
	f := File{Name: name, SHA256: d.Digest.Encoded(), Bytes: d.Size}
	for _, m := range mediaTypes {
		if m.name == d.MediaType {
			f.Kind = m.kind
		}
	}
	switch {
	case f.Kind == "" && strings.HasPrefix(d.MediaType, modelPackLayer):
		return File{}, fmt.Errorf("%s: is stored as %s; edgec reads files that are stored as they are (raw): get this one with the tool that pushed it", name, shortened(d.MediaType))
	case f.Kind == "":
		return File{}, fmt.Errorf("%s: is of an unknown kind (%s); a newer edgec may know it", name, shortened(d.MediaType))
	case f.Kind == Signature != strings.HasSuffix(name, SignatureSuffix):
		return File{}, fmt.Errorf("%s: its name and its kind (%s) do not fit", name, f.Kind)
	case f.Kind == Program:
		f.System = shortened(d.Annotations[systemKey])
	case f.Kind == Delta && digest.NewDigestFromEncoded(digest.SHA256, d.Annotations[baseKey]).Validate() == nil:
		f.Base = d.Annotations[baseKey]
	}
	return f, nil
}

// shortened bounds a text of a stranger in our messages.
func shortened(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// CheckName refuses names of files that could lead out of a folder, hide there, be taken for a
// flag, or mean a device: a file of an artifact has the name of a plain file on every system.
func CheckName(name string) error {
	bad := func(why string) error {
		return fmt.Errorf("%q is no name for a file: %s", shortened(name), why)
	}
	switch {
	case name == "":
		return errors.New("has a file without a name")
	case len(name) > mostName:
		return bad(fmt.Sprintf("it has more than %d bytes", mostName))
	case strings.ContainsAny(name, `/\:`):
		return bad("it has a separator of folders")
	case strings.HasPrefix(name, "."), strings.HasPrefix(name, "-"):
		return bad("it begins with " + name[:1])
	case strings.HasSuffix(name, "."), strings.HasSuffix(name, " "), strings.HasPrefix(name, " "):
		return bad("it begins or ends with a blank or a dot")
	case strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) || strings.ContainsRune(`<>"|?*`, r) }):
		return bad("it has characters that some systems refuse")
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	stem = strings.TrimRight(stem, " ")
	if device := strings.TrimRight(stem, "0123456789¹²³"); stem == "CON" || stem == "PRN" || stem == "AUX" || stem == "NUL" || stem == "CONIN$" || stem == "CONOUT$" ||
		device != stem && (device == "COM" || device == "LPT") {
		return bad("Windows takes it for a device")
	}
	return nil
}
