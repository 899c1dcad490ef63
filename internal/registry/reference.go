package registry

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"oras.land/oras-go/v2/registry"
)

// layoutPrefix begins the name of an artifact in an OCI layout.
const layoutPrefix = "oci:"

// Ref names an artifact in a registry or in an OCI layout.
type Ref struct {
	Folder     string // of an OCI layout; "": it is in a registry
	Host       string // of the registry, with its port if one was given
	Repository string // in the registry
	Tag        string // "": the digest says which
	Digest     string // "sha256:..."; "": the tag says which
}

// ParseRef reads HOST/NAME:TAG, HOST/NAME@sha256:DIGEST, oci:FOLDER:TAG or
// oci:FOLDER@sha256:DIGEST. There is no default for the tag or the host.
func ParseRef(text string) (Ref, error) {
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		return Ref{}, fmt.Errorf("%s: write it without %s://, as in %s", text, scheme, rest)
	}
	if folder, ok := strings.CutPrefix(text, layoutPrefix); ok {
		return parseLayout(text, folder)
	}
	r, err := registry.ParseReference(text)
	switch host, _, _ := strings.Cut(text, "/"); {
	case !strings.Contains(text, "/") || !strings.ContainsAny(host, ".:") && host != "localhost":
		return Ref{}, fmt.Errorf("%s: names no registry; give HOST/NAME:TAG, such as ghcr.io/me/digits:1, or oci:FOLDER:TAG", text)
	case err != nil && strings.Contains(err.Error(), "invalid repository"):
		return Ref{}, fmt.Errorf("%s: no registry takes such a name; use lower-case letters, digits and . _ - / between them", text)
	case err != nil:
		return Ref{}, fmt.Errorf("%s: is no name of an artifact; give HOST/NAME:TAG, such as ghcr.io/me/digits:1", text)
	case r.Reference == "":
		return Ref{}, fmt.Errorf("%s: has no tag; write one behind it, as in %s:1", text, text)
	}
	ref := Ref{Host: r.Registry, Repository: r.Repository}
	return ref, ref.which(text, r)
}

func parseLayout(text, folder string) (Ref, error) {
	var r registry.Reference
	if at := strings.LastIndexByte(folder, '@'); at >= 0 && strings.HasPrefix(folder[at:], "@sha256:") {
		r.Reference, folder = folder[at+1:], folder[:at]
	} else if at := strings.LastIndexByte(folder, ':'); at >= 0 && !strings.ContainsAny(folder[at:], `/\`) {
		r.Reference, folder = folder[at+1:], folder[:at]
	}
	switch {
	case folder == "":
		return Ref{}, fmt.Errorf("%s: names no folder; give oci:FOLDER:TAG", text)
	case r.Reference == "":
		return Ref{}, fmt.Errorf("%s: has no tag; write one behind it, as in %s%s:1", text, layoutPrefix, folder)
	}
	ref := Ref{Folder: folder}
	return ref, ref.which(text, r)
}

// which takes tag or digest from r.
func (r *Ref) which(text string, from registry.Reference) error {
	switch {
	case from.ValidateReferenceAsDigest() == nil && strings.HasPrefix(from.Reference, "sha256:"):
		r.Digest = from.Reference
	case from.ValidateReferenceAsTag() == nil:
		r.Tag = from.Reference
	default:
		return fmt.Errorf("%s: %q is no tag (letters, digits and . _ -, at most 128) and no sha256 digest", text, from.Reference)
	}
	return nil
}

// String returns the text that ParseRef reads.
func (r Ref) String() string {
	text := r.Host + "/" + r.Repository
	if r.Folder != "" {
		text = layoutPrefix + r.Folder
	}
	if r.Digest != "" {
		return text + "@" + r.Digest
	}
	return text + ":" + r.Tag
}

// which part of the place r names: a tag or a digest.
func (r Ref) version() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// At names the artifact with a digest in the same place.
func (r Ref) At(digest string) Ref {
	r.Tag, r.Digest = "", digest
	return r
}

// place says where r is, for errors.
func (r Ref) place() string {
	if r.Folder != "" {
		return r.Folder
	}
	return r.Host
}

// loopback reports whether the registry runs on this machine.
func (r Ref) loopback() bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// errNoTag refuses to write to a digest.
var errNoTag = errors.New("a digest cannot be written to; give a tag, as in NAME:1")
