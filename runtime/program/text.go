package program

import (
	"strings"
	"unicode/utf8"
)

// hidden are the characters that a terminal does not show but obeys, or that change how those
// around them look: controls, line and paragraph separators, marks and overrides of direction,
// invisible and annotation characters, tags. Pairs of the first and the last, in order.
var hidden = [...][2]rune{
	{0x00, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f},
	{0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
}

// Hidden reports whether r is a character that must not reach a terminal in text that comes
// from a file: a C0 or C1 control, DEL, a line separator, a mark or override of direction, or
// another that is not seen. The joiners of Persian and of emoji are none.
func Hidden(r rune) bool {
	for _, pair := range hidden {
		if r <= pair[1] {
			return r >= pair[0]
		}
	}
	return false
}

// Printable returns s, a label or a name that comes from a file, as it may be printed: each
// Hidden character, and each byte that is not UTF-8, becomes U+FFFD, so that s stays on its
// line and cannot look like other output.
func Printable(s string) string {
	var b []byte
	for _, r := range s {
		if Hidden(r) {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

// EscapeJSON returns JSON in which the Hidden characters from DEL on are written as \u escapes:
// it reads back as the same value, and a terminal obeys none of them.
func EscapeJSON(data []byte) []byte {
	if strings.IndexFunc(string(data), later) < 0 {
		return data
	}
	var b []byte
	for _, r := range string(data) {
		b = appendJSON(b, r)
	}
	return b
}

func later(r rune) bool { return r >= 0x7f && Hidden(r) }

// appendJSON appends r, from DEL on by an escape if it is Hidden.
func appendJSON(b []byte, r rune) []byte {
	const surrogates, high, low = 0x10000, 0xd800, 0xdc00
	switch {
	case !later(r):
		return utf8.AppendRune(b, r)
	case r >= surrogates:
		r -= surrogates
		return appendEscape(appendEscape(b, high+r>>10), low+r&0x3ff)
	}
	return appendEscape(b, r)
}

// appendEscape appends r, below 2^16, as \u and four digits.
func appendEscape(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
