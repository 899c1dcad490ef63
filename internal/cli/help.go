package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// help prints the help of a command. On a terminal its paragraphs fill the lines, and
// the texts of flags are broken between words.
func (a *app) help(cmd *cobra.Command, _ []string) {
	width := a.screen(a.stdout).width
	text := strings.TrimSpace(cmd.Long)
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(a.stdout, "%s\n\n%s", paragraphs(text, width), usageLines(cmd.UsageString(), width))
}

// paragraphs fills the lines of paragraphs anew, 0: any number of columns as they are.
// Lines that begin with a blank stay lines.
func paragraphs(text string, width int) string {
	if width <= 0 {
		return text
	}
	var lines []string
	open := false // the last line is of a paragraph that goes on
	for line := range strings.SplitSeq(text, "\n") {
		plain := line != "" && !strings.HasPrefix(line, " ")
		if plain && open {
			lines[len(lines)-1] += " " + line
		} else {
			lines = append(lines, line)
		}
		open = plain
	}
	return fitted(lines, width)
}

// usageLines breaks the lines of a usage.
func usageLines(text string, width int) string {
	if width <= 0 {
		return text
	}
	return fitted(strings.Split(text, "\n"), width)
}

// fitted breaks lines between words; a shell takes a command that was broken as one line.
func fitted(lines []string, width int) string {
	for i, line := range lines {
		if strings.HasPrefix(line, "  edgec ") && columns(line) > width {
			lines[i] = strings.ReplaceAll(wrap(line, "      ", width-2), "\n", " \\\n")
			continue
		}
		lines[i] = wrap(line, hanging(line), width)
	}
	return strings.Join(lines, "\n")
}

// second finds the second column of a line: of a flag, or of a term that is explained.
var second = regexp.MustCompile(`^ +\S.*?   +|^ +-\S+.*?  +`)

// hanging returns the indent of the lines after the first: that of the second column
// where it is not too far to the right, or else a bit more than the first.
func hanging(line string) string {
	first := len(line) - len(strings.TrimLeft(line, " "))
	if at := len(second.FindString(line)); at > 0 && at <= 36 {
		return strings.Repeat(" ", at)
	}
	if first == 0 {
		return ""
	}
	return strings.Repeat(" ", first+4)
}
