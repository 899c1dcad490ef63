package prune

import "fmt"

// Criterion names a measure of a weight's importance; see the package comment.
type Criterion string

// The criteria. The empty string means Fisher.
const (
	Fisher    Criterion = "fisher"
	Magnitude Criterion = "magnitude"
	Input     Criterion = "input"
)

// Validate returns an error for an unknown criterion.
func (c Criterion) Validate() error {
	switch c {
	case "", Fisher, Magnitude, Input:
		return nil
	}
	return fmt.Errorf("prune: criterion %q is unknown; use fisher, magnitude or input", string(c))
}
