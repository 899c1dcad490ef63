package onnx

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Error says in one line why a file was refused: where (file, node, operator,
// attribute or input), what is wrong, and what to do about it. Fields that do
// not apply are empty.
type Error struct {
	File string // path or name of the model
	Node string // node name, or its first output when it has none
	Op   string // ONNX operator type
	Attr string // attribute, input or initializer
	Msg  string // cause and remedy
}

// Error formats the line: onnx: FILE: node "N" (Op): ATTR: MSG.
func (e *Error) Error() string {
	return "onnx: " + e.file() + e.cause(0)
}

func (e *Error) file() string {
	if e.File == "" {
		return ""
	}
	return e.File + ": "
}

// cause is the line without the file; more nodes have the same cause.
func (e *Error) cause(more int) string {
	var b strings.Builder
	switch {
	case e.Node != "" && e.Op != "":
		b.WriteString("node \"" + oneLine(e.Node) + "\" (" + oneLine(e.Op) + ")")
	case e.Op != "":
		b.WriteString("operator " + oneLine(e.Op))
	}
	if more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if e.Attr != "" {
		b.WriteString(oneLine(e.Attr) + ": ")
	}
	b.WriteString(bounded(e.Msg, 4*nameLimit)) // a remedy has the paths of files
	return b.String()
}

// withRemedy is a cause with what to do about it: a message that ends with a cause gets
// the remedy of its operator if something is not supported, and otherwise that of a file
// that contradicts itself, or of sizes that were given for its inputs.
func withRemedy(msg, opType string, given []string) string {
	known, ok := remedies[opType]
	switch unsupported := strings.Contains(msg, "support"); {
	case strings.Contains(msg, "; "):
		return msg
	case unsupported && ok:
		return msg + known
	case unsupported:
		return msg + "; change the network there and export it again"
	case len(given) > 0:
		return msg + "; the sizes that were given may not suit the network (" + oneLine(strings.Join(given, ", ")) + "): give those that it was made for"
	}
	return msg + "; the file contradicts itself or its values are broken: export it again"
}

// Errors are all causes for which one file was refused, in the order of the file. What
// only follows from another cause is not among them.
type Errors struct {
	Causes   []*Error
	Readable []string // outputs that could be read without the others
	Inputs   []string // of the network
}

// mostCauses is the number of lines of an Errors that name a cause.
const mostCauses = 20

// Error has the number of causes on the first line, each cause on one of the next, and
// what could be read on the last. Nodes with the same cause share a line.
func (e *Errors) Error() string {
	type key struct{ op, attr, msg string }
	count := map[key]int{}
	for _, c := range e.Causes {
		count[key{c.Op, c.Attr, c.Msg}]++
	}
	all := len(count)
	var lines []string
	for _, c := range e.Causes {
		k := key{c.Op, c.Attr, c.Msg}
		if count[k] > 0 && len(lines) < mostCauses {
			lines = append(lines, c.cause(count[k]-1))
			delete(count, k)
		}
	}
	if len(count) > 0 {
		lines = append(lines, fmt.Sprintf("and %d more causes", len(count)))
	}
	if len(e.Readable) > 0 {
		file := e.Causes[0].File
		part := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) + "-part.onnx"
		lines = append(lines, fmt.Sprintf("without the other outputs %s could be read: make that file with onnx.utils.extract_model(%s, %s, [%s], [%s])", oneLine(quoted(e.Readable)),
			strconv.Quote(file), strconv.Quote(part), oneLine(quoted(e.Inputs)), oneLine(quoted(e.Readable))))
	}
	head := "onnx: " + e.Causes[0].file()
	if all > 1 {
		return fmt.Sprintf("%s%d causes\n", head, all) + strings.Join(lines, "\n")
	}
	return head + strings.Join(lines, "\n")
}

// quoted lists names.
func quoted(names []string) string {
	var list []string
	for _, s := range names {
		list = append(list, strconv.Quote(s))
	}
	return strings.Join(list, ", ")
}

// Unwrap returns the causes.
func (e *Errors) Unwrap() []error {
	all := make([]error, len(e.Causes))
	for i, c := range e.Causes {
		all[i] = c
	}
	return all
}

// refuse notes a cause and lets the reader go on, to find the others.
func (r *reader) refuse(err error) {
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		r.refused = append(r.refused, e)
	default:
		r.refused = append(r.refused, &Error{File: r.file, Msg: err.Error()})
	}
}

// refusal returns what was noted.
func (r *reader) refusal() error {
	switch {
	case len(r.refused) == 0:
		return nil
	case len(r.refused) == 1 && r.readable == nil:
		return r.refused[0]
	}
	all := &Errors{Causes: r.refused, Readable: r.readable}
	for _, v := range r.g.Inputs {
		all.Inputs = append(all.Inputs, v.Name)
	}
	return all
}

// oneLine keeps names from a hostile file on one printable, bounded line.
func oneLine(s string) string { return bounded(s, nameLimit) }

// nameLimit is the number of bytes of a name that are printed.
const nameLimit = 300

func bounded(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
