package onnx

import "strings"

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
	var b strings.Builder
	b.WriteString("onnx: ")
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	switch {
	case e.Node != "" && e.Op != "":
		b.WriteString("node \"" + oneLine(e.Node) + "\" (" + oneLine(e.Op) + "): ")
	case e.Op != "":
		b.WriteString("operator " + oneLine(e.Op) + ": ")
	}
	if e.Attr != "" {
		b.WriteString(oneLine(e.Attr) + ": ")
	}
	b.WriteString(oneLine(e.Msg))
	return b.String()
}

// oneLine keeps names from a hostile file on one printable, bounded line.
func oneLine(s string) string {
	const limit = 300
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
