package journal

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// Part is one of the things that tell a search from others.
type Part struct {
	Name  string // for people: "data", "seed"
	Value string // as short as it is, or a checksum
	Sum   bool   // Value is a checksum, which nobody wants to read
}

// ID is what tells a search from others that would record something else.
type ID []Part

// bytes returns what the sums of entries begin with.
func (id ID) bytes() []byte {
	var b bytes.Buffer
	for _, p := range id {
		fmt.Fprintf(&b, "%q=%q\n", p.Name, p.Value)
	}
	return b.Bytes()
}

// other says in what a search on record differs from this one, "" if in nothing.
func (id ID) other(recorded ID) string {
	was := map[string]string{}
	for _, p := range recorded {
		was[p.Name] = p.Value
	}
	var words []string
	for _, p := range id {
		switch old, ok := was[p.Name]; {
		case ok && old == p.Value:
		case p.Sum:
			words = append(words, "another "+shown(p.Name))
		default:
			words = append(words, fmt.Sprintf("%s %s instead of %s", p.Name, shown(old), shown(p.Value)))
		}
		delete(was, p.Name)
	}
	for _, p := range recorded {
		if old, left := was[p.Name]; left {
			words = append(words, fmt.Sprintf("%s %s", shown(p.Name), shown(old)))
		}
	}
	return strings.Join(words, ", ")
}

// shown returns a value in printable characters, or what to call a missing one.
func shown(v string) string {
	const most = 60
	if v == "" {
		return "none"
	}
	if len(v) > most {
		v = v[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, v)
}
