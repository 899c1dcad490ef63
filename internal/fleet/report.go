package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// States of a device.
const (
	Running  = "running"  // it runs what the document says
	Waiting  = "waiting"  // it is not in the stage, or nothing is published
	Updating = "updating" // it installs the program
	Failed   = "failed"   // the program did not pass; the one before runs
	Refused  = "refused"  // the document, or a file of it, is not what the operator has signed, or is old
	Trouble  = "trouble"  // it was not possible to install the program, and is tried again
)

// states lists the states that a report may have.
var states = map[string]bool{Running: true, Waiting: true, Updating: true, Failed: true, Refused: true, Trouble: true}

// Report is what a device says of itself. The latest counts.
type Report struct {
	Schema  int           `json:"schema,omitempty"` // set by Encode
	Device  string        `json:"device"`
	Fleet   string        `json:"fleet"`
	State   string        `json:"state"`
	Cause   string        `json:"cause,omitempty"`          // of the state
	Version int           `json:"version_number"`           // that runs; 0: none
	SHA256  string        `json:"sha256,omitempty"`         // of the program that runs
	Serial  int64         `json:"serial,omitempty"`         // of the document that it has seen last
	Failed  int           `json:"failed_version,omitempty"` // the version that did not pass last
	System  string        `json:"system,omitempty"`         // what uname prints
	Latency time.Duration `json:"latency_ns,omitempty"`     // median time of an inference, when it was installed
	Time    time.Time     `json:"time"`                     // of the device, whose clock may be wrong
}

// Received is a report and the time of the channel at which it came.
type Received struct {
	Report
	At time.Time
}

// mostCause bounds the cause of a report, in bytes.
const mostCause = 1000

// Encode is a report as it is sent.
func (r Report) Encode() ([]byte, error) {
	r.Schema = schema
	r.Cause = printable(r.Cause)
	return json.Marshal(r)
}

// decodeReport reads a report that anybody may have written under the name of a device.
func decodeReport(device string, data []byte) (Report, error) {
	var r Report
	if len(data) > MostReport {
		return r, fmt.Errorf("it has more than %d bytes", MostReport)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, err
	}
	switch {
	case r.Schema != schema:
		return r, fmt.Errorf("its schema is %d", r.Schema)
	case r.Device != device || !isName.MatchString(device):
		return r, errors.New("it names another device")
	case !states[r.State] || !isName.MatchString(r.Fleet):
		return r, errors.New("its state or fleet is not known")
	case r.SHA256 != "" && !isSum.MatchString(r.SHA256):
		return r, errors.New("its checksum is none")
	case r.Version < 0 || r.Failed < 0 || r.Serial < 0 || r.Latency < 0:
		return r, errors.New("a number is negative")
	}
	r.Cause, r.System = printable(r.Cause), printable(r.System)
	return r, nil
}

// printable is one line of text without signs that a terminal obeys, of at most mostCause bytes.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > mostCause {
		s = strings.ToValidUTF8(s[:mostCause], "")
	}
	return strings.TrimSpace(s)
}
