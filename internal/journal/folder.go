package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// lockName is the file whose lock says that the folder is in use.
const lockName = "lock"

// keptPrefix begins the names of the files that Keep writes.
const keptPrefix = "file-"

// entryName is the form of an entry's file name.
var entryName = regexp.MustCompile(`^[0-9]{4,9}$`)

// path names the file of entry n.
func (j *Journal) path(n int) string { return filepath.Join(j.dir, fmt.Sprintf("%04d", n)) }

// numbers lists the entries in the folder, in order.
func (j *Journal) numbers() (list []int) {
	for _, name := range j.own() {
		if n, err := strconv.Atoi(name); err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// own lists the files in the folder that Record and Keep write.
func (j *Journal) own() (list []string) {
	d, err := os.Open(j.dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return slices.DeleteFunc(names, func(name string) bool {
		n, err := strconv.Atoi(name)
		entry := err == nil && entryName.MatchString(name) && name == filepath.Base(j.path(n))
		return !entry && !strings.HasPrefix(name, keptPrefix)
	})
}

// errNothing means that nothing is on record.
var errNothing = errors.New("nothing is on record")

// header reads entry 0, whose sum has no identity before it: what it holds is the
// identity. A header that is cut off, with nothing behind it, is removed, and so are
// entries without a header, which the end of a search leaves that is killed meanwhile.
func (j *Journal) header() (ID, error) {
	entries := j.numbers()
	if len(entries) == 0 {
		return nil, errNothing
	}
	var id ID
	payload, err := readEntry(j.path(0), nil, 0)
	if err == nil {
		err = unpack(payload, headerName, &id)
	}
	switch {
	case err == nil:
		j.next = 1
		return id, nil
	case errors.Is(err, errCutOff) && len(entries) == 1:
		if err := os.Remove(j.path(0)); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		return nil, errNothing
	case errors.Is(err, fs.ErrNotExist):
		j.note("its header, which says whose search this is, is missing; what is left of it is removed")
		if err := j.removeFrom(0); err != nil {
			return nil, err
		}
		return nil, errNothing
	}
	return nil, fmt.Errorf("journal: %s: the header %w; remove the folder %s and leave --resume out to start again", j.path(0), err, j.dir)
}

// removeFrom removes the entries from number first on.
func (j *Journal) removeFrom(first int) error {
	for _, n := range j.numbers() {
		if n < first {
			continue
		}
		if err := os.Remove(j.path(n)); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

func (j *Journal) recordHeader(id ID) error {
	identity := j.identity
	j.identity = nil
	err := j.Record(headerName, id)
	j.identity = identity
	return err
}

// dropCutOff removes the last entry if its writing was cut off.
func (j *Journal) dropCutOff() error {
	entries := j.numbers()
	last := entries[len(entries)-1]
	f, _, err := openEntry(j.path(last), last)
	if err == nil {
		return f.Close()
	}
	if last == 0 || !errors.Is(err, errCutOff) {
		return nil // Replay will say it
	}
	if err := os.Remove(j.path(last)); err != nil {
		return errors.Join(fmt.Errorf("journal: %w", err), j.Close())
	}
	j.note(fmt.Sprintf("entry %d, the last one, was cut off while it was written; it is dropped, and its stage is repeated", last))
	return nil
}

// broken is the error of entry n. What carries the sum of this search and cannot be used
// was written by another version, and so was all that follows.
func (j *Journal) broken(n int, cause error) error {
	if errors.Is(cause, errVersion) { // the header is of this version
		cause = errDamaged
	}
	if errors.Is(cause, errStage) {
		return fmt.Errorf("journal: %s: entry %d %w; remove the folder %s and leave --resume out to start again", j.path(n), n, cause, j.dir)
	}
	return fmt.Errorf("journal: %s: entry %d %w; remove this file and give the same command with --resume: the search repeats what it did from there on", j.path(n), n, cause)
}

func (j *Journal) note(s string) { j.Notes = append(j.Notes, j.dir+": "+s) }
