// Package dataset reads labelled and unlabelled samples: idx folders, npy and
// npz, folders of images, CIFAR's binary batches, CSV. A Set keeps bytes as
// bytes and turns them into network input when they are read.
package dataset

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"edgec/internal/tensor"
	"edgec/runtime/format"
)

// Set is a list of samples. Each has one array for each input of a network, of the
// same shape in all samples. It is read-only and may be shared.
type Set struct {
	Labels     []int     // one for each sample, nil without
	Classes    int       // number of classes; 0 without labels
	Targets    []float32 // [Len, Width] values to reproduce, nil without
	ClassNames []string  // nil when they have no names
	Pre        format.Preprocess
	// PositionLabels has the class at each position of a sample, Ignored where none counts:
	// [Len, Positions]; nil without. Then there are neither Labels nor Targets.
	PositionLabels []int
	// NextTokens says that the class at a position is the token at the next one.
	NextTokens bool

	array             // of input 0
	rest      []array // of the other inputs
	index     []int   // of each sample, its record in every array
	width     int     // of Targets
	positions int     // of PositionLabels
	sequence  int     // samples that follow each other; 0: all
	inputs    []Input // of several arrays, with their names
}

// array has what all samples give to one input.
type array struct {
	sample  tensor.Shape
	image   tensor.Shape // [C,H,W] when samples are pictures, even if sample is flat
	bytes   []uint8      // records, channels first; nil for floats
	floats  []float32
	planes  int            // channels of bytes
	integer bool           // whole numbers, which neither noise nor mixtures are
	tables  [][256]float32 // of each channel, or one for all
}

// Input is an input of a network, or the array that samples have for it.
type Input struct {
	Name  string
	Shape tensor.Shape // of a sample, [C,H,W] or [F]
	// ChannelsLast says that the network takes arrays [H,W,C] for it.
	ChannelsLast bool
	// Integer says that the network takes whole numbers, token ids say. Bytes are no pixels then.
	Integer bool
}

// Splits are the two parts of a source.
type Splits struct {
	Train *Set
	Test  *Set // nil when the source has none
	// Source says what was concluded from names, shapes and contents.
	Source Source
}

// String describes the parts in words: how many samples of which shapes and classes.
func (sp *Splits) String() string {
	s := fmt.Sprintf("%d training", sp.Train.Len())
	if sp.Test != nil {
		s += fmt.Sprintf(" and %d test", sp.Test.Len())
	}
	labels := "without labels"
	if sp.Train.Labels != nil {
		labels = fmt.Sprintf("in %d classes", sp.Train.Classes)
	}
	if sp.Train.PositionLabels != nil {
		labels = sp.Train.sequenceName()
	}
	var shapes []string
	for _, in := range sp.Train.Inputs() {
		shapes = append(shapes, strings.TrimSpace(fmt.Sprint(in.Name, " ", in.Shape)))
	}
	return fmt.Sprintf("%s samples of shape %s, %s", s, strings.Join(shapes, " and "), labels)
}

// newSet makes a set of n records; exactly one of bytes and floats is given.
func newSet(sample, image tensor.Shape, bytes []uint8, floats []float32, n int, pre format.Preprocess) *Set {
	s := &Set{array: array{sample: sample, image: image, bytes: bytes, floats: floats}, Pre: pre, index: make([]int, n)}
	for i := range s.index {
		s.index[i] = i
	}
	s.planes = 1
	if len(image) == 3 {
		s.planes = image[0]
	}
	for c := 0; c < min(s.planes, max(1, len(pre.Mean), len(pre.Std))); c++ {
		s.tables = append(s.tables, table(pre, c))
	}
	return s
}

// table returns the input of every byte in channel c.
func table(p format.Preprocess, c int) (t [256]float32) {
	for b := range t {
		t[b] = p.Real(byte(b), c)
	}
	return t
}

// Len returns the number of samples.
func (s *Set) Len() int { return len(s.index) }

// Sample returns the shape of a sample, [C,H,W] or [F]. Samples with several arrays
// have the shape of one vector, [F], in which these follow each other.
func (s *Set) Sample() tensor.Shape {
	if s.rest == nil {
		return s.sample
	}
	size := 0
	for _, in := range s.inputs {
		size += in.Shape.Size()
	}
	return tensor.Shape{size}
}

// Inputs returns the shape of each array of a sample. A single one may have no name.
func (s *Set) Inputs() []Input {
	if s.rest == nil {
		return []Input{{Shape: s.sample, Integer: s.integer}}
	}
	return s.inputs
}

// Image returns the shape [C,H,W] of the pictures, nil for other data and for samples
// with several arrays.
func (s *Set) Image() tensor.Shape {
	if s.rest != nil {
		return nil
	}
	return s.image
}

// Read writes sample i, preprocessed, channels first, to dst: all its arrays, one after
// another.
func (s *Set) Read(i int, dst []float32) {
	s.read(s.index[i], dst)
	at := s.sample.Size()
	for k := range s.rest {
		s.rest[k].read(s.index[i], dst[at:])
		at += s.rest[k].sample.Size()
	}
}

// read writes a record to the front of dst.
func (s *array) read(record int, dst []float32) {
	size := s.sample.Size()
	at := record * size
	if s.bytes == nil {
		copy(dst[:size], s.floats[at:at+size])
		return
	}
	area := size / s.planes
	for c := 0; c < s.planes; c++ {
		t := &s.tables[min(c, len(s.tables)-1)]
		src, out := s.bytes[at+c*area:at+(c+1)*area], dst[c*area:(c+1)*area]
		for k, b := range src {
			out[k] = t[b]
		}
	}
}

// Memory returns the bytes of memory that the samples take.
func (s *Set) Memory() int {
	n := 0
	for _, a := range append([]array{s.array}, s.rest...) {
		size := s.Len() * a.sample.Size()
		if a.bytes == nil {
			size *= 4
		}
		n += size
	}
	return n
}

// Bytes writes the bytes of sample i, channels last, to dst. ok is false when
// the set does not come from bytes, or has several arrays.
func (s *Set) Bytes(i int, dst []byte) (ok bool) {
	if s.bytes == nil || s.rest != nil {
		return false
	}
	size := s.sample.Size()
	src := s.bytes[s.index[i]*size : (s.index[i]+1)*size]
	c := s.planes
	area := size / c
	for k, b := range src {
		dst[k%area*c+k/area] = b
	}
	return true
}

// Batch writes the given samples to dst, [len(idx), sample...].
func (s *Set) Batch(idx []int, dst *tensor.Tensor) {
	size := s.Sample().Size()
	for k, i := range idx {
		s.Read(i, dst.Data[k*size:(k+1)*size])
	}
}

// Subset returns the samples idx in that order; the data is shared.
func (s *Set) Subset(idx []int) *Set {
	t := *s
	t.index = make([]int, len(idx))
	t.Labels, t.Targets, t.PositionLabels = nil, nil, nil
	for k, i := range idx {
		t.Targets = append(t.Targets, s.Target(i)...)
		t.PositionLabels = append(t.PositionLabels, s.LabelsAt(i)...)
		t.index[k] = s.index[i]
		if s.Labels != nil {
			t.Labels = append(t.Labels, s.Labels[i])
		}
	}
	return &t
}

// First returns the first n samples, or the set if it has no more.
func (s *Set) First(n int) *Set {
	if n >= s.Len() {
		return s
	}
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return s.Subset(list)
}

// WithoutLabels returns the set without its labels and target values.
func (s *Set) WithoutLabels() *Set {
	t := *s
	t.Labels, t.Classes, t.ClassNames = nil, 0, nil
	t.Targets, t.width = nil, 0
	t.PositionLabels, t.positions, t.NextTokens = nil, 0, false
	return &t
}

// Folds cuts the samples into n parts at random; every class is spread evenly
// when there are labels.
func (s *Set) Folds(n int, seed uint64) [][]int {
	order := rand.New(rand.NewPCG(seed, 0xf01d)).Perm(s.Len())
	if s.Labels != nil {
		slices.SortStableFunc(order, func(a, b int) int { return s.Labels[a] - s.Labels[b] })
	}
	folds := make([][]int, n)
	for k, i := range order {
		folds[k%n] = append(folds[k%n], i)
	}
	// the parts lost their random order to the sorting
	r := rand.New(rand.NewPCG(seed, 0x0bde5))
	for _, f := range folds {
		r.Shuffle(len(f), func(a, b int) { f[a], f[b] = f[b], f[a] })
	}
	return folds
}

// wholeLabels returns labels that are stored as numbers.
func wholeLabels[T float32 | float64](nums []T, source string, o Options) ([]int, error) {
	labels := make([]int, len(nums))
	for i, v := range nums {
		if !(v >= -1<<31 && v < 1<<31) || v != T(int(v)) {
			return nil, fmt.Errorf("dataset: %s: %s has label %.6g; labels%s are whole numbers; give class numbers, or leave labels aside with --no-labels", source, o.where(i), v, o.ofOutputs())
		}
		labels[i] = int(v)
	}
	return labels, nil
}

// renumber says what to do about labels that the network has no outputs for: their values,
// if they are as few as its classes, go to --labels.
func renumber(labels []int, classes int) string {
	seen := map[int]bool{}
	for _, l := range labels {
		seen[l] = true
	}
	if classes > 0 && len(seen) > classes || len(seen) > mostListed {
		return "; classes are numbered from 0: check the labels or the network"
	}
	var names []string
	for _, l := range slices.Sorted(maps.Keys(seen)) {
		names = append(names, strconv.Itoa(l))
	}
	return "; classes are numbered from 0: give the values in the order of the outputs, --labels " + strings.Join(names, ",")
}

// setLabels attaches labels and checks them against the number of classes (0:
// the largest label decides).
func (s *Set) setLabels(labels []int, classes int, source string, o Options) error {
	if len(labels) != s.Len() {
		return fmt.Errorf("dataset: %s: %d labels for %d samples; the files do not belong together", source, len(labels), s.Len())
	}
	for i, l := range labels {
		if l < 0 {
			return fmt.Errorf("dataset: %s: %s has label %d%s", source, o.where(i), l, renumber(labels, classes))
		}
		if classes > 0 && l >= classes {
			return fmt.Errorf("dataset: %s: %s has label %d, but there are %d classes (0 to %d)%s", source, o.where(i), l, classes, classes-1, renumber(labels, classes))
		}
		s.Classes = max(s.Classes, l+1)
	}
	s.Classes = max(s.Classes, classes)
	s.Labels = labels
	return nil
}
