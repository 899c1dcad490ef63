package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// order returns the classes whose names the data has, sorted, in the order in which the
// network numbers them, and records it.
//
// Training tools number names in the order of sorted strings: torchvision's ImageFolder,
// Keras' image_dataset_from_directory, scikit-learn's LabelEncoder. o.Names gives another
// order. Names of which none is the data's are names for people; they change nothing.
func (o Options) order(found []string, source string) ([]string, error) {
	known := 0
	for _, name := range found {
		if slices.Contains(o.Names, name) {
			known++
		}
	}
	from := cmp.Or(o.NamesFrom, "--labels")
	switch {
	case known == len(found) && known > 0:
		o.source.names(o.Names, "in the order of "+from)
		return o.Names, nil
	case known > 0:
		missing := slices.DeleteFunc(slices.Clone(found), func(n string) bool { return slices.Contains(o.Names, n) })
		return nil, fmt.Errorf("dataset: %s: the data has classes %s, which %s do not have (%s); give the names of the data with --labels, in the order of the network's outputs", source, quoted(missing), from, quoted(o.Names))
	}
	why := "sorted as text, as training tools do"
	if byNumber := slices.SortedFunc(slices.Values(found), naturally); !slices.Equal(byNumber, found) {
		why += " (by number it would be " + strings.Join(byNumber[:min(len(byNumber), mostListed)], ",") + "; --labels gives another order)"
	}
	o.source.names(found, why)
	if o.Names != nil {
		o.source.note("the names of %s (%s) are not those of the data: classes are compared by number", from, quoted(o.Names))
	}
	return found, nil
}

// naturally orders numbers by value, before other names by letters: class "10"
// follows "9" and "09".
func naturally(a, b string) int {
	na, nb := digits(a), digits(b)
	switch {
	case na && nb:
		x, y := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(len(x)-len(y), strings.Compare(x, y), strings.Compare(a, b))
	case na != nb:
		if na {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// setNames attaches labels that are names.
func (s *Set) setNames(names []string, o Options, source string) error {
	if o.NoLabels {
		return nil
	}
	if len(names) != s.Len() {
		return fmt.Errorf("dataset: %s: %d labels for %d samples; the arrays do not belong together", source, len(names), s.Len())
	}
	order := o.known
	if order == nil {
		found, err := distinct(names, o, source)
		if err != nil {
			return err
		}
		if order, err = o.order(found, source); err != nil {
			return err
		}
	}
	index := map[string]int{}
	for k, n := range order {
		index[n] = k
	}
	labels := make([]int, len(names))
	for i, n := range names {
		k, ok := index[n]
		if !ok {
			return fmt.Errorf("dataset: %s: %s has label %s, which no training sample has (%s)", source, o.where(i), strconv.QuoteToASCII(n), quoted(order))
		}
		if most := o.outputs(); most > 0 && k >= most {
			return fmt.Errorf("dataset: %s: %s has label %s, which is class %d of %d, but the network has %d classes; check the labels or the network", source, o.where(i), strconv.QuoteToASCII(n), k, len(order), most)
		}
		labels[i] = k
	}
	s.ClassNames = order
	return s.setLabels(labels, max(o.outputs(), len(order)), source, o)
}

// distinct returns the names that occur, sorted. An empty one is refused.
func distinct(names []string, o Options, source string) ([]string, error) {
	seen := map[string]bool{}
	for i, n := range names {
		if n == "" {
			return nil, fmt.Errorf("dataset: %s: %s has no label; remove it, or leave labels aside with --no-labels", source, o.where(i))
		}
		seen[n] = true
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// outputs returns the number of classes that the network tells apart; 0: not known.
func (o Options) outputs() int {
	if o.Classes == 1 {
		return 2 // yes or no
	}
	return o.Classes
}

// ofOutputs says how many outputs the network has, where that is known.
func (o Options) ofOutputs() string {
	if o.Classes == 0 {
		return ""
	}
	return " for a network of " + plural(o.Classes, "output")
}

// where names sample i as people find it in the source.
func (o Options) where(i int) string {
	if o.row != nil {
		return o.row(i)
	}
	return fmt.Sprint("sample ", i)
}

// renumbered returns labels that the user's names, all of them numbers, give another
// number: with --labels 1,2,3 label 1 is class 0. Labels that count from 0 and stay below
// the number of classes are class numbers.
func (o Options) renumbered(labels []int) []int {
	counted := slices.Contains(labels, 0) && slices.Min(labels) == 0 && slices.Max(labels) < o.outputs()
	if o.Names == nil || o.NamesFrom != "" || counted {
		return labels
	}
	index := map[int]int{}
	for k, name := range o.Names {
		n, err := strconv.Atoi(name)
		if err != nil {
			return labels
		}
		index[n] = k
	}
	out := make([]int, len(labels))
	for i, l := range labels {
		k, ok := index[l]
		if !ok {
			return labels
		}
		out[i] = k
	}
	o.source.names(o.Names, "in the order of --labels")
	return out
}

// oneHot returns the class of each row of width numbers, if all are 0 and one is 1.
func oneHot(nums []float64, width int) (classes []float64, ok bool) {
	for i := 0; i+width <= len(nums); i += width {
		class := -1
		for k, v := range nums[i : i+width] {
			switch {
			case v == 1 && class < 0:
				class = k
			case v != 0:
				return nil, false
			}
		}
		if class < 0 {
			return nil, false
		}
		classes = append(classes, float64(class))
	}
	return classes, classes != nil
}
