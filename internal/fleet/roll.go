package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"edgec/internal/deploy"
	"edgec/internal/sign"
)

// Operator publishes documents and reads reports.
type Operator struct {
	Fleet   string
	Channel Channel
	Reports Channel        // nil: Channel
	Key     sign.SecretKey // signs; not needed for Status
	Public  sign.PublicKey
	// Registry fetches programs before that are in a registry; nil: no deltas from them.
	Registry Fetcher
	Say      func(doing string) // is told what begins; nil: nobody
	// Count is told how many devices of a stage are updated, and have failed; nil: nobody.
	Count func(stage Stage, updated, failed, of int)
	Poll  time.Duration // between two looks at the reports; 0: a second

	own []string // checksums of what was published when this operator looked, and of what it has tried to publish since
}

// Artifact is a program to be rolled out.
type Artifact struct {
	deploy.Program
	File      string        // its name, without folder
	System    deploy.System // that it was built for
	Reference string        // of the artifact in a registry that has it; "": the channel gets it
}

// Rollout is what Roll does.
type Rollout struct {
	Name       string // "": version-N
	Artifacts  []Artifact
	Version    int // 0: one above that which is published
	Stages     []Share
	MaxLatency time.Duration
	MaxFailed  int           // number of devices that may fail
	Patience   time.Duration // longest wait for the devices of a stage; 0: DefaultPatience
	Soak       time.Duration // how long a stage has to stay good
	Retry      bool          // devices where the version has failed try it once more
}

// DefaultPatience is how long a stage may take.
const DefaultPatience = 15 * time.Minute

func (o *Operator) say(format string, v ...any) {
	if o.Say != nil {
		o.Say(fmt.Sprintf(format, v...))
	}
}

func (o *Operator) reports() Channel {
	if o.Reports != nil {
		return o.Reports
	}
	return o.Channel
}

// Document returns the document that is published, nil if there is none.
func (o *Operator) Document(ctx context.Context) (*Desired, error) {
	sealed, err := o.Channel.Document(ctx)
	o.own = []string{checksum(sealed)} // of nothing, if there is none
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := Open(sealed, o.Public, o.Fleet)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; use the key of the one that published it, or remove the document there to begin anew", o.Channel, err)
	}
	return d, nil
}

// publish signs and publishes a document.
func (o *Operator) publish(ctx context.Context, d *Desired) error {
	d.Serial, d.Time = nextSerial(d.Serial), time.Now().UTC().Truncate(time.Second)
	sealed, err := Seal(d, o.Key)
	if err != nil {
		return err
	}
	o.own = append(o.own, checksum(sealed)) // it may be there though an error comes back
	if err := o.Channel.Publish(ctx, sealed); err != nil {
		return err
	}
	o.own = o.own[len(o.own)-1:]
	return nil
}

// A StoppedError says that devices have failed, and that no other device begins.
type StoppedError struct {
	Version int
	Stage   Stage
	Failed  []Device
	Total   int // devices of the stage
}

func (e *StoppedError) Error() string {
	var causes []string
	for _, d := range e.Failed {
		causes = append(causes, d.Device+": "+d.Cause)
	}
	return fmt.Sprintf("the roll-out of version %d was stopped at stage %d of %d: %d of %d devices failed and run the version before: %s; edgec fleet status shows all",
		e.Version, e.Stage.Number, e.Stage.Of, len(e.Failed), e.Total, firstOf(causes))
}

// firstOf joins up to three texts.
func firstOf(texts []string) string {
	if n := len(texts); n > 3 {
		return strings.Join(texts[:3], "; ") + fmt.Sprintf("; and %d more", n-3)
	}
	return strings.Join(texts, "; ")
}

// Roll publishes programs and opens one stage after the other, each when all devices of the one
// before run them. If more than MaxFailed devices fail, it stops: no other device begins, and the
// error is a *StoppedError. A device that does not answer within Patience ends Roll too, and the
// stage stays open. The same roll-out given again goes on where the first one has ended, since
// devices that run the programs have nothing to do.
//
// Devices that were silent for an hour before are not waited for; they install the programs when
// they come back.
func (o *Operator) Roll(ctx context.Context, r Rollout) (Status, error) {
	before, err := o.Document(ctx)
	if err != nil {
		return Status{}, err
	}
	if err := o.Channel.Prepare(ctx); err != nil {
		return Status{}, err
	}
	if r.Patience == 0 {
		r.Patience = DefaultPatience
	}
	d, err := o.plan(ctx, r, before)
	if err != nil {
		return Status{}, err
	}
	start := nextSerial(d.Serial)
	if r.Retry {
		d.RetrySince = start
	}
	if err := o.send(ctx, r, d, before); err != nil {
		return Status{}, err
	}
	if _, _, err := o.reports().Reports(ctx); errors.Is(err, ErrNoReports) {
		return o.blindly(ctx, r, d)
	}
	for _, share := range r.Stages {
		if d.Stage, err = o.open(ctx, r, share, d); err != nil {
			return Status{}, err
		}
		o.say("stage %d of %d: %s", d.Stage.Number, d.Stage.Of, described(share, d.Stage))
		if err := o.mine(ctx, d); err != nil { // such as a stop by somebody else
			return Status{}, err
		}
		if err := o.publish(ctx, d); err != nil {
			return Status{}, err
		}
		if share == r.Stages[0] {
			o.prune(ctx, d, before)
		}
		if err := o.await(ctx, r, d, start); err != nil {
			return Status{}, err
		}
	}
	return o.Status(ctx)
}

// prune removes files that neither the document nor the one before needs. A device that still
// reads an older document finds the new one in its next round.
func (o *Operator) prune(ctx context.Context, documents ...*Desired) {
	keep := map[string]bool{}
	for _, d := range documents {
		if d == nil {
			continue
		}
		for _, p := range d.Programs {
			keep[p.SHA256] = true
			for _, delta := range p.Deltas {
				keep[delta.SHA256] = true
			}
		}
	}
	if err := o.Channel.Prune(ctx, keep); err != nil {
		o.say("old files stay: %v", err)
	}
}

// blindly publishes for all devices at once, where no channel takes reports.
func (o *Operator) blindly(ctx context.Context, r Rollout, d *Desired) (Status, error) {
	if len(r.Stages) != 1 || r.Stages[0].Percent != 100 {
		return Status{}, fmt.Errorf("%w; or give the stages all, and nobody sees what devices run", ErrNoReports)
	}
	d.Stage = Stage{Number: 1, Of: 1, Percent: 100}
	o.say("%s takes no reports: what devices do is not seen", o.reports())
	if err := o.mine(ctx, d); err != nil {
		return Status{}, err
	}
	if err := o.publish(ctx, d); err != nil {
		return Status{}, err
	}
	return Status{Document: d, Blind: true}, nil
}

// described names the devices of a stage.
func described(s Share, stage Stage) string {
	switch {
	case s.Percent == 100:
		return "all devices"
	case s.Count == 0:
		return s.String() + " of the devices"
	}
	names := strings.Join(stage.Devices[:min(len(stage.Devices), 10)], ", ")
	if n := len(stage.Devices) - 10; n > 0 {
		names += fmt.Sprintf(" and %d more", n)
	}
	return names
}

// plan is the document of a roll-out before its first stage.
func (o *Operator) plan(ctx context.Context, r Rollout, before *Desired) (*Desired, error) {
	d := &Desired{Schema: schema, Fleet: o.Fleet, Version: r.Version, Rollout: r.Name, MaxLatency: r.MaxLatency, Retry: r.Retry, Stage: Stage{Of: len(r.Stages)}}
	for _, a := range r.Artifacts {
		d.Programs = append(d.Programs, Program{File: a.File, System: a.System, SHA256: a.Sum(), Bytes: int64(len(a.Data)), Model: a.Model, Serves: a.Serves, Reference: a.Reference})
	}
	published := 0
	if before != nil {
		d.Serial, published = before.Serial, before.Version
		if samePrograms(d.Programs, before.Programs) && (r.Version == 0 || r.Version == before.Version) {
			d.Version = before.Version // goes on
		}
	}
	switch {
	case d.Version == 0:
		d.Version = published + 1
		if err := o.above(ctx, d.Version); err != nil {
			return nil, err
		}
	case before != nil && d.Version <= published && !samePrograms(d.Programs, before.Programs):
		return nil, fmt.Errorf("%s: version %d is not above %d, which is published; give a higher --version, or leave it out", o.Channel, d.Version, published)
	}
	if d.Rollout == "" {
		d.Rollout = fmt.Sprintf("version-%d", d.Version)
	}
	return d, nil
}

// above returns an error if a device reports a version that is not below this one. Reports are not
// signed, so that they may not choose the version: a forged one could use up all numbers.
func (o *Operator) above(ctx context.Context, version int) error {
	reports, err := o.ofFleet(ctx)
	if errors.Is(err, ErrNoReports) {
		return nil
	}
	for _, r := range reports {
		if has := max(r.Version, r.Failed); has >= version {
			return fmt.Errorf("%s: %s reports version %d, and version %d is the next one here; if the report is right, give --version %d, or else --version %d", o.reports(), r.Device, has, version, has+1, version)
		}
	}
	return err
}

func samePrograms(a, b []Program) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].SHA256 != b[i].SHA256 {
			return false
		}
	}
	return true
}

// send puts the programs into the channel, and deltas from those before.
func (o *Operator) send(ctx context.Context, r Rollout, d *Desired, before *Desired) error {
	for i, a := range r.Artifacts {
		p := &d.Programs[i]
		if err := p.check(); err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
		if a.Reference == "" {
			o.say("sending %s, %d bytes", a.File, len(a.Data))
			if err := o.Channel.Put(ctx, p.SHA256, a.Data); err != nil {
				return err
			}
		}
		if err := o.addDeltas(ctx, p, a.Data, before); err != nil {
			return err
		}
	}
	return nil
}

// wantDevices is how long a stage waits for devices that have not reported yet.
const wantDevices = 30 * time.Second

// open returns the next stage. It waits until the number of devices has reported that it wants, at
// least one: a stage without a device would say nothing.
func (o *Operator) open(ctx context.Context, r Rollout, s Share, d *Desired) (Stage, error) {
	for began := time.Now(); ; {
		reports, err := o.ofFleet(ctx)
		if err != nil {
			return Stage{}, err
		}
		stage := stageOf(s, d.Rollout, d.Stage, reports)
		waited, has := time.Since(began), len(stage.Devices)
		switch {
		case has >= max(s.Count, 1) || s.Count == 0 && stage.reaches(d.Rollout, reports):
			return stage, nil
		case waited > min(wantDevices, r.Patience) && has > 0:
			o.say("only %d devices have reported; stage %d takes all of them", has, stage.Number)
			return stage, nil
		case waited > r.Patience:
			return Stage{}, fmt.Errorf("%s: no device of the fleet %s has reported within %v; start edgec agent on the devices, or give stages in percent", o.reports(), o.Fleet, r.Patience)
		}
		if err := o.pause(ctx); err != nil {
			return Stage{}, err
		}
	}
}

// ofFleet returns the reports of the fleet.
func (o *Operator) ofFleet(ctx context.Context) (reports []Received, err error) {
	all, _, err := o.reports().Reports(ctx)
	for _, r := range all {
		if r.Fleet == o.Fleet {
			reports = append(reports, r)
		}
	}
	return reports, err
}

func (o *Operator) pause(ctx context.Context) error {
	poll := o.Poll
	if poll == 0 {
		poll = time.Second
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(poll):
		return nil
	}
}

// await returns when all devices of a stage are updated and have stayed so. start is the serial
// number of the first document of the roll-out.
func (o *Operator) await(ctx context.Context, r Rollout, d *Desired, start int64) error {
	good := time.Time{}
	for began := time.Now(); ; {
		reports, err := o.ofFleet(ctx)
		if err != nil && ctx.Err() == nil && time.Since(began) < r.Patience { // it may come back
			o.say("no reports: %v", err)
			if err := o.pause(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		t := count(d, reports, start)
		if o.Count != nil {
			o.Count(d.Stage, t.updated, len(t.failed), t.total())
		}
		switch {
		case len(t.failed) > r.MaxFailed:
			return o.stop(ctx, r, d, t)
		case len(t.pending) > 0 || t.total() == 0:
			good = time.Time{}
			if time.Since(began) > r.Patience {
				return t.unanswered(d, r.Patience)
			}
		case good.IsZero():
			good = time.Now()
		}
		if !good.IsZero() && time.Since(good) >= r.Soak {
			return nil
		}
		if err := o.pause(ctx); err != nil {
			return fmt.Errorf("the roll-out of version %d was interrupted at stage %d of %d, which stays open; give the command again to go on, or edgec fleet stop: %w", d.Version, d.Stage.Number, d.Stage.Of, err)
		}
		if err := o.mine(ctx, d); err != nil {
			return err
		}
	}
}

// mine returns an error if somebody else has replaced the document meanwhile.
func (o *Operator) mine(ctx context.Context, d *Desired) error {
	sealed, err := o.Channel.Document(ctx)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // the channel may come back
	}
	if !slices.Contains(o.own, checksum(sealed)) {
		return fmt.Errorf("%s: the document was removed or replaced during the roll-out of version %d; edgec fleet status shows it", o.Channel, d.Version)
	}
	return nil
}

// stop publishes that nobody begins any more. It tries again for as long as a stage may take: the
// channel may come back, and until then devices begin.
func (o *Operator) stop(ctx context.Context, r Rollout, d *Desired, t tally) error {
	d.Stopped = true
	for began := time.Now(); ; {
		err := o.mine(ctx, d)
		if err != nil {
			return fmt.Errorf("%d devices have failed: %w", len(t.failed), err)
		}
		if err = o.publish(ctx, d); err == nil {
			return &StoppedError{Version: d.Version, Stage: d.Stage, Failed: t.failed, Total: t.total()}
		}
		if ctx.Err() == nil && time.Since(began) < r.Patience {
			o.say("the roll-out is not stopped yet: %v", err)
			if o.pause(ctx) == nil {
				continue
			}
		}
		return fmt.Errorf("%d devices have failed, and the roll-out could not be stopped: %w; give edgec fleet stop", len(t.failed), err)
	}
}

// Stop stops the roll-out that is published: devices that have not begun do not begin.
func (o *Operator) Stop(ctx context.Context) (Status, error) {
	d, err := o.Document(ctx)
	if err != nil {
		return Status{}, err
	}
	if d == nil {
		return Status{}, fmt.Errorf("%s: nothing is published", o.Channel)
	}
	if !d.Stopped {
		d.Stopped = true
		if err := o.publish(ctx, d); err != nil {
			return Status{}, err
		}
	}
	return o.Status(ctx)
}
