// Package suggest finds the names that a misspelled one may stand for.
package suggest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// most is the number of names that a question lists.
const most = 5

// Nearest returns at most five of the names that typed may stand for: those with the
// smallest Levenshtein distance from typed, if that is at most a third of typed's letters,
// rounded up. Upper and lower case are the same; hyphens, underscores and blanks do not
// count. If no name is that near, it returns the names that begin with typed or have it
// between hyphens. Equally near names keep their order. Cost: len(typed) * len(name) for
// each name.
func Nearest(typed string, names []string) []string {
	want := plain(typed)
	if want == "" {
		return nil
	}
	var near, longer []string
	least := max(1, (len([]rune(want))+2)/3)
	for _, name := range names {
		d := levenshtein.ComputeDistance(want, plain(name))
		if d < least {
			near, least = nil, d
		}
		if d <= least {
			near = append(near, name)
		}
		if len(want) >= 3 && (strings.HasPrefix(plain(name), want) || slices.Contains(strings.Split(strings.ToLower(name), "-"), want)) {
			longer = append(longer, name)
		}
	}
	if near == nil {
		near = longer
	}
	return near[:min(most, len(near))]
}

// plain is a name as it is compared.
func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// Question is the end of an error about typed: "; did you mean A or B?", or "" if no name
// is near.
func Question(typed string, names []string) string { return Ask(Nearest(typed, names)) }

// Ask is Question for names that are near.
func Ask(names []string) string {
	list := slices.Clone(names)
	for i, n := range list {
		if strings.ContainsAny(n, " \t") {
			list[i] = strconv.Quote(n)
		}
	}
	switch n := len(list); n {
	case 0:
		return ""
	case 1:
		return "; did you mean " + list[0] + "?"
	default:
		return "; did you mean " + strings.Join(list[:n-1], ", ") + " or " + list[n-1] + "?"
	}
}
