package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fatih/color"

	"edgec"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text, indent string
		width        int
		want         string
	}{
		{"no line is broken in a word", "  ", 0, "no line is broken in a word"},
		{"no line is broken in a word", "  ", 27, "no line is broken in a word"},
		{"no line is broken in a word", "  ", 26, "no line is broken in a\n  word"},
		{"no line is broken in a word", "  ", 12, "no line is\n  broken in\n  a word"},
		{"edgec: /a/path/that/is/longer/than/a/line: is a folder", "  ", 20, "edgec:\n  /a/path/that/is/longer/than/a/line:\n  is a folder"},
		{"   12.3s  int8   text here", "    ", 20, "   12.3s  int8\n    text here"},
		{"±± ±±", "", 3, "±±\n±±"},
		{"漢字 漢字", "", 6, "漢字\n漢字"}, // two columns each
		{"", "  ", 5, ""},
	} {
		if got := wrap(c.text, c.indent, c.width); got != c.want {
			t.Errorf("%q in %d columns: %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

// sampleReport is one of a search with files of every kind.
func sampleReport() compressed {
	r := &edgec.Report{
		Model: "lenet-5", Task: edgec.TaskAccuracy, FloatBytes: 864945, FloatParams: 431080, FloatMACs: 2293000, Float: edgec.Metrics{Error: 0.49, N: 10000},
		Front: []edgec.File{
			{Size: 5107, Drop: 0.08, DropError: 0.09, Kept: 5480, Centroids: 14, Meets: true, Why: "meets the limits, but not by its margin of 0.09 points"},
			{Size: 5893, Drop: -0.10, DropError: 0.09, Kept: 6434, Centroids: 16, Meets: true, Why: "written"},
			{Size: 42642, Drop: -0.2, DropError: 0.09, Kept: 48284, Meets: true, Why: "meets the limits, but is larger"},
		},
		Test:    &edgec.Tested{Float: edgec.Metrics{Error: 0.49, N: 10000}, File: edgec.Metrics{Error: 0.56, N: 10000}},
		Seconds: 812,
	}
	r.Best = r.Front[1]
	r.Best.MACs, r.Best.Metrics = 824740, edgec.Metrics{Error: 0.39, N: 10000}
	return compressed{Output: "out/lenet-5.edgec", Report: r, Source: edgec.Source{Kind: "npy"}}
}

// printed is what the summary of a report prints on screens of a width.
func printed(t *testing.T, width int, c compressed) string {
	t.Helper()
	a, b := onScreen(width)
	if err := a.summary(c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const summary120 = `                 float      lenet-5.edgec
bytes            864,945    5,893          146.8 times smaller
weights          431,080    6,434          1.49 % kept
MACs             2,293,000  824,740
error, held out  0.49 %     0.39 %         drop -0.10 ± 0.09 points, 10,000 samples
error, test      0.49 %     0.56 %         drop +0.07 points, 10,000 samples
read as          no labels

Pareto front, held out: no other file is both smaller and better than one of these.
  bytes   drop           weights  values
  5,107   +0.08  ± 0.09  5,480    14      meets the limits, but not by its margin of 0.09 points
  5,893   -0.10  ± 0.09  6,434    16      <- written
  42,642  -0.20  ± 0.09  48,284   -       meets the limits, but is larger
  drop: points lost against the float network, ± a standard error
  weights: that are not zero; values: different ones that a layer's weights share, - where they share none
  margin: the smallest of many files that seem good enough was lucky on the samples; so the written file keeps a
    distance from the limit
edgec: out/lenet-5.edgec written after 13m32s
`

const summary80 = `                 float      lenet-5.edgec
bytes            864,945    5,893          146.8 times smaller
weights          431,080    6,434          1.49 % kept
MACs             2,293,000  824,740
error, held out  0.49 %     0.39 %         drop -0.10 ± 0.09 points, 10,000
                                           samples
error, test      0.49 %     0.56 %         drop +0.07 points, 10,000 samples
read as          no labels

Pareto front, held out: no other file is both smaller and better than one of
these.
  bytes   drop           weights  values
  5,107   +0.08  ± 0.09  5,480    14      meets the limits, but not by its
                                          margin of 0.09 points
  5,893   -0.10  ± 0.09  6,434    16      <- written
  42,642  -0.20  ± 0.09  48,284   -       meets the limits, but is larger
  drop: points lost against the float network, ± a standard error
  weights: that are not zero; values: different ones that a layer's weights
    share, - where they share none
  margin: the smallest of many files that seem good enough was lucky on the
    samples; so the written file keeps a distance from the limit
edgec: out/lenet-5.edgec written after 13m32s
`

const summary60 = `                 float      lenet-5.edgec
bytes            864,945    5,893          146.8 times
                                           smaller
weights          431,080    6,434          1.49 % kept
MACs             2,293,000  824,740
error, held out  0.49 %     0.39 %         drop -0.10 ± 0.09
                                           points, 10,000
                                           samples
error, test      0.49 %     0.56 %         drop +0.07
                                           points, 10,000
                                           samples
read as          no labels

Pareto front, held out: no other file is both smaller and
better than one of these.
  bytes   drop           weights
  5,107   +0.08  ± 0.09  5,480    meets the limits, but not
                                  by its margin of 0.09
                                  points
  5,893   -0.10  ± 0.09  6,434    <- written
  42,642  -0.20  ± 0.09  48,284   meets the limits, but is
                                  larger
  drop: points lost against the float network, ± a standard
    error
  weights: that are not zero; values: different ones that a
    layer's weights share, - where they share none
  margin: the smallest of many files that seem good enough
    was lucky on the samples; so the written file keeps a
    distance from the limit
edgec: out/lenet-5.edgec written after 13m32s
`

// The result at three widths, word by word.
func TestSummaryFits(t *testing.T) {
	for width, want := range map[int]string{120: summary120, 80: summary80, 60: summary60} {
		if got := printed(t, width, sampleReport()); got != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", width, got, want)
		}
	}
}

// No line is wider than the terminal, whatever its width.
func TestNothingIsWider(t *testing.T) {
	c := sampleReport()
	c.Warnings = []string{"100 held-out samples cannot tell a drop of 0.5 points: one sample is 1 points; give more samples, or allow a larger drop"}
	c.Advice = []string{"longer training (--effort 2) may make it smaller. How much is not known"}
	c.Best.Latency, c.Front[1].Latency, c.Options.MaxLatency = 1234567, 1234567, time.Millisecond*2
	for width := 56; width <= 200; width++ {
		text := printed(t, width, c) + kept(tellAll(width, searchEvents))
		for line := range strings.Lines(text) {
			if n := columns(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d of %d columns: %s", n, width, line)
			}
		}
	}
}

// The file that was written is in the table, and marked, also where another one is both
// smaller and better.
func TestFrontHasTheWritten(t *testing.T) {
	c := sampleReport()
	c.Front[1] = edgec.File{Size: 5800, Drop: -0.11, DropError: 0.09, Kept: 6300, Meets: true, Why: "meets the limits, but its weights are better after more training"}
	text := printed(t, 0, c)
	for _, want := range []string{"  5,800   -0.11  ± 0.09  6,300    -       meets the limits, but its weights", "  5,893   -0.10  ± 0.09  6,434    16      <- written\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Count(text, written) != 1 {
		t.Errorf("%d files are marked", strings.Count(text, written))
	}
}

// Where a table is too narrow for its words, columns go.
func TestColumnsGo(t *testing.T) {
	g := grid{rows: [][]string{{"program", "bytes", "run", "checksum"}, {"glyphs-rpi-zero", "2,293,886", "qemu-arm-static -cpu arm1176", "d1aa6dd3"}}, drop: []int{1}}
	for width, want := range map[int]string{
		80: "program          bytes      run                           checksum\nglyphs-rpi-zero  2,293,886  qemu-arm-static -cpu arm1176  d1aa6dd3",
		60: "program          run                           checksum\nglyphs-rpi-zero  qemu-arm-static -cpu arm1176  d1aa6dd3",
		50: "program          run                      checksum\nglyphs-rpi-zero  qemu-arm-static -cpu     d1aa6dd3\n                 arm1176",
	} {
		if got := strings.Join(g.lines(screen{width: width}), "\n"); got != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", width, got, want)
		}
	}
}

// Colour is for terminals and for those who ask for it; NO_COLOR is the last word.
func TestColour(t *testing.T) {
	pipe, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	for _, c := range []struct {
		term, force, no string
		want            bool
	}{{"xterm", "", "", false}, {"xterm", "1", "", true}, {"dumb", "1", "", true}, {"xterm", "0", "", false}, {"xterm", "1", "1", false}} {
		t.Setenv("TERM", c.term)
		t.Setenv("CLICOLOR_FORCE", c.force)
		t.Setenv("NO_COLOR", c.no)
		for _, w := range []io.Writer{pipe, &bytes.Buffer{}} {
			if s := screenOf(w); s.colour != c.want || s.width != 0 || s.live {
				t.Errorf("TERM=%s CLICOLOR_FORCE=%s NO_COLOR=%s: %+v", c.term, c.force, c.no, s)
			}
		}
	}
	if got := (screen{colour: true}).paint("x", color.FgRed); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := (screen{}).paint("x", color.FgRed); got != "x" {
		t.Errorf("%q", got)
	}
}

// A whole run into pipes has no escape and no carriage return, and ends with a newline.
func TestPipesArePlain(t *testing.T) {
	workplace(t)
	for _, args := range [][]string{quick("compress", "corner.onnx", "--data", "data", "--no-training"), {"eval", "corner.edgec", "--data", "data"}, {"inspect", "corner.edgec"}, {"eval", "corner.edgec", "--data", "none"}} {
		r := command(t, args...)
		for _, text := range []string{r.stdout, r.stderr} {
			if strings.ContainsAny(text, "\r\x1b") || text != "" && !strings.HasSuffix(text, "\n") {
				t.Errorf("%v: %q", args, text)
			}
		}
	}
}

// A delta that is no smaller than the file is not worth sending.
func TestDiffWarns(t *testing.T) {
	other, err := os.ReadFile("../../testdata/lenet-5.edgec")
	if err != nil {
		t.Fatal(err)
	}
	withFile(t)
	write(t, "other.edgec", other)
	r := command(t, "diff", "corner.edgec", "other.edgec", "-o", "x.edd").must(t)
	if d, n := len(read(t, "x.edd")), len(other); d < n {
		t.Fatalf("a delta of %d bytes between networks that have nothing in common, and a file of %d", d, n)
	}
	if !strings.Contains(r.stderr, "edgec: warning: the delta has ") || !strings.Contains(r.stderr, "send other.edgec itself") {
		t.Errorf("%s", r.stderr)
	}
	if r := command(t, "diff", "corner.edgec", "corner.edgec", "-o", "x.edd").must(t); r.stderr != "" {
		t.Errorf("a small delta: %s", r.stderr)
	}
}

// run and bench break their lines between words on a terminal, and never those of JSON.
func TestRunFits(t *testing.T) {
	withFile(t)
	for _, args := range [][]string{{"run", "corner.edgec", "--top", "2", "light.png"}, {"bench", "corner.edgec", "--runs", "1"}, {"run", "corner.edgec", "--json", "light.png"}} {
		const width = 40
		a, b := onScreen(width)
		root := a.root()
		root.SetArgs(append(args, "--quiet"))
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if a.json {
			if len(lines) != 1 || len(lines[0]) <= width {
				t.Errorf("%v: %q", args, lines)
			}
			continue
		}
		for _, line := range lines {
			if columns(line) > width {
				t.Errorf("%v: %d columns: %s", args, columns(line), line)
			}
		}
	}
}

// TestSummaryDrawn: data that were drawn, not read, have labels that no file gave.
func TestSummaryDrawn(t *testing.T) {
	c := sampleReport()
	c.Source = edgec.Source{}
	if got := printed(t, 80, c); strings.Contains(got, "read as") || !strings.Contains(got, "error, test") {
		t.Errorf("the summary of drawn data:\n%s", got)
	}
}

// A figure of the float network that is not of the samples of the file's says so.
func TestFloatOnTest(t *testing.T) {
	c := sampleReport()
	c.FloatOnTest = true
	want := "error, held out  0.49 % (test)  0.39 %         drop -0.10 ± 0.09 points, 10,000 samples\n"
	if got := printed(t, 160, c); !strings.Contains(got, want) || !strings.Contains(got, "  (test): the float network's figure is from the test part") {
		t.Errorf("%s\nwant %s", got, want)
	}
}
