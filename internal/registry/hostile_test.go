package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"edgec/internal/deep"
)

// liar is a registry with one manifest that says what a test wants, whatever the blobs are.
type liar struct {
	mediaType string // of the manifest; "": OCI's
	manifest  []byte
	blobs     map[string]http.HandlerFunc // by digest
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := l.blobs[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]; h != nil {
		h(w, r)
		return
	}
	if !strings.Contains(r.URL.Path, "/manifests/") {
		http.NotFound(w, r)
		return
	}
	mediaType := l.mediaType
	if mediaType == "" {
		mediaType = ocispec.MediaTypeImageManifest
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", string(digest.FromBytes(l.manifest)))
	w.Header().Set("Content-Length", fmt.Sprint(len(l.manifest)))
	if r.Method != http.MethodHead {
		w.Write(l.manifest)
	}
}

// blob answers with data, of which the length may be claimed to be another.
func blob(data string, claimed int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(claimed))
		w.Write([]byte(data))
	}
}

// layer is a model of a manifest.
func layer(name, data string, size int64) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: weightType, Digest: digest.FromString(data), Size: size, Annotations: map[string]string{filePath: name}}
}

func manifest(t *testing.T, change func(*ocispec.Manifest)) []byte {
	t.Helper()
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType, Config: ocispec.Descriptor{MediaType: configType, Digest: digest.FromString("{}"), Size: 2},
		Layers: []ocispec.Descriptor{layer("a.edgec", "good", 4)}}
	m.SchemaVersion = 2
	change(&m)
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A manifest that is none of ours, or hostile, is refused in one line before any file is asked
// for.
func TestManifests(t *testing.T) {
	layers := func(all ...ocispec.Descriptor) func(*ocispec.Manifest) {
		return func(m *ocispec.Manifest) { m.Layers = all }
	}
	many := make([]ocispec.Descriptor, mostFiles+1)
	for i := range many {
		many[i] = layer(fmt.Sprint("f", i), "x", 1)
	}
	typed := func(change func(*ocispec.Descriptor)) func(*ocispec.Manifest) {
		return func(m *ocispec.Manifest) { change(&m.Layers[0]) }
	}
	for name, test := range map[string]struct {
		l    liar
		want string
	}{
		"image":        {liar{manifest: manifest(t, func(m *ocispec.Manifest) { m.ArtifactType, m.Config.MediaType = "", ocispec.MediaTypeImageConfig })}, "image of containers"},
		"docker image": {liar{mediaType: imageTypes[4], manifest: []byte("{}")}, "image of containers"},
		"image index":  {liar{mediaType: ocispec.MediaTypeImageIndex, manifest: []byte("{}")}, "image of containers"},
		"chart":        {liar{manifest: manifest(t, func(m *ocispec.Manifest) { m.ArtifactType = "application/vnd.cncf.helm.config.v1+json" })}, "another kind (application/vnd.cncf.helm"},
		"no JSON":      {liar{manifest: []byte("<html>")}, "no JSON"},
		"huge":         {liar{manifest: bytes.Repeat([]byte(" "), mostManifest+1)}, "at most 1048576"},
		"no files":     {liar{manifest: manifest(t, layers())}, "has 0 files"},
		"many files":   {liar{manifest: manifest(t, layers(many...))}, "has 257 files"},
		"twice":        {liar{manifest: manifest(t, layers(layer("a.edgec", "x", 1), layer("A.edgec", "y", 1)))}, "two files"},
		"outside":      {liar{manifest: manifest(t, layers(layer("../../etc/cron.d/x", "x", 1)))}, "separator"},
		"no name":      {liar{manifest: manifest(t, layers(layer("", "x", 1)))}, "without a name"},
		"negative":     {liar{manifest: manifest(t, layers(layer("a", "x", -1)))}, "has -1 bytes"},
		"large":        {liar{manifest: manifest(t, layers(layer("a", "x", 1<<62)))}, "at most 1073741824"},
		"large in sum": {liar{manifest: manifest(t, layers(layer("a", "x", 1<<30), layer("b", "y", 1)))}, "more than 1073741824 bytes"},
		"archive":      {liar{manifest: manifest(t, typed(func(d *ocispec.Descriptor) { d.MediaType = "application/vnd.cncf.model.weight.v1.tar" }))}, "stored as they are"},
		"unknown kind": {liar{manifest: manifest(t, typed(func(d *ocispec.Descriptor) { d.MediaType = "application/octet-stream" }))}, "unknown kind"},
		"nested":       {liar{manifest: manifest(t, typed(func(d *ocispec.Descriptor) { d.MediaType = ocispec.MediaTypeImageIndex }))}, "unknown kind"},
		"sha512":       {liar{manifest: manifest(t, typed(func(d *ocispec.Descriptor) { d.Digest = digest.SHA512.FromString("x") }))}, "sha256 digests only"},
		"odd digest":   {liar{manifest: manifest(t, typed(func(d *ocispec.Descriptor) { d.Digest = "sha256:../../x" }))}, "sha256 digests only"},
		"false kind":   {liar{manifest: manifest(t, typed(func(d *ocispec.Descriptor) { d.MediaType = signatureType }))}, "do not fit"},
		"large config": {liar{manifest: manifest(t, func(m *ocispec.Manifest) { m.Config.Size = 1 << 40 })}, "has a configuration of"},
	} {
		test.l.blobs = map[string]http.HandlerFunc{string(digest.FromString("x")): func(http.ResponseWriter, *http.Request) { t.Errorf("%s: asked for a file", name) }}
		at := serve(t, &test.l) + "/m:1"
		_, err := New(Options{}).Resolve(t.Context(), at)
		oneLine(t, name, err, test.want)
		if _, err := New(Options{}).Copy(t.Context(), at, "oci:"+filepath.Join(t.TempDir(), "stick")+":1"); err == nil {
			t.Errorf("%s: copied", name)
		}
	}
}

// oneLine checks an error.
func oneLine(t *testing.T, name string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
		t.Errorf("%s: %v; want %q in one line", name, err, want)
	}
}

// Content that is not what the manifest says changes nothing on the disk.
func TestContent(t *testing.T) {
	good := string(digest.FromString("good"))
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		w.Write([]byte("go"))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, test := range map[string]struct {
		size  int64 // in the manifest
		serve http.HandlerFunc
		want  string
	}{
		"other content":    {4, blob("evil", 4), "not what the manifest names: its"},
		"shorter":          {4, blob("go", 2), "not what the manifest names: its"},
		"longer":           {4, blob("good and more", 13), "not what the manifest names: its"},
		"manifest shorter": {2, blob("good", 4), "not what the manifest names: its"},
		"cut":              {4, hangUp, "ended before all was there"},
		"gone":             {4, http.NotFound, "not found"},
		"server error":     {4, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<b>oops</b>", http.StatusTeapot) }, "answered 418"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &liar{manifest: manifest(t, func(m *ocispec.Manifest) {
				m.Layers = []ocispec.Descriptor{layer("first.edgec", "first", 5), layer("a.edgec", "good", test.size)}
			}), blobs: map[string]http.HandlerFunc{good: test.serve, string(digest.FromString("first")): blob("first", 5), string(digest.FromString("{}")): blob("{}", 2)}}
			at := serve(t, l) + "/m:1"
			c := New(Options{})
			a, err := c.Resolve(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			_, err = c.Pull(t.Context(), a, PullOptions{Folder: dir})
			oneLine(t, "pull", err, test.want)
			if got := names(t, dir); len(got) != 0 {
				t.Errorf("left %q", got)
			}
			if data, err := c.Fetch(t.Context(), a, a.Files[1], 100); err == nil {
				t.Errorf("fetched %q", data)
			}
			stick := filepath.Join(t.TempDir(), "stick")
			if _, err := c.Copy(t.Context(), at, "oci:"+stick+":1"); err == nil {
				t.Error("copied")
			}
			if _, err := c.Resolve(t.Context(), "oci:"+stick+":1"); !errors.Is(err, ErrNotFound) {
				t.Errorf("the copy has a tag: %v", err)
			}
		})
	}
}

// The end of the context ends every request at once, and nothing is left.
func TestInterrupt(t *testing.T) {
	for name, slow := range map[string]func(w http.ResponseWriter, asked chan struct{}){
		"no answer": func(http.ResponseWriter, chan struct{}) {},
		"half": func(w http.ResponseWriter, asked chan struct{}) {
			w.Header().Set("Content-Length", "4")
			w.Write([]byte("go"))
			w.(http.Flusher).Flush()
		},
		"busy": func(w http.ResponseWriter, _ chan struct{}) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			asked := make(chan struct{}, 1)
			l := &liar{manifest: manifest(t, func(*ocispec.Manifest) {}), blobs: map[string]http.HandlerFunc{string(digest.FromString("good")): func(w http.ResponseWriter, r *http.Request) {
				slow(w, asked)
				select {
				case asked <- struct{}{}:
				default:
				}
				if name != "busy" {
					<-r.Context().Done()
				}
			}}}
			c := New(Options{})
			a, err := c.Resolve(ctx, serve(t, l)+"/m:1")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				<-asked
				cancel()
			}()
			dir := t.TempDir()
			ended := make(chan error, 1)
			go func() {
				_, err := c.Pull(ctx, a, PullOptions{Folder: dir})
				ended <- err
			}()
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) || len(names(t, dir)) != 0 {
					t.Errorf("%v, files %q", err, names(t, dir))
				}
			case <-time.After(time.Minute): // far more than it takes, far less than a server's silence may
				t.Fatal("the pull goes on")
			}
		})
	}
}

// A registry that cannot be reached is told from one that refuses, and both from a typing error.
func TestNetwork(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	gone := httptest.NewServer(nil)
	gone.Close()
	encrypted := httptest.NewUnstartedServer(servers["ggcr"]())
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0)
	encrypted.StartTLS()
	defer encrypted.Close()
	plain := serve(t, servers["ggcr"]())
	for name, test := range map[string]struct {
		host string
		o    Options
		want string
	}{
		"nobody there": {gone.Listener.Addr().String(), Options{}, "refuses connections"},
		"no TLS":       {plain, Options{TLS: true}, "--plain-http"},
		"certificate":  {encrypted.Listener.Addr().String(), Options{TLS: true}, "SSL_CERT_FILE"},
		"no such name": {plain, Options{}, "not found"},
	} {
		_, err := New(test.o).Resolve(t.Context(), test.host+"/me/digits:1")
		oneLine(t, name, err, test.want)
		_, _, err = New(test.o).Push(t.Context(), test.host+"/me/digits:1", digits("1"), facts)
		if name != "no such name" {
			oneLine(t, name+", push", err, test.want)
		}
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	oneLine(t, "unknown name", explain(t.Context(), Ref{Host: "ghrc.io"}, &url.Error{Op: "Head", URL: "https://ghrc.io/v2/", Err: &net.DNSError{Err: "no such host", Name: "ghrc.io"}}), "check the name of the registry")
	_, err := New(Options{}).Resolve(t.Context(), plain+"/me/digits:1")
	oneLine(t, "configuration", err, "repair the file")
}

// A hostile layout has the same limits, and none of its files is waited for.
func TestHostileLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stick")
	ref := "oci:" + dir + ":1"
	a := push(t, ref, digits("1"))
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"huge":   strings.Repeat(" ", mostManifest+1),
		"cut":    string(index[:len(index)/2]),
		"size":   strings.Replace(string(index), `"size":`, `"size":9000000000000000`, 1),
		"less":   strings.Replace(string(index), `"size":`, `"size":-`, 1),
		"digest": strings.Replace(string(index), "sha256:", "sha256:../", 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{}).Resolve(t.Context(), ref); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "blobs", "sha256", a.Files[0].SHA256)
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	if err := mkfifo(pipe); err != nil {
		t.Skip(err)
	}
	if _, err := New(Options{}).Pull(t.Context(), a, PullOptions{Folder: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a pipe: %v", err)
	}
}

// A file that goes out slowly is no silence, and a server that has stopped is one.
func TestSilence(t *testing.T) {
	deep.Only(t)
	const silence = 3 * time.Second
	hold := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			<-hold
			return
		}
		part := make([]byte, 1<<20)
		for {
			if _, err := io.ReadFull(r.Body, part); err != nil {
				return
			}
			time.Sleep(silence / 20)
		}
	}))
	defer s.Close()
	defer close(hold)
	client := http.Client{Transport: transport(silence)}
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL, bytes.NewReader(make([]byte, 60<<20)))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r, err := client.Do(put)
	if err != nil {
		t.Fatalf("after %v: %v", time.Since(began), err)
	}
	r.Body.Close()
	if time.Since(began) < silence {
		t.Errorf("it took %v, which shows nothing", time.Since(began))
	}
	if r, err := client.Get(s.URL); err == nil {
		r.Body.Close()
		t.Error("a silent server was waited for")
	}
}

// dying is a registry that closes every connection after a number of requests.
type dying struct {
	http.Handler
	left atomic.Int64
}

func (d *dying) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.left.Add(-1) < 0 {
		panic(http.ErrAbortHandler)
	}
	d.Handler.ServeHTTP(w, r)
}

// A registry that dies at any request leaves the old version under its tag, in one piece, and
// the next push completes the new one.
func TestDies(t *testing.T) {
	for name, h := range servers {
		t.Run(name, func(t *testing.T) {
			d := &dying{Handler: h()}
			d.left.Store(1 << 30)
			at := serve(t, d) + "/me/digits:1"
			c := New(Options{})
			stick := "oci:" + filepath.Join(t.TempDir(), "stick")
			before := push(t, at, digits("old")).Digest
			for n := range int64(1000) {
				d.left.Store(n)
				_, _, err := c.Push(t.Context(), at, digits(fmt.Sprint(n)), facts)
				d.left.Store(1 << 30)
				if err == nil {
					if n < 5 {
						t.Errorf("%d requests are enough for a push", n)
					}
					break
				}
				oneLine(t, fmt.Sprint(n), err, at)
				a, err := c.Resolve(t.Context(), at)
				if err != nil || a.Digest != before {
					t.Fatalf("after %d requests: %v, %+v", n, err, a)
				}
			}
			for n := range int64(1000) {
				d.left.Store(n)
				_, err := c.Copy(t.Context(), at, stick+":1")
				d.left.Store(1 << 30)
				if err == nil {
					break
				}
				oneLine(t, fmt.Sprint(n), err, at)
				if a, err := c.Resolve(t.Context(), stick+":1"); err == nil {
					t.Fatalf("after %d requests the copy has a tag: %+v", n, a)
				}
			}
			a, err := c.Resolve(t.Context(), stick+":1")
			if err != nil || a.Digest == before {
				t.Fatalf("%v, %+v", err, a)
			}
			if _, err := c.Pull(t.Context(), a, PullOptions{Folder: t.TempDir()}); err != nil {
				t.Error(err)
			}
		})
	}
}
