package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs/REFERENCE.md has a section for each command, with the flags that the
// command has.
func TestReferenceOfFlags(t *testing.T) {
	text := reference(t)
	flag := regexp.MustCompile("`--([a-z-]+)`")
	commands := (&app{}).root().Commands()
	for _, c := range commands {
		if c.Name() == "fleet" {
			commands = append(commands, c.Commands()...)
		}
	}
	for _, c := range commands {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		_, section, found := strings.Cut(text, "\n### "+c.CommandPath()+"\n")
		if !found {
			t.Errorf("docs/REFERENCE.md has no section for %s", c.CommandPath())
			continue
		}
		section = section[:strings.Index(section+"\n#", "\n#")]
		documented := map[string]bool{}
		for line := range strings.Lines(section) {
			row, ok := strings.CutPrefix(line, "|")
			cell, _, _ := strings.Cut(row, "|")
			if !ok {
				continue
			}
			for _, m := range flag.FindAllStringSubmatch(cell, -1) {
				documented[m[1]] = true
			}
		}
		if c.Name() != "demo" { // left to --help
			sameFlags(t, c, documented)
		}
	}
}

// sameFlags compares a command's flags with the documented ones.
func sameFlags(t *testing.T, c *cobra.Command, documented map[string]bool) {
	t.Helper()
	usage := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)
	for _, m := range usage.FindAllStringSubmatch(c.LocalNonPersistentFlags().FlagUsages(), -1) {
		if !documented[m[1]] && m[1] != "help" {
			t.Errorf("docs/REFERENCE.md does not have --%s of %s", m[1], c.CommandPath())
		}
		delete(documented, m[1])
	}
	for name := range documented {
		t.Errorf("docs/REFERENCE.md has --%s, which %s does not have", name, c.CommandPath())
	}
}
