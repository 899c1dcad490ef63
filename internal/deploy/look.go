package deploy

import (
	"context"
	"errors"
	"io/fs"
	"path"
)

// Glance is what a device has, as its files say. The fields are zero before the first deployment.
type Glance struct {
	Current Installed // that current points to; SHA256 is "" if there is none
	Highest int       // version that was accepted
	Failed  []Failure // programs that did not pass, the latest last
	Trial   string    // checksum of a program whose tests an earlier command has not ended; "": none
	Settled bool      // no earlier command was cut off, and the device has not returned by itself
}

// Look reads what a device has. It takes no lock and changes nothing, so that it costs no write;
// a deployment that goes on at the same time may be seen half done. Status is for what is not
// settled.
func Look(d FS) (Glance, error) {
	if _, err := d.List(storeName); errors.Is(err, fs.ErrNotExist) {
		return Glance{Settled: true}, nil
	}
	state, err := readState(d)
	if err != nil {
		return Glance{}, err
	}
	current, err := linked(d, currentName)
	if err != nil {
		return Glance{}, err
	}
	g := Glance{Highest: state.Highest, Failed: state.Failed, Settled: state.Trial == nil && current == state.Current}
	if state.Trial != nil {
		g.Trial = state.Trial.SHA256
	}
	if current != "" {
		g.Current, _ = state.find(current)
	}
	return g, nil
}

// Whole reports whether the program that current points to has the checksum under which it was
// stored: cards lose and change what they have acknowledged. Cost: one pass over the program.
func Whole(ctx context.Context, d Device, current Installed) (bool, error) {
	has, err := d.Sum(ctx, path.Join(currentName, programName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return has == current.SHA256, err
}

// ReadCurrent returns the program that current points to, of at most limit bytes.
func ReadCurrent(d FS, limit int64) ([]byte, error) {
	return d.Read(path.Join(currentName, programName), limit)
}

// PutFile writes a file of the deployment's folder whole or not at all. It has survived a cut of
// power when PutFile returns.
func PutFile(d FS, name string, data []byte) error { return put(d, name, data, 0o644) }
