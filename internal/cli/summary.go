package cli

import (
	"fmt"
	"strings"
	"time"

	"edgec"
)

// summary prints the result of edgec compress for people.
func (a *app) summary(c compressed) error {
	r, b := c.Report, c.Report.Best
	unit := wordings[r.Task].unit
	rows := []string{
		"\tfloat\t" + c.Output + "\t",
		fmt.Sprintf("bytes\t%s\t%s\t%.1f times smaller", thousands(r.FloatBytes), thousands(b.Size), float64(r.FloatBytes)/float64(b.Size)),
		fmt.Sprintf("weights\t%s\t%s\t%.2f %% kept", thousands(r.FloatParams), thousands(b.Kept), 100*float64(b.Kept)/float64(r.FloatParams)),
		fmt.Sprintf("MACs\t%s\t%s\t", thousands(int(r.FloatMACs)), thousands(int(b.MACs))),
	}
	if b.Latency > 0 {
		rows = append(rows, fmt.Sprintf("latency\t\t%s\tlimit %v; median on this machine, one goroutine", short(b.Latency), r.Options.MaxLatency))
	}
	rows = append(rows, fmt.Sprintf("%s, held out\t%.2f %%\t%.2f %%\tdrop %+.2f ± %.2f points, %s samples", unit, r.Float.Error, b.Metrics.Error, b.Drop, b.DropError, thousands(b.Metrics.N)))
	if t := r.Test; t != nil {
		rows = append(rows, fmt.Sprintf("%s, test\t%.2f %%\t%.2f %%\tdrop %+.2f points, %s samples", unit, t.Float.Error, t.File.Error, t.File.Error-t.Float.Error, thousands(t.File.N)))
	}
	rows = append(rows, "read as\t"+c.Source.String())
	if err := a.table(rows); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nPareto front, held out:\n")
	if err := a.table(frontRows(r)); err != nil {
		return err
	}
	ended := ""
	if r.Interrupted != "" {
		ended = ", " + r.Interrupted
	}
	for _, w := range r.Warnings {
		a.note("warning: %s", w)
	}
	a.note("%s written after %s%s", c.Output, seconds(r.Seconds), ended)
	return nil
}

// frontRows is a table of the Pareto front, by size.
func frontRows(r *edgec.Report) []string {
	timed := r.Best.Latency > 0
	rows := []string{"  bytes\tdrop\t\tkept\tcentroids\t"}
	if timed {
		rows[0] += "latency\t"
	}
	for _, p := range r.Front {
		mark := ""
		if p.Size == r.Best.Size && p.Drop == r.Best.Drop {
			mark = "<- written"
		} else if p.Meets {
			mark = "meets"
		}
		centroids := "none"
		if p.Centroids > 0 {
			centroids = fmt.Sprint(p.Centroids)
		}
		row := fmt.Sprintf("  %s\t%+.2f\t± %.2f\t%s\t%s\t", thousands(p.Size), p.Drop, p.DropError, thousands(p.Kept), centroids)
		if timed {
			row += short(p.Latency) + "\t"
		}
		rows = append(rows, row+mark)
	}
	return rows
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
