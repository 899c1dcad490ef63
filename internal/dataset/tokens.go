package dataset

import (
	"fmt"

	"edgec/runtime/preprocess"
)

// Ignored is the class of a position that does not count: padding, or what has no next token.
const Ignored = -1

// Positions returns how many classes PositionLabels has for a sample, 0 without.
func (s *Set) Positions() int {
	if s.PositionLabels == nil {
		return 0
	}
	return s.positions
}

// LabelsAt returns the class at each position of sample i, nil without. They are shared and
// must not be changed.
func (s *Set) LabelsAt(i int) []int {
	if s.PositionLabels == nil {
		return nil
	}
	return s.PositionLabels[i*s.positions : (i+1)*s.positions]
}

// Labeled reports whether samples have a label, target values or a class at each position.
func (s *Set) Labeled() bool {
	return s.Labels != nil || s.Targets != nil || s.PositionLabels != nil
}

// WithPositions returns the samples with a class at each position, [Len, positions], in place of
// other labels. next says that each is the token at the next position.
func (s *Set) WithPositions(labels []int, positions int, next bool) *Set {
	t := s.WithoutLabels()
	t.PositionLabels, t.positions, t.NextTokens = labels, positions, next
	return t
}

// sequence returns the positions of a sample and the classes of each that a network of a single
// output [T,V] has, 0 for other networks.
func (o Options) sequence() (positions, classes int) {
	if len(o.Outputs) != 1 || len(o.Outputs[0]) != 2 || o.Outputs[0][0] < 2 || o.Outputs[0][1] < 2 {
		return 0, 0
	}
	return o.Outputs[0][0], o.Outputs[0][1]
}

// text reports whether the network takes a sequence of whole numbers and answers at each of
// its positions, as language models and taggers do.
func (o Options) text() bool {
	t, _ := o.sequence()
	return t > 0 && len(o.Inputs) == 1 && o.Inputs[0].Integer && o.Inputs[0].Shape.Size() == t
}

// sequences says how an array of a text's tokens becomes samples for a network that takes T of
// them: one long text, [L], is cut into windows of T with the token that follows each; rows
// [n, T+1] are T tokens and the one that follows. ok is false for other arrays.
func (o Options) sequences(shape []int) (rows, step int, ok bool) {
	if !o.text() {
		return 0, 0, false
	}
	t := o.Inputs[0].Shape.Size()
	switch {
	case len(shape) == 1 && shape[0] > t:
		return (shape[0] - 1) / t, t, true
	case len(shape) == 2 && shape[1] == t+1:
		return shape[0], t + 1, true
	}
	return 0, 0, false
}

// takes returns an error unless an array of that shape can be samples of the network.
func (o Options) takes(shape []int, source string) error {
	if _, _, ok := o.sequences(shape); ok {
		return nil
	}
	if len(o.Inputs) == 1 && o.steps(shape, o.Inputs[0]) > 0 {
		return nil
	}
	_, _, _, err := layout(shape, o, source)
	return err
}

// tokens makes samples of an array for the network's only input, which takes whole numbers.
func tokens(a *preprocess.Array, o Options, source string) (s *Set, err error) {
	if _, _, ok := o.sequences(a.Shape); ok {
		s, err = tokenSamples(a, o, source)
	} else {
		s, err = integerSamples(a, o, source)
	}
	if err == nil {
		s.integer = true
	}
	return s, err
}

// tokenSamples makes samples of a text's tokens; see sequences.
func tokenSamples(a *preprocess.Array, o Options, source string) (*Set, error) {
	rows, step, _ := o.sequences(a.Shape)
	t := o.Inputs[0].Shape.Size()
	all, err := o.room.float32s(a)
	if err != nil {
		return nil, err
	}
	if err := o.wholeNumbers(a, source); err != nil {
		return nil, err
	}
	x, labels := make([]float32, 0, rows*t), make([]float64, 0, rows*t)
	for i := range rows {
		if err := o.room.stoppedAt(i); err != nil {
			return nil, err
		}
		row := all[i*step : i*step+t+1]
		x = append(x, row[:t]...)
		for _, v := range row[1:] {
			labels = append(labels, float64(v))
		}
	}
	s := newSet(o.Inputs[0].Shape, nil, nil, x, rows, o.pre())
	if len(a.Shape) == 1 {
		o.source.note("a text of %d tokens, in windows of %d", a.Len(), t)
	}
	o.source.labels("the next token at each position")
	if o.NoLabels {
		return s, nil
	}
	return s, s.setPositions(labels, source, o)
}

// wholeNumbers returns an error for the first element that a network of whole numbers does not
// take exactly.
func (o Options) wholeNumbers(a *preprocess.Array, source string) error {
	const exact = 1 << 24
	for i := range a.Len() {
		if err := o.room.stoppedAt(i); err != nil {
			return err
		}
		switch v := a.At(i); {
		case v != float64(int64(v)):
			return fmt.Errorf("dataset: %s: element %d is %v, the input takes whole numbers", source, i, v)
		case v > exact || v < -exact:
			return fmt.Errorf("dataset: %s: element %d is %.0f; whole numbers are exact up to %d", source, i, v, exact)
		}
	}
	return nil
}

// setPositions attaches the class of each position of all samples. Numbers below 0 do not
// count; -1 and -100 are usual.
func (s *Set) setPositions(nums []float64, source string, o Options) error {
	positions, classes := o.sequence()
	labels := make([]int, len(nums))
	for i, v := range nums {
		if err := o.room.stoppedAt(i); err != nil {
			return err
		}
		at := func() string { return fmt.Sprintf("%s, position %d", o.where(i/positions), i%positions) }
		switch {
		case v != float64(int(v)):
			return fmt.Errorf("dataset: %s: %s has label %.6g; labels are whole numbers, one for each position; give class numbers, or leave them aside with --no-labels", source, at(), v)
		case v >= float64(classes):
			return fmt.Errorf("dataset: %s: %s has label %.0f, the network tells %d classes apart (0 to %d); check the labels or the network", source, at(), v, classes, classes-1)
		}
		labels[i] = max(int(v), Ignored)
	}
	s.PositionLabels, s.positions = labels, positions
	s.NextTokens = s.areNext(o)
	return nil
}

// areNext reports whether the class at each position that counts is the token at the next one,
// where there is a next one.
func (s *Set) areNext(o Options) bool {
	k, at := s.tokenInput(o)
	if k < 0 {
		return false
	}
	x, t := make([]float32, s.Sample().Size()), s.positions
	seen := false
	for i := range s.Len() {
		if o.room.stoppedAt(i) != nil {
			return false // whoever opened the source asks too
		}
		s.Read(i, x)
		for p, l := range s.LabelsAt(i)[:t-1] {
			if l == Ignored {
				continue
			}
			if x[at+p+1] != float32(l) {
				return false
			}
			seen = true
		}
	}
	return seen
}

// tokenInput returns the number of the input of whole numbers that has one for each position,
// and where it begins in a sample; -1: there is none.
func (s *Set) tokenInput(o Options) (k, at int) {
	t, _ := o.sequence()
	for k, in := range o.Inputs {
		if in.Integer && in.Shape.Size() == t {
			return k, at
		}
		at += in.Shape.Size()
	}
	return -1, 0
}

// deriveNext gives samples of a network that takes and gives tokens their next tokens as
// labels, where they have none.
func (s *Set) deriveNext(o Options, source string) error {
	if o.NoLabels || !o.text() || s.Labeled() || s.rest != nil {
		return nil
	}
	t, classes := o.sequence()
	x, last := make([]float32, t), make([]float64, s.Len())
	for i := range s.Len() {
		if err := o.room.stoppedAt(i); err != nil {
			return err
		}
		s.Read(i, x)
		for _, v := range x {
			if v < 0 || int(v) >= classes {
				return nil // what goes in is no class of what comes out
			}
		}
		last[i] = Ignored
	}
	o.source.labels("the next token at each position but the last")
	return s.followed(last, source, o)
}

// sequenceName describes what position labels are, for Splits.String.
func (s *Set) sequenceName() string {
	if s.NextTokens && s.positions == 1 {
		return "with the next token of each"
	}
	if s.NextTokens {
		return fmt.Sprintf("with the next token at %d positions", s.positions)
	}
	return fmt.Sprintf("with a class at each of %d positions", s.positions)
}

// integerSamples makes samples of whole numbers.
func integerSamples(a *preprocess.Array, o Options, source string) (*Set, error) {
	if err := o.wholeNumbers(a, source); err != nil {
		return nil, err
	}
	return floatSamples(a, o, source)
}

// followed gives each sample the token that follows its last position, and so a label at each
// position: the token at the next one.
func (s *Set) followed(last []float64, source string, o Options) error {
	t, _ := o.sequence()
	labels := make([]float64, 0, s.Len()*t)
	x := make([]float32, t)
	for i := range s.Len() {
		if err := o.room.stoppedAt(i); err != nil {
			return err
		}
		s.Read(i, x)
		for _, v := range x[1:] {
			labels = append(labels, float64(v))
		}
		labels = append(labels, last[i])
	}
	return s.setPositions(labels, source, o)
}

// tokenNames are the names that people give to tokens.
var tokenNames = []string{"ids", "input_ids", "tokens", "text"}
