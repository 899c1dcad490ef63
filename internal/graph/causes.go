package graph

import (
	"errors"
	"fmt"
	"strings"
)

// Refusal is a cause for which a network is refused, and what to do about it.
type Refusal struct{ What, Remedy string }

// Error implements error: "what: remedy".
func (r *Refusal) Error() string { return r.What + ": " + r.Remedy }

// Named returns err with a place before it, "place: what: remedy"; it stays a Refusal if it
// is one.
func Named(place string, err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		return &Refusal{place + ": " + r.What, r.Remedy}
	}
	return fmt.Errorf("%s: %w", place, err)
}

// Causes collects why a network is refused. The zero value has none.
type Causes []error

// mostCauses is the number of causes that a message lists.
const mostCauses = 10

// Add appends a cause; nil is none.
func (c *Causes) Add(err error) {
	if err != nil {
		*c = append(*c, err)
	}
}

// Err returns nil without causes, the cause if there is one, and else an error with their
// number and a line for each of the first 10. A remedy that several share has a line at the
// end. The error unwraps to all causes.
func (c Causes) Err() error {
	switch len(c) {
	case 0:
		return nil
	case 1:
		return c[0]
	}
	return c
}

// Error implements error.
func (c Causes) Error() string {
	lines := []string{fmt.Sprintf("%d causes", len(c))}
	shared := map[string]int{}
	for _, err := range c {
		if r, ok := err.(*Refusal); ok {
			shared[r.Remedy]++
		}
	}
	var remedies []string
	for _, err := range c[:min(len(c), mostCauses)] {
		r, ok := err.(*Refusal)
		if !ok || shared[r.Remedy] == 1 {
			lines = append(lines, err.Error())
			continue
		}
		if n := shared[r.Remedy]; n > 0 {
			remedies = append(remedies, fmt.Sprintf("for %d of them: %s", n, r.Remedy))
			shared[r.Remedy] = 0
		}
		lines = append(lines, r.What)
	}
	if more := len(c) - mostCauses; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(append(lines, remedies...), "\n")
}

// Unwrap returns all causes.
func (c Causes) Unwrap() []error { return c }
