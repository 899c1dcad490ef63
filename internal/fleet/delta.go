package fleet

import (
	"context"
	"errors"
)

var errNoDeltas = errors.New("fleet: deltas are not there yet")

func (o *Operator) addDeltas(ctx context.Context, p *Program, data []byte, before *Desired) error {
	return nil
}
