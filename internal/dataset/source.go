package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"edgec/runtime/preprocess"
)

// Source says what a reader decided about data: what the data does not say itself, and
// was concluded from names, shapes and contents. The zero value has decided nothing.
type Source struct {
	Kind        string         // "csv", "npz", "npy", "idx", "cifar" or "pictures"
	Labels      string         // where labels or target values come from; "": there are none
	LabelColumn int            // of a CSV file, from 1; 0: none
	Classes     []string       // names, in the order of the numbers; nil: classes are numbers
	Order       string         // why the names have this order; "": they have none
	Layout      string         // how elements were reordered for the network; "": they were not
	Scaling     string         // how stored values become input
	Pictures    int            // files of pictures that were read
	Resized     int            // of these, pictures that had another size than the input
	Skipped     map[string]int // files that were not read: how many of each kind
	Unread      []string       // arrays, columns or folders that were not read
	Notes       []string       // what else was concluded, or is to be checked
}

// The kinds of sources.
const (
	kindCSV      = "csv"
	kindNpz      = "npz"
	kindNpy      = "npy"
	kindIdx      = "idx"
	kindCIFAR    = "cifar"
	kindPictures = "pictures"
)

// note records a conclusion, once. Without a source it is dropped.
func (s *Source) note(format string, args ...any) {
	if s == nil {
		return
	}
	if n := fmt.Sprintf(format, args...); !slices.Contains(s.Notes, n) {
		s.Notes = append(s.Notes, n)
	}
}

// unread records something that was not read, once.
func (s *Source) unread(format string, args ...any) {
	if s == nil {
		return
	}
	if n := fmt.Sprintf(format, args...); !slices.Contains(s.Unread, n) {
		s.Unread = append(s.Unread, n)
	}
}

// labels records where labels come from. The training part decides.
func (s *Source) labels(format string, args ...any) {
	if s != nil && s.Labels == "" {
		s.Labels = fmt.Sprintf(format, args...)
	}
}

// ofTest returns the options to read the test part with.
func (o Options) ofTest() Options {
	o.test = true
	return o
}

// labelsFrom records the file or array that labels come from, in each part.
func (o Options) labelsFrom(what string) {
	if s := o.source; s != nil && o.test && s.Labels != "" && s.Labels != "labels from "+what {
		s.Labels += ", of the test part from " + what
		return
	}
	o.source.labels("labels from %s", what)
}

// names records class names and the reason of their order.
func (s *Source) names(classes []string, order string) {
	if s != nil && s.Classes == nil {
		s.Classes, s.Order = classes, order
	}
}

// layout records how elements were reordered.
func (s *Source) layout(what string) {
	if s != nil {
		s.Layout = what
	}
}

// mostListed bounds the names that String lists.
const mostListed = 16

// String says it in one line without control characters: what labels are and where they
// come from, how values become input, how many files were read, and what was not.
func (s Source) String() string {
	parts := []string{"no labels"}
	if s.Labels != "" {
		parts[0] = s.Labels
	}
	if s.Classes != nil {
		parts = append(parts, "classes "+numbered(s.Classes)+cmp.Or(", "+s.Order, ""))
	}
	if s.Pictures > 0 {
		parts = append(parts, plural(s.Pictures, "picture")+fmt.Sprintf(" read, %d resized", s.Resized))
	}
	parts = append(parts, strings.TrimPrefix(s.skipped(), ", "), s.Layout, s.Scaling)
	if len(s.Unread) > 0 {
		parts = append(parts, "not read: "+strings.Join(s.Unread, ", "))
	}
	parts = append(parts, s.Notes...)
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

// skipped says which files were not read, after a comma; "" for none.
func (s *Source) skipped() string {
	if s == nil || len(s.Skipped) == 0 {
		return ""
	}
	n, kinds := 0, []string{}
	for _, kind := range slices.Sorted(maps.Keys(s.Skipped)) {
		n += s.Skipped[kind]
		kinds = append(kinds, fmt.Sprintf("%d %s", s.Skipped[kind], printable(kind)))
	}
	return ", " + plural(n, "file") + " not read: " + strings.Join(kinds, ", ") + " (PNG, JPEG and GIF are)"
}

// printable returns s without control characters.
func printable(s string) string { return strings.Trim(strconv.QuoteToASCII(s), `"`) }

// numbered lists names with their numbers, `0 "cat", 1 "dog"`, the first of many.
func numbered(names []string) string {
	var words []string
	for i, n := range names[:min(len(names), mostListed)] {
		words = append(words, fmt.Sprintf("%d %s", i, strconv.QuoteToASCII(n)))
	}
	if len(names) > mostListed {
		words = append(words, fmt.Sprintf("... %d in all", len(names)))
	}
	return strings.Join(words, ", ")
}

// quoted lists names, the first of many.
func quoted(names []string) string {
	var words []string
	for _, n := range names[:min(len(names), mostListed)] {
		words = append(words, strconv.QuoteToASCII(n))
	}
	if len(names) > mostListed {
		words = append(words, fmt.Sprintf("... %d in all", len(names)))
	}
	return strings.Join(words, ", ")
}

// plural counts things.
func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// describe completes the description of what was read for a network of o.Classes outputs.
func (sp *Splits) describe(o Options) {
	s, set := &sp.Source, sp.Train
	switch {
	case set.bytes != nil:
		s.Scaling = preprocess.Scaling(set.Pre)
	default:
		s.Scaling = "values as they are"
	}
	if set.Targets != nil {
		s.Labels = strings.Replace(s.Labels, "labels", "target values", 1)
	}
	if set.Labels == nil {
		return
	}
	if sp.Test != nil && sp.Test.Labels == nil {
		s.note("the test part has no labels")
	}
	present := map[int]bool{}
	for _, part := range []*Set{sp.Train, sp.Test} {
		if part != nil {
			for _, l := range part.Labels {
				present[l] = true
			}
		}
	}
	s.compare(slices.Sorted(maps.Keys(present)), o.outputs(), set)
}

// compare notes what the classes that have samples lack of the network's, outputs in number,
// and of those that have names.
func (s *Source) compare(found []int, outputs int, set *Set) {
	var empty []string
	for k, name := range s.Classes {
		if !slices.Contains(found, k) {
			empty = append(empty, name)
		}
	}
	if empty != nil {
		s.note("no samples of class %s", quoted(empty))
	}
	switch {
	case len(found) == 1:
		s.note("warning: all labels are %s: a set of one class cannot show what a file loses", set.className(found[0]))
	case empty != nil:
	case len(found) < outputs && s.Classes == nil:
		s.note("labels %d to %d, %d of the network's %d classes", found[0], found[len(found)-1], len(found), outputs)
	case len(found) < outputs:
		s.note("labels of %d of the network's %d classes", len(found), outputs)
	}
}

// className returns a class with its name.
func (s *Set) className(k int) string {
	if k < len(s.ClassNames) {
		return fmt.Sprintf("%d %s", k, strconv.QuoteToASCII(s.ClassNames[k]))
	}
	return strconv.Itoa(k)
}
