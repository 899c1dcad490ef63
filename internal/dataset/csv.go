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
// numbers. A first line that is not numeric is a header.
func openCSV(path string, o Options) (*Splits, error) {
	data, err := readAll(path)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.ReuseRecord = true
	r.TrimLeadingSpace = true
	var rows []float32
	columns, label, lines := 0, -1, 0
	for line := 1; ; line++ {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %s: %v", path, err)
		}
		if line == 1 {
			columns = len(rec)
			if _, err := strconv.ParseFloat(rec[0], 32); err != nil {
				for i, h := range rec {
					switch strings.ToLower(strings.TrimSpace(h)) {
					case "label", "class", "y", "target":
						label = i
					}
				}
				continue
			}
		}
		for i, f := range rec {
			v, err := strconv.ParseFloat(strings.TrimSpace(f), 32)
			if err != nil || v-v != 0 {
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
		for _, c := range []int{0, columns - 1} {
			if label < 0 && wholeColumn(rows, columns, c) {
				label = c
			}
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
	var labels []int
	for i := 0; i < lines; i++ {
		for c, v := range rows[i*columns : (i+1)*columns] {
			if c != label {
				x = append(x, v)
				continue
			}
			if v != float32(int(v)) {
				return nil, fmt.Errorf("dataset: %s: sample %d has label %v; labels are whole numbers", path, i, v)
			}
			labels = append(labels, int(v))
		}
	}
	s := newSet(sample, image, nil, x, lines, o.pre())
	if label < 0 {
		return &Splits{Train: s}, nil
	}
	return &Splits{Train: s}, s.setLabels(labels, o.Classes, path)
}

func wholeColumn(rows []float32, columns, c int) bool {
	for i := c; i < len(rows); i += columns {
		if v := rows[i]; v != float32(int(v)) || v < 0 {
			return false
		}
	}
	return true
}
