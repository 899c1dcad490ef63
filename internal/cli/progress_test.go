package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"edgec"
)

func TestProgress(t *testing.T) {
	steps := []edgec.Progress{
		{Stage: "float", Note: "measuring"},
		{Stage: "prune", Done: 1, Total: 4},
		{Stage: "prune", Done: 2, Total: 4},
		{Stage: "prune", Note: "10 of 20 weights"},
		{Stage: "prune", Done: 1, Total: 4},
	}
	show := func(terminal bool) string {
		var b bytes.Buffer
		p := &progress{w: &b, terminal: terminal, started: time.Now()}
		for _, s := range steps {
			p.tell(s)
		}
		p.clear()
		return b.String()
	}
	lines := strings.Split(show(false), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], "float          measuring") || !strings.HasSuffix(lines[1], "prune          10 of 20 weights") {
		t.Errorf("on a pipe: %q", lines)
	}
	bar := show(true)
	if strings.Count(bar, "\n") != 2 || !strings.Contains(bar, "25%") || !strings.Contains(bar, "measuring\n") || !strings.Contains(bar, "weights\n") {
		t.Errorf("on a terminal: %q", bar)
	}
	if last := bar[strings.LastIndex(bar, "\n"):]; strings.Trim(last[strings.LastIndex(strings.TrimRight(last, "\r"), "\r"):], "\r ") != "" {
		t.Errorf("the bar stays on the terminal: %q", last)
	}
}
