package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"edgec/internal/deploy"
	"edgec/internal/fleet"
	"edgec/internal/sign"
)

// Options configure an agent.
type Options struct {
	Device   string             // name of the device in reports
	Fleet    string             // name of the fleet
	Key      sign.PublicKey     // of the operator
	Every    time.Duration      // between two rounds without a change; 0: DefaultEvery
	Deploy   deploy.Options     // Restart, Check, MaxLatency, Duration, Timeout and Say are used
	Registry fleet.Fetcher      // fetches programs that are in a registry; nil: they are refused
	Reports  fleet.Channel      // takes the reports; nil: the channel that is followed
	Changed  func(fleet.Report) // is told each report that differs from the one before; nil: nobody
}

// DefaultEvery is the time between two rounds.
const DefaultEvery = 5 * time.Minute

// Agent is the state of an agent between two rounds.
type Agent struct {
	device   deploy.Device
	follow   fleet.Channel
	o        Options
	uname    string
	checked  bool          // the program that runs was compared with its checksum
	last     fleet.Report  // that was sent
	told     fleet.Report  // that Changed was told
	latency  time.Duration // of the program that runs, if it was measured since the start
	sent     time.Time     // when
	attempts int           // in a row that failed by trouble
}

// New returns an agent of a device that follows a channel.
func New(device deploy.Device, follow fleet.Channel, o Options) (*Agent, error) {
	for _, name := range []string{o.Device, o.Fleet} {
		if err := fleet.CheckName(name); err != nil {
			return nil, err
		}
	}
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	if o.Reports == nil {
		o.Reports = follow
	}
	return &Agent{device: device, follow: follow, o: o}, nil
}

func (a *Agent) say(format string, v ...any) {
	if a.o.Deploy.Say != nil {
		a.o.Deploy.Say(fmt.Sprintf(format, v...))
	}
}

// Run does rounds until ctx ends, and returns its error. A round that fails by trouble, such as a
// channel that is not reached, is repeated after 1 s, and later after up to an hour; each device
// draws its own time, so that they do not all come at once.
func (a *Agent) Run(ctx context.Context) error {
	for {
		r, err := a.Round(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.say("%v", err)
		}
		if err != nil || r.State == fleet.Trouble {
			a.attempts++
			if err := sleep(ctx, backoff(a.attempts)); err != nil {
				return err
			}
			continue
		}
		a.attempts = 0
		if err := a.follow.Wait(ctx, jitter(a.o.Every)); err != nil {
			return err
		}
	}
}

// jitter is a time that differs from d by up to 20 %.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// longestBackoff bounds the time after a failed attempt.
const longestBackoff = time.Hour

// backoff is the time after a number of failed attempts: drawn from one second up to a limit that
// doubles.
func backoff(attempts int) time.Duration {
	limit := longestBackoff
	if attempts < 12 {
		limit = min(limit, time.Second<<attempts)
	}
	return time.Second + rand.N(limit)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Round does one round and reports. The report has what went wrong on the device; the error says
// that the device could not be asked, or that the report could not be sent.
func (a *Agent) Round(ctx context.Context) (fleet.Report, error) {
	if a.uname == "" {
		if err := a.device.Mkdir("."); err != nil {
			return fleet.Report{}, fmt.Errorf("agent: %s: %w", a.device.Folder(), err)
		}
		out, err := a.device.Run(ctx, "uname -s -m")
		if err != nil {
			return fleet.Report{}, fmt.Errorf("agent: asking for the system: %w", err)
		}
		a.uname = strings.TrimSpace(string(out))
	}
	if err := a.settle(ctx); err != nil {
		return a.stuck(ctx, err)
	}
	state, cause, serial := a.round(ctx)
	if ctx.Err() != nil {
		return fleet.Report{}, ctx.Err()
	}
	r, err := a.report(state, cause, serial)
	if err != nil {
		return a.stuck(ctx, err)
	}
	return r, a.send(ctx, r)
}

// stuck reports why nothing is known of the programs of the device. Without a report, the operator
// would only see that it is silent.
func (a *Agent) stuck(ctx context.Context, err error) (fleet.Report, error) {
	if ctx.Err() != nil {
		return fleet.Report{}, ctx.Err()
	}
	r := fleet.Report{Device: a.o.Device, Fleet: a.o.Fleet, State: fleet.Trouble, Cause: err.Error(), System: a.uname, Time: time.Now().UTC().Truncate(time.Second)}
	return r, a.send(ctx, r)
}

// settle ends what an earlier agent has left: it repeats the tests of a program on trial, unless
// that has stopped the device again and again.
func (a *Agent) settle(ctx context.Context) error {
	g, err := deploy.Look(a.device)
	if err != nil || g.Settled {
		return err
	}
	m, err := a.remember()
	if err != nil {
		return err
	}
	o := a.o.Deploy
	if g.Trial != "" && m.Program == g.Trial {
		if m.Begun >= mostBegun {
			o.GiveUp = stops
		}
		after := m
		after.Begun++
		if err := a.keep(m, after); err != nil {
			return err
		}
		m = after
	}
	r, _, err := deploy.Status(ctx, a.device, o)
	if r.Found != "" {
		a.say("%s", r.Found)
	}
	if err != nil || m.Program != g.Trial {
		return err
	}
	return a.ended(m)
}

// report describes the device after a round.
func (a *Agent) report(state, cause string, serial int64) (fleet.Report, error) {
	g, err := deploy.Look(a.device)
	if err != nil {
		return fleet.Report{}, err
	}
	r := fleet.Report{Device: a.o.Device, Fleet: a.o.Fleet, State: state, Cause: cause, Version: g.Current.Version, SHA256: g.Current.SHA256, Serial: serial, System: a.uname, Latency: a.latency, Time: time.Now().UTC().Truncate(time.Second)}
	if n := len(g.Failed); n > 0 {
		r.Failed = g.Failed[n-1].Version
	}
	return r, nil
}

// tell passes on a report that differs from the one before.
func (a *Agent) tell(r fleet.Report) {
	before := a.told
	before.Time = r.Time
	if a.told = r; r != before && a.o.Changed != nil {
		a.o.Changed(r)
	}
}

// send sends a report that differs from the one before, or whose time has come.
func (a *Agent) send(ctx context.Context, r fleet.Report) error {
	a.tell(r)
	before := a.last
	before.Time = r.Time
	if r == before && time.Since(a.sent) < a.o.Every/2 {
		return nil
	}
	data, err := r.Encode()
	if err != nil {
		return err
	}
	err = a.o.Reports.Report(ctx, a.o.Device, data)
	switch {
	case errors.Is(err, fleet.ErrNoReports), errors.Is(err, fs.ErrNotExist): // nobody wants one, or not yet
		return nil
	case err != nil:
		return fmt.Errorf("agent: the report was not sent: %w", err)
	}
	a.last, a.sent = r, time.Now()
	return nil
}
