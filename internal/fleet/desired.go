package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"edgec/internal/deploy"
)

// Limits of what a channel carries.
const (
	MostDocument = 256 << 10 // bytes of a signed document
	MostReport   = 8 << 10   // bytes of a report
	MostReports  = 20_000    // reports that are read
	MostNamed    = 2_000     // devices that a stage names
	MostFile     = 256 << 20 // bytes of a program
	mostPrograms = 64        // programs of a document
	mostDeltas   = 16        // deltas of a program
)

// schema is the version of documents and reports.
const schema = 1

// Desired is what the devices of a fleet are to run.
type Desired struct {
	Schema     int           `json:"schema"`
	Fleet      string        `json:"fleet"`                    // its name
	Serial     int64         `json:"serial"`                   // rises with each document; at least the seconds since 1970
	Rollout    string        `json:"rollout"`                  // name of the roll-out; decides about the order of devices
	Version    int           `json:"version_number"`           // of the programs, from 1
	Programs   []Program     `json:"programs"`                 // one for each kind of processor
	Stage      Stage         `json:"stage"`                    // who installs them now
	Stopped    bool          `json:"stopped,omitempty"`        // nobody installs them
	Retry      bool          `json:"retry,omitempty"`          // devices where the version has failed try it again, once
	RetrySince int64         `json:"retry_since,omitempty"`    // with Retry: serial number from which on an attempt counts as that one; 0: Serial
	MaxLatency time.Duration `json:"max_latency_ns,omitempty"` // longest median time of an inference; 0: not measured
	Time       time.Time     `json:"time"`                     // of the operator, when it was signed
}

// Program is one program of a document, and how it reaches devices.
type Program struct {
	File      string        `json:"file"` // its name, without a folder
	System    deploy.System `json:"system"`
	SHA256    string        `json:"sha256"` // of the program, in hexadecimal
	Bytes     int64         `json:"bytes"`
	Model     string        `json:"model"`               // file that it was made from
	Serves    bool          `json:"serves,omitempty"`    // it keeps running and serves the model by HTTP
	Reference string        `json:"reference,omitempty"` // of the artifact in a registry that has it; "": the channel has it
	Deltas    []Delta       `json:"deltas,omitempty"`
}

// Delta makes the program from another one.
type Delta struct {
	Base   string `json:"base"`   // SHA-256 of the other program
	SHA256 string `json:"sha256"` // of the delta
	Bytes  int64  `json:"bytes"`
}

// Stage says which devices install a program. A device is in it if it is named, or if its
// position in the order of the roll-out lies below Percent.
type Stage struct {
	Number  int      `json:"number"` // from 1
	Of      int      `json:"of"`
	Percent float64  `json:"percent,omitempty"` // 0 to 100
	Devices []string `json:"devices,omitempty"`
}

// Includes reports whether a device is in the stage.
func (s Stage) Includes(rollout, device string) bool {
	return slices.Contains(s.Devices, device) || position(rollout, device) < s.Percent
}

// position is the place of a device in the order of a roll-out, 0 to below 100. It is the hash of
// both names, so that other devices are the first in each roll-out.
func position(rollout, device string) float64 {
	h := sha256.Sum256([]byte(rollout + "\x00" + device))
	return float64(binary.BigEndian.Uint64(h[:])>>11) / (1 << 53) * 100
}

var (
	isName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$`)
	isFile = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.+-]{0,127}$`)
	isSum  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckName returns an error if name cannot be that of a fleet, a roll-out or a device.
func CheckName(name string) error {
	if !isName.MatchString(name) {
		return fmt.Errorf("fleet: the name %.80q: use 1 to 63 letters, digits, - and _", name)
	}
	return nil
}

// CheckFile returns an error if name cannot be that of a program in a document.
func CheckFile(name string) error {
	if !isFile.MatchString(name) {
		return fmt.Errorf("%.140q is no name that devices take; rename it: up to 128 letters, digits and . _ - +, the first a letter, a digit or _", name)
	}
	return nil
}

// check returns what is wrong with a document.
func (d *Desired) check() error {
	switch {
	case d.Schema > schema:
		return fmt.Errorf("its schema is %d, which a newer edgec has written; update edgec", d.Schema)
	case d.Schema != schema:
		return errors.New("it is no document of a fleet")
	case d.Serial < 1 || d.Version < 1 || d.Version > math.MaxInt32:
		return errors.New("its serial or version number is out of range")
	case d.RetrySince < 0 || d.RetrySince > d.Serial:
		return errors.New("its serial number for another attempt is out of range")
	case d.MaxLatency < 0 || d.MaxLatency > time.Hour:
		return errors.New("its limit of latency is out of range")
	case len(d.Programs) > mostPrograms || len(d.Stage.Devices) > MostNamed:
		return errors.New("it has too many programs or devices")
	case !(d.Stage.Percent >= 0 && d.Stage.Percent <= 100):
		return errors.New("its percentage is out of range")
	}
	for _, name := range append([]string{d.Fleet, d.Rollout}, d.Stage.Devices...) {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	for _, p := range d.Programs {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Program) check() error {
	switch {
	case !isFile.MatchString(p.File) || !isFile.MatchString(p.Model):
		return fmt.Errorf("%.80q is no name of a file", p.File)
	case !isSum.MatchString(p.SHA256):
		return fmt.Errorf("%s has no checksum", p.File)
	case p.Bytes < 1 || p.Bytes > MostFile:
		return fmt.Errorf("%s has %d bytes, at most %d are allowed", p.File, p.Bytes, MostFile)
	case len(p.Deltas) > mostDeltas || len(p.Reference) > 512:
		return fmt.Errorf("%s has too many deltas or too long a reference", p.File)
	}
	for _, d := range p.Deltas {
		if !isSum.MatchString(d.Base) || !isSum.MatchString(d.SHA256) || d.Bytes < 1 || d.Bytes > MostFile {
			return fmt.Errorf("%s has a delta without checksum or size", p.File)
		}
	}
	return nil
}

// For returns the program for what "uname -s -m" prints on a device. Several that run there are
// tried in their order, which is that of the operator.
func (d *Desired) For(uname string) (Program, error) {
	var built []string
	for _, p := range d.Programs {
		if p.System.RunsOn(uname) == nil {
			return p, nil
		}
		built = append(built, p.System.String())
	}
	return Program{}, fmt.Errorf("version %d has no program for %s, only for %v; publish one for it too", d.Version, uname, built)
}

// encode is the document as it is signed.
func (d *Desired) encode() ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return json.Marshal(d)
}

// decode reads a document whose signature was checked.
func decode(data []byte) (*Desired, error) {
	var d Desired
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("it is no document of a fleet: %w", err)
	}
	return &d, d.check()
}
