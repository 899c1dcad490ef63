package agent

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgec/internal/delta"
	"edgec/internal/fleet"
)

// large is an artifact with data that cannot be made smaller, the same in all.
func large(t testing.TB, name string) fleet.Artifact {
	t.Helper()
	a := artifact(t, name, passes)
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 20_000)
	for i := range noise {
		noise[i] = byte('a' + rng.IntN(26))
	}
	a.Data = append(append(a.Data, "exit\n"...), noise...)
	return a
}

// patched publishes version 2 with a delta.
func (s *site) patched(t testing.TB, a fleet.Artifact, d fleet.Delta, data []byte) {
	t.Helper()
	if err := s.channel.Put(t.Context(), d.SHA256, data); err != nil {
		t.Fatal(err)
	}
	s.publish(t, s.document(t, 2, 2, a, func(doc *fleet.Desired) { doc.Programs[0].Deltas = []fleet.Delta{d} }))
}

// A delta takes the place of the program, which is not even there.
func TestDelta(t *testing.T) {
	folder := t.TempDir()
	s := newSite(t, fleet.NewFolder(folder))
	d := s.device(t, "pi")
	d.round(t, fleet.Waiting, "")
	a, b := large(t, "a"), large(t, "b")
	s.operator.Count = func(_ fleet.Stage, updated, _, _ int) {
		if document, err := s.operator.Document(t.Context()); updated == 0 && err == nil && document.Version == 1 {
			d.round(t, fleet.Running, "")
		}
	}
	if _, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{a}, Stages: shares(t, "all"), Patience: time.Minute}); err != nil {
		t.Fatal(err)
	}
	_, err := s.operator.Roll(t.Context(), fleet.Rollout{Artifacts: []fleet.Artifact{b}, Stages: shares(t, "all"), Patience: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "pi (running") {
		t.Fatalf("%v", err)
	}
	document, err := s.operator.Document(t.Context())
	if err != nil || len(document.Programs[0].Deltas) != 1 || document.Programs[0].Deltas[0].Bytes > 1000 {
		t.Fatalf("%+v, %v", document, err)
	}
	if err := os.Remove(filepath.Join(folder, "files", b.Sum())); err != nil {
		t.Fatal(err)
	}
	if r := d.round(t, fleet.Running, ""); r.Version != 2 || d.runs(t) != "b" || r.SHA256 != b.Sum() {
		t.Errorf("%+v, %q runs", r, d.runs(t))
	}
}

// A delta for another base, a broken one, and one that makes another file: the whole program is
// fetched, and without it nothing changes.
func TestWrongDeltas(t *testing.T) {
	a, b, other := large(t, "a"), large(t, "b"), large(t, "x")
	for name, c := range map[string]struct {
		base, to []byte
		change   func([]byte) []byte
	}{
		"another base": {other.Data, b.Data, nil},
		"another file": {a.Data, other.Data, nil},
		"cut off":      {a.Data, b.Data, func(data []byte) []byte { return data[:len(data)-2] }},
		"no delta":     {a.Data, b.Data, func([]byte) []byte { return []byte("hello") }},
		"changed": {a.Data, b.Data, func(data []byte) []byte {
			data[len(data)/2] ^= 1
			return data
		}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			s := newSite(t, fleet.NewFolder(folder))
			d := s.device(t, "pi")
			s.publish(t, s.document(t, 1, 1, a, nil), a)
			d.round(t, fleet.Running, "")
			before := files(t, d.folder)
			data, err := delta.Make(c.base, c.to)
			if err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				data = c.change(data)
			}
			s.patched(t, b, fleet.Delta{Base: a.Sum(), SHA256: checksum(data), Bytes: int64(len(data))}, data)
			d.round(t, fleet.Trouble, "no such file")
			for path, text := range files(t, d.folder) {
				if before[path] != text {
					t.Errorf("%s has changed", path)
				}
			}
			s.publish(t, s.document(t, 2, 2, b, func(doc *fleet.Desired) {
				doc.Programs[0].Deltas = []fleet.Delta{{Base: a.Sum(), SHA256: checksum(data), Bytes: int64(len(data))}}
			}), b)
			if d.round(t, fleet.Running, ""); d.runs(t) != "b" {
				t.Errorf("%q runs", d.runs(t))
			}
		})
	}
}
