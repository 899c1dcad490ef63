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

// openCSV reads one sample a line: numbers, and a label in a column whose header
// is label, class, target or y, in this order of preference. A y beside an x or a
// z is a coordinate. Without such a header the label stands in the first or the
// last column when the network takes one number fewer than there are columns and
// that column holds class numbers; where both do, the file is refused. A first
// line that starts with no number, or names one of these columns, is a header.
func openCSV(path string, o Options) (*Splits, error) {
	data, err := readAll(path, o.room)
	if err != nil {
		return nil, err
	}
	if err := o.room.csvRoom(data, path); err != nil {
		return nil, err
	}
	s, err := parseCSV(data, path, o)
	if err != nil {
		return nil, err
	}
	return &Splits{Train: s}, nil
}

func parseCSV(data []byte, path string, o Options) (*Set, error) {
	r := csv.NewReader(o.room.reader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))))
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
			if label, header = parseHeader(rec, o); header {
				continue
			}
		}
		for i, f := range rec {
			v, err := strconv.ParseFloat(strings.TrimSpace(f), 32)
			if err != nil || v-v != 0 {
				line, _ := r.FieldPos(i)
				return nil, fmt.Errorf("dataset: %s: line %d, column %d: %q is not a finite number", path, line, i+1, shortened(f))
			}
			rows = append(rows, float32(v))
		}
		lines++
	}
	if lines == 0 {
		return nil, fmt.Errorf("dataset: %s: holds no samples", path)
	}
	if label < 0 && o.Shape != nil && o.Shape.Size() == columns-1 {
		var err error
		if label, err = labelColumn(rows, columns, o.Classes); err != nil {
			return nil, fmt.Errorf("dataset: %s: %w", path, err)
		}
	}
	features := columns
	if label >= 0 {
		features--
	}
	sample, image, err := fit(tensor.Shape{features}, o, path)
	if err != nil {
		return nil, err
	}
	var x []float32
	var classes []float64
	for i, v := range rows {
		if i%columns == label {
			classes = append(classes, float64(v))
		} else {
			x = append(x, v)
		}
	}
	s := newSet(sample, image, nil, x, lines, o.pre())
	if label < 0 {
		return s, nil
	}
	return s, s.annotate(classes, 1, o, path)
}

// parseHeader reports whether a first line is a header, and which column it
// says holds the labels (-1: none).
func parseHeader(rec []string, o Options) (label int, header bool) {
	at := map[string]int{}
	for i, h := range rec {
		at[strings.ToLower(strings.TrimSpace(h))] = i
	}
	for _, name := range []string{"label", "class", "target"} {
		if i, ok := at[name]; ok {
			return i, true
		}
	}
	_, err := strconv.ParseFloat(strings.TrimSpace(rec[0]), 32)
	header = errors.Is(err, strconv.ErrSyntax)
	y, ok := at["y"]
	if !ok {
		return -1, header
	}
	_, x := at["x"]
	_, z := at["z"]
	if x || z || o.Shape != nil && o.Shape.Size() == len(rec) {
		return -1, true // a coordinate, or one of as many features as the network takes
	}
	return y, true
}

// labelColumn returns which of the first and the last column may hold labels,
// or -1. A column of one value (a border pixel, say) is taken only if the other
// will not do. Of two columns of whole numbers, one that passes the number of
// classes (0: not known) holds no labels; two that do not are refused.
func labelColumn(rows []float32, columns, classes int) (int, error) {
	first, last := inspectColumn(rows, columns, 0), inspectColumn(rows, columns, columns-1)
	if first.varied && last.varied && classes > 0 {
		few := float32(classes)
		first.varied, last.varied = first.most < few || last.most >= few, last.most < few || first.most >= few
	}
	switch {
	case first.varied && last.varied:
		return 0, fmt.Errorf("columns 1 and %d both may be the labels; name one of them label in a header", columns)
	case first.varied, first.whole && !last.varied:
		return 0, nil
	case last.whole:
		return columns - 1, nil
	}
	return -1, nil
}

// columnFacts are what a column says of whether it holds labels.
type columnFacts struct {
	whole, varied bool    // whole numbers from 0; not all the same
	most          float32 // of whole numbers
}

func inspectColumn(rows []float32, columns, c int) columnFacts {
	f := columnFacts{whole: true}
	for i := c; i < len(rows); i += columns {
		v := rows[i]
		if v != float32(int(v)) || v < 0 {
			return columnFacts{}
		}
		f.varied = f.varied || v != rows[c]
		f.most = max(f.most, v)
	}
	return f
}
