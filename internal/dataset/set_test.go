package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/tensor"
	"edgec/runtime/format"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 41)) }

// pictures is a set of n random gray pictures with labels 0..classes-1, the
// first classes more frequent.
func pictures(n, side, classes int) *Set {
	r := newRand(uint64(n))
	b := make([]byte, n*side*side)
	labels := make([]int, n)
	last := 0
	for i := range b {
		last = (3*last + 4*r.IntN(256)) / 7 // neighbours are alike
		b[i] = byte(last)
	}
	for i := range labels {
		labels[i] = min(r.IntN(classes), r.IntN(classes))
	}
	shape := tensor.Shape{1, side, side}
	s := newSet(shape, shape, b, nil, n, format.Preprocess{})
	s.Labels, s.Classes = labels, classes
	return s
}

// TestFolds: disjoint, covering, of equal size, every class spread evenly, the
// same for the same seed.
func TestFolds(t *testing.T) {
	for _, n := range []int{1, 3, 60, 101} {
		for _, parts := range []int{1, 2, 6} {
			for _, labelled := range []bool{false, true} {
				t.Run(fmt.Sprint(n, parts, labelled), func(t *testing.T) {
					s := pictures(n, 2, 5)
					labels := slices.Clone(s.Labels)
					if !labelled {
						s.Labels = nil
					}
					folds := s.Folds(parts, 7)
					if len(folds) != parts {
						t.Fatalf("%d folds", len(folds))
					}
					partition(t, n, folds)
					if labelled {
						stratified(t, labels, folds)
					}
					if !slices.EqualFunc(folds, s.Folds(parts, 7), slices.Equal) {
						t.Error("the same seed gives other folds")
					}
					if n > 50 && parts > 1 && slices.Equal(s.Folds(parts, 8)[0], folds[0]) {
						t.Error("another seed gives the same folds")
					}
				})
			}
		}
	}
}

// partition checks that each of n samples is in one fold, and that no fold has
// more than one sample more than another.
func partition(t *testing.T, n int, folds [][]int) {
	t.Helper()
	seen := make([]int, n)
	for _, f := range folds {
		if len(f) < n/len(folds) || len(f) > n/len(folds)+1 {
			t.Errorf("a fold of %d samples of %d", len(f), n)
		}
		for _, i := range f {
			seen[i]++
		}
	}
	for i, k := range seen {
		if k != 1 {
			t.Errorf("sample %d is in %d folds", i, k)
		}
	}
}

// stratified checks that the samples of each class are spread evenly over the
// folds, in no order.
func stratified(t *testing.T, labels []int, folds [][]int) {
	t.Helper()
	var total [5]int
	for _, l := range labels {
		total[l]++
	}
	parts := len(folds)
	for _, f := range folds {
		var perClass [5]int
		for _, i := range f {
			perClass[labels[i]]++
		}
		for c, k := range perClass {
			if k < total[c]/parts || k > (total[c]+parts-1)/parts {
				t.Errorf("a fold has %d of %d samples of class %d", k, total[c], c)
			}
		}
	}
	if len(labels) > 50 && slices.IsSortedFunc(folds[0], func(a, b int) int { return labels[a] - labels[b] }) {
		t.Error("a fold is in the order of its classes")
	}
}

func TestSubsetAndBatch(t *testing.T) {
	s := pictures(10, 3, 4)
	s.ClassNames = []string{"a", "b", "c", "d"}
	sub := s.Subset([]int{7, 2, 2})
	if sub.Len() != 3 || sub.Labels[0] != s.Labels[7] || sub.Labels[2] != s.Labels[2] || s.Len() != 10 {
		t.Errorf("subset: %d samples, labels %v", sub.Len(), sub.Labels)
	}
	if !slices.Equal(sample(sub, 1), sample(s, 2)) {
		t.Error("sample 1 of the subset is not sample 2")
	}
	deeper := sub.Subset([]int{2, 0})
	if !slices.Equal(sample(deeper, 1), sample(s, 7)) {
		t.Error("a subset of a subset")
	}
	x := tensor.New(2, 1, 3, 3)
	sub.Batch([]int{2, 0}, x)
	if !slices.Equal(x.Data[:9], sample(s, 2)) || !slices.Equal(x.Data[9:], sample(s, 7)) {
		t.Error("batch")
	}
	bare := s.WithoutLabels()
	if bare.Labels != nil || bare.Classes != 0 || bare.ClassNames != nil || s.Labels == nil || bare.Len() != 10 {
		t.Errorf("without labels: %v, %d classes", bare.Labels, bare.Classes)
	}
	if bare.Subset([]int{1}).Labels != nil {
		t.Error("a subset has found labels")
	}
	floats := newSet(tensor.Shape{2}, nil, nil, []float32{1, 2, 3, 4}, 2, format.Preprocess{Mean: []float32{9}})
	if got := sample(floats, 1); !slices.Equal(got, []float32{3, 4}) {
		t.Errorf("floats are taken as they are, not %v", got)
	}
	if floats.Bytes(0, make([]byte, 2)) {
		t.Error("floats have bytes")
	}
}

func bytesOf(s *Set) []byte {
	var b []byte
	for i := 0; i < s.Len(); i++ {
		x := make([]byte, s.Sample().Size())
		s.Bytes(i, x)
		b = append(b, x...)
	}
	return b
}

// TestAugmented: the bytes depend on seed, copy and sample, not on threads or
// on the other samples.
func TestAugmented(t *testing.T) {
	s := pictures(23, 14, 4)
	one := s.Augmented(5, 3, MildAugment, 1)
	if one.Len() != 69 || one.Classes != 4 {
		t.Fatalf("%d samples, %d classes", one.Len(), one.Classes)
	}
	want := bytesOf(one)
	for _, threads := range []int{0, 2, 3, 16} {
		if !slices.Equal(bytesOf(s.Augmented(5, 3, MildAugment, threads)), want) {
			t.Errorf("%d threads give other pictures", threads)
		}
	}
	if slices.Equal(bytesOf(s.Augmented(6, 3, MildAugment, 1)), want) {
		t.Error("another seed gives the same pictures")
	}
	if size := 23 * 14 * 14; slices.Equal(want[:size], want[size:2*size]) {
		t.Error("two copies are the same")
	}
	for i, l := range one.Labels {
		if l != s.Labels[i%23] {
			t.Fatalf("sample %d has label %d, its picture %d", i, l, s.Labels[i%23])
		}
	}
	// a prefix of the samples gives a prefix of the first copy
	prefix := s.Subset([]int{0, 1, 2, 3}).Augmented(5, 1, MildAugment, 2)
	if !slices.Equal(bytesOf(prefix), want[:4*14*14]) {
		t.Error("a sample's distortion depends on the others")
	}
	bare := s.WithoutLabels().Augmented(5, 1, MildAugment, 1)
	if bare.Labels != nil {
		t.Error("labels from nowhere")
	}
}

// TestAugmentNothing: without a range the picture stays; shifts are the slow
// bilinear interpolation.
func TestAugmentNothing(t *testing.T) {
	s := pictures(3, 12, 2)
	if !slices.Equal(bytesOf(s.Augmented(1, 1, Augment{}, 1)), bytesOf(s)) {
		t.Error("a distortion of nothing changes the pictures")
	}
	for name, set := range map[string]*Set{
		"small pictures": pictures(3, 8, 2),
		"floats":         newSet(tensor.Shape{1, 16, 16}, tensor.Shape{1, 16, 16}, nil, make([]float32, 256), 1, format.Preprocess{}),
		"features":       newSet(tensor.Shape{300}, nil, make([]byte, 300), nil, 1, format.Preprocess{}),
	} {
		if CanAugment(set) || set.Augmented(1, 4, MildAugment, 1) != set {
			t.Errorf("%s are distorted", name)
		}
	}
}

// TestNoiseIsNoPicture: pictures have neighbours that are alike; noise, a table of numbers
// say, would be blurred.
func TestNoiseIsNoPicture(t *testing.T) {
	r := newRand(8)
	noise := make([]byte, 5*144)
	for i := range noise {
		noise[i] = byte(r.IntN(256))
	}
	shape := tensor.Shape{1, 12, 12}
	s := newSet(shape, shape, noise, nil, 5, format.Preprocess{})
	if CanAugment(s) || s.Augmented(1, 2, MildAugment, 1) != s {
		t.Errorf("noise of correlation %.2f is distorted", s.neighbours())
	}
	for i := range noise {
		noise[i] = byte(i % 12 * 20) // a ramp
	}
	if got := s.neighbours(); got < 0.9 || !CanAugment(s) {
		t.Errorf("a ramp has correlation %.2f", got)
	}
	clear(noise)
	if !CanAugment(s) {
		t.Error("black pictures are none")
	}
}

// TestWarp compares a drawn distortion with interpolation written out, gray
// and coloured.
func TestWarp(t *testing.T) {
	r := newRand(3)
	for _, channels := range []int{1, 3} {
		const h, w = 13, 17
		src := make([]byte, channels*h*w)
		for i := range src {
			src[i] = byte(r.IntN(256))
		}
		wp := newWarp([]int{channels, h, w})
		wp.draw(Augment{Rotate: 20, Scale: 0.2, Shear: 0.2, Shift: 4, Elastic: 1}, r)
		dst := make([]byte, len(src))
		wp.apply(dst, src)
		for p := range dst {
			c, x, y := p/(h*w), float64(wp.x[p%(h*w)]), float64(wp.y[p%(h*w)])
			if channels == 3 {
				x, y = math.Max(0, math.Min(w-1, x)), math.Max(0, math.Min(h-1, y))
			}
			sum := 0.0
			for i := 0; i < h; i++ {
				for j := 0; j < w; j++ { // every pixel weighs by its distance
					sum += float64(src[c*h*w+i*w+j]) * math.Max(0, 1-math.Abs(y-float64(i))) * math.Max(0, 1-math.Abs(x-float64(j)))
				}
			}
			if math.Abs(float64(dst[p])-sum) > 0.51 {
				t.Fatalf("%d channels: pixel %d is %d, want %v", channels, p, dst[p], sum)
			}
		}
	}
}

// TestColouredAugment: all channels of a picture move together.
func TestColouredAugment(t *testing.T) {
	gray := pictures(4, 12, 2)
	shape := tensor.Shape{3, 12, 12}
	var b []byte
	for i := 0; i < 4; i++ {
		for c := 0; c < 3; c++ {
			b = append(b, gray.bytes[i*144:(i+1)*144]...)
		}
	}
	s := newSet(shape, shape, b, nil, 4, format.Preprocess{}).Augmented(9, 1, MildAugment, 2)
	for i := 0; i < 4; i++ {
		x := sample(s, i)
		if !slices.Equal(x[:144], x[144:288]) || !slices.Equal(x[:144], x[288:]) {
			t.Fatal("the channels have moved apart")
		}
	}
}
