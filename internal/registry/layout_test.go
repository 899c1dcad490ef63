package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Of several first pushes into one folder each succeeds, or says that another one writes there.
func TestFirstPushes(t *testing.T) {
	for range 20 {
		folder := filepath.Join(t.TempDir(), "stick")
		const n = 4
		errs := make(chan error, n)
		begin := make(chan struct{})
		for i := range n {
			go func() {
				<-begin
				_, _, err := New(Options{}).Push(t.Context(), fmt.Sprintf("oci:%s:%d", folder, i), digits("1"), facts)
				errs <- err
			}()
		}
		close(begin)
		good := 0
		for range n {
			switch err := <-errs; {
			case err == nil:
				good++
			case !strings.Contains(err.Error(), "another edgec writes into it"):
				t.Fatal(err)
			}
		}
		if manifests := readIndex(t, folder).Manifests; good == 0 || len(manifests) != good {
			t.Fatalf("%d pushes, %d manifests", good, len(manifests))
		}
	}
}

// A layout whose making was cut off, by a full disk or a stick that was pulled out, is completed.
func TestHalfMadeLayout(t *testing.T) {
	for _, left := range [][]string{{"blobs/sha256"}, {"blobs"}, {}, {"blobs/sha256", "index.json", ".edgec-123.tmp", ".edgec.lock"}} {
		folder := filepath.Join(t.TempDir(), "stick")
		for _, name := range append(left, "") {
			path := filepath.Join(folder, name)
			err := os.MkdirAll(path, 0o755)
			if strings.Contains(name, ".") {
				err = errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o644))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := New(Options{}).Push(t.Context(), "oci:"+folder+":1", digits("1"), facts); err != nil {
			t.Errorf("%q: %v", left, err)
			continue
		}
		if n := len(readIndex(t, folder).Manifests); n != 1 {
			t.Errorf("%q: %d manifests", left, n)
		}
	}
}

func readIndex(t *testing.T, folder string) (i ocispec.Index) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &i); err != nil {
		t.Fatal(err)
	}
	return i
}

// What other tools have written into an index stays, and a manifest of theirs that is not there
// keeps nobody from copying ours.
func TestForeignIndex(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "stick")
	a := push(t, "oci:"+folder+":1", digits("1"))
	i := readIndex(t, folder)
	missing := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: a.manifest.Digest, Size: 7}
	missing.Digest = missing.Digest[:len(missing.Digest)-4] + "0000"
	i.Annotations = map[string]string{"of": "another tool"}
	i.Manifests = append(i.Manifests, missing)
	data, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "index.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	push(t, "oci:"+folder+":2", digits("2"))
	if i := readIndex(t, folder); i.Annotations["of"] != "another tool" || len(i.Manifests) != 3 {
		t.Errorf("%+v", i)
	}
	if _, err := New(Options{}).Copy(t.Context(), "oci:"+folder+":1", "oci:"+folder+"-copy:1"); err != nil {
		t.Error(err)
	}
}
