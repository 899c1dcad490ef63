package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"edgec/internal/deploy"
	"edgec/internal/disk"
)

// Programs that this machine has deployed are kept, since deltas are made against them.

// programsVariable names the environment variable with the folder of these programs.
const programsVariable = "EDGEC_PROGRAMS"

// mostKept bounds the programs that are kept; the one that was used longest ago goes first.
const mostKept = 16

// isProgramSum matches the names in the folder.
var isProgramSum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// programsFolder is the folder of the programs, "" if this machine has none.
func programsFolder() string {
	if folder := os.Getenv(programsVariable); folder != "" {
		return folder
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "edgec", "programs")
}

// keptProgram returns the program with a checksum, nil if there is none.
func keptProgram(sum string) []byte {
	folder := programsFolder()
	if folder == "" || !isProgramSum.MatchString(sum) {
		return nil
	}
	path := filepath.Join(folder, sum)
	data, err := os.ReadFile(path)
	if err != nil || sumOf(data) != sum {
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // a read-only folder forgets the order
	return data
}

// keepProgram keeps a program, and removes the oldest of too many.
func keepProgram(data []byte) error {
	folder := programsFolder()
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := disk.Write(filepath.Join(folder, sumOf(data)), data, 0o600); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var kept []os.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && isProgramSum.MatchString(e.Name()) {
			kept = append(kept, info)
		}
	}
	slices.SortFunc(kept, func(a, b os.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, info := range kept[min(mostKept, len(kept)):] {
		if err := os.Remove(filepath.Join(folder, info.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// bases returns the programs that a delta may be made against: that of --base, and those that were
// deployed before.
func (d *deployFlags) bases() (func(sum string) []byte, error) {
	if d.base == "" {
		return keptProgram, nil
	}
	base, err := readWhole(d.base)
	if err != nil {
		return nil, fmt.Errorf("--base %w", err)
	}
	return func(sum string) []byte {
		if sumOf(base) == sum {
			return base
		}
		return keptProgram(sum)
	}, nil
}

// tellSent notes what a user did not expect of how the program came to the device, and keeps the
// program for the next delta.
func (a *app) tellSent(d *deployFlags, at *place, p deploy.Program, s deploy.Sent) {
	switch {
	case s.Whole != "":
		a.warn(fmt.Sprintf("%s: could not apply a delta: %s; so the whole program was sent", at.device, s.Whole))
	case d.base != "" && s.Bytes > 0 && s.Base == "":
		a.note("%s: --base %s gives no small delta: it is not the program that ran there, or has little in common with the new one; the whole program was sent", at.device, d.base)
	}
	if err := keepProgram(p.Data); err != nil {
		a.note("the program is not kept for later deltas: %v; %s names another folder", err, programsVariable)
	}
}

// sentText describes how a program came to a device, "" if it was there.
func sentText(s deploy.Sent, program int64) string {
	switch {
	case s.Bytes == 0:
		return ""
	case s.Base != "":
		return fmt.Sprintf("%s bytes, a delta: %.1f %% of the program", thousands(int(s.Bytes)), 100*float64(s.Bytes)/float64(max(program, 1)))
	}
	return thousands(int(s.Bytes)) + " bytes, the whole program"
}
