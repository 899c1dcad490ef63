package cli

import (
	"strings"
	"testing"
)

// Help at 80 columns: paragraphs are filled, lists and flags keep their columns, and a
// command that is broken is one for the shell.
func TestHelpFits(t *testing.T) {
	text := "A paragraph that is longer than a line of the\nterminal.\n\n  --size  the largest file that there may be\n"
	if got, want := paragraphs(text, 30), "A paragraph that is longer\nthan a line of the terminal.\n\n  --size  the largest file\n          that there may be\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	usage := "  edgec compress net.onnx --data samples.npy\n      --raw       bytes become 0..255, not 0..1\n  -q, --quiet   print no notes at all, never"
	if got, want := usageLines(usage, 36), "  edgec compress net.onnx --data \\\n      samples.npy\n      --raw       bytes become\n                  0..255, not 0..1\n  -q, --quiet   print no notes at\n                all, never"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, c := range (&app{}).root().Commands() {
		a, b := onScreen(80)
		root := a.root()
		root.SetArgs([]string{c.Name(), "--help"})
		if c.Name() == "completion" {
			continue // cobra's own
		}
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := columns(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", c.Name(), n, line)
			}
		}
		if !strings.Contains(b.String(), "Usage:") {
			t.Errorf("%s: %s", c.Name(), b.String())
		}
	}
}
