package graph

import (
	"fmt"
	"strings"
)

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
// number and a line for each of the first 10. It unwraps to all of them.
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
	for _, err := range c[:min(len(c), mostCauses)] {
		lines = append(lines, err.Error())
	}
	if more := len(c) - mostCauses; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns all causes.
func (c Causes) Unwrap() []error { return c }
