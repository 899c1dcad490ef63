package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A document that is published while an agent works on the one before is seen at once.
func TestFolderWaitsFromWhatWasRead(t *testing.T) {
	c := NewFolder(t.TempDir())
	if err := c.Publish(t.Context(), []byte("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Document(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(t.Context(), []byte("two")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := c.Wait(t.Context(), 5*time.Second); err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// A document of the same size and time is another one, as on a stick with times in steps of 2 s.
func TestFolderCoarseTimes(t *testing.T) {
	folder := t.TempDir()
	c := NewFolder(folder)
	stamp := time.Now().Add(-time.Minute).Truncate(2 * time.Second)
	put := func(text string) {
		if err := errors.Join(c.Publish(t.Context(), []byte(text)), os.Chtimes(filepath.Join(folder, documentName), stamp, stamp)); err != nil {
			t.Error(err)
		}
	}
	put("one")
	if _, err := c.Document(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { put("two") })
	began := time.Now()
	if err := c.Wait(t.Context(), 6*time.Second); err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// Others may put anything into the folder of reports: no name there hides a report.
func TestFolderForeignNames(t *testing.T) {
	path := t.TempDir()
	c := NewFolder(path).(*folder)
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	put := func(name string) {
		if err := os.WriteFile(filepath.Join(path, reportsName, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 {
		put(fmt.Sprintf("pi-%d.json", n))
	}
	for n := range 100 {
		put(fmt.Sprintf("no report %d", n))
	}
	for most, more := range map[int]int{20: 0, 15: 5} {
		if devices, got, err := c.reporting(most); err != nil || len(devices) != most || got != more {
			t.Errorf("%d of at most %d, and %d more, %v", len(devices), most, got, err)
		}
	}
}

// What a killed agent has left of a report goes with the next roll-out.
func TestFolderSwept(t *testing.T) {
	folder := t.TempDir()
	c := NewFolder(folder)
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(folder, reportsName, ".edgec-123.tmp")
	old := time.Now().Add(-2 * time.Hour)
	if err := errors.Join(os.WriteFile(left, []byte("{"), 0o644), os.Chtimes(left, old, old)); err != nil {
		t.Fatal(err)
	}
	if err := c.Prune(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}
