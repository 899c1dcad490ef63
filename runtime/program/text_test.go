package program

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"edgec/runtime"
	"edgec/runtime/format"
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

// A long result is written in pieces, none of which is much longer than 64 KB, and reads back.
func TestLongResult(t *testing.T) {
	f := &format.File{Tensors: []format.Tensor{{Shape: []int{100000}, Scale: 0.25}, {Shape: []int{100000}, DType: format.Float32}}, Inputs: []int{0}, Outputs: []int{1},
		Instrs: []format.Instr{{Op: format.OpDequantize, In: []int{0}, Out: 1, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127}}}
	var w longest
	j := &Job{Model: encoded(t, f), JSON: true, Stdin: bytes.NewReader(bytes.Repeat([]byte{200}, 100000)), Stdout: &w}
	if err := j.Do(); err != nil {
		t.Fatal(err)
	}
	var got struct{ Outputs []float32 }
	if err := json.Unmarshal(w.all, &got); err != nil || len(got.Outputs) != 100000 || w.piece > 1<<17 {
		t.Errorf("%d outputs in pieces of at most %d bytes: %v", len(got.Outputs), w.piece, err)
	}
}

type longest struct {
	all   []byte
	piece int
}

func (w *longest) Write(b []byte) (int, error) {
	w.all, w.piece = append(w.all, b...), max(w.piece, len(b))
	return len(b), nil
}

// The options of a program limit what a model takes.
func TestLimitOptions(t *testing.T) {
	model := corners(t)
	m, err := runtime.Load(model)
	if err != nil {
		t.Fatal(err)
	}
	i := m.Info()
	for _, c := range []struct {
		args []string
		want string // of standard error; "": none
	}{
		{[]string{"--max-work", strconv.FormatInt(i.Work, 10), "--max-memory", strconv.FormatInt(i.Session, 10)}, ""},
		{[]string{"--max-work", "10"}, "steps, the limit is 10; --max-work " + strconv.FormatInt(i.Work, 10) + " allows it"},
		{[]string{"--max-memory=10"}, "bytes of memory, the limit is 10; --max-memory " + strconv.FormatInt(i.Session, 10) + " allows it"},
		{[]string{"--max-memory=10", "--selftest"}, "--max-memory"},
		{[]string{"--max-work=10", "--bench", "1"}, "--max-work"},
		{[]string{"--max-work", "0"}, "give a number from 1 on"},
		{[]string{"--max-work"}, "needs a value"},
	} {
		var stdout, stderr bytes.Buffer
		code := execute(model, append([]string{"./corners"}, c.args...), bytes.NewReader(make([]byte, 16)), &stdout, &stderr)
		if (code == 0) != (c.want == "") || !strings.Contains(stderr.String(), c.want) || strings.Count(stderr.String(), "\n") > 1 {
			t.Errorf("%v: exit code %d, %s", c.args, code, stderr.String())
		}
	}
}
