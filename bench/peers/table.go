package main

import (
	"fmt"
	"strings"
	"time"

	"edgec/bench/page"
)

// markdown is the section of the page: who was measured, times, ratios, and what is missing.
func (c *comparison) markdown(rounds int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, on %s. %d rounds.", time.Now().Format("2 January 2006"), page.Machine(), rounds)
	for _, w := range c.workers[c.levels:] {
		if w.cmd != nil {
			fmt.Fprintf(&b, " %s %s.", strings.TrimSuffix(w.column, " int8"), w.version)
		}
	}
	b.WriteString("\n")
	for _, m := range c.missing {
		fmt.Fprintf(&b, "%s.\n", m)
	}
	b.WriteString("\nMicroseconds of an inference: best of the rounds (median).\n\n")
	b.WriteString(page.Table(c.timeRows()))
	b.WriteString("\nTimes of edgec divided by those of the peer: best (median). Less than 1 is faster than the peer.\n\n")
	b.WriteString(page.Table(c.ratioRows()))
	return b.String()
}

func (c *comparison) timeRows() [][]string {
	head := []string{"network", "MACs, nonzero"}
	for _, w := range c.workers {
		head = append(head, w.column)
	}
	rows := [][]string{head}
	for i := range c.networks {
		cells := []string{c.networks[i].Name, page.Thousands(c.networks[i].Info.KeptMACs)}
		for _, w := range c.workers {
			cell := ""
			if t := c.times[i][w]; t != nil {
				cell = fmt.Sprintf("%s (%s)", micros(t.best()), micros(t.median()))
				if w.column == "LiteRT int8" && c.networks[i].Shapes {
					cell += " *"
				}
			}
			cells = append(cells, cell)
		}
		rows = append(rows, cells)
	}
	return rows
}

func (c *comparison) ratioRows() [][]string {
	head := []string{"network"}
	for _, peer := range c.workers[c.levels:] {
		for _, w := range c.workers[:c.levels] {
			head = append(head, w.version+" / "+strings.TrimSuffix(peer.column, " int8"))
		}
	}
	rows := [][]string{head}
	for i := range c.networks {
		cells := []string{c.networks[i].Name}
		for _, peer := range c.workers[c.levels:] {
			for _, w := range c.workers[:c.levels] {
				cells = append(cells, ratio(c.times[i][w], c.times[i][peer]))
			}
		}
		rows = append(rows, cells)
	}
	return rows
}

func ratio(ours, theirs times) string {
	if ours == nil || theirs == nil {
		return ""
	}
	return fmt.Sprintf("%.2f (%.2f)", float64(ours.best())/float64(theirs.best()), float64(ours.median())/float64(theirs.median()))
}

// micros are microseconds with three digits or all that are before the point.
func micros(t time.Duration) string {
	us := float64(t.Nanoseconds()) / 1000
	switch {
	case us < 10:
		return fmt.Sprintf("%.2f", us)
	case us < 100:
		return fmt.Sprintf("%.1f", us)
	}
	return page.Thousands(int64(us + 0.5))
}
