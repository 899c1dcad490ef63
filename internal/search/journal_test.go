package search_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/search"
)

// untrained is a recipe that takes no training, with a folder for its state.
func untrained(t *testing.T) recipe {
	r := quick()
	r.MaxDrop = 10
	r.NoTraining, r.Journal = true, filepath.Join(t.TempDir(), "search")
	return r
}

// stopped runs a search until a stage begins or ends.
func stopped(t *testing.T, p *problem, r recipe, stage string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := compressWith(ctx, p.model(t), p.data, r, func(g search.Progress) {
		if g.Stage == stage {
			cancel()
		}
	})
	return err
}

// A search that ends before anything is on record leaves no folder.
func TestNoFolderLeft(t *testing.T) {
	p, r := get(t, reconstruction), untrained(t)
	if err := stopped(t, p, r, "float"); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(r.Journal); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	if _, err := compressWith(context.Background(), p.model(t), p.data, r, nil); err != nil {
		t.Error(err)
	}
}

// Of an interrupted search whose last entry was cut off, or in which one is damaged, the
// ways out that are said lead to the file of a search that was not interrupted.
func TestDamagedFolder(t *testing.T) {
	p, r := get(t, reconstruction), untrained(t)
	whole, err := compressWith(context.Background(), p.model(t), p.data, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	again := func(prepare func(), resume bool, note string) {
		t.Helper()
		if err := stopped(t, p, r, "round"); err != nil && !strings.Contains(err.Error(), "no file meets") {
			t.Fatal(err)
		}
		r := r
		r.Resume = resume
		prepare()
		var notes []string
		res, err := compressWith(context.Background(), p.model(t), p.data, r, func(g search.Progress) { notes = append(notes, g.Note) })
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(res.Best.Bytes, whole.Best.Bytes) || !strings.Contains(strings.Join(notes, "\n"), note) {
			t.Errorf("%d bytes, %d without an interruption; notes %q", len(res.Best.Bytes), len(whole.Best.Bytes), notes)
		}
		if _, err := os.Stat(r.Journal); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
	}
	entry := filepath.Join(r.Journal, "0001")
	again(func() {}, true, "")
	again(func() { os.RemoveAll(r.Journal) }, false, "")
	again(func() { os.Truncate(last(t, r.Journal), 30) }, true, "cut off")
	again(func() {
		data, err := os.ReadFile(entry)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 4
		os.WriteFile(entry, data, 0o644)
		r := r
		r.Resume = true
		if _, err := compressWith(context.Background(), p.model(t), p.data, r, nil); err == nil || !strings.Contains(err.Error(), entry+": entry 1 is damaged") {
			t.Errorf("damaged: %v", err)
		}
		os.Remove(entry)
	}, true, "")
}

// last is the newest entry of a folder.
func last(t *testing.T, folder string) string {
	names, err := filepath.Glob(filepath.Join(folder, "0*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%d entries, %v", len(names), err)
	}
	return names[len(names)-1]
}
