package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errNoText means that an array holds no text.
var errNoText = errors.New("no text")

// textHead matches the header of a one-dimensional array of text: NumPy's types U, UCS-4 of
// a fixed number of characters, and S, bytes.
var textHead = regexp.MustCompile(`^\{'descr': '([<>|=]?)([US])([1-9][0-9]{0,3})', 'fortran_order': (?:True|False), 'shape': \(([0-9]{1,9}),\)`)

// npyText reads an array of text [want] in NumPy's format (NEP 1). An array of another type
// or shape gives errNoText. Memory is bounded by want and by what r really has.
func npyText(r io.Reader, want int) ([]string, error) {
	var magic [10]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil || string(magic[:6]) != "\x93NUMPY" || magic[6] != 1 {
		return nil, errNoText
	}
	head := make([]byte, binary.LittleEndian.Uint16(magic[8:]))
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, errNoText
	}
	m := textHead.FindStringSubmatch(string(head))
	if m == nil {
		return nil, errNoText
	}
	length, _ := strconv.Atoi(m[3]) // digits, as few as the pattern allows
	n, _ := strconv.Atoi(m[4])
	if n != want {
		return nil, fmt.Errorf("%d labels for %d samples", n, want)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if m[1] == ">" {
		order = binary.BigEndian
	}
	unit := 1
	if m[2] == "U" {
		unit = 4
	}
	cell := make([]byte, length*unit)
	seen := map[string]string{} // equal names are stored once
	var names []string
	for i := range n {
		if _, err := io.ReadFull(r, cell); err != nil {
			return nil, fmt.Errorf("%d of %d names; the file is truncated", i, n)
		}
		name := cellText(cell, unit, order)
		if _, ok := seen[name]; !ok {
			seen[name] = name
		}
		names = append(names, seen[name])
	}
	return names, nil
}

// cellText returns the text of an element, which zeros fill up.
func cellText(cell []byte, unit int, order binary.ByteOrder) string {
	if unit == 1 {
		return strings.TrimRight(string(cell), "\x00")
	}
	var b []byte
	for i := 0; i < len(cell); i += unit {
		b = utf8.AppendRune(b, rune(order.Uint32(cell[i:])))
	}
	return strings.TrimRight(string(b), "\x00")
}
