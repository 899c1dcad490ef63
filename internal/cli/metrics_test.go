package cli

import (
	"bytes"
	"strings"
	"testing"

	"edgec"
)

// A network that is no better than chance is told so in the unit of its task, with what can be
// wrong in its kind of data.
func TestNoteChance(t *testing.T) {
	for name, c := range map[string]struct {
		m         edgec.Metrics
		says, not string
	}{
		"tokens":    {edgec.Metrics{Task: edgec.TaskNextToken, Error: 300, Chance: 277.2588722}, "4.0000 bits a token; check that tokens", "--raw"},
		"positions": {edgec.Metrics{Task: edgec.TaskPositions, Error: 80, Chance: 75}, "an error of 75.0 %; check the numbers of tokens", "--raw"},
		"classes":   {edgec.Metrics{Task: edgec.TaskAccuracy, Error: 90, Chance: 90}, "an error of 90.0 %; check --raw", "tokens"},
		"better":    {edgec.Metrics{Task: edgec.TaskNextToken, Error: 200, Chance: 277}, "", "chance"},
	} {
		var out bytes.Buffer
		a := &app{stderr: &out}
		a.noteChance(&c.m)
		if got := out.String(); !strings.Contains(got, c.says) || strings.Contains(got, c.not) {
			t.Errorf("%s: %q, want %q and no %q", name, got, c.says, c.not)
		}
	}
}
