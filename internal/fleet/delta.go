package fleet

import (
	"context"
	"fmt"

	"edgec/internal/delta"
)

// addDeltas puts the delta of a program from the one before into the channel, if there is one
// before for the same processor, and the delta is smaller than the program.
func (o *Operator) addDeltas(ctx context.Context, p *Program, data []byte, before *Desired) error {
	if before == nil {
		return nil
	}
	for _, old := range before.Programs {
		if old.System != p.System {
			continue
		}
		if old.SHA256 == p.SHA256 { // the same program again, such as after an interruption
			p.Deltas = old.Deltas
			continue
		}
		base, err := old.Fetch(ctx, o.Channel, o.Registry)
		if err != nil {
			o.say("no delta: the program before, version %d, is not in the channel: %v", before.Version, err)
			continue
		}
		patch, err := delta.Make(base, data)
		if err != nil || len(patch) >= len(data) {
			continue
		}
		sum := checksum(patch)
		o.say("sending a delta of %d bytes from version %d, %.1f %% of %s", len(patch), before.Version, 100*float64(len(patch))/float64(len(data)), p.File)
		if err := o.Channel.Put(ctx, sum, patch); err != nil {
			return err
		}
		p.Deltas = append(p.Deltas, Delta{Base: old.SHA256, SHA256: sum, Bytes: int64(len(patch))})
	}
	return nil
}

// Fetcher fetches files of artifacts in registries.
type Fetcher interface {
	// Blob returns the file of an artifact with this SHA-256, which has so many bytes.
	Blob(ctx context.Context, reference, sum string, bytes int64) ([]byte, error)
}

// referred are the files of one artifact.
type referred struct {
	from      Fetcher
	reference string
}

func (r referred) File(ctx context.Context, sum string, bytes int64) ([]byte, error) {
	return r.from.Blob(ctx, r.reference, sum, bytes)
}

// Fetch returns the content of a program, whose checksum and length are right, from the channel,
// or from the registry that the document names; nil: there is none.
func (p Program) Fetch(ctx context.Context, channel Channel, from Fetcher) ([]byte, error) {
	if p.Reference == "" {
		return Get(ctx, channel, p.SHA256, p.Bytes)
	}
	if from == nil {
		return nil, fmt.Errorf("%s is in a registry, %s, which is not used here", p.File, p.Reference)
	}
	return Get(ctx, referred{from, p.Reference}, p.SHA256, p.Bytes)
}

// Patch makes the program from another one and a delta. What it returns has the checksum and the
// length of the program.
func (p Program) Patch(base, patch []byte) ([]byte, error) {
	data, err := delta.Apply(base, patch, p.Bytes)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != p.Bytes || checksum(data) != p.SHA256 {
		return nil, foreignf("the delta makes another file than %s", p.File)
	}
	return data, nil
}
