package cli

// The rules of output:
//
//   - Standard output carries the result of the command and nothing else:
//     a table for people, or with --json one JSON value (run: one
//     for each input). Bytes asked for by --raw are a result too.
//   - Standard error carries everything else. Each stage that begins and each step
//     that has ended is a line of progress; a terminal has a bar below. --quiet
//     leaves progress and notes out.
//   - A terminal gets lines that are broken between words at its width (screen.go),
//     and colour where it has any. Elsewhere text is plain and no line is broken.
//   - A failure is one line, "edgec: error: what: cause; remedy", after which
//     one line "edgec: hint: ..." may follow. It is printed once, by Main.
//   - Files appear complete or not at all. What can be refused (a missing
//     folder, an output that is the input) is refused before any work starts.
//   - Exit codes: see the constants below; edgec --help lists them.

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/fatih/color"
)

// The exit codes.
const (
	exitDone        = 0 // also when a time budget is used up: that was asked for
	exitFailed      = 1
	exitUsage       = 2 // a command, flag or value that does not exist
	exitInterrupted = 3 // stopped by a signal; the best file so far was written
)

// errInterrupted means that a signal ended a search and its best file was written.
// The note about it has been printed.
var errInterrupted = errors.New("interrupted; the best file so far was written")

// usageError is an error in the command line.
type usageError struct {
	error
	command string // whose help tells more, "edgec compress"
}

func (e usageError) Unwrap() error { return e.error }

// hinted adds a second line to an error: what to try.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// fail prints err by the rules and returns the exit code.
func (a *app) fail(err error) int {
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	a.line(color.FgRed, "edgec: error: "+oneLine(err.Error()))
	var usage usageError
	if errors.As(err, &usage) {
		a.line(0, "edgec: hint: see "+usage.command+" --help")
		return exitUsage
	}
	var h hinted
	if errors.As(err, &h) {
		a.line(0, "edgec: hint: "+oneLine(h.hint))
	}
	return exitFailed
}

// oneLine joins the lines of joined errors and drops the tool's own name.
func oneLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(l), "edgec: ")
	}
	return strings.Join(lines, "; ")
}

// note prints a line for people on standard error.
func (a *app) note(format string, v ...any) {
	if !a.quiet {
		a.line(0, "edgec: "+fmt.Sprintf(format, v...))
	}
}

// warn is a note about what makes a result doubtful.
func (a *app) warn(text string) {
	if !a.quiet {
		a.line(color.FgYellow, "edgec: warning: "+text)
	}
}

// line prints a line on standard error, in a colour, 0: none. On a terminal it is broken
// between words.
func (a *app) line(how color.Attribute, text string) {
	at := a.screen(a.stderr)
	if text = wrap(text, "  ", at.width); how != 0 {
		text = at.paint(text, how)
	}
	if a.showing != nil {
		a.showing.print(text)
		return
	}
	fmt.Fprintln(a.stderr, text)
}

// printJSON prints one JSON value on standard output.
func (a *app) printJSON(v any) error {
	data, err := indented(v)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(data)
	return err
}

// indented is the form of every JSON document that the tool writes.
func indented(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	return append(data, '\n'), nil
}
