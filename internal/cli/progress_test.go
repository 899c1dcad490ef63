package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec"
	"edgec/internal/deep"
)

// onScreen is an app whose streams are screens of a width; 0: pipes.
func onScreen(width int) (*app, *bytes.Buffer) {
	var b bytes.Buffer
	return &app{stdout: &b, stderr: &b, layout: func(io.Writer) screen { return screen{width: width, live: width > 0} }}, &b
}

// The status line at several widths: it never reaches the last column, and says less
// where there is less room.
func TestStatusLine(t *testing.T) {
	counted := status{number: 3, of: 11, doing: "rounding", done: 3, total: 8, left: 12 * time.Minute}
	uncounted := status{number: 9, of: 11, doing: "build a program for rpi-zero and run it", took: 14 * time.Second}
	budget := status{number: 4, of: 9, doing: "training", done: 1, total: 2, left: 80 * time.Second, budget: true}
	search := status{number: 4, of: 9, doing: "training", done: 1, total: 2, left: 80 * time.Second, search: true}
	for _, c := range []struct {
		s     status
		width int
		want  string
	}{
		{search, 80, "stage 4 of 9: training, about a minute of the search left  50% |██████       |"},
		{counted, 120, "stage 3 of 11: rounding, about 12 min left  37% |███████████                   |"},
		{counted, 80, "stage 3 of 11: rounding, about 12 min left  37% |██████████                  |"},
		{counted, 60, "stage 3 of 11: rounding, about 12 min left  37% |██      |"},
		{counted, 59, "stage 3 of 11: rounding  37% |█████████                 |"},
		{counted, 30, "3 of 11  37% |████         |"},
		{uncounted, 120, "stage 9 of 11: build a program for rpi-zero and run it, 14 s so far"},
		{uncounted, 60, "stage 9 of 11: build a program for rpi-zero and run it"},
		{uncounted, 50, "9 of 11, 14 s so far"},
		{budget, 80, "stage 4 of 9: training, 1 min 20 s of the budget left  50% |████████         |"},
		{budget, 60, "stage 4 of 9: training  50% |██████████████              |"},
		{status{doing: "drawing 44,000 pictures"}, 60, "drawing 44,000 pictures"},
	} {
		if got := c.s.line(c.width); got != c.want {
			t.Errorf("%d columns:\n%s\nwant\n%s", c.width, got, c.want)
		}
	}
	for width := 20; width < 200; width++ {
		for _, s := range []status{counted, uncounted, budget} {
			if n := columns(s.line(width)); n >= width {
				t.Errorf("%d of %d columns", n, width)
			}
		}
	}
}

func TestTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		3 * time.Second: "a few seconds", 38 * time.Second: "about 40 s", 56 * time.Second: "about a minute", 100 * time.Second: "about 2 min",
		18*time.Minute + 40*time.Second: "about 19 min", 43 * time.Minute: "about 45 min", 3 * time.Hour: "about 3.0 h",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{50 * time.Second: "50 s", 750 * time.Second: "12 min 30 s", 2*time.Hour + 5*time.Minute: "2 h 5 min"} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// searchEvents are those of a short search, in order.
var searchEvents = []edgec.Progress{
	{Stage: "stage", Title: "measuring the float network", Number: 1, Of: 4},
	{Stage: "measure", Done: 5, Total: 10, Number: 1, Of: 4},
	{Stage: "float", Note: "an error of 0.49 % on 10,000 samples", Number: 1, Of: 4},
	{Stage: "stage", Title: "quantizing to 8 bits", Number: 2, Of: 4, Left: 14 * time.Minute},
	{Stage: "int8", Note: "434,567 bytes, 431,004 weights, drop +0.01 ± 0.09 points: meets the limits", Number: 2, Of: 4, Left: 14 * time.Minute},
	{Stage: "stage", Note: "stage 3 is not needed: a file is good enough", Number: 3, Of: 4},
	{Stage: "stage", Title: "measuring the answer", Number: 4, Of: 4},
}

// tellAll shows events with a clock that stands still.
func tellAll(width int, events []edgec.Progress) string {
	a, b := onScreen(width)
	p := a.newProgress()
	p.started = time.Now().Add(-12300 * time.Millisecond)
	for _, e := range events {
		p.tell(e)
	}
	p.end()
	return regexp.MustCompile(`12\.[34]s`).ReplaceAllString(b.String(), "12.3s")
}

func TestProgress(t *testing.T) {
	pipe := `stage 1 of 4: measuring the float network
   12.3s  float          an error of 0.49 % on 10,000 samples
stage 2 of 4: quantizing to 8 bits (about 14 min left)
   12.3s  int8           434,567 bytes, 431,004 weights, drop +0.01 ± 0.09 points: meets the limits
   12.3s  stage 3 is not needed: a file is good enough
stage 4 of 4: measuring the answer
`
	if got := tellAll(0, searchEvents); got != pipe {
		t.Errorf("on a pipe:\n%s\nwant\n%s", got, pipe)
	}
	narrow := strings.NewReplacer("10,000 samples", "10,000\n            samples", "weights, drop", "weights,\n            drop").Replace(pipe)
	if got := kept(tellAll(60, searchEvents)); got != narrow {
		t.Errorf("at 60 columns:\n%s\nwant\n%s", got, narrow)
	}
	if got := kept(tellAll(120, searchEvents)); got != pipe {
		t.Errorf("at 120 columns:\n%s\nwant\n%s", got, pipe)
	}
	bar := tellAll(80, searchEvents)
	for _, want := range []string{"\r\x1b[Kstage 1 of 4: measuring  50% |███████████████               |", "\r\x1b[Kstage 2 of 4: quantizing to 8 bits, about 14 min left"} {
		if !strings.Contains(bar, want) {
			t.Errorf("no status line %q in %q", want, bar)
		}
	}
	if !strings.HasSuffix(bar, "\r\x1b[K") {
		t.Errorf("the status line stays: %q", bar)
	}
}

// kept is what a terminal shows in the end, without status lines that were taken away.
func kept(s string) string {
	return regexp.MustCompile(`(?m)^(.*\r\x1b\[K)+`).ReplaceAllString(s, "")
}

// The status line is off the screen when something else is printed: a note after Ctrl-C
// begins a line of its own.
func TestNoteAboveStatus(t *testing.T) {
	a, b := onScreen(40)
	p := a.newProgress()
	p.tell(edgec.Progress{Stage: "tune", Done: 1, Total: 4, Number: 2, Of: 3})
	b.WriteString("^C") // the terminal's echo
	a.note("interrupted: writing the best file so far")
	p.end()
	if got, want := kept(b.String()), "edgec: interrupted: writing the best\n  file so far\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A search numbers its stages from 1 to Of, in order, and leaves none out.
func TestStageNumbers(t *testing.T) {
	for name, flags := range map[string][]string{
		"drop":        {"--max-drop", "1", "--effort", "0.01"},
		"size":        {"--max-size", "150", "--effort", "0.01"},
		"no training": {"--no-training"},
		"budget":      {"--budget", "300ms", "--effort", "100", "--max-size", "600"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "drop" {
				deep.Only(t)
			}
			workplace(t)
			r := command(t, append(quick("compress", "corner.onnx", "--data", "data"), flags...)...).must(t)
			head := regexp.MustCompile(`(?m)^stage (\d+) of (\d+): |stages? (\d+)(?: to (\d+))? (?:is|are) `)
			var seen []int
			of := ""
			for _, m := range head.FindAllStringSubmatch(r.stderr, -1) {
				var first, last int
				switch {
				case m[1] != "":
					fmt.Sscan(m[1], &first)
					if last = first; of != "" && m[2] != of {
						t.Errorf("%q after stages of %s", m[0], of)
					}
					of = m[2]
				default:
					fmt.Sscan(m[3], &first)
					if last = first; m[4] != "" {
						fmt.Sscan(m[4], &last)
					}
				}
				for n := first; n <= last; n++ {
					seen = append(seen, n)
				}
			}
			var want []int
			for n := 1; fmt.Sprint(len(want)) != of && n < 100; n++ {
				want = append(want, n)
			}
			if !slices.Equal(seen, want) || len(want) < 3 {
				t.Errorf("stages %v of %s:\n%s", seen, of, r.stderr)
			}
		})
	}
}
