package cli

// The rules of output:
//
//   - Standard output carries the result of the command and nothing else:
//     a table for people, or with --json one JSON value (run: one
//     for each input). Bytes asked for by --raw are a result too.
//   - Standard error carries everything else. Progress is a bar where standard
//     error is a terminal; on a pipe each finished stage is one line. --quiet
//     leaves progress and notes out.
//   - A failure is one line, "edgec: error: what: cause; remedy", after which
//     one line "edgec: hint: ..." may follow. It is printed once, by Main.
//   - Files appear complete or not at all. What can be refused (a missing
//     folder, an output that is the input) is refused before any work starts.
//   - Exit codes: see the constants below; edgec --help lists them.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"edgec/runtime/program"
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
	fmt.Fprintf(a.stderr, "edgec: error: %s\n", oneLine(err.Error()))
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(a.stderr, "edgec: hint: see %s --help\n", usage.command)
		return exitUsage
	}
	var h hinted
	if errors.As(err, &h) {
		fmt.Fprintf(a.stderr, "edgec: hint: %s\n", oneLine(h.hint))
	}
	return exitFailed
}

// oneLine joins the lines of joined errors and drops the tool's own name.
func oneLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(l), "edgec: ")
	}
	return program.Printable(strings.Join(lines, "; "))
}

// note prints a line for people on standard error.
func (a *app) note(format string, v ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "edgec: %s\n", program.Printable(fmt.Sprintf(format, v...)))
	}
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
	return append(program.EscapeJSON(data), '\n'), nil
}

// table prints rows of tab-separated cells on standard output, columns aligned.
func (a *app) table(rows []string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		cells := strings.Split(r, "\t")
		for i := range cells {
			cells[i] = program.Printable(cells[i])
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(a.stdout, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
