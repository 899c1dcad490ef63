package registry

import (
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// No manifest makes parse fail in another way than by an error, and what it accepts keeps every
// limit and stays in its folder on this system.
func FuzzManifest(f *testing.F) {
	t := &testing.T{}
	f.Add(manifest(t, func(*ocispec.Manifest) {}))
	f.Add(manifest(t, func(m *ocispec.Manifest) { m.Layers = append(m.Layers, layer("../x", "y", 1<<40)) }))
	f.Add([]byte(`{"artifactType":"` + artifactType + `","layers":[{"mediaType":"` + signatureType + `","digest":"sha256:` + strings.Repeat("0", 64) + `","annotations":{"` + filePath + `":"a.minisig"}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		const most = 1000
		a, err := parse(raw, most)
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
				t.Errorf("%q", err)
			}
			return
		}
		var total int64
		for _, file := range a.Files {
			total += file.Bytes
			if !filepath.IsLocal(file.Name) || filepath.Base(file.Name) != file.Name || file.Bytes < 0 || len(file.SHA256) != 64 || file.descriptor().MediaType == "" {
				t.Errorf("accepted %+v", file)
			}
			a.SignatureOf(file.Name)
		}
		if total > most || len(a.Files) > mostFiles {
			t.Errorf("%d bytes in %d files", total, len(a.Files))
		}
	})
}

// A reference that is read is written as one that reads the same.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"ghcr.io/me/x:1", "oci:a:b:1", "oci:a@sha256:" + strings.Repeat("a", 64), "[::1]:5000/x:1", "localhost/x@sha256:" + strings.Repeat("0", 64)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRef(s)
		if err != nil {
			return
		}
		again, err := ParseRef(r.String())
		if err != nil || again != r || (r.Tag == "") == (r.Digest == "") {
			t.Errorf("%q: %+v, then %+v, %v", s, r, again, err)
		}
	})
}
