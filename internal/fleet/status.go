package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Device is what is known of a device.
type Device struct {
	Received
	InStage bool // it may install what is published
	Updated bool // it runs what is published
	Silent  bool // its latest report is older than an hour
}

// Status is what is known of a fleet.
type Status struct {
	Document *Desired // that is published; nil: none
	Devices  []Device // by name
	Dropped  int      // reports that cannot be read
	Blind    bool     // the channel takes no reports
}

// Status reads what is published and what devices have reported.
func (o *Operator) Status(ctx context.Context) (Status, error) {
	d, err := o.Document(ctx)
	if err != nil {
		return Status{}, err
	}
	reports, dropped, err := o.reports().Reports(ctx)
	if err != nil && !errors.Is(err, ErrNoReports) {
		return Status{}, err
	}
	s := Status{Document: d, Dropped: dropped, Blind: errors.Is(err, ErrNoReports)}
	for _, r := range reports {
		if r.Fleet == o.Fleet {
			s.Devices = append(s.Devices, deviceOf(d, r))
		}
	}
	slices.SortFunc(s.Devices, func(a, b Device) int { return strings.Compare(a.Device, b.Device) })
	return s, nil
}

func deviceOf(d *Desired, r Received) Device {
	v := Device{Received: r, Silent: silent(r)}
	if d != nil {
		v.InStage = !d.Stopped && d.Stage.Includes(d.Rollout, r.Device)
		v.Updated = r.SHA256 != "" && slices.ContainsFunc(d.Programs, func(p Program) bool { return p.SHA256 == r.SHA256 }) && (r.State == Running || r.State == Refused || r.State == Trouble)
	}
	return v
}

// tally counts the devices of a stage.
type tally struct {
	updated         int
	failed, pending []Device
}

func (t tally) total() int { return t.updated + len(t.failed) + len(t.pending) }

// count counts the devices of the stage of a document. A silent one counts only if the stage
// names it. start is the serial number of the first document of the roll-out: older failures do
// not count where devices are to try again.
func count(d *Desired, reports []Received, start int64) (t tally) {
	heard := map[string]bool{}
	for _, r := range reports {
		heard[r.Device] = true
		named := slices.Contains(d.Stage.Devices, r.Device)
		if !d.Stage.Includes(d.Rollout, r.Device) || silent(r) && !named {
			continue
		}
		v := deviceOf(d, r)
		switch {
		case v.Updated:
			t.updated++
		case r.State == Failed && (r.Serial >= start || r.Failed == d.Version && !d.Retry):
			t.failed = append(t.failed, v)
		default:
			t.pending = append(t.pending, v)
		}
	}
	for _, name := range d.Stage.Devices {
		if !heard[name] { // its report is gone, or cannot be read any more
			t.pending = append(t.pending, Device{Received: Received{Report{Device: name, State: "no report"}, time.Now()}})
		}
	}
	return t
}

// unanswered is the error after a stage has taken too long.
func (t tally) unanswered(d *Desired, patience time.Duration) error {
	if t.total() == 0 {
		return fmt.Errorf("stage %d of %d of version %d: none of its devices has reported for an hour; the stage stays open: give the command again when they answer, or edgec fleet stop", d.Stage.Number, d.Stage.Of, d.Version)
	}
	var names []string
	for _, v := range t.pending {
		text := v.Device + " (" + v.State
		if v.Cause != "" {
			text += ": " + v.Cause
		}
		names = append(names, text+", seen "+time.Since(v.At).Round(time.Second).String()+" ago)")
	}
	return fmt.Errorf("stage %d of %d of version %d: %d of %d devices have not answered within %v: %s; the stage stays open: give the command again to go on, or edgec fleet stop",
		d.Stage.Number, d.Stage.Of, d.Version, len(t.pending), t.total(), patience, firstOf(names))
}
