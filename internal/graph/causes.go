package graph

import (
	"errors"
	"fmt"
	"strings"
)

// Refusal is a cause for which a network is refused, and what to do about it.
type Refusal struct {
	Place        string // a node or an operator; "": none
	What, Remedy string
}

// Error implements error: "place: what: remedy".
func (r *Refusal) Error() string {
	s := r.What + ": " + r.Remedy
	if r.Place != "" {
		s = r.Place + ": " + s
	}
	return s
}

// Named returns err with its place before it; it stays a Refusal if it is one.
func Named(place string, err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		return &Refusal{place, r.What, r.Remedy}
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
// number and a line for each of the first 10. Places with the same cause share a line, and a
// remedy of several causes has one at the end. The error unwraps to all causes.
func (c Causes) Err() error {
	switch len(c) {
	case 0:
		return nil
	case 1:
		return c[0]
	}
	return c
}

// same is a cause with the number of its places.
type same struct {
	*Refusal
	places int
}

// grouped returns the causes, those that differ in their place only as one, and how many
// have each remedy.
func (c Causes) grouped() (all []*same, remedies map[string]int) {
	remedies = map[string]int{}
	seen := map[[2]string]*same{}
	for _, err := range c {
		r, ok := err.(*Refusal)
		if !ok {
			r = &Refusal{What: err.Error()}
		}
		key := [2]string{r.What, r.Remedy}
		if seen[key] == nil {
			remedies[r.Remedy]++
			seen[key] = &same{Refusal: r}
			all = append(all, seen[key])
		}
		seen[key].places++
	}
	return all, remedies
}

// String is the cause without its remedy.
func (s *same) String() string {
	switch {
	case s.places > 1:
		return fmt.Sprintf("%s and %d more: %s", s.Place, s.places-1, s.What)
	case s.Place != "":
		return s.Place + ": " + s.What
	}
	return s.What
}

// Error implements error.
func (c Causes) Error() string {
	all, remedies := c.grouped()
	lines := []string{fmt.Sprintf("%d causes", len(all))}
	var ends []string
	for _, s := range all[:min(len(all), mostCauses)] {
		line := s.String()
		switch n := remedies[s.Remedy]; {
		case s.Remedy == "" || n == 0:
		case n == 1:
			line += ": " + s.Remedy
		default:
			ends = append(ends, fmt.Sprintf("for %d of them: %s", n, s.Remedy))
			remedies[s.Remedy] = 0
		}
		lines = append(lines, line)
	}
	if len(all) == 1 {
		return lines[1]
	}
	if more := len(all) - mostCauses; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(append(lines, ends...), "\n")
}

// Unwrap returns all causes.
func (c Causes) Unwrap() []error { return c }
