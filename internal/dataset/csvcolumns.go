package dataset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// labelHeaders are the names that a column of labels has, in this order of preference.
var labelHeaders = []string{"label", "labels", "class", "target", "targets", "y_true"}

// head looks at the first two lines: whether the first is a header, which column it or the
// user names, and which columns stay text until it is known which holds the labels.
func (t *csvTable) head(first, second []string, o Options) error {
	t.columns, t.wanted = len(first), -1
	names := make([]string, len(first))
	for i, f := range first {
		names[i] = strings.TrimSpace(f)
	}
	names[0] = strings.TrimSpace(strings.TrimPrefix(names[0], "#")) // as NumPy's savetxt writes it
	if t.isHeader(names, second, o) {
		t.names = names
	}
	if o.LabelColumn != "" {
		return t.choose(o)
	}
	if t.names != nil {
		t.wanted = t.namedColumn(o)
	}
	if t.wanted >= 0 {
		t.keep(t.wanted)
	} else if o.Shape == nil || o.Shape.Size() < t.columns {
		t.keep(0)
		t.keep(t.columns - 1)
	}
	return nil
}

func (t *csvTable) keep(column int) { t.kept[column] = &csvText{index: map[string]int32{}} }

// isHeader reports whether the first line is a header: no field is a number, or one has
// the name of a label column, or one is no number where the line after it has one. So is
// 0,1,2 and so on, which pandas writes over columns that have no names.
func (t *csvTable) isHeader(first, second []string, o Options) bool {
	numbers, named, from, differs := 0, false, 0, -1
	if first[0] == "" {
		from = 1
	}
	counts := len(first) > from+2 && second != nil
	for i, f := range first {
		number := isNumber(f)
		if number {
			numbers++
		}
		counts = counts && (i < from || f == strconv.Itoa(i-from))
		named = named || slices.Contains(labelHeaders, strings.ToLower(f))
		if !number && f != "" && len(second) == len(first) && isNumber(second[i]) {
			differs = i
		}
	}
	switch {
	case named || numbers == 0 && len(first) > 1:
		return true
	case counts:
		o.source.note("the first line counts the columns and was taken for a header")
	case differs >= 0 && numbers > 0:
		o.source.note("the first line was taken for a header: it has %s where the next has a number", strconv.QuoteToASCII(first[differs]))
	}
	return counts || differs >= 0
}

// choose finds the column that the user names, by name or by number from 1.
func (t *csvTable) choose(o Options) error {
	want := strings.TrimSpace(o.LabelColumn)
	at := slices.Index(t.names, want)
	if at < 0 {
		at = slices.IndexFunc(t.names, func(n string) bool { return strings.EqualFold(n, want) })
	}
	if n, err := strconv.Atoi(want); at < 0 && err == nil && n >= 1 && n <= t.columns {
		at = n - 1
	}
	if at < 0 {
		return fmt.Errorf("dataset: %s: there is no column %s; --label-column takes one of %s", t.path, strconv.QuoteToASCII(want), t.listed())
	}
	t.wanted = at
	t.keep(at)
	return nil
}

// namedColumn returns the column that the header says holds the labels, -1 for none. If
// there are as many columns as the network takes numbers, all are features. A y beside an
// x or a z is a coordinate.
func (t *csvTable) namedColumn(o Options) int {
	at := map[string]int{}
	for i, h := range t.names {
		at[strings.ToLower(h)] = i
	}
	_, x := at["x"]
	_, z := at["z"]
	for _, name := range append(labelHeaders[:len(labelHeaders):len(labelHeaders)], "y") {
		i, ok := at[name]
		switch {
		case !ok || name == "y" && (x || z):
		case o.Shape != nil && o.Shape.Size() == t.columns:
			o.source.note("%s is a feature, since the network takes as many numbers as there are columns", t.column(i))
			return -1
		default:
			return i
		}
	}
	return -1
}

// labelColumn returns the column of the labels, -1 for none: the one that the user or the
// header names, or one that contents tells, if the network takes one number fewer than
// there are columns (two, if the first counts rows).
func (t *csvTable) labelColumn(o Options) (int, error) {
	if t.wanted >= 0 || o.Shape == nil {
		return t.wanted, nil
	}
	switch missing, counts := t.columns-o.Shape.Size(), t.counts(); {
	case missing == 1 && o.text():
		return t.columns - 1, nil // the token that follows
	case missing == 1 && !counts:
		return t.contents(t.kept[0].facts(), t.kept[t.columns-1].facts(), o)
	case missing == 2 && counts:
		return t.contents(columnFacts{}, t.kept[t.columns-1].facts(), o)
	}
	return -1, nil
}

// contents returns which of the first and the last column holds labels: one of names, or
// one of class numbers. A column of one value, a border pixel say, is taken only if the
// other will not do. Of two columns of whole numbers, one that passes the number of classes
// holds no labels; two that do not are refused. Of a network of one output, and where labels
// are left aside, the last column holds target values if none holds class numbers.
func (t *csvTable) contents(first, last columnFacts, o Options) (int, error) {
	if few := float64(o.outputs()); few > 0 && first.varied && last.varied {
		first.varied, last.varied = first.most < few || last.most >= few, last.most < few || first.most >= few
	}
	end := t.columns - 1
	switch {
	case first.text && last.text, !first.text && !last.text && first.varied && last.varied:
		return 0, fmt.Errorf("dataset: %s: columns 1 and %d both may be the labels; name one with --label-column: %s", t.path, t.columns, t.listed())
	case first.text, !last.text && (first.varied || first.whole && !last.varied):
		return t.found(0, o), nil
	case last.text || last.whole:
		return t.found(end, o), nil
	case o.Classes == 1 || o.NoLabels:
		o.source.note("the last column holds target values, since the network takes one number fewer than there are columns")
		return end, nil
	}
	return 0, fmt.Errorf("dataset: %s: %d columns for a network of %d numbers, and neither the first nor the last holds class numbers or names; say which holds the labels with --label-column: %s", t.path, t.columns, o.Shape.Size(), t.listed())
}

// found records that a column was found by what it holds.
func (t *csvTable) found(column int, o Options) int {
	what := "whole numbers"
	if t.kept[column].text() {
		what = "names"
	}
	o.source.note("%s was taken for the labels since it holds %s; --label-column names another", t.column(column), what)
	return column
}

// counts reports whether the first column numbers the rows, from 0 or 1, and has no name.
// Spreadsheets and pandas write such a column.
func (t *csvTable) counts() bool {
	text := t.kept[0]
	if t.names == nil || t.names[0] != "" || t.columns < 2 {
		return false
	}
	value := func(row int) float32 {
		if text == nil {
			return t.numbers[row*t.columns]
		}
		v, err := strconv.ParseFloat(text.values[text.of[row]], 32)
		if err != nil {
			return -1
		}
		return float32(v)
	}
	start := value(0)
	for row := range t.rows {
		if value(row) != start+float32(row) {
			return false
		}
	}
	return start == 0 || start == 1
}

// counter returns the column that only numbers the rows, -1 for none. It is left out if the
// others are as many as the network takes.
func (t *csvTable) counter(label int, o Options) int {
	features := t.columns - 1
	if label >= 0 {
		features--
	}
	if label == 0 || o.Shape == nil || o.Shape.Size() != features || !t.counts() {
		return -1
	}
	o.source.unread("column 1, which has no name and numbers the rows")
	return 0
}

// column names a column.
func (t *csvTable) column(i int) string {
	if t.names == nil {
		return fmt.Sprint("column ", i+1)
	}
	return fmt.Sprintf("column %d (%s)", i+1, strconv.QuoteToASCII(t.names[i]))
}

// listed lists the columns.
func (t *csvTable) listed() string {
	if t.names == nil {
		return fmt.Sprintf("1 to %d, which have no names", t.columns)
	}
	var words []string
	for i, n := range t.names[:min(len(t.names), mostListed)] {
		words = append(words, fmt.Sprintf("%d %s", i+1, strconv.QuoteToASCII(n)))
	}
	if len(t.names) > mostListed {
		words = append(words, fmt.Sprintf("... %d in all", len(t.names)))
	}
	return strings.Join(words, ", ")
}
