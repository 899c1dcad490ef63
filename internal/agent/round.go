package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"edgec/internal/deploy"
	"edgec/internal/fleet"
)

// memory is what an agent remembers on the disk, beside what package deploy does.
type memory struct {
	Schema  int   `json:"schema"`
	Serial  int64 `json:"serial"`            // highest of the documents that were accepted
	Retried int64 `json:"retried,omitempty"` // serial number of the document that asked for the last new attempt
	// Program is the one that was installed last, by its checksum, and Begun the number of
	// attempts that have not ended: the device was reset, or the agent killed.
	Program string `json:"program,omitempty"`
	Begun   int    `json:"begun,omitempty"`
}

// mostBegun is the number of attempts after which a program counts as one that stops the device.
const mostBegun = 3

// stops is the reason for that.
var stops = fmt.Sprintf("the device was reset, or the agent was killed, in %d attempts to install it", mostBegun)

// memoryName is the file of memory in the folder of a deployment, memoryLimit its size in bytes.
const (
	memoryName  = "agent.json"
	memoryLimit = 4096
)

// remember reads memory.
func (a *Agent) remember() (memory, error) {
	m := memory{Schema: 1}
	data, err := a.device.Read(memoryName, memoryLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Schema != 1 || m.Serial < 0 {
		return m, fmt.Errorf("%s is damaged, or a newer edgec has written it; remove it, and older documents of the operator count again", memoryName)
	}
	return m, nil
}

// keep writes memory if it has changed.
func (a *Agent) keep(before, m memory) error {
	if m == before {
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return deploy.PutFile(a.device, memoryName, append(data, '\n'))
}

// round does what the document says. It returns the state of the device and its cause, and the
// serial number of the last document that was accepted.
func (a *Agent) round(ctx context.Context) (state, cause string, serial int64) {
	m, err := a.remember()
	if err != nil {
		return fleet.Trouble, err.Error(), 0
	}
	sealed, err := a.follow.Document(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return fleet.Waiting, "nothing is published", m.Serial
	}
	if err != nil {
		return wrong(err, m)
	}
	d, err := fleet.Open(sealed, a.o.Key, a.o.Fleet)
	if err != nil {
		return wrong(err, m)
	}
	if d.Serial < m.Serial {
		return fleet.Refused, fmt.Sprintf("the document has the serial number %d and is older than the one accepted before, %d", d.Serial, m.Serial), m.Serial
	}
	after := m
	after.Serial = d.Serial
	todo, state, cause := a.decide(ctx, d, &after)
	if todo == nil {
		if state != fleet.Refused && state != fleet.Trouble {
			if err := a.keep(m, after); err != nil {
				return fleet.Trouble, err.Error(), m.Serial
			}
		}
		return state, cause, after.Serial
	}
	data, err := a.fetch(ctx, *todo)
	if err != nil {
		return wrong(err, m)
	}
	if after.Program != todo.SHA256 {
		after.Program, after.Begun = todo.SHA256, 0
	}
	after.Begun++
	if err := a.keep(m, after); err != nil { // every check has passed
		return fleet.Trouble, err.Error(), m.Serial
	}
	state, cause = a.install(ctx, d, *todo, data, after)
	if state == fleet.Trouble { // the wish to try again is not used up
		after.Retried = m.Retried
	}
	if err := a.ended(after); err != nil {
		a.say("%v", err) // counts as one that has not ended
	}
	return state, cause, after.Serial
}

// ended forgets an attempt that has ended.
func (a *Agent) ended(m memory) error {
	after := m
	after.Begun = 0
	return a.keep(m, after)
}

// wrong is the state after an error.
func wrong(err error, m memory) (state, cause string, serial int64) {
	var foreign *fleet.ForeignError
	if errors.As(err, &foreign) {
		return fleet.Refused, err.Error(), m.Serial
	}
	return fleet.Trouble, err.Error(), m.Serial
}

// decide returns the program to install, or nil and why there is none. after gets the attempt
// that the operator asks for.
func (a *Agent) decide(ctx context.Context, d *fleet.Desired, after *memory) (todo *fleet.Program, state, cause string) {
	g, err := deploy.Look(a.device)
	if err != nil {
		return nil, fleet.Trouble, err.Error()
	}
	p, err := d.For(a.uname)
	if err != nil {
		return nil, fleet.Failed, err.Error()
	}
	if p.SHA256 == g.Current.SHA256 {
		whole, err := a.whole(ctx, g.Current)
		switch {
		case err != nil:
			return nil, fleet.Trouble, err.Error()
		case whole:
			return nil, fleet.Running, ""
		}
		return &p, "", "" // repaired, whatever the stage
	}
	reason, failed := failure(g, p, d.Version)
	if !failed && after.Program == p.SHA256 && after.Begun >= mostBegun {
		reason, failed = stops, true
	}
	retry := d.Retry && !d.Stopped && after.Retried < cmp.Or(d.RetrySince, d.Serial)
	switch {
	case failed && !retry:
		return nil, fleet.Failed, reason
	case d.Version <= g.Highest:
		return nil, fleet.Refused, fmt.Sprintf("version %d is not above %d, the highest that was accepted", d.Version, g.Highest)
	case d.Stopped:
		return nil, fleet.Waiting, "the roll-out was stopped"
	case !d.Stage.Includes(d.Rollout, a.o.Device):
		return nil, fleet.Waiting, fmt.Sprintf("not in stage %d of %d", d.Stage.Number, d.Stage.Of)
	}
	if failed {
		after.Retried, after.Begun = d.Serial, 0
	}
	return &p, "", ""
}

// failure returns why a program, or its version, has failed on the device.
func failure(g deploy.Glance, p fleet.Program, version int) (reason string, failed bool) {
	for _, f := range g.Failed {
		if f.SHA256 == p.SHA256 || f.Version == version {
			return f.Reason, true
		}
	}
	return "", false
}

// whole compares the program that runs with its checksum, once for each start of the agent.
func (a *Agent) whole(ctx context.Context, current deploy.Installed) (bool, error) {
	if a.checked {
		return true, nil
	}
	whole, err := deploy.Whole(ctx, a.device, current)
	a.checked = err == nil && whole
	return whole, err
}

// install deploys a program whose content was checked.
func (a *Agent) install(ctx context.Context, d *fleet.Desired, p fleet.Program, data []byte, m memory) (state, cause string) {
	if r, err := a.report(fleet.Updating, "", d.Serial); err == nil {
		if err := a.send(ctx, r); err != nil {
			a.say("%v", err)
		}
	}
	o := a.o.Deploy
	o.Version, o.Retry = d.Version, m.Retried == d.Serial
	if g, err := deploy.Look(a.device); err == nil && g.Current.SHA256 == p.SHA256 {
		o.Version = 0 // repaired, as the version that it is
	}
	if d.MaxLatency > 0 && (o.MaxLatency == 0 || d.MaxLatency < o.MaxLatency) {
		o.MaxLatency = d.MaxLatency
	}
	a.say("installing version %d, %s", d.Version, p.File)
	r, err := deploy.Deploy(ctx, a.device, deploy.Program{Data: data, Model: p.Model, Serves: p.Serves}, o)
	var rejected *deploy.RejectedError
	switch {
	case errors.As(err, &rejected):
		a.say("%v", err)
		cause = rejected.Reason
		if rejected.Restart != "" {
			cause += "; " + rejected.Restart
		}
		return fleet.Failed, cause
	case err != nil:
		return fleet.Trouble, err.Error()
	}
	a.checked, a.latency = true, r.Latency
	a.say("version %d runs", r.Current.Version)
	return fleet.Running, ""
}
