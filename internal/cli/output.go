package cli

// The rules of output:
//
//   - Standard output carries the result of the command and nothing else:
//     a table for people, or with --json one JSON object (run: one
//     for each input). Bytes asked for by --raw are a result too.
//     docs/JSON.md has the fields; every object begins with "schema".
//   - Standard error carries everything else. Each stage that begins and each step
//     that has ended is a line of progress; a terminal has a bar below. --quiet
//     leaves progress and notes out.
//   - A terminal gets lines that are broken between words at its width (screen.go),
//     and colour where it has any. Elsewhere text is plain and no line is broken.
//   - A failure is one line, "edgec: error: what: cause; remedy", after which
//     one line "edgec: hint: ..." may follow. It is printed once, by Main.
//     With --json, standard output gets {"schema", "error"} on one line as well:
//     a script finds result and error at the same place.
//   - Files appear complete or not at all. What can be refused (a missing
//     folder, an output that is the input) is refused before any work starts.
//   - Exit codes: see the constants below; edgec --help lists them.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fatih/color"

	"edgec/internal/onnx"
	"edgec/runtime/program"
)

// The exit codes.
const (
	exitDone        = 0 // also when a time budget is used up: that was asked for
	exitFailed      = 1
	exitUsage       = 2 // a command, flag or value that does not exist
	exitInterrupted = 3 // stopped by a signal; a search has written its best file so far
)

// errInterrupted means that a signal ended a search and its best file was written.
// The note about it has been printed.
var errInterrupted = errors.New("interrupted; the best file so far was written")

// stopped is the error of a command that a signal has ended.
type stopped struct{ error }

func (e stopped) Unwrap() error { return e.error }

// Is reports that a signal ended the command, whatever its error says.
func (e stopped) Is(target error) bool { return target == context.Canceled }

// stoppedBy is err, as that of a command which a signal has ended if ctx is over.
func stoppedBy(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return stopped{err}
	}
	return err
}

// hinted adds a second line to an error: what to try.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// about is err as an error about a file, which its text names. A nil err stays nil.
func about(file string, err error) error {
	if err == nil {
		return nil
	}
	return fileError{err, file}
}

// fileError says which file an error is about.
type fileError struct {
	error
	file string
}

func (e fileError) Unwrap() error { return e.error }

// failure is the JSON form of an error.
type failure struct {
	Message  string  `json:"message"`          // one line
	Hint     string  `json:"hint,omitempty"`   // what to try
	File     string  `json:"file,omitempty"`   // that the error is about
	Node     string  `json:"node,omitempty"`   // of the network in the file
	Op       string  `json:"op,omitempty"`     // operator of the node
	Causes   []cause `json:"causes,omitempty"` // where there are several
	ExitCode int     `json:"exit_code"`
}

// cause is one of several causes of an error.
type cause struct {
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Node    string `json:"node,omitempty"`
	Op      string `json:"op,omitempty"`
}

// describe takes an error apart.
func describe(err error) failure {
	f := failure{Message: oneLine(err.Error()), ExitCode: exitFailed}
	var usage usageError
	var h hinted
	var of fileError
	var one *onnx.Error
	var many *onnx.Errors
	if errors.As(err, &h) {
		f.Hint = oneLine(h.hint)
	}
	if errors.As(err, &usage) {
		f.Hint, f.ExitCode = "see "+usage.command+" --help", exitUsage
		err = usage.error
	}
	for _, e := range joined(err) {
		c := cause{Message: oneLine(e.Error())}
		if errors.As(e, &of) {
			c.File = of.file
		}
		f.Causes = append(f.Causes, c)
	}
	if f.Hint == "" {
		f.Hint = roomHint(err)
	}
	switch {
	case errors.As(err, &many) && len(many.Causes) > 1:
		f.File, f.Causes = many.Causes[0].File, nil
		for _, e := range many.Causes {
			f.Causes = append(f.Causes, cause{oneLine(e.Error()), e.File, oneLine(e.Node), oneLine(e.Op)})
		}
	case errors.As(err, &one):
		f.File, f.Node, f.Op = one.File, oneLine(one.Node), oneLine(one.Op)
	}
	if errors.As(err, &of) {
		f.File = of.file
	}
	return f
}

// roomHint says what to do where the disk is full, "" for other errors.
func roomHint(err error) string {
	// the compiler of edgec build says it in words
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) && !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		return ""
	}
	var p *fs.PathError
	switch dir := os.TempDir(); {
	case errors.As(err, &p) && strings.HasPrefix(p.Path, "/dev/"):
		return "the result does not fit where standard output goes; free some space there, or write it elsewhere"
	case errors.As(err, &p) && !strings.Contains(p.Path, "edgec-build-"): // see targets.Build
		dir = filepath.Dir(p.Path)
		return fmt.Sprintf("free some space on the disk of %s (df -h %s shows what is left), or write to another one; no half-written file is left", dir, dir)
	default:
		return fmt.Sprintf("free some space on the disk of %s (df -h %s shows what is left), or set TMPDIR to a folder on another one; no half-written file is left", dir, dir)
	}
}

// joined returns the parts of a joined error, nil if it is a single one.
func joined(err error) []error {
	parts, ok := err.(interface{ Unwrap() []error })
	if !ok || len(parts.Unwrap()) < 2 {
		return nil
	}
	return parts.Unwrap()
}

// fail prints err by the rules and returns the exit code.
func (a *app) fail(err error) int {
	interrupted := errors.Is(err, errInterrupted)
	if interrupted && (a.printed || !a.json) {
		return exitInterrupted
	}
	f := describe(err)
	if interrupted || errors.Is(err, context.Canceled) { // there is no result to print
		f.ExitCode = exitInterrupted
	}
	a.line(color.FgRed, "edgec: error: "+f.Message)
	if f.Hint != "" {
		a.line(0, "edgec: hint: "+f.Hint)
	}
	if a.json || asksJSON(a.args) {
		if data, err := document(map[string]failure{"error": f}); err == nil {
			fmt.Fprintf(a.stdout, "%s\n", data)
		}
	}
	return f.ExitCode
}

// asksJSON reports whether a command line that could not be read has --json.
func asksJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--json", "--json=true":
			return true
		case "--":
			return false
		}
	}
	return false
}

// oneLine joins the lines of joined errors, drops the tool's own name, and leaves no
// control characters, which the names of a hostile file may have.
func oneLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(l), "edgec: ")
	}
	return program.Printable(strings.ReplaceAll(strings.Join(lines, "; "), ": edgec: ", ": "))
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
	if text = wrap(program.Printable(text), "  ", at.width); how != 0 {
		text = at.paint(text, how)
	}
	if a.showing != nil {
		a.showing.print(text)
		return
	}
	fmt.Fprintln(a.stderr, text)
}

// printJSON prints one JSON object on standard output.
func (a *app) printJSON(v any) error {
	data, err := indented(v)
	if err != nil {
		return err
	}
	a.printed = true
	_, err = a.stdout.Write(data)
	return err
}

// indented is the form of every JSON document that the tool writes.
func indented(v any) ([]byte, error) {
	data, err := document(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	return append(b.Bytes(), '\n'), nil
}

// document is v, which is a JSON object, with the version of docs/JSON.md as its first
// field.
func document(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("json: %w", err)
	}
	fields, ok := bytes.CutPrefix(data, []byte("{"))
	if !ok || bytes.HasPrefix(fields, []byte("}")) {
		return nil, fmt.Errorf("json: %s is no object with fields", data)
	}
	return append([]byte(program.Schema), program.EscapeJSON(fields)...), nil
}
