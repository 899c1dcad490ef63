package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"

	"edgec"
)

// summary prints the result of edgec compress for people.
func (a *app) summary(c compressed) error {
	r := c.Report
	if err := a.table(resultRows(c)); err != nil {
		return err
	}
	if c.Source.Kind != "" { // the demo draws its data, and reads none
		fmt.Fprintln(a.stdout, wrap("read as          "+c.Source.String(), strings.Repeat(" ", 17), a.screen(a.stdout).width))
	}
	fmt.Fprintf(a.stdout, "\n%s\n", wrap("Pareto front, held out: no other file is both smaller and better than one of these.", "", a.screen(a.stdout).width))
	if err := a.grid(frontGrid(r)); err != nil {
		return err
	}
	for _, l := range legend(r) {
		fmt.Fprintln(a.stdout, wrap("  "+l, "    ", a.screen(a.stdout).width))
	}
	ended := ""
	if r.Interrupted != "" {
		ended = ", " + r.Interrupted
	}
	for _, w := range r.Warnings {
		a.warn(w)
	}
	a.note("%s written after %s%s", c.Output, seconds(r.Seconds), ended)
	for _, s := range r.Advice {
		a.note("for a better file: %s", s)
	}
	return nil
}

// resultRows compares the float network with the file that was written.
func resultRows(c compressed) []string {
	r, b := c.Report, c.Report.Best
	unit := wordings[r.Task].unit
	rows := []string{
		"\tfloat\t" + filepath.Base(c.Output) + "\t",
		fmt.Sprintf("bytes\t%s\t%s\t%.1f times smaller", thousands(r.FloatBytes), thousands(b.Size), float64(r.FloatBytes)/float64(b.Size)),
		fmt.Sprintf("weights\t%s\t%s\t%.2f %% kept", thousands(r.FloatParams), thousands(b.Kept), 100*float64(b.Kept)/float64(max(r.FloatParams, 1))),
		fmt.Sprintf("MACs\t%s\t%s\t", thousands(int(r.FloatMACs)), thousands(int(b.MACs))),
	}
	rows = append(rows, needRows(c)...)
	float := figure(&r.Float)
	if r.FloatOnTest {
		float += " (test)"
	}
	rows = append(rows, fmt.Sprintf("%s, held out\t%s\t%s\tdrop %s, %s samples", unit, float, figure(&b.Metrics), dropText(r.Task, b.Drop, b.DropError), thousands(b.Metrics.N)))
	if t := r.Test; t != nil {
		rows = append(rows, fmt.Sprintf("%s, test\t%s\t%s\tdrop %s, %s samples", unit, figure(&t.Float), figure(&t.File), dropText(r.Task, t.File.Error-t.Float.Error), thousands(t.File.N)))
	}
	return rows
}

// needRows say what an inference takes of a time and a memory that was asked for.
func needRows(c compressed) (rows []string) {
	o, b := c.Options, c.Best
	where := "on this machine"
	if p := c.Prediction; p != nil {
		where = "predicted on " + p.Board
		if b.Latency > 0 {
			rows = append(rows, fmt.Sprintf("latency\t\t%s\tlimit %v; %s: %s to %s, the range of 4 in 5 measurements", twoDigits(p.Time.Seconds()), o.MaxLatency, where, twoDigits(p.Least.Seconds()), twoDigits(p.Most.Seconds())))
		}
	} else if b.Latency > 0 {
		rows = append(rows, fmt.Sprintf("latency\t\t%s\tlimit %v; median on this machine, one goroutine", short(b.Latency), o.MaxLatency))
	}
	if b.Memory > 0 {
		rows = append(rows, fmt.Sprintf("memory\t\t%s\tlimit %s bytes; %s", thousands(int(b.Memory)), thousands(int(o.MaxMemory)), where))
	}
	return rows
}

// written is the mark of the file that was written.
const written = "<- written"

// frontGrid is a table of the Pareto front and of the file that was written, by size,
// with the reason why each was chosen or not.
func frontGrid(r *edgec.Report) grid {
	timed := r.Best.Latency > 0
	head := []string{"  bytes", "drop", "", "weights", "values"}
	if timed {
		head = append(head, "latency")
	}
	g := grid{rows: [][]string{append(head, "")}, drop: []int{4, 3}}
	best := 0
	for _, p := range listed(r) {
		mark := p.Why
		if isBest(r, p) {
			mark, best = written, len(g.rows)
		}
		values := "-"
		if p.Centroids > 0 {
			values = fmt.Sprint(p.Centroids)
		}
		row := []string{"  " + thousands(p.Size), fmt.Sprintf("%+.2f", p.Drop), fmt.Sprintf("± %.2f", p.DropError), thousands(p.Kept), values}
		if timed {
			row = append(row, short(p.Latency))
		}
		g.rows = append(g.rows, append(row, mark))
	}
	g.mark = func(row int) color.Attribute {
		if row == best && best > 0 {
			return color.FgGreen
		}
		return 0
	}
	return g
}

// isBest reports whether a file of the front is the one that was written.
func isBest(r *edgec.Report, p edgec.File) bool {
	return p.Size == r.Best.Size && p.Drop == r.Best.Drop
}

// listed returns the front, with the file that was written in its place.
func listed(r *edgec.Report) []edgec.File {
	all := slices.Clone(r.Front)
	if !slices.ContainsFunc(all, func(p edgec.File) bool { return isBest(r, p) }) {
		all = append(all, r.Best)
		slices.SortStableFunc(all, func(a, b edgec.File) int { return a.Size - b.Size })
	}
	return all
}

// legend explains the columns of the front.
func legend(r *edgec.Report) []string {
	var lines []string
	if r.FloatOnTest {
		lines = append(lines, "(test): the float network's figure is from the test part, since it was trained on the held-out samples, which files are measured on")
	}
	lines = append(lines,
		"drop: points lost against the float network, ± a standard error"+pointNote(r.Task),
		"weights: that are not zero; values: different ones that a layer's weights share, - where they share none")
	if r.Best.Latency > 0 && r.Options.Target != nil {
		lines = append(lines, "latency: the upper end of what is predicted on "+r.Options.Target.Name)
	}
	if !slices.ContainsFunc(listed(r), func(p edgec.File) bool { return strings.Contains(p.Why, "margin") }) {
		return lines
	}
	return append(lines, "margin: the smallest of many files that seem good enough was lucky on the samples; so the written file keeps a distance from the limit")
}

// pointNote says what a point is where it is no percent of the samples.
func pointNote(task string) string {
	if task == edgec.TaskNextToken {
		return fmt.Sprintf("; a point is %.4f bits a token, about a percent of the perplexity", 1/pointsOfBits(1))
	}
	return ""
}

// short prints the time of an inference with up to four significant digits.
func short(t time.Duration) string {
	unit := time.Duration(1)
	for t/unit >= 10_000 {
		unit *= 10
	}
	return t.Round(unit).String()
}

// thousands prints n with a comma at every third digit.
func thousands(n int) string {
	s := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}
