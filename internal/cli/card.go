package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"edgec"
	"edgec/internal/registry"
	"edgec/runtime/program"
)

// card writes a model card in Markdown, from what the files say of themselves. Equal files give
// an equal card: it has no date.
type card struct {
	name    string
	licence string
	models  []*inspected
	report  *edgec.Report // of the search that made a model; nil: not given
	files   []registry.Content
}

// cardCell is text that comes from a file, for a cell of a table.
func cardCell(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "`", "'", "*", "\\*", "_", "\\_", "[", "\\[").Replace(program.Printable(text))
}

// text returns the card.
func (c *card) text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", cardCell(c.name))
	for _, m := range c.models {
		c.model(&b, m)
	}
	if c.report != nil {
		c.measured(&b)
	} else {
		b.WriteString("How well the network does is not stored in its file. `edgec eval FILE --data DATA` measures it.\n\n")
	}
	if c.licence != "" {
		fmt.Fprintf(&b, "Licence: %s\n\n", cardCell(c.licence))
	}
	b.WriteString("## Files\n\n| file | kind | for | bytes |\n|---|---|---|--:|\n")
	for _, f := range c.files {
		if f.Kind != registry.Signature {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cardCell(f.Name), f.Kind, f.System, thousands(len(f.Data)))
		}
	}
	if len(c.models) > 0 {
		fmt.Fprintf(&b, "\nRun it with `edgec run %s INPUT`.\nBuild a program for a board with `edgec build %s --target BOARD`.\n", c.models[0].File, c.models[0].File)
	}
	return []byte(b.String())
}

// model has a table of the facts of one network, and one of its layers.
func (c *card) model(b *strings.Builder, m *inspected) {
	fmt.Fprintf(b, "%s is a neural network of %s bytes, compressed with edgec (format %s).\n\n| | |\n|---|---|\n", cardCell(m.File), thousands(m.Bytes), m.Format)
	for _, row := range headRows(m) {
		name, value, _ := strings.Cut(row, "\t")
		if name != "file" {
			fmt.Fprintf(b, "| %s | %s |\n", name, cardCell(value))
		}
	}
	b.WriteString("\n| layer | operator | output | weights | kept |\n|--:|---|---|---|--:|\n")
	for k, l := range m.Layers {
		kept := ""
		if l.Shape != nil {
			kept = thousands(l.Kept)
		}
		fmt.Fprintf(b, "| %d | %s | %s | %s | %s |\n", k, cardCell(l.Op), times(l.Output), times(l.Shape), kept)
	}
	b.WriteString("\nShapes are height x width x channels, and those of weights outputs x height x width x inputs.\n\n")
}

// measured has what the search measured.
func (c *card) measured(b *strings.Builder) {
	r := c.report
	unit := wordings[r.Task].unit
	fmt.Fprintf(b, "## Measured\n\n| samples | %s, float network | %s, compressed | loss |\n|---|--:|--:|--:|\n", unit, unit)
	fmt.Fprintf(b, "| %s held out | %s | %s | %s |\n", thousands(r.Best.Metrics.N), figure(&r.Float), figure(&r.Best.Metrics), dropText(r.Task, r.Best.Drop, r.Best.DropError))
	if t := r.Test; t != nil {
		fmt.Fprintf(b, "| %s for the test | %s | %s | %s |\n", thousands(t.File.N), figure(&t.Float), figure(&t.File), dropText(r.Task, t.File.Error-t.Float.Error))
	}
	fmt.Fprintf(b, "\nThe search that made the file measured this; the loss has its standard error. The float network, %s, had %s weights and biases.\n\n", cardCell(r.Model), thousands(r.FloatParams))
}

// readReport reads what edgec compress --report wrote, for one of the models.
func readReport(path string, models []*inspected) (*edgec.Report, error) {
	if err := present(path, "a report that edgec compress --report wrote"); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, about(path, fmt.Errorf("%s: %w", path, reason(err)))
	}
	var r edgec.Report
	if err := json.Unmarshal(data, &r); err != nil || r.Best.Size == 0 || wordings[r.Task].unit == "" {
		return nil, about(path, fmt.Errorf("%s: is no report of a search that wrote a file; give one that edgec compress --report wrote", path))
	}
	for _, m := range models {
		if m.Bytes == r.Best.Size && m.Sizes != nil && r.Best.Sizes != nil && m.Sizes.Graph == r.Best.Sizes.Graph && m.Sizes.Indexes == r.Best.Sizes.Indexes && m.Sizes.Masks == r.Best.Sizes.Masks {
			return &r, nil
		}
	}
	return nil, about(path, fmt.Errorf("%s: is the report of another file, of %s bytes; give the one of this model", path, thousands(r.Best.Size)))
}
