package deploy

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"time"
)

// Names in the folder of a deployment.
const (
	storeName    = "store"
	currentName  = "current"
	previousName = "previous"
	stateName    = "state.json"
	lockName     = "lock"
	givenUpName  = "given-up" // what current pointed to when a service went back
	programName  = "program"
	manifestName = "manifest.json"
)

// Limits of what a device says.
const (
	mostState  = 1 << 20 // bytes of state.json, a manifest or the lock
	mostFailed = 32      // failures that are remembered
)

// Installed is a program in the store.
type Installed struct {
	SHA256  string    `json:"sha256"`         // of the program, in hexadecimal
	Version int       `json:"version_number"` // 0: not known
	Bytes   int64     `json:"bytes"`          // of the program
	Model   string    `json:"file"`           // file that it was made from
	Serves  bool      `json:"serves"`         // it keeps running and serves the model by HTTP
	Time    time.Time `json:"time"`           // of the host, when it was accepted
}

// Failure is a program that did not pass its tests on the device.
type Failure struct {
	SHA256  string    `json:"sha256"`
	Version int       `json:"version_number"`
	Reason  string    `json:"reason"`
	Time    time.Time `json:"time"`
}

// trial is a program that current points to, or is about to, and that is not accepted yet.
type trial struct {
	Installed
	From     string `json:"from,omitempty"`     // checksum of the program before, "": none
	Previous string `json:"previous,omitempty"` // and of the one that previous was
	Failed   string `json:"failed,omitempty"`   // why it goes back
	Rollback bool   `json:"rollback,omitempty"` // to a program that was accepted before
	Restart  string `json:"restart,omitempty"`  // as in Options
	Check    string `json:"check,omitempty"`
}

// state is state.json.
type state struct {
	Schema   int         `json:"schema"`
	Highest  int         `json:"highest"`           // version that was accepted
	Current  string      `json:"current,omitempty"` // checksum of the program that was accepted last
	Accepted []Installed `json:"accepted,omitempty"`
	Failed   []Failure   `json:"failed,omitempty"`
	Trial    *trial      `json:"trial,omitempty"`
}

// find returns what is known of a program that was accepted.
func (s *state) find(sum string) (Installed, bool) {
	i := slices.IndexFunc(s.Accepted, func(p Installed) bool { return p.SHA256 == sum })
	if i < 0 {
		return Installed{SHA256: sum}, false
	}
	return s.Accepted[i], true
}

// accept raises the version to that of p, which has passed its tests.
func (s *state) accept(p Installed) {
	s.Accepted = append(slices.DeleteFunc(s.Accepted, func(o Installed) bool { return o.SHA256 == p.SHA256 }), p)
	s.Failed = slices.DeleteFunc(s.Failed, func(f Failure) bool { return f.SHA256 == p.SHA256 || f.Version == p.Version })
	s.Highest = max(s.Highest, p.Version)
	s.Current = p.SHA256
}

// fail remembers that p did not pass.
func (s *state) fail(p Installed, reason string) {
	s.Failed = slices.DeleteFunc(s.Failed, func(f Failure) bool { return f.SHA256 == p.SHA256 && f.Version == p.Version })
	s.Failed = append(s.Failed, Failure{SHA256: p.SHA256, Version: p.Version, Reason: reason, Time: now()})
	if n := len(s.Failed); n > mostFailed {
		s.Failed = s.Failed[n-mostFailed:]
	}
}

// next is the version of a program that gets none by its user.
func (s *state) next() int {
	n := s.Highest
	for _, f := range s.Failed {
		n = max(n, f.Version)
	}
	return min(n, MaxVersion) + 1
}

// now is the host's time, as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

var isSum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// linked returns the checksum that current or previous points to, "" if there is no link.
func linked(d FS, name string) (string, error) {
	target, err := d.Readlink(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if sum := path.Base(target); path.Dir(path.Clean(target)) == storeName && isSum.MatchString(sum) {
		return sum, nil
	}
	return "", fmt.Errorf("%s points to %q, which is no program of the store; remove it if another tool has made it", name, target)
}

// readState reads state.json. Without one it counts from the highest version of the store.
func readState(d FS) (*state, error) {
	data, err := d.Read(stateName, mostState)
	if errors.Is(err, fs.ErrNotExist) {
		return rebuild(d)
	}
	if err != nil {
		return nil, err
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w); remove it, and versions count from those in the store", stateName, err)
	}
	if s.Schema != 1 {
		return nil, fmt.Errorf("%s has schema %d, which a newer edgec has written; use that one", stateName, s.Schema)
	}
	return &s, nil
}

// rebuild makes the state of a folder that has none.
func rebuild(d FS) (*state, error) {
	s := &state{Schema: 1}
	sums, err := d.List(storeName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, sum := range sums {
		var p Installed
		data, err := d.Read(path.Join(storeName, sum, manifestName), mostState)
		if err != nil || json.Unmarshal(data, &p) != nil || p.SHA256 != sum {
			continue // a program that was never referred to
		}
		s.Accepted = append(s.Accepted, p)
		s.Highest = max(s.Highest, p.Version)
	}
	s.Current, err = linked(d, currentName)
	return s, err
}

// put writes a file whole or not at all, so that a cut of power cannot undo it.
func put(d FS, name string, data []byte, mode fs.FileMode) error {
	temp := temporary(path.Dir(name))
	if err := d.Write(temp, bytes.NewReader(data), mode, false); err != nil {
		return err
	}
	if err := d.Sync(temp); err != nil {
		return err
	}
	if err := d.Rename(temp, name); err != nil {
		return err
	}
	return d.Sync(path.Dir(name))
}

// putJSON is put for a value.
func putJSON(d FS, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return put(d, name, append(data, '\n'), 0o644)
}

// point makes current or previous point to a program of the store, or removes it for "".
func point(d FS, name, sum string) error {
	if err := link(d, name, sum); err != nil {
		return err
	}
	return d.Sync(".")
}

// link is point without a sync.
func link(d FS, name, sum string) error {
	if sum == "" {
		return ignoreMissing(d.Remove(name))
	}
	temp := temporary(".")
	if err := d.Symlink(path.Join(storeName, sum), temp); err != nil {
		return fmt.Errorf("%w; the folder has to be on a file system with symbolic links (not FAT or exFAT)", err)
	}
	return d.Rename(temp, name)
}

// The names of temporary files begin and end so.
const (
	tempPrefix = ".edgec-"
	tempSuffix = ".tmp"
)

// temporary is a new name in a folder.
func temporary(folder string) string {
	return path.Join(folder, tempPrefix+rand.Text()[:10]+tempSuffix)
}
