package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"edgec/internal/tensor"
)

// openCSV reads one sample a line: numbers, and a label, which may be a name. Fields are
// separated by commas, semicolons or tabs. Where they are not commas, numbers may have a
// decimal comma. labelColumn says which column holds the labels, isHeader which first
// line is a header.
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

// csvTable is a CSV file as it is read. The fields of the columns in kept stay text until
// it is known which of them holds the labels.
type csvTable struct {
	path    string
	comma   rune
	decimal byte     // ',' or '.' once a number had one; 0 before
	names   []string // of the columns, nil without a header
	wanted  int      // the column that the user or the header names, -1: none
	ended   bool     // a separator ends each line
	columns int
	rows    int
	lines   []int32          // of each row
	numbers []float32        // [rows, columns]; 0 in kept columns
	kept    map[int]*csvText // by column
}

// csvText is a column of text. Equal fields are stored once.
type csvText struct {
	index  map[string]int32
	values []string
	of     []int32 // of each row, the index in values
}

func (t *csvText) add(field string) {
	k, ok := t.index[field]
	if !ok {
		field = strings.Clone(field) // which is part of a line
		k = int32(len(t.values))
		t.index[field], t.values = k, append(t.values, field)
	}
	t.of = append(t.of, k)
}

func parseCSV(data []byte, path string, o Options) (*Set, error) {
	t, err := readTable(data, path, o)
	if err != nil {
		return nil, err
	}
	if t.rows == 0 {
		return nil, fmt.Errorf("dataset: %s: holds no samples", path)
	}
	label, err := t.labelColumn(o)
	if err != nil {
		return nil, err
	}
	counter := t.counter(label, o)
	if err := t.parseKept(label); err != nil {
		return nil, err
	}
	s, err := t.samples(label, counter, o)
	if err != nil || label < 0 {
		return s, err
	}
	if o.source != nil {
		o.source.LabelColumn = label + 1
	}
	o.source.labels("labels from %s", t.column(label))
	o.row = func(i int) string { return fmt.Sprint("line ", t.lines[i]) }
	return s, t.label(s, label, o)
}

// readTable reads all fields.
func readTable(data []byte, path string, o Options) (*csvTable, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return nil, fmt.Errorf("dataset: %s: is UTF-16; save it as CSV in UTF-8", path)
	}
	t := &csvTable{path: path, kept: map[int]*csvText{}}
	t.comma, data = separator(data)
	if t.comma != ',' {
		o.source.note("fields are separated by %q", t.comma)
	}
	r := csv.NewReader(o.room.reader(bytes.NewReader(data)))
	r.Comma, r.TrimLeadingSpace = t.comma, t.comma != '\t'
	if err := t.read(r, o); !errors.Is(err, io.EOF) {
		return nil, err
	}
	if t.decimal == ',' {
		o.source.note("numbers have a decimal comma")
	}
	return t, nil
}

// read reads all lines; it ends with io.EOF, or another error. The first two tell what the
// columns are.
func (t *csvTable) read(r *csv.Reader, o Options) error {
	first, line, err := t.next(r)
	if err != nil {
		return err
	}
	rec, at, err := t.next(r)
	if n := len(first) - 1; n > 0 && err == nil && strings.TrimSpace(first[n]) == "" && strings.TrimSpace(rec[n]) == "" {
		first, rec, t.ended = first[:n], rec[:n], true
	}
	if e := t.head(first, rec, o); e != nil {
		return e
	}
	if t.names == nil {
		if e := t.row(first, line); e != nil {
			return e
		}
	}
	for r.ReuseRecord = true; err == nil; rec, at, err = t.next(r) {
		if e := t.row(rec, at); e != nil {
			return e
		}
	}
	return err
}

// next reads the fields of a line, and its number in the file.
func (t *csvTable) next(r *csv.Reader) (rec []string, line int, err error) {
	rec, err = r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, 0, err
	case err != nil:
		return nil, 0, fmt.Errorf("dataset: %s: %w", t.path, err)
	}
	line, _ = r.FieldPos(0)
	if n := len(rec) - 1; t.ended && strings.TrimSpace(rec[n]) == "" {
		rec = rec[:n]
	}
	return rec, line, nil
}

// row takes the fields of a line.
func (t *csvTable) row(rec []string, line int) error {
	if len(rec) != t.columns {
		return fmt.Errorf("dataset: %s: line %d has %d fields, the first %d; repair or remove the line", t.path, line, len(rec), t.columns)
	}
	for i, f := range rec {
		if k := t.kept[i]; k != nil {
			k.add(strings.TrimSpace(f))
			t.numbers = append(t.numbers, 0)
			continue
		}
		v, err := t.number(f)
		if err != nil {
			return t.fault(line, i, f, err)
		}
		t.numbers = append(t.numbers, v)
	}
	t.lines = append(t.lines, int32(line))
	t.rows++
	return nil
}

// fault is the error of a field that is no number.
func (t *csvTable) fault(line, column int, field string, err error) error {
	remedy := "; repair or remove the line"
	if _, other := strconv.ParseFloat(strings.TrimSpace(field), 64); errors.Is(other, strconv.ErrSyntax) && strings.TrimSpace(field) != "" {
		remedy = fmt.Sprintf("; if column %d holds the labels, give --label-column %d", column+1, column+1)
	}
	return fmt.Errorf("dataset: %s: line %d, column %d: %q is not %w%s", t.path, line, column+1, shortened(field), err, remedy)
}

var (
	errFinite  = errors.New("a finite number")
	errDecimal = errors.New("a number with the decimal sign of the numbers before")
)

// number reads a field as a finite float32.
func (t *csvTable) number(field string) (float32, error) {
	field = strings.TrimSpace(field)
	if t.comma != ',' && strings.Count(field, ",") == 1 && !strings.Contains(field, ".") {
		if t.decimal == '.' {
			return 0, errDecimal
		}
		t.decimal, field = ',', strings.Replace(field, ",", ".", 1)
	} else if strings.Contains(field, ".") {
		if t.decimal == ',' {
			return 0, errDecimal
		}
		t.decimal = '.'
	}
	v, err := strconv.ParseFloat(field, 32)
	if err != nil || v-v != 0 {
		return 0, errFinite
	}
	return float32(v), nil
}

// separator returns what separates fields, and the data without the line sep=; with which
// spreadsheets say so: of semicolon, tab and comma the first in the first line.
func separator(data []byte) (rune, []byte) {
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	if len(line) == len("sep=;") && bytes.HasPrefix(bytes.ToLower(line), []byte("sep=")) && bytes.ContainsAny(line[4:], ";,\t") {
		return rune(line[4]), rest
	}
	for _, c := range ";\t" {
		if bytes.ContainsRune(outsideQuotes(line), c) {
			return c, data
		}
	}
	return ',', data
}

// outsideQuotes returns a line without its quoted parts.
func outsideQuotes(line []byte) []byte {
	var out []byte
	for i, part := range bytes.Split(line, []byte(`"`)) {
		if i%2 == 0 {
			out = append(out, part...)
		}
	}
	return out
}

// parseKept turns the kept columns that are no labels into numbers.
func (t *csvTable) parseKept(label int) error {
	for c, text := range t.kept {
		if c == label {
			continue
		}
		values := make([]float32, len(text.values))
		for k, f := range text.values {
			v, err := t.number(f)
			if err != nil {
				row := 0
				for text.of[row] != int32(k) {
					row++
				}
				return t.fault(int(t.lines[row]), c, f, err)
			}
			values[k] = v
		}
		for row, k := range text.of {
			t.numbers[row*t.columns+c] = values[k]
		}
	}
	return nil
}

// samples makes a set of all columns but the labels' and one that counts rows (-1: none).
func (t *csvTable) samples(label, counter int, o Options) (*Set, error) {
	features := t.columns
	for _, c := range []int{label, counter} {
		if c >= 0 {
			features--
		}
	}
	if o.hwc() && o.Shape.Size() == features {
		o.source.layout("channels last, as the network takes them")
	}
	sample, image, err := fit(tensor.Shape{features}, o, t.path)
	if err != nil {
		return nil, fmt.Errorf("%w; the columns are %s", err, t.listed())
	}
	x := make([]float32, 0, t.rows*features)
	for i, v := range t.numbers {
		if c := i % t.columns; c != label && c != counter {
			x = append(x, v)
		}
	}
	if o.hwc() {
		x = floatPlanes(x, sample[0], sample[1]*sample[2])
	}
	s := newSet(sample, image, nil, x, t.rows, o.pre())
	s.integer = len(o.Inputs) == 1 && o.Inputs[0].Integer
	return s, nil
}

// label attaches the labels of a column: names, class numbers or target values.
func (t *csvTable) label(s *Set, column int, o Options) error {
	text := t.kept[column]
	if text.text() {
		names := make([]string, t.rows)
		for i, k := range text.of {
			names[i] = text.values[k]
		}
		return s.setNames(names, o, t.path)
	}
	nums := make([]float64, t.rows)
	for i, k := range text.of {
		v, err := t.number(text.values[k])
		if err != nil {
			return t.fault(int(t.lines[i]), column, text.values[k], err)
		}
		nums[i] = float64(v)
	}
	return s.annotate(nums, 1, o, t.path)
}

// text reports whether a value is neither a number nor missing.
func (x *csvText) text() bool {
	return slices.ContainsFunc(x.values, func(v string) bool { return v != "" && !isNumber(v) })
}

// isNumber reports whether a field is a number, maybe with a decimal comma, or too large
// for one.
func isNumber(field string) bool {
	_, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(field), ",", ".", 1), 64)
	return !errors.Is(err, strconv.ErrSyntax)
}

// facts are what the values of a column say of whether it holds labels.
func (x *csvText) facts() columnFacts {
	f := columnFacts{whole: true, varied: len(x.values) > 1, text: !slices.ContainsFunc(x.values, isNumber) && x.text()}
	for _, field := range x.values {
		v, err := strconv.ParseFloat(strings.Replace(field, ",", ".", 1), 64)
		if err != nil || v != math.Trunc(v) || v < 0 {
			return columnFacts{text: f.text}
		}
		f.most = max(f.most, v)
	}
	return f
}

// columnFacts are what a column says of whether it holds labels.
type columnFacts struct {
	text          bool    // none is a number
	whole, varied bool    // whole numbers from 0; not all the same
	most          float64 // of whole numbers
}
