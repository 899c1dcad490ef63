package dataset

import (
	"regexp"

	"edgec/internal/tensor"
	"edgec/runtime/preprocess"
)

// Sequence returns how many samples in a row are one sequence, whose state a network carries
// from sample to sample; 0: all of them are one.
func (s *Set) Sequence() int { return s.sequence }

// Begins reports whether sample i is the first of a sequence: the one before it, in the order of
// the source, belongs to another, or is not in the set just before it.
func (s *Set) Begins(i int) bool {
	if i == 0 || s.index[i] != s.index[i-1]+1 {
		return true
	}
	return s.sequence > 0 && s.index[i]%s.sequence == 0
}

// WithArrays returns samples that have an array for each of the inputs: those of values, one for
// each sample of s, for the inputs that are in it by number, and those of s, in their order, for
// the others. Cost: memory of the values.
func (s *Set) WithArrays(inputs []Input, values map[int][]float32) *Set {
	own := append([]array{s.array}, s.rest...)
	t := *s
	t.rest, t.inputs = nil, inputs
	records := 0
	for _, r := range s.index {
		records = max(records, r+1)
	}
	for k, in := range inputs {
		var a array
		if x, given := values[k]; given {
			size := in.Shape.Size()
			a = array{sample: in.Shape, planes: 1, integer: in.Integer, floats: make([]float32, records*size)}
			for i, r := range s.index {
				copy(a.floats[r*size:(r+1)*size], x[i*size:(i+1)*size])
			}
		} else {
			a, own = own[0], own[1:]
		}
		if k == 0 {
			t.array = a
		} else {
			t.rest = append(t.rest, a)
		}
	}
	return &t
}

// steps returns how many steps of a sequence an array [n, steps, sample...] has for an input of
// a network that carries a state, 0 for other arrays.
func (o Options) steps(shape []int, in Input) int {
	want := in.Shape
	if !o.Sequences || len(shape) < 2 {
		return 0
	}
	if rest := tensor.Shape(shape[2:]); rest.Equal(want) || want.Size() == 1 && len(rest) == 0 && shape[1] > 1 {
		return shape[1]
	}
	return 0
}

// unrolled returns an array [n, steps, sample...] as samples [n steps, sample...], and the steps;
// other arrays as they are, and 0.
func (o Options) unrolled(a *preprocess.Array, in Input) (*preprocess.Array, int) {
	steps := o.steps(a.Shape, in)
	if steps == 0 {
		return a, 0
	}
	b := *a
	b.Shape = append([]int{a.Shape[0] * steps}, in.Shape...)
	return &b, steps
}

// stepTokens makes the samples of a network that takes one token at a time of rows of tokens: the
// class at the only position of a step is the next token of its row, so the last of a row is none.
func (s *Set) stepTokens(o Options) (*Set, error) {
	if len(o.Outputs) == 0 || s.sequence < 2 || s.Labeled() || o.NoLabels || !s.integer || s.Sample().Size() != 1 {
		return s, nil
	}
	classes := tensor.Shape(o.Outputs[0]).Size()
	var keep, labels []int
	var x [1]float32
	for i := range s.Len() {
		if err := o.room.stoppedAt(i); err != nil {
			return nil, err
		}
		if s.Read(i, x[:]); x[0] < 0 || int(x[0]) >= classes {
			return s, nil // what goes in is no class of what comes out
		}
		if i > 0 && !s.Begins(i) {
			labels = append(labels, int(x[0]))
		}
		if i+1 < s.Len() && !s.Begins(i+1) {
			keep = append(keep, i)
		}
	}
	o.source.labels("the next token of each")
	return s.Subset(keep).WithPositions(labels, 1, true), nil
}

// placeName is what people call the place of a token.
var placeName = regexp.MustCompile(`(?i)pos|place|offset|step|index|time`)

// place returns the input that takes the place of a step in its sequence, -1: there is none. It
// has one whole number, and is not the only input of whole numbers.
func (o Options) place() int {
	found := -1
	for k, in := range o.Inputs {
		if o.Sequences && len(o.Inputs) > 1 && in.Integer && in.Shape.Size() == 1 && placeName.MatchString(in.Name) {
			found = k
		}
	}
	return found
}

// withoutPlace returns the options without the input that takes the place.
func (o Options) withoutPlace() Options {
	k := o.place()
	if k < 0 {
		return o
	}
	o.Inputs = append(append([]Input{}, o.Inputs[:k]...), o.Inputs[k+1:]...)
	o.Shape, o.ChannelsLast = o.Inputs[0].Shape, o.Inputs[0].ChannelsLast
	return o
}

// withPlace adds the place of each sample in its sequence as the array of its input.
func (s *Set) withPlace(o Options) *Set {
	k := o.place()
	if k < 0 || s == nil {
		return s
	}
	places, at := make([]float32, s.Len()), 0
	for i := range places {
		if s.Begins(i) {
			at = 0
		}
		places[i] = float32(at)
		at++
	}
	o.source.note("input %q has the place of a sample in its sequence", o.Inputs[k].Name)
	return s.WithArrays(o.Inputs, map[int][]float32{k: places})
}
