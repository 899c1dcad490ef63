package cli

import (
	"io"
	"os"
	"strings"

	"github.com/fatih/color"
	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// screen says how text for people is laid out on a stream.
type screen struct {
	width  int  // columns; 0: no terminal, and no line is broken
	live   bool // a status line can be drawn anew
	colour bool
}

// screenOf looks at a stream and at the environment: NO_COLOR (no-color.org) and
// TERM=dumb mean plain text, CLICOLOR_FORCE means colour even without a terminal.
func screenOf(w io.Writer) screen {
	dumb := os.Getenv("TERM") == "dumb"
	s := screen{}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.width, s.live, s.colour = 80, !dumb, !dumb
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			s.width = columns
		}
	}
	if force := os.Getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		s.colour = true
	}
	if os.Getenv("NO_COLOR") != "" {
		s.colour = false
	}
	return s
}

// screen is how text is laid out on one of the tool's streams.
func (a *app) screen(w io.Writer) screen {
	if a.layout != nil {
		return a.layout(w)
	}
	return screenOf(w)
}

// paint returns text in a colour, where the screen has any.
func (s screen) paint(text string, how ...color.Attribute) string {
	if !s.colour {
		return text
	}
	c := color.New(how...)
	c.EnableColor() // the library looks at standard output alone
	return c.Sprint(text)
}

// wrap breaks text between words so that lines have at most width columns, 0: any
// number. Lines after the first begin with indent. A word that is longer than a line
// stays whole: paths can be copied.
func wrap(text, indent string, width int) string {
	if width <= 0 {
		return text
	}
	var b strings.Builder
	column := 0
	for len(text) > 0 {
		blanks := len(text) - len(strings.TrimLeft(text, " "))
		word := text[blanks:]
		if end := strings.IndexByte(word, ' '); end >= 0 {
			word = word[:end]
		}
		n := columns(word)
		if column > 0 && column+blanks+n > width && column > columns(indent) {
			b.WriteString("\n" + indent)
			column, blanks = columns(indent), 0
			text = strings.TrimLeft(text, " ")
		}
		b.WriteString(text[:blanks] + word)
		column += blanks + n
		text = text[blanks+len(word):]
	}
	return b.String()
}

// columns is the width of text in a terminal.
func columns(text string) int { return uniseg.StringWidth(text) }
