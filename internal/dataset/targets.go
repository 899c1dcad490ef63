package dataset

import (
	"cmp"
	"fmt"
)

// Width returns the number of target values of a sample, 0 without.
func (s *Set) Width() int { return s.width }

// Target returns the target values of sample i, nil without. They are shared and
// must not be changed.
func (s *Set) Target(i int) []float32 {
	if s.Targets == nil {
		return nil
	}
	return s.Targets[i*s.width : (i+1)*s.width]
}

// annotate attaches the numbers that come with samples, width for each: as labels
// where they are class numbers, as target values where a network of o.Classes
// outputs can only be meant to reproduce them.
//
//   - as many numbers a sample as a network has positions, each with its classes: a class at
//     each position
//   - one number, for a network that takes and gives tokens: the one that follows the sample
//   - several numbers a sample, all 0 but for a single 1: labels, one-hot
//   - several other numbers a sample, as many as outputs: target values
//   - one number, one output: 0 or 1 are labels, other numbers target values
//   - one number, several outputs: labels
//
// With o.NoLabels nothing is attached.
func (s *Set) annotate(nums []float64, width int, o Options, source string) error {
	if len(nums) != width*s.Len() {
		return fmt.Errorf("dataset: %s: %d labels for %d samples; the files do not belong together", source, len(nums), s.Len())
	}
	if o.NoLabels {
		return nil
	}
	if positions, _ := o.sequence(); width > 1 && width == positions {
		return s.setPositions(nums, source, o)
	}
	if width == 1 && o.text() && s.rest == nil {
		o.source.note("the label is the token that follows the sample: the last one's next token")
		return s.followed(nums, source, o)
	}
	if classes, ok := oneHot(nums, width); ok && width > 1 {
		o.source.note("labels are one-hot: of %d numbers a sample, the place of the 1 is the class", width)
		nums, width = classes, 1
	}
	switch {
	case width > 1 && width == o.Classes, width == 1 && o.Classes == 1 && !zeroOne(nums):
		return s.setTargets(nums, width, source)
	case width > 1:
		return fmt.Errorf("dataset: %s: samples have %d target values, the network %d outputs; give one label or as many values as outputs", source, width, o.Classes)
	}
	labels, err := wholeLabels(nums, source, o)
	if err != nil {
		return err
	}
	labels = o.renumbered(labels)
	if o.Names != nil && len(o.Names) == o.outputs() {
		s.ClassNames = o.Names
		o.source.names(o.Names, "in the order of "+cmp.Or(o.NamesFrom, "--labels"))
	}
	return s.setLabels(labels, o.outputs(), source, o)
}

// zeroOne reports whether all numbers are 0 or 1.
func zeroOne(nums []float64) bool {
	for _, v := range nums {
		if v != 0 && v != 1 {
			return false
		}
	}
	return true
}

// setTargets attaches target values.
func (s *Set) setTargets(nums []float64, width int, source string) error {
	s.Targets, s.width = make([]float32, len(nums)), width
	for i, v := range nums {
		s.Targets[i] = float32(v)
	}
	return finite(s.Targets, width, source+": target values")
}
