// Package journal keeps on disk what the stages of a long computation have left, so
// that one that was killed goes on where it was.
//
// The computation must be the same whenever it is run. It is run again from the
// start, and each stage asks the journal first: Replay gives what it left the last
// time, and only where nothing is on record it does its work and calls Record.
package journal

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"edgec/internal/disk"
)

// Journal is a folder of numbered entries. A nil *Journal has nothing on record and
// records nothing.
type Journal struct {
	dir  string
	next int  // entry
	live bool // a stage has worked: nothing more is on record
}

// header is the first entry.
type header struct {
	Version int
	ID      string
}

// version changes when entries of before cannot be read any more.
const version = 3

// Create starts a journal in the folder dir, which must not exist. id tells
// computations apart that differ in what they would record.
func Create(dir, id string) (*Journal, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("journal: %s: holds a search that has not ended; go on with it (--resume), or remove the folder", dir)
		}
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{dir: dir, live: true}
	return j, j.Record("header", header{version, id})
}

// Resume opens the journal in the folder dir, which must have the same id.
func Resume(dir, id string) (*Journal, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("journal: %s: there is no search to go on with; start it without --resume", dir)
	}
	j := &Journal{dir: dir}
	var h header
	switch ok, err := j.Replay("header", &h); {
	case err != nil:
		return nil, err
	case !ok || h.Version != version:
		return nil, fmt.Errorf("journal: %s: is not of this version of edgec; remove the folder and start again", dir)
	case h.ID != id:
		return nil, fmt.Errorf("journal: %s: belongs to a search with another network, other data or another recipe; give the same ones, or remove the folder", dir)
	}
	return j, nil
}

// path names the file of the next entry: gobs of its name and of its value.
func (j *Journal) path() string { return filepath.Join(j.dir, fmt.Sprintf("%04d", j.next)) }

// Replay decodes the next entry into v, a pointer. It reports false if there is none,
// and fails if the entry has another name: then this is not the same computation.
func (j *Journal) Replay(name string, v any) (bool, error) {
	if j == nil || j.live {
		return false, nil
	}
	data, err := os.ReadFile(j.path())
	if errors.Is(err, fs.ErrNotExist) {
		j.live = true
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("journal: %w", err)
	}
	d := gob.NewDecoder(bytes.NewReader(data))
	var got string
	if err = d.Decode(&got); err == nil {
		if got != name {
			return false, fmt.Errorf("journal: %s: holds %q where %q is due; it is of another version of edgec: remove the folder and start again", j.path(), got, name)
		}
		err = d.Decode(v)
	}
	if err != nil {
		return false, fmt.Errorf("journal: %s: cannot be read (%v); remove this file and those after it to go on from before it", j.path(), err)
	}
	j.next++
	return true, nil
}

// Record writes v as the next entry. An entry is on disk, whole, when Record returns.
func (j *Journal) Record(name string, v any) error {
	if j == nil {
		return nil
	}
	var b bytes.Buffer
	e := gob.NewEncoder(&b)
	err := e.Encode(name)
	if err == nil {
		err = e.Encode(v)
	}
	if err == nil {
		err = disk.Write(j.path(), b.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.next++
	return nil
}

// Keep writes a file beside the entries, for people; one of that name is replaced.
func (j *Journal) Keep(name string, data []byte) error {
	if j == nil {
		return nil
	}
	if err := disk.Write(filepath.Join(j.dir, name), data, 0o644); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Remove deletes the folder.
func (j *Journal) Remove() error {
	if j == nil {
		return nil
	}
	if err := os.RemoveAll(j.dir); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
