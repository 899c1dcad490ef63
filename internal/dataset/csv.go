package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"edgec/internal/tensor"
)

// openCSV reads one sample a line: numbers, and a label in a column named
// label, class, y or target, else in the first or last column when the network
// takes one number fewer than there are columns and that column holds whole
// numbers; one that is not the same everywhere comes first. A first line that starts with no number, or names one of these
// columns, is a header.
func openCSV(path string, o Options) (*Splits, error) {
	data, err := readAll(path)
	if err != nil {
		return nil, err
	}
	s, err := parseCSV(data, path, o)
	if err != nil {
		return nil, err
	}
	return &Splits{Train: s}, nil
}

func parseCSV(data []byte, path string, o Options) (*Set, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.ReuseRecord = true
	r.TrimLeadingSpace = true
	var rows []float32
	columns, label, lines := 0, -1, 0
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %v", path, err)
		}
		if columns == 0 {
			columns = len(rec)
			var header bool
			if label, header = parseHeader(rec); header {
				continue
			}
		}
		for i, f := range rec {
			v, err := strconv.ParseFloat(strings.TrimSpace(f), 32)
			if err != nil || v-v != 0 {
				line, _ := r.FieldPos(i)
				return nil, fmt.Errorf("dataset: %s: line %d, column %d: %q is not a finite number", path, line, i+1, f)
			}
			rows = append(rows, float32(v))
		}
		lines++
	}
	if lines == 0 {
		return nil, fmt.Errorf("dataset: %s: holds no samples", path)
	}
	if label < 0 && o.Shape != nil && o.Shape.Size() == columns-1 {
		label = labelColumn(rows, columns)
	}
	features := columns
	if label >= 0 {
		features--
	}
	sample, image, err := fit(tensor.Shape{features}, o, path)
	if err != nil {
		return nil, err
	}
	var x, classes []float32
	for i, v := range rows {
		if i%columns == label {
			classes = append(classes, v)
		} else {
			x = append(x, v)
		}
	}
	s := newSet(sample, image, nil, x, lines, o.pre())
	if label < 0 {
		return s, nil
	}
	labels, err := wholeLabels(classes, path)
	if err != nil {
		return nil, err
	}
	return s, s.setLabels(labels, o.Classes, path)
}

// parseHeader reports whether a first line is a header, and which column it
// says holds the labels (-1: none).
func parseHeader(rec []string) (label int, header bool) {
	label = -1
	for i, h := range rec {
		switch strings.ToLower(strings.TrimSpace(h)) {
		case "label", "class", "y", "target":
			label = i
		}
	}
	_, err := strconv.ParseFloat(strings.TrimSpace(rec[0]), 32)
	return label, label >= 0 || errors.Is(err, strconv.ErrSyntax)
}

// labelColumn returns which of the first and the last column may hold labels,
// or -1. A column of one value (a border pixel, say) is taken only if the other
// will not do.
func labelColumn(rows []float32, columns int) int {
	label := -1
	for _, c := range []int{0, columns - 1} {
		whole, varied := inspectColumn(rows, columns, c)
		if whole && varied {
			return c
		}
		if whole && label < 0 {
			label = c
		}
	}
	return label
}

func inspectColumn(rows []float32, columns, c int) (whole, varied bool) {
	for i := c; i < len(rows); i += columns {
		v := rows[i]
		if v != float32(int(v)) || v < 0 {
			return false, false
		}
		varied = varied || v != rows[c]
	}
	return true, varied
}
