package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fatih/color"

	"edgec/runtime/program"
)

// grid is a table for people: columns are aligned, with two blanks between them.
type grid struct {
	rows [][]string
	drop []int                         // columns that go, in this order, where the table is too wide
	mark func(row int) color.Attribute // colour of a row; nil, or 0: none
}

// Widths that columns of words shrink to: comfortCell before columns go, then leastCell.
const comfortCell, leastCell = 24, 8

// table prints rows of tab-separated cells on standard output, columns aligned. Where
// they are wider than the terminal, cells are broken between words.
func (a *app) table(rows []string) error { return a.tableWithout(rows) }

// tableWithout is table for rows of which columns go, in this order, where there is
// little room.
func (a *app) tableWithout(rows []string, drop ...int) error {
	g := grid{drop: drop}
	for _, r := range rows {
		g.rows = append(g.rows, strings.Split(r, "\t"))
	}
	return a.grid(g)
}

// grid prints a table on standard output, of cells that may come from files.
func (a *app) grid(g grid) error {
	for _, row := range g.rows {
		for i, cell := range row {
			row[i] = program.Printable(cell)
		}
	}
	for _, line := range g.lines(a.screen(a.stdout)) {
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// lines lays the table out.
func (g grid) lines(s screen) []string {
	rows, widths := g.fit(s.width)
	var lines []string
	for i, row := range rows {
		var how color.Attribute
		if g.mark != nil {
			how = g.mark(i)
		}
		for _, line := range rowLines(row, widths) {
			if how != 0 {
				line = s.paint(line, how)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// fit returns the rows without the columns that have to go, and the width of each that
// stays: first columns go, then the widest shrink, to their longest word at the least.
func (g grid) fit(width int) ([][]string, []int) {
	rows := g.rows
	widths, least := measure(rows)
	gone := map[int]bool{}
	for _, d := range g.drop {
		if width == 0 || total(shrunk(widths, least)) <= width {
			break
		}
		gone[d] = true
		rows = nil
		for _, r := range g.rows {
			rows = append(rows, without(r, gone))
		}
		widths, least = measure(rows)
	}
	for width > 0 && total(widths) > width {
		widest := -1
		for k, w := range widths {
			if w > least[k] && (widest < 0 || w > widths[widest]) {
				widest = k
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return rows, widths
}

// shrunk returns the widths with columns of words at comfortCell.
func shrunk(widths, least []int) []int {
	w := slices.Clone(widths)
	for k := range w {
		w[k] = min(w[k], max(least[k], comfortCell))
	}
	return w
}

// measure returns the width of each column, and the least that it can shrink to.
func measure(rows [][]string) (widths, least []int) {
	for _, r := range rows {
		for k, cell := range r {
			if k == len(widths) {
				widths, least = append(widths, 0), append(least, 0)
			}
			widths[k] = max(widths[k], columns(cell))
			indent := columns(cell) - columns(strings.TrimLeft(cell, " "))
			for _, word := range strings.Fields(cell) {
				least[k] = max(least[k], indent+columns(word), min(leastCell, columns(cell)))
			}
		}
	}
	return widths, least
}

// total is the width of a table; columns without text have none.
func total(widths []int) int {
	n := 0
	for _, w := range widths {
		if w > 0 {
			n += w + 2
		}
	}
	return max(n-2, 0)
}

// without returns the cells of a row whose columns have not gone.
func without(row []string, gone map[int]bool) []string {
	var left []string
	for k, cell := range row {
		if !gone[k] {
			left = append(left, cell)
		}
	}
	return left
}

// rowLines lays a row out, in as many lines as its longest cell takes.
func rowLines(row []string, widths []int) []string {
	cells := make([][]string, len(row))
	height := 1
	for k, cell := range row {
		indent := cell[:len(cell)-len(strings.TrimLeft(cell, " "))]
		cells[k] = strings.Split(wrap(cell, indent, widths[k]), "\n")
		height = max(height, len(cells[k]))
	}
	var lines []string
	for i := range height {
		var b strings.Builder
		for k, cell := range cells {
			if widths[k] == 0 {
				continue
			}
			text := ""
			if i < len(cell) {
				text = cell[i]
			}
			b.WriteString(text + strings.Repeat(" ", max(widths[k]-columns(text), 0)+2))
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}
