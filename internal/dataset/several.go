package dataset

import (
	"fmt"
	"slices"
	"strings"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// labelNames are the names that people give to labels.
var labelNames = []string{"y_train", "train_y", "train_labels", "labels_train", "y", "labels", "targets", "label", "target", "class", "classes", "y_true", "next", "tags"}

// testLabelNames are those of the test part.
var testLabelNames = []string{"y_test", "test_y", "test_labels", "labels_test", "next_test", "tags_test"}

// oneArray returns the error of data that has one array a sample, for a network with
// several inputs.
func oneArray(path string, o Options) error {
	return fmt.Errorf("dataset: %s: the network has %d inputs, %s; give an .npz file with an array for each, of the same names", path, len(o.Inputs), listed(o.Inputs))
}

// listed names inputs with their shapes.
func listed(ins []Input) string {
	var words []string
	for _, in := range ins {
		words = append(words, fmt.Sprintf("%s %v", in.Name, in.Shape))
	}
	return strings.Join(words, ", ")
}

// several reads an array for each of the network's inputs. The arrays have the inputs'
// names, with _train and _test behind them or train_ and test_ before them where there
// are two parts. An input without an array of its name takes the only other array of
// its shape.
func (z *npzFile) several(o Options) (*Splits, error) {
	sp := &Splits{}
	chosen, err := z.choose(o)
	if err != nil {
		return nil, err
	}
	if sp.Train, err = z.setOf(chosen, z.other(chosen, labelNames), o); err != nil {
		return nil, err
	}
	var tests []string
	for _, in := range o.Inputs {
		if name := z.named(in.Name, "test"); name != "" {
			tests = append(tests, name)
		}
	}
	switch len(tests) {
	case 0:
		return sp, nil
	case len(o.Inputs):
		sp.Test, err = z.setOf(tests, z.other(tests, testLabelNames), o.ofTest())
		return sp, err
	}
	return nil, fmt.Errorf("dataset: %s: the test part has arrays %v only; give one for each input: %s", z.path, tests, listed(o.Inputs))
}

// named returns the array of an input in a part, "" without.
func (z *npzFile) named(input, part string) string {
	for _, name := range []string{input + "_" + part, part + "_" + input} {
		if z.entries[name] != nil {
			return name
		}
	}
	return ""
}

// other returns the first array of these names that is not taken, nil without.
func (z *npzFile) other(taken, names []string) *npzEntry {
	for _, name := range names {
		if e := z.pick(name); e != nil && !slices.Contains(taken, e.name) {
			return e
		}
	}
	return nil
}

// choose returns the name of the array for each input.
func (z *npzFile) choose(o Options) ([]string, error) {
	chosen := make([]string, len(o.Inputs))
	for k, in := range o.Inputs {
		if chosen[k] = z.named(in.Name, "train"); chosen[k] == "" && z.entries[in.Name] != nil {
			chosen[k] = in.Name
		}
	}
	for k, in := range o.Inputs {
		if chosen[k] != "" {
			continue
		}
		fits := z.fitting(in, chosen)
		twins := 0 // inputs without an array that take the same one
		for i, other := range o.Inputs {
			if chosen[i] == "" && slices.Equal(z.fitting(other, chosen), fits) {
				twins++
			}
		}
		if len(fits) != 1 || twins > 1 {
			return nil, fmt.Errorf("dataset: %s: no array for input %q of shape %v among %s; name the arrays as the inputs: %s", z.path, in.Name, in.Shape, z.described(), listed(o.Inputs))
		}
		chosen[k] = fits[0]
		o.source.note("array %s is input %q: no other has the shape %v", fits[0], in.Name, in.Shape)
	}
	return chosen, nil
}

// fitting returns the arrays that are neither taken nor labels and have an input's shape.
func (z *npzFile) fitting(in Input, taken []string) (names []string) {
	for _, name := range z.names {
		e := z.entries[name]
		if e.err != nil || slices.Contains(taken, name) || isLabelName(name) {
			continue
		}
		if z.takes(e, in) {
			names = append(names, name)
		}
	}
	return names
}

// takes reports whether an array has the shape that an input takes.
func (z *npzFile) takes(e *npzEntry, in Input) bool {
	return Options{Shape: in.Shape, ChannelsLast: in.ChannelsLast, Inputs: []Input{in}, Sequences: z.sequences}.takes(e.head.Shape, z.path) == nil
}

// isLabelName reports whether an array has a name that labels have.
func isLabelName(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(labelNames, name) || slices.Contains(testLabelNames, name)
}

// described lists the arrays with their shapes.
func (z *npzFile) described() string {
	var words []string
	for _, name := range slices.Sorted(slices.Values(z.names)) {
		word := name
		if head := z.entries[name].head; head != nil {
			word += " " + fmt.Sprint(tensor.Shape(head.Shape))
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// setOf makes samples of one array for each input, with labels y or nil.
func (z *npzFile) setOf(names []string, y *npzEntry, o Options) (*Set, error) {
	var s *Set
	for k, in := range o.Inputs {
		part, err := z.part(names[k], k, o)
		if err != nil {
			return nil, err
		}
		if k == 0 {
			s = part
		} else if s.rest = append(s.rest, part.array); part.Len() != s.Len() {
			return nil, fmt.Errorf("dataset: %s: array %s for input %q: %d samples, array %s for input %q has %d; the arrays do not belong together", z.path, names[k], in.Name, part.Len(), names[0], o.Inputs[0].Name, s.Len())
		}
		s.inputs = append(s.inputs, Input{Name: in.Name, Shape: part.sample, Integer: in.Integer})
	}
	return s, z.label(s, y, o)
}

// part makes samples of the array that has a name, for input k.
func (z *npzFile) part(name string, k int, o Options) (*Set, error) {
	e, in := z.entries[name], o.Inputs[k]
	if e.err != nil {
		return nil, e.err
	}
	source := fmt.Sprintf("%s: array %s for input %q", z.path, name, in.Name)
	o.Shape, o.ChannelsLast = in.Shape, in.ChannelsLast
	if o.steps(e.head.Shape, in) == 0 {
		if _, _, _, err := layout(e.head.Shape, o, source); err != nil {
			return nil, err
		}
	}
	z.used(e)
	a, err := z.read(e)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Integer:
	case a.IsBytes() && k == 0:
		o.source.note("array %s of bytes: pixels, for input 0", name)
	case a.IsBytes():
		o.source.note("array %s of bytes: numbers as they are, since it is not for input 0", name)
	}
	a, steps := o.unrolled(a, in)
	s, err := inputArray(a, k, o, source)
	if err == nil {
		s.sequence = steps
	}
	return s, err
}

// inputArray makes samples of the array for input k of several. Bytes are pixels for
// input 0 alone, as on the device. Whole numbers must be exact as float32.
func inputArray(a *preprocess.Array, k int, o Options, source string) (*Set, error) {
	if o.Inputs[k].Integer {
		s, err := integerSamples(a, o, source)
		if err == nil {
			s.integer = true
		}
		return s, err
	}
	if k == 0 {
		return samples(a, o, source)
	}
	for i := range a.Len() {
		if err := o.room.stoppedAt(i); err != nil {
			return nil, err
		}
		if v := a.At(i); v != float64(float32(v)) && v == float64(int64(v)) {
			return nil, fmt.Errorf("dataset: %s: element %d is %.0f; whole numbers are exact up to %d", source, i, v, 1<<24)
		}
	}
	return floatSamples(a, o, source)
}
