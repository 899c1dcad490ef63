package search

import (
	"context"
	"math"
	"slices"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/eval"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// numbered is seven samples of a number and ten times it.
const numbered = "a,b,label\n1,10,0\n2,20,1\n3,30,0\n4,40,1\n5,50,0\n6,60,1\n7,70,1\n"

// numberedLoader loads three augmentations of numbered, which are counted when they are made.
func numberedLoader(t *testing.T, set *dataset.Set, made map[int]int, threads int, seed uint64) *loader {
	t.Helper()
	augmented := func(_ context.Context, c int) (*dataset.Set, error) {
		made[c]++
		return set.Subset([]int{0, 1, 2, 3, 4, 5, 6}), nil
	}
	l, err := newLoader(identity(t, 2, 2), source{n: 7, augmentations: 3, make: augmented}, eval.Classification{}, 5, threads, seed)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// batch returns the next batch of a loader.
func batch(t *testing.T, l *loader, size int, noise float64) train.Batch {
	t.Helper()
	b, err := l.next(context.Background(), size, noise)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// first returns the first n samples of input 0 by one of the loader's methods.
func first(t *testing.T, samples func(context.Context, int) ([]*tensor.Tensor, error), n int) *tensor.Tensor {
	t.Helper()
	x, err := samples(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	return x[0]
}

// drawEpochs draws three epochs of seven samples and checks shapes and the teacher's answers.
func drawEpochs(t *testing.T, l *loader) (x []float32, labels []int) {
	t.Helper()
	for _, size := range []int{5, 1, 4, 4, 5, 2} {
		b := batch(t, l, size, 0)
		if !b.X[0].Shape.Equal(tensor.Shape{size, 2}) || len(b.Labels) != size || !b.Targets[0].Shape.Equal(tensor.Shape{size, 2}) {
			t.Fatalf("a batch of %v with %d labels", b.X[0].Shape, len(b.Labels))
		}
		for i, v := range b.X[0].Data {
			if b.Targets[0].Data[i] != 2*v {
				t.Fatalf("the teacher says %v of %v", b.Targets[0].Data[i], v)
			}
		}
		x, labels = append(x, b.X[0].Data...), append(labels, b.Labels...)
	}
	return x, labels
}

// TestLoader: batches of any size go through all samples, show every augmentation,
// carry the teacher's outputs and labels, and are the same for the same seed on
// any number of threads.
func TestLoader(t *testing.T) {
	set := openCSV(t, numbered)
	made := map[int]int{}
	x, labels := drawEpochs(t, numberedLoader(t, set, made, 1, 4))
	for epoch := range 3 {
		seen := map[float32]bool{}
		for i := 7 * epoch; i < 7*epoch+7; i++ {
			v := x[2*i]
			seen[v] = true
			if x[2*i+1] != 10*v || labels[i] != set.Labels[int(v)-1] {
				t.Errorf("sample %v, %v with label %d", v, x[2*i+1], labels[i])
			}
		}
		if len(seen) != 7 {
			t.Errorf("epoch %d shows %d of 7 samples", epoch, len(seen))
		}
	}
	if len(made) != 3 || made[0] != 1 || made[1] != 1 || made[2] != 1 {
		t.Errorf("augmentations made, and how often: %v", made)
	}
	for _, threads := range []int{1, 3} {
		if again, _ := drawEpochs(t, numberedLoader(t, set, made, threads, 4)); !slices.Equal(again, x) {
			t.Errorf("%d threads give other batches", threads)
		}
	}
	if other, _ := drawEpochs(t, numberedLoader(t, set, made, 1, 5)); slices.Equal(other, x) {
		t.Error("another seed gives the same batches")
	}
}

// The first samples are those of the first augmentation, and then of the next ones.
func TestLoaderSamples(t *testing.T) {
	l := numberedLoader(t, openCSV(t, numbered), map[int]int{}, 1, 4)
	if s := first(t, l.samples, 3); !slices.Equal(s.Data, []float32{1, 10, 2, 20, 3, 30}) {
		t.Errorf("the first samples: %v", s.Data)
	}
	if s := first(t, l.samples, 100); s.Shape[0] != 7 {
		t.Errorf("more samples than there are: %v", s.Shape)
	}
	if s := first(t, l.manySamples, 9); s.Shape[0] != 9 || s.Data[14] != 1 || s.Data[16] != 2 {
		t.Errorf("more samples than there are, of more augmentations: %v", s.Data)
	}
	if s := first(t, l.manySamples, 100); s.Shape[0] != 3*7 {
		t.Errorf("more samples than there are of all augmentations: %v", s.Shape)
	}
}

// TestLoaderAsked: where the teacher is asked about the samples as they are, its
// answer stands for every augmentation, and is asked for once.
func TestLoaderAsked(t *testing.T) {
	original := openCSV(t, "a,b,label\n1,10,0\n2,20,1\n3,30,0\n")
	augmented := []*dataset.Set{
		openCSV(t, "a,b,label\n101,10,0\n102,20,1\n103,30,0\n"),
		openCSV(t, "a,b,label\n201,10,0\n202,20,1\n203,30,0\n"),
	}
	from := source{n: 3, augmentations: 2, make: func(_ context.Context, c int) (*dataset.Set, error) { return augmented[c], nil }, asked: original}
	l, err := newLoader(identity(t, 2, 2), from, eval.Classification{}, 8, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.answers.known) != 3 {
		t.Errorf("space for %d answers to 3 samples", len(l.answers.known))
	}
	seen := map[float32]bool{}
	for range 3 {
		b := batch(t, l, 8, 0) // more than two epochs
		for i := range b.Labels {
			x := b.X[0].Data[2*i]
			seen[x] = true
			if v := float32(int(x) % 100); b.Targets[0].Data[2*i] != 2*v || b.X[0].Data[2*i+1] != 10*v || b.Labels[i] != original.Labels[int(v)-1] {
				t.Fatalf("sample %v comes with label %d and the answer %v", x, b.Labels[i], b.Targets[0].Data[2*i])
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d of 6 augmented samples were shown", len(seen))
	}
}

// A loader that is restored goes on with the same samples.
func TestLoaderRestored(t *testing.T) {
	set := openCSV(t, numbered)
	l := numberedLoader(t, set, map[int]int{}, 1, 4)
	batch(t, l, 5, 0)
	state := l.order.state()
	want, _ := drawEpochs(t, l)
	again := numberedLoader(t, set, map[int]int{}, 1, 9)
	for _, bad := range []orderState{{Source: state.Source, Order: []int{0, 0}}, {Source: state.Source, Order: state.Order, At: len(state.Order) + 1}, {Source: state.Source, Order: []int{1, 0}}, {Order: state.Order}} {
		if again.order.restore(bad, again.n) == nil {
			t.Errorf("restored %+v", bad)
		}
	}
	if err := again.order.restore(state, again.n); err != nil {
		t.Fatal(err)
	}
	if got, _ := drawEpochs(t, again); !slices.Equal(got, want) {
		t.Error("a restored loader gives other batches")
	}
}

// single loads one sample of two inputs, 1 and 2, without labels, whose teacher doubles them.
func single(t *testing.T, task eval.Task) *loader {
	t.Helper()
	set := openCSV(t, "a,b\n1,2\n") // logits 2 and 4: the classes have odds of 1 to e^2
	from := source{n: 1, augmentations: 1, make: func(context.Context, int) (*dataset.Set, error) { return set, nil }}
	l, err := newLoader(identity(t, 2, 2), from, task, 1, 1, 9)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const draws = 20_000

// TestLoaderAgreement: labels are drawn from the teacher's softmax, so that a
// network that equals its teacher has a gradient.
func TestLoaderAgreement(t *testing.T) {
	ones, l := 0.0, single(t, eval.Agreement{})
	for range draws {
		ones += float64(batch(t, l, 1, 0).Labels[0])
	}
	if want, got := 1/(1+math.Exp(-2)), ones/draws; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/draws) {
		t.Errorf("class 1 is drawn in %v of the batches, its probability is %v", got, want)
	}
}

// TestLoaderFidelity: targets of a network that reproduces its teacher's output have
// independent noise around it.
func TestLoaderFidelity(t *testing.T) {
	const noise = 3.0
	l := single(t, eval.Fidelity{})
	var mean, square [2]float64 // of the difference of target and output
	product := 0.0
	for range draws {
		b := batch(t, l, 1, noise)
		if b.Labels != nil {
			t.Fatal("labels for a distance")
		}
		e := [2]float64{float64(b.Targets[0].Data[0]) - 2, float64(b.Targets[0].Data[1]) - 4}
		for i, v := range e {
			mean[i] += v / draws
			square[i] += v * v / draws
		}
		product += e[0] * e[1] / draws
	}
	tol := 4 * noise / math.Sqrt(draws) // four standard errors
	for i := range mean {
		near(t, "the mean difference of targets from the teacher's output", mean[i], 0, tol)
		near(t, "its square", square[i], noise*noise, 1e-9)
	}
	near(t, "the product of two outputs' differences", product, 0, tol*noise)
}

// TestLoaderReconstruction: targets of a network that reconstructs its input lie between the
// teacher's output and the input.
func TestLoaderReconstruction(t *testing.T) {
	b := batch(t, single(t, eval.Reconstruction{}), 1, 0)
	if b.Labels != nil || !slices.Equal(b.Targets[0].Data, []float32{1.5, 3}) {
		t.Errorf("labels %v, targets %v; want none, and the mean of 1, 2 and 2, 4", b.Labels, b.Targets[0].Data)
	}
}
