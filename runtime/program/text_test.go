package program

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for _, c := range [][2]string{
		{"cat", "cat"},
		{"", ""},
		{"Größe 猫 🐈", "Größe 猫 🐈"},
		{"می\u200cخواهم", "می\u200cخواهم"}, // the joiner belongs to the word
		{"👩\u200d🔬", "👩\u200d🔬"},
		{"\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"},
		{"a\r\nseven.png: 9 1", "a\ufffd\ufffdseven.png: 9 1"},
		{"a\tb\x00c\x07", "a\ufffdb\ufffdc\ufffd"},
		{"\u009b2J\u0085\x7f", "\ufffd2J\ufffd\ufffd"},
		{"\u202etac\u202c \u2066x\u2069 \u200e\u200f\u061c", "\ufffdtac\ufffd \ufffdx\ufffd \ufffd\ufffd\ufffd"},
		{"a\u2028b\u2029c", "a\ufffdb\ufffdc"},
		{"\ufeff\u200b\u2060\u00ad\U000e0041", "\ufffd\ufffd\ufffd\ufffd\ufffd"},
		{"\xff\x9b[2J\xc2", "\ufffd\ufffd[2J\ufffd"},
	} {
		if got := Printable(c[0]); got != c[1] {
			t.Errorf("%q is printed as %q, want %q", c[0], got, c[1])
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r++ { // all controls, and separators of lines
		if (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Bidi_Control, r)) && !Hidden(r) {
			t.Errorf("%U reaches the terminal", r)
		}
		if Hidden(r) && unicode.IsGraphic(r) {
			t.Errorf("%U is hidden, though it can be seen", r)
		}
	}
}

// JSON reads back as what was written, and holds nothing that a terminal obeys.
func TestEscapeJSON(t *testing.T) {
	for _, s := range []string{"plain", "\x1b[2J\x7f\u009b\u202e\u2028", "\U000e0041x\U0001f408", "\xff", `"\`} {
		marshalled, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{EscapeJSON(marshalled), jsonString(s)} {
			var got string
			if err := json.Unmarshal(data, &got); err != nil || got != strings.ToValidUTF8(s, "\ufffd") {
				t.Errorf("%q is written as %s and read as %q (%v)", s, data, got, err)
			}
			if strings.IndexFunc(string(data), Hidden) >= 0 || !utf8.Valid(data) {
				t.Errorf("%q is written as %q", s, data)
			}
		}
	}
}

// The few largest are those of a stable sort of all.
func TestLargest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		y := make([]float32, 1+r.IntN(3000))
		for i := range y {
			y[i] = float32(r.IntN(1 + r.IntN(200)))
		}
		want := make([]int, len(y))
		for i := range want {
			want[i] = i
		}
		slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(y[b], y[a]) })
		for _, n := range []int{1, 5, mostHeld, mostHeld + 1, len(y), 5000} {
			if got := largest(y, n); !slices.Equal(got, want[:min(n, len(y))]) {
				t.Fatalf("%d largest of %d: %v", n, len(y), got)
			}
		}
	}
}
