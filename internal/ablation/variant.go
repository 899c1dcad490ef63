package ablation

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Variant is the text of the file with other values, by name. A derived constant
// changes by a factor, so that it follows those that it is made of. A name that is not
// there is an error.
func (f *File) Variant(values map[string]float64) (string, error) {
	var b strings.Builder
	at, used := 0, 0
	for _, c := range f.Constants {
		v, ok := values[c.Name]
		if !ok {
			continue
		}
		used++
		if v == c.Value {
			continue
		}
		b.WriteString(f.text[at:c.from])
		b.WriteString(c.with(v))
		at = c.from + len(c.text)
	}
	if used != len(values) {
		return "", fmt.Errorf("ablation: %d of %d values are of constants that are not there", len(values)-used, len(values))
	}
	b.WriteString(f.text[at:])
	return b.String(), nil
}

// with is the expression of a value.
func (c Constant) with(v float64) string {
	switch {
	case !c.Derived && c.Int:
		return strconv.FormatInt(int64(v), 10)
	case !c.Derived:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case c.Int:
		r := big.NewRat(int64(v), int64(c.Value))
		return fmt.Sprintf("(%s) * %v / %v", c.text, r.Num(), r.Denom())
	}
	return fmt.Sprintf("(%s) * %s", c.text, strconv.FormatFloat(v/c.Value, 'g', -1, 64))
}

// With is the source of a file with other values, by name; see Variant.
func With(source string, values map[string]float64) (string, error) {
	f, err := Parse("tuning.go", source)
	if err != nil {
		return "", err
	}
	return f.Variant(values)
}

// ID tells files of other values apart: comments do not count.
func (f *File) ID(values map[string]float64) string {
	h := sha256.New()
	for _, c := range f.Constants {
		v, ok := values[c.Name]
		if !ok {
			v = c.Value
		}
		fmt.Fprintln(h, c.Name, v)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
