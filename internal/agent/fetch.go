package agent

import (
	"context"

	"edgec/internal/deploy"
	"edgec/internal/fleet"
)

// fetch returns the content of a program, by a delta where there is one from the program that
// runs.
func (a *Agent) fetch(ctx context.Context, p fleet.Program) ([]byte, error) {
	g, err := deploy.Look(a.device)
	if err != nil {
		return nil, err
	}
	for _, d := range p.Deltas {
		if d.Base != g.Current.SHA256 || d.Bytes >= p.Bytes {
			continue
		}
		data, err := a.patched(ctx, p, d)
		if err == nil || ctx.Err() != nil {
			return data, err
		}
		a.say("the delta of %d bytes is of no use: %v; fetching the whole program", d.Bytes, err)
	}
	a.say("fetching %s, %d bytes", p.File, p.Bytes)
	return p.Fetch(ctx, a.follow, a.o.Registry)
}

// patched makes a program from the one that runs and a delta.
func (a *Agent) patched(ctx context.Context, p fleet.Program, d fleet.Delta) ([]byte, error) {
	patch, err := fleet.Get(ctx, a.follow, d.SHA256, d.Bytes)
	if err != nil {
		return nil, err
	}
	base, err := deploy.ReadCurrent(a.device, fleet.MostFile)
	if err != nil {
		return nil, err
	}
	a.say("applying a delta of %d bytes", d.Bytes)
	return p.Patch(base, patch)
}
