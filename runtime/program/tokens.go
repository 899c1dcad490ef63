//go:build !nogeneration

package program

import (
	"strings"
	"unicode/utf8"
)

// textWriter turns tokens into text. Labels of the form <0x0A> are bytes, which several tokens may
// make a character of; U+2581 is a space, as SentencePiece writes it. Without labels the text is
// the numbers of the tokens.
type textWriter struct {
	labels  []string
	pending []byte // of a character that is not whole yet
	begun   bool
}

// add returns the text that token id adds: what can be printed, and ends of lines.
func (w *textWriter) add(id int) []byte {
	if id >= len(w.labels) {
		space := " "
		if !w.begun {
			space = ""
		}
		w.begun = true
		return []byte(space + itoa(id))
	}
	w.begun = true
	label := w.labels[id]
	if b, ok := byteLabel(label); ok {
		w.pending = append(w.pending, b)
		if !utf8.FullRune(w.pending) {
			return nil
		}
		return w.end()
	}
	return append(w.end(), shown(strings.ReplaceAll(label, "\u2581", " "))...)
}

// end returns what is left of a character whose other bytes did not come.
func (w *textWriter) end() []byte {
	b := []byte(shown(string(w.pending)))
	w.pending = w.pending[:0]
	return b
}

// shown is Printable but for ends of lines and tabs, which a text has.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if Hidden(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, s)
}

// byteLabel returns the byte that a label stands for, <0x0A> say.
func byteLabel(s string) (b byte, ok bool) {
	if len(s) != 6 || s[:3] != "<0x" || s[5] != '>' {
		return 0, false
	}
	for _, c := range s[3:5] {
		digit := strings.IndexRune("0123456789ABCDEF", c)
		if digit < 0 {
			return 0, false
		}
		b = b<<4 | byte(digit)
	}
	return b, true
}

// tokensOf returns the tokens of a text: again and again the longest label that it begins with,
// or its first byte where a label stands for that. A tokenizer that joins by frequency may cut
// words in another way.
func tokensOf(text string, labels []string) (ids []int, err error) {
	if text != "" && labels == nil {
		return nil, Error("the model has no labels to find the tokens of a text by; give their numbers with --prompt-ids, or compress it with --labels")
	}
	number, most := map[string]int{}, 0
	for i := len(labels) - 1; i >= 0; i-- {
		label := strings.ReplaceAll(labels[i], "\u2581", " ")
		number[label] = i // of labels that come twice, the first
		most = max(most, len(label))
	}
	for len(text) > 0 {
		n := min(most, len(text))
		for ; n > 0; n-- {
			if id, ok := number[text[:n]]; ok {
				ids = append(ids, id)
				break
			}
		}
		if n == 0 {
			const hex = "0123456789ABCDEF"
			id, ok := number["<0x"+string(hex[text[0]>>4])+string(hex[text[0]&15])+">"]
			if !ok {
				r, _ := utf8.DecodeRuneInString(text)
				return nil, Error("no label of the model begins the text at " + string(jsonString(string(r))) + "; write it otherwise, or give numbers with --prompt-ids")
			}
			ids, n = append(ids, id), 1
		}
		text = text[n:]
	}
	return ids, nil
}
