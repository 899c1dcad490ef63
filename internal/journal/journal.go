// Package journal keeps on disk what the stages of a long computation have left, so
// that one that was killed goes on where it was.
//
// The computation must be the same whenever it is run. It is run again from the
// start, and each stage asks the journal first: Replay gives what it left the last
// time, and only where nothing is on record it does its work and calls Record.
//
// One process at a time uses a folder: a lock keeps others away, and ends with the
// process.
package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"edgec/internal/disk"
)

// Journal is a folder of numbered entries. A nil *Journal has nothing on record and
// records nothing.
type Journal struct {
	// Notes says what was found in the folder and what became of it.
	Notes []string

	dir      string
	lock     *disk.Lock
	identity []byte // of the computation
	next     int    // entry
	live     bool   // a stage has worked: nothing more is on record
}

// headerName is the name of the first entry, whose value is the ID.
const headerName = "header"

// Create starts a journal in the folder dir. id tells computations apart that differ
// in what they would record. A folder in which nothing is on record, as a crash at the
// start leaves it, is taken; one with entries is refused.
func Create(dir string, id ID) (*Journal, error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j, err := take(dir, id)
	if err != nil {
		return nil, err
	}
	recorded, err := j.header()
	switch other := id.other(recorded); {
	case errors.Is(err, errNothing):
		return j, j.start(id)
	case err != nil:
	case other != "":
		err = fmt.Errorf("journal: %s: holds another search that has not ended, with %s; give its own command with --resume to go on with it, remove the folder to give it up, or choose another output", dir, other)
	default:
		err = fmt.Errorf("journal: %s: holds this search, which has not ended; give the same command with --resume to go on with it, or remove the folder to start again", dir)
	}
	return nil, errors.Join(err, j.Close())
}

// Resume opens the journal in the folder dir, which must have the same id. If nothing
// is on record there, it starts one.
func Resume(dir string, id ID) (*Journal, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("journal: %s: there is no search to go on with; start it without --resume", dir)
	}
	j, err := take(dir, id)
	if err != nil {
		return nil, err
	}
	recorded, err := j.header()
	if errors.Is(err, errNothing) {
		j.note("nothing is on record; the search starts from its beginning")
		return j, j.start(id)
	}
	if other := id.other(recorded); err == nil && other != "" {
		err = fmt.Errorf("journal: %s: is of another search, with %s; give its own command to go on with it, or remove the folder and leave --resume out to start again", dir, other)
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, j.dropCutOff()
}

// take locks the folder, and removes what a killed process was writing.
func take(dir string, id ID) (*Journal, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("journal: %s: is a file, where the search keeps its state in a folder; remove it, or choose another output", dir)
	}
	lock, err := disk.Acquire(filepath.Join(dir, lockName))
	switch {
	case errors.Is(err, disk.ErrLocked):
		return nil, fmt.Errorf("journal: %s: another edgec is working on this search; wait until it ends or stop it, or choose another output", dir)
	case err != nil:
		return nil, fmt.Errorf("journal: %s: %w; choose an output in a folder that can be written to and has locks", dir, err)
	}
	disk.Sweep(dir)
	return &Journal{dir: dir, lock: lock, identity: id.bytes()}, nil
}

// Replay decodes the next entry into v, a pointer. It reports false if there is none,
// and fails if the entry has another name: then this is not the same computation.
func (j *Journal) Replay(name string, v any) (bool, error) {
	if j == nil || j.live {
		return false, nil
	}
	payload, err := readEntry(j.path(j.next), j.identity, j.next)
	if errors.Is(err, fs.ErrNotExist) {
		return false, j.goLive()
	}
	if err == nil {
		err = unpack(payload, name, v)
	}
	if err != nil {
		return false, j.broken(j.next, err)
	}
	j.next++
	return true, nil
}

// goLive begins to record. Entries behind a gap are of no use.
func (j *Journal) goLive() error {
	j.live = true
	return j.removeFrom(j.next)
}

// Record writes v as the next entry. An entry is on disk, whole, when Record returns.
func (j *Journal) Record(name string, v any) error {
	if j == nil {
		return nil
	}
	data, err := pack(j.identity, j.next, name, v)
	if err == nil {
		err = disk.Write(j.path(j.next), data, 0o644)
	}
	if err != nil {
		return unwritten(err)
	}
	j.next++
	return nil
}

// Keep writes a file beside the entries, for people; one of that name is replaced. Its
// name begins with "file-".
func (j *Journal) Keep(name string, data []byte) error {
	if j == nil {
		return nil
	}
	return unwritten(disk.Write(filepath.Join(j.dir, keptPrefix+name), data, 0o644))
}

// unwritten is the error of a write.
func unwritten(err error) error {
	switch {
	case disk.Full(err):
		return fmt.Errorf("journal: %w; with room for it, give the same command with --resume", err)
	case err != nil:
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// start records the header.
func (j *Journal) start(id ID) error {
	j.live = true
	if err := j.recordHeader(id); err != nil {
		return errors.Join(err, j.Remove())
	}
	return nil
}

// Empty reports whether nothing is on record but whose search it is.
func (j *Journal) Empty() bool { return j == nil || len(j.numbers()) <= 1 }

// Close ends the use of the folder, and leaves it for Resume.
func (j *Journal) Close() error {
	if j == nil || j.lock == nil {
		return nil
	}
	lock := j.lock
	j.lock = nil
	if err := lock.Release(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Remove deletes what Record and Keep have written, and the folder if nothing else is in
// it.
func (j *Journal) Remove() error {
	if j == nil || j.lock == nil {
		return nil
	}
	var errs []error
	names := j.own()
	slices.Sort(names) // the header first: nothing is on record without it
	for _, name := range names {
		errs = append(errs, os.Remove(filepath.Join(j.dir, name)))
	}
	lock := j.lock
	j.lock = nil
	if err := errors.Join(append(errs, lock.Remove())...); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	os.Remove(j.dir) // it stays if somebody put something else into it, or has just begun to use it
	return nil
}
