package registry

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	filestore "oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"

	"edgec/internal/deep"
)

// servers are real registries: one without the API for referrers, and one with it.
var servers = map[string]func() http.Handler{
	"ggcr":    func() http.Handler { return ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))) },
	"cuelabs": func() http.Handler { return ociserver.New(ocimem.New(), nil) },
}

// serve starts a registry on the loopback interface and returns its host. Nothing of the
// machine's own docker configuration is read.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// places returns names of artifacts, without tag, in each kind of place.
func places(t *testing.T) map[string]string {
	all := map[string]string{"layout": "oci:" + filepath.Join(t.TempDir(), "stick")}
	for name, h := range servers {
		all[name] = serve(t, h()) + "/me/digits"
	}
	return all
}

func file(name string, kind Kind, data string) Content {
	c := Content{File: File{Name: name, Kind: kind}, Data: []byte(data)}
	if kind == Program {
		c.System = "linux/arm v6"
	}
	if kind == Delta {
		c.Base = strings.Repeat("0a", 32)
	}
	return c
}

// digits are the files of an artifact; two have equal content.
func digits(version string) []Content {
	return []Content{
		file("digits.edgec", Model, "a model of version "+version),
		file("digits-rpi-zero", Program, "a program of version "+version),
		file("digits.edgec.minisig", Signature, "signed"),
		file("digits-rpi-zero.minisig", Signature, "signed"),
		file("README.md", Document, "# Digits"),
	}
}

var facts = Facts{Name: "digits", Version: 7, Licences: []string{"MIT"}, Model: ModelFacts{Format: "edgec", ParamSize: "60.1K"}}

func push(t *testing.T, ref string, files []Content) *Artifact {
	t.Helper()
	a, _, err := New(Options{}).Push(t.Context(), ref, files, facts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What was pushed is pulled, the same everywhere and to the byte.
func TestPushPull(t *testing.T) {
	digests := map[string]bool{}
	for name, at := range places(t) {
		t.Run(name, func(t *testing.T) {
			c := New(Options{})
			a := push(t, at+":1", digits("1"))
			digests[a.Digest] = true
			backwards := digits("1")
			slices.Reverse(backwards)
			b, before, err := c.Push(t.Context(), at+":1", backwards, facts)
			if err != nil || b.Digest != a.Digest || before != a.Digest {
				t.Errorf("pushed in another order: %v, %s after %s; want %s", err, b.Digest, before, a.Digest)
			}
			got, err := c.Resolve(t.Context(), at+":1")
			if err != nil || got.Digest != a.Digest || got.Version != 7 || got.Name != "digits" || !slices.Equal(got.Files, a.Files) || len(got.Files) != 5 {
				t.Fatalf("%v, %+v; want %+v", err, got, a)
			}
			if p, ok := got.Find("digits-rpi-zero"); !ok || p.System != "linux/arm v6" {
				t.Errorf("program %+v", p)
			}
			if d, err := c.Digest(t.Context(), at+":1"); err != nil || d != a.Digest {
				t.Errorf("digest %s, %v", d, err)
			}
			checkPull(t, c, got)
		})
	}
	if len(digests) != 1 {
		t.Errorf("digests differ: %v", digests)
	}
}

// Equal files have had this digest since the first version: whoever compares digests sees only
// real changes.
func TestDigest(t *testing.T) {
	a := push(t, places(t)["layout"]+":1", digits("1"))
	if want := "sha256:ca7e33233c6aeaa1f18d7ca7003b6173df1cd8ab132870d7da6fffb8f8dab970"; a.Digest != want {
		t.Errorf("digest %s, want %s", a.Digest, want)
	}
}

// Other tools of OCI write the files under their names too.
func TestOras(t *testing.T) {
	at := places(t)["cuelabs"]
	push(t, at+":1", digits("1"))
	from, err := remote.NewRepository(at)
	if err != nil {
		t.Fatal(err)
	}
	from.PlainHTTP = true
	dir := t.TempDir()
	to, err := filestore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := oras.Copy(t.Context(), from, "1", to, "1", oras.DefaultCopyOptions); err != nil {
		t.Fatal(err)
	}
	for _, want := range digits("1") {
		if data, err := os.ReadFile(filepath.Join(dir, want.Name)); err != nil || !bytes.Equal(data, want.Data) {
			t.Errorf("%s: %q, %v", want.Name, data, err)
		}
	}
}

// checkPull pulls files twice, and over another file.
func checkPull(t *testing.T, c *Client, a *Artifact) {
	t.Helper()
	dir := t.TempDir()
	files, err := c.Pull(t.Context(), a, PullOptions{Folder: dir})
	if err != nil || len(files) != 5 {
		t.Fatal(files, err)
	}
	for _, want := range digits("1") {
		path := filepath.Join(dir, want.Name)
		data, err := os.ReadFile(path)
		info, _ := os.Stat(path)
		if err != nil || !bytes.Equal(data, want.Data) || (info.Mode()&0o100 != 0) != (want.Kind == Program) {
			t.Errorf("%s: %q, %v, %v", want.Name, data, info.Mode(), err)
		}
	}
	if files, err = c.Pull(t.Context(), a, PullOptions{Folder: dir}); err != nil || !files[0].Unchanged {
		t.Errorf("again: %v, %v", files, err)
	}
	checkExecutable(t, c, a, dir)
	checkReplaced(t, c, a, dir)
	model, err := c.Fetch(t.Context(), a, a.Files[0], 1000)
	if err != nil || string(model) != "a model of version 1" {
		t.Errorf("fetched %q, %v", model, err)
	}
	if _, err = c.Fetch(t.Context(), a, a.Files[0], 5); err == nil || !strings.Contains(err.Error(), "at most 5") {
		t.Errorf("over its limit: %v", err)
	}
}

// checkExecutable pulls a program again that nobody may execute any more.
func checkExecutable(t *testing.T, c *Client, a *Artifact, dir string) {
	t.Helper()
	program := filepath.Join(dir, "digits-rpi-zero")
	if err := os.Chmod(program, 0o600); err != nil {
		t.Fatal(err)
	}
	if files, err := c.Pull(t.Context(), a, PullOptions{Folder: dir}); err != nil || !files[1].Unchanged {
		t.Errorf("once more: %v, %v", files, err)
	}
	if info, err := os.Stat(program); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("a program that was there cannot be executed: %v, %v", info.Mode(), err)
	}
}

// checkReplaced pulls over another file, without and with the wish to replace it.
func checkReplaced(t *testing.T, c *Client, a *Artifact, dir string) {
	t.Helper()
	path := filepath.Join(dir, "digits.edgec")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pull(t.Context(), a, PullOptions{Folder: dir}); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("over another file: %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "mine" {
		t.Errorf("replaced a file without being asked: %q", data)
	}
	if _, err := c.Pull(t.Context(), a, PullOptions{Folder: dir, Replace: true}); err != nil {
		t.Error(err)
	}
	if data, _ := os.ReadFile(path); string(data) == "mine" {
		t.Error("replaced nothing")
	}
}

// A tag that moves between Resolve and Fetch changes nothing: the files of the first
// artifact come, and the next Resolve sees the second.
func TestTagMoves(t *testing.T) {
	for name, at := range places(t) {
		t.Run(name, func(t *testing.T) {
			c := New(Options{})
			first := push(t, at+":latest", digits("1"))
			a, err := c.Resolve(t.Context(), at+":latest")
			if err != nil {
				t.Fatal(err)
			}
			second, before, err := c.Push(t.Context(), at+":latest", digits("2"), facts)
			if err != nil || before != first.Digest {
				t.Fatalf("%v, after %s", err, before)
			}
			if data, err := c.Fetch(t.Context(), a, a.Files[0], 100); err != nil || string(data) != "a model of version 1" {
				t.Errorf("%q, %v", data, err)
			}
			if a, err = c.Resolve(t.Context(), at+":latest"); err != nil || a.Digest != second.Digest {
				t.Errorf("%v, %v", a, err)
			}
			ref, _ := ParseRef(at + ":latest")
			if name == "layout" { // nothing lists the first any more
				return
			}
			if a, err = c.Resolve(t.Context(), ref.At(first.Digest).String()); err != nil || a.Digest != first.Digest {
				t.Errorf("by digest: %v, %v", a, err)
			}
		})
	}
}

// A delta says which file it is applied to.
func TestBase(t *testing.T) {
	at := places(t)["layout"] + ":1"
	a := push(t, at, []Content{file("new.edd", Delta, "changes")})
	if got, err := New(Options{}).Resolve(t.Context(), at); err != nil || got.Files[0].Base != strings.Repeat("0a", 32) || a.Files[0] != got.Files[0] {
		t.Errorf("%+v, %v", got, err)
	}
}

// Only part of an artifact is wanted: signatures come with their files.
func TestKeep(t *testing.T) {
	at := places(t)["layout"] + ":1"
	a := push(t, at, digits("1"))
	dir := t.TempDir()
	if _, err := New(Options{}).Pull(t.Context(), a, PullOptions{Folder: dir, Keep: func(f File) bool { return f.Kind == Model }}); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"digits.edgec", "digits.edgec.minisig"}) {
		t.Errorf("%q", got)
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// With a key, everything has to be signed. Nothing is written if one file is wrong.
func TestVerify(t *testing.T) {
	at := places(t)["ggcr"]
	c := New(Options{})
	key := func(f File, r io.Reader, signature []byte) error {
		data, err := io.ReadAll(r)
		if sum := sha256.Sum256(data); err != nil || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s: verified %q, %v", f.Name, data, err)
		}
		if string(signature) != "signed" {
			return errors.New("wrongly signed")
		}
		return nil
	}
	for _, test := range []struct {
		name   string
		change func([]Content) []Content
		want   string // in the error
		files  int
	}{
		{"signed", func(f []Content) []Content { return f }, "", 4},
		{"not signed", func(f []Content) []Content { return slices.Delete(f, 2, 3) }, "digits.edgec: has no signature", 0},
		{"wrongly signed", func(f []Content) []Content { f[3].Data = []byte("forged"); return f }, "digits-rpi-zero: wrongly signed", 0},
		{"long", func(f []Content) []Content { f[2].Data = make([]byte, 5000); return f }, "at most 4096", 0},
	} {
		a := push(t, at+":1", test.change(digits("1")))
		dir := t.TempDir()
		files, err := c.Pull(t.Context(), a, PullOptions{Folder: dir, Verify: key})
		if got := names(t, dir); len(got) != test.files || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, files %q", test.name, err, got)
		}
		if err == nil && !slices.ContainsFunc(files, func(p Pulled) bool { return p.Name == "README.md" && p.Unsigned }) {
			t.Errorf("%s: does not say that the document was left out: %+v", test.name, files)
		}
	}
	// what lies there already is verified too
	a := push(t, at+":1", digits("1"))
	dir := t.TempDir()
	if _, err := c.Pull(t.Context(), a, PullOptions{Folder: dir}); err != nil {
		t.Fatal(err)
	}
	refuse := func(File, io.Reader, []byte) error { return errors.New("another key") }
	if _, err := c.Pull(t.Context(), a, PullOptions{Folder: dir, Verify: refuse}); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("files that are there: %v", err)
	}
}

// Copies keep their digest and what others say about them, in every direction.
func TestCopy(t *testing.T) {
	all := places(t)
	for from, at := range all {
		for to, other := range all {
			t.Run(from+" to "+to, func(t *testing.T) {
				c := New(Options{})
				ref := at + ":" + to
				a := push(t, ref, digits("1"))
				attach(t, c, ref, a)
				target := other + ":from-" + from
				r, err := c.Copy(t.Context(), ref, target)
				if err != nil || r.Artifact.Digest != a.Digest || r.Referrers != 1 {
					t.Fatalf("%v, %+v", err, r)
				}
				b, err := c.Resolve(t.Context(), target)
				if err != nil || b.Digest != a.Digest {
					t.Fatalf("%v, %+v", err, b)
				}
				checkPull(t, c, b)
				back, err := c.Copy(t.Context(), target, at+":back")
				if err != nil || back.Referrers != 1 {
					t.Errorf("back: %v, %+v", err, back)
				}
			})
		}
	}
}

// attach pushes a manifest about a, as cosign does.
func attach(t *testing.T, c *Client, ref string, a *Artifact) {
	t.Helper()
	r, err := ParseRef(ref)
	if err != nil {
		t.Fatal(err)
	}
	p, done, err := c.open(r, true)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	_, err = oras.PackManifest(t.Context(), p, oras.PackManifestVersion1_1, "application/vnd.dev.sigstore.bundle.v0.3+json",
		oras.PackManifestOptions{Subject: &a.manifest, ManifestAnnotations: map[string]string{ocispec.AnnotationCreated: created}})
	if err != nil && !strings.Contains(err.Error(), "already exists") {
		t.Fatal(err)
	}
}

func TestParseRef(t *testing.T) {
	const sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for text, want := range map[string]string{
		"ghcr.io/me/digits:1":              "ghcr.io/me/digits:1",
		"localhost:5000/digits:v1.2":       "localhost:5000/digits:v1.2",
		"[::1]:5000/digits:1":              "[::1]:5000/digits:1",
		"ghcr.io/me/digits@" + sum:         "ghcr.io/me/digits@" + sum,
		"ghcr.io/me/digits:1@" + sum:       "ghcr.io/me/digits@" + sum,
		"oci:stick:1":                      "oci:stick:1",
		"oci:/media/usb/models:digits-1":   "oci:/media/usb/models:digits-1",
		"oci:stick@" + sum:                 "oci:stick@" + sum,
		`oci:C:\models:1`:                  `oci:C:\models:1`,
		"digits:1":                         "names no registry",
		"me/digits:1":                      "names no registry",
		"ghcr.io/me/digits":                "has no tag",
		"ghcr.io/Me/Digits:1":              "lower-case",
		"https://ghcr.io/me/digits:1":      "write it without https://",
		"oci:stick":                        "has no tag",
		"oci:/media/usb:5/models":          "has no tag",
		"oci::1":                           "names no folder",
		"oci:stick:a b":                    "is no tag",
		"ghcr.io/me/digits:a b":            "is no name of an artifact",
		"ghcr.io/me/digits@sha512:0123":    "is no name of an artifact",
		"ghcr.io/me/../../etc/passwd:1":    "lower-case",
		"":                                 "names no registry",
		"user:pass@ghcr.io/me/digits:1":    "is no name of an artifact",
		"ghcr.io/me/digits:1 --plain-http": "is no name of an artifact",
	} {
		r, err := ParseRef(text)
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && r.String() != want {
			t.Errorf("%q: %v, %v; want %q", text, r, err, want)
		}
	}
	for host, want := range map[string]bool{"localhost": true, "localhost:5000": true, "127.0.0.1:5000": true, "[::1]:80": true, "10.0.0.1": false, "127.0.0.1.example.com": false, "localhost.example.com": false} {
		if got := (Ref{Host: host}).loopback(); got != want {
			t.Errorf("%s: loopback %v", host, got)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"digits.edgec", "digits-rpi-zero", "README.md", "a b.txt", "größe.edgec", "common.edgec", "nullable", "com.edgec"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%v", err)
		}
	}
	for _, name := range []string{"", ".", "..", "../x", "/etc/passwd", "a/b", `a\b`, `C:x`, ".profile", "-rf", "x.", "x ", " x", "a\x00b", "a\nb", "a\x1b[2Jb",
		"nul", "NUL.edgec", "con", "aux.txt", "COM1", "lpt9.minisig", "com¹", "a*", "a?", "a|b", "a\u202eb", strings.Repeat("x", 201)} {
		if CheckName(name) == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}

// A layout that is none, has other files, is locked or is damaged is told.
func TestLayout(t *testing.T) {
	c := New(Options{})
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{
		"oci:" + other + ":1":                               "has other files",
		"oci:" + filepath.Join(dir, "none", "below") + ":1": "make the folder above it first",
		"oci:" + filepath.Join(other, "x") + ":1":           "x",
	} {
		if _, _, err := c.Push(t.Context(), ref, digits("1"), facts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("push %s: %v", ref, err)
		}
		if _, err := c.Resolve(t.Context(), ref); err == nil {
			t.Errorf("resolved %s", ref)
		}
	}
	good := filepath.Join(dir, "good")
	a := push(t, "oci:"+good+":1", digits("1"))
	push(t, "oci:"+good+":2", digits("2"))
	if got := names(t, good); !slices.Equal(got, []string{"blobs", "index.json", "oci-layout"}) {
		t.Errorf("%q", got)
	}
	if _, err := c.Resolve(t.Context(), "oci:"+good+":3"); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	_, done, err := openLayout(good, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Push(t.Context(), "oci:"+good+":1", digits("1"), facts); err == nil || !strings.Contains(err.Error(), "another edgec") {
		t.Errorf("%v", err)
	}
	done()
	// a damaged file is found by pull, and mended by the next push
	blob := filepath.Join(good, "blobs", "sha256", a.Files[0].SHA256)
	if err := os.WriteFile(blob, bytes.ToUpper([]byte("a model of version 1")), 0o644); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if _, err := c.Pull(t.Context(), a, PullOptions{Folder: out}); !errors.Is(err, ErrContent) || len(names(t, out)) != 0 {
		t.Errorf("%v, files %q", err, names(t, out))
	}
	push(t, "oci:"+good+":1", digits("1"))
	if _, err := c.Pull(t.Context(), a, PullOptions{Folder: out}); err != nil {
		t.Error(err)
	}
}

// The distribution project's registry, which most others are made of, has no API for referrers
// and refuses manifests whose files it lacks. It is a program of its own module, since it needs
// 60 others.
func TestDistribution(t *testing.T) {
	deep.Only(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	program := filepath.Join(t.TempDir(), "distribution")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir, build.Env = "testdata/distribution", append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	if text, err := build.CombinedOutput(); err != nil {
		if strings.Contains(string(text), "GOPROXY=off") {
			t.Skip("the modules of testdata/distribution are not there; .ci/run install fetches them")
		}
		t.Fatalf("%v: %s", err, text)
	}
	server := exec.CommandContext(t.Context(), program)
	input, err := server.StdinPipe() // the program ends when it does
	if err != nil {
		t.Fatal(err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer input.Close()
	host, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	at, stick := strings.TrimSpace(host)+"/me/digits", "oci:"+filepath.Join(t.TempDir(), "stick")
	c := New(Options{})
	a := push(t, at+":1", digits("1"))
	checkPull(t, c, a)
	attach(t, c, at+":1", a)
	for _, to := range []string{stick + ":1", at + ":2", strings.TrimSpace(host) + "/other/digits:1"} {
		r, err := c.Copy(t.Context(), at+":1", to)
		if err != nil || r.Artifact.Digest != a.Digest || r.Referrers != 1 {
			t.Errorf("to %s: %v, %+v", to, err, r)
		}
	}
	if r, err := c.Copy(t.Context(), stick+":1", strings.TrimSpace(host)+"/third/digits:1"); err != nil || r.Artifact.Digest != a.Digest || r.Referrers != 1 {
		t.Errorf("from a stick: %v, %+v", err, r)
	}
	if _, err := c.Resolve(t.Context(), at+":none"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
