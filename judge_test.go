package edgec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestDrop compares drops and their standard errors with the textbook.
func TestDrop(t *testing.T) {
	ones := func(n, of int) []float64 { // n of the losses are 1
		x := make([]float64, of)
		for i := 0; i < n; i++ {
			x[i] = 1
		}
		return x
	}
	t.Run("paired", func(t *testing.T) {
		j := &judge{paired: true, reference: []float64{0, 1, 0, 0, 1}}
		// differences 1, 0, 0, 1, -1: mean 0.2, variance (0.64+0.04+0.04+0.64+1.44)/4 = 0.7
		points, se := j.drop([]float64{1, 1, 0, 1, 0})
		near(t, "drop", points, 20, 1e-9)
		near(t, "standard error", se, 100*math.Sqrt(0.7/5), 1e-9)
		points, se = j.drop(j.reference)
		near(t, "drop of the same", points, 0, 0)
		near(t, "its standard error", se, 0, 0)
		points, _ = j.drop([]float64{0, 1, 1}) // the first samples only
		near(t, "drop on three samples", points, 100.0/3, 1e-9)
	})
	t.Run("unpaired", func(t *testing.T) {
		j := &judge{reference: ones(10, 200)}
		points, se := j.drop(ones(30, 100))
		near(t, "drop", points, 30-5, 1e-9)
		// p (1-p) n/(n-1) of each, divided by n
		near(t, "standard error", se, 100*math.Sqrt(0.3*0.7/99+0.05*0.95/199), 1e-9)
	})
	t.Run("pairs are sharper", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		ref, loss := make([]float64, 1000), make([]float64, 1000)
		for i := range ref {
			ref[i] = float64(r.IntN(2))
			if loss[i] = ref[i]; r.IntN(50) == 0 {
				loss[i] = 1
			}
		}
		p1, paired := (&judge{paired: true, reference: ref}).drop(loss)
		p2, unpaired := (&judge{reference: ref}).drop(loss)
		near(t, "drop", p1, p2, 1e-9)
		if !(paired < unpaired/2) {
			t.Errorf("standard errors %v of pairs, %v without", paired, unpaired)
		}
	})
}

func TestMetrics(t *testing.T) {
	m := newMetrics(TaskAccuracy, []float64{1, 0, 0, 0})
	if m != (Metrics{Task: TaskAccuracy, N: 4, Error: 25, Accuracy: 75}) {
		t.Errorf("%+v", m)
	}
	m = newMetrics(TaskReconstruction, []float64{1.5, 0.5})
	if m != (Metrics{Task: TaskReconstruction, N: 2, Error: 100}) {
		t.Errorf("%+v", m)
	}
	m = newMetrics(TaskFidelity, []float64{0.01, 0.03})
	if m != (Metrics{Task: TaskFidelity, N: 2, Error: 2}) {
		t.Errorf("%+v", m)
	}
	if m := newMetrics(TaskAgreement, nil); m.N != 0 || m.Error != 0 {
		t.Errorf("of nothing: %+v", m)
	}
	if _, v := meanVariance([]float64{3}); v != 0 {
		t.Errorf("variance of one value: %v", v)
	}
}

// identity is a network of n inputs that returns them scaled.
func identity(t *testing.T, n int, scale float32) *graph.Graph {
	x, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, n}}, &graph.Value{Name: "y", Shape: tensor.Shape{1, n}}
	w := tensor.New(n, n)
	for i := 0; i < n; i++ {
		w.Data[i*n+i] = scale
	}
	g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{{Name: "d", Op: op.Dense{}, Outputs: []*graph.Value{y},
		Inputs: []*graph.Value{x, {Name: "w", Shape: w.Shape, Param: graph.NewParam("w", graph.Weight, w)}, nil}}}}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestJudgeTasks measures a network that is known exactly by every task.
func TestJudgeTasks(t *testing.T) {
	set := openCSV(t, "a,b,c,label\n5,1,1,0\n1,5,1,1\n1,1,5,0\n1,2,9,2\n")
	out := tensor.Of([]float32{9, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 9}, 4, 3) // answers 0, 0, 2, 2
	g := identity(t, 3, 1)                                                // answers 0, 1, 2, 2
	for _, tt := range []struct {
		task      string
		reference float64 // error of the network
		file      float64 // error of out
	}{{TaskAccuracy, 25, 50}, {TaskAgreement, 0, 25}} {
		j, err := newJudge(g, tt.task, set, 2)
		if err != nil {
			t.Fatal(err)
		}
		near(t, tt.task+": error of the network", newMetrics(tt.task, j.reference).Error, tt.reference, 1e-9)
		near(t, tt.task+": error of the file", newMetrics(tt.task, j.losses(out)).Error, tt.file, 1e-9)
	}
	// half the input comes back: the distance is a quarter of its square
	j, err := newJudge(identity(t, 3, 0.5), TaskReconstruction, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "reconstruction of the network", newMetrics(TaskReconstruction, j.reference).Error, 100, 1e-9)
	near(t, "reconstruction by zeros", newMetrics(TaskReconstruction, j.losses(tensor.New(4, 3))).Error, 400, 1e-6)
	if points, _, err := j.graphDrop(identity(t, 3, 0), j.set.Len()); err != nil || math.Abs(points-300) > 1e-6 {
		t.Errorf("drop of a network of zeros: %v, %v", points, err)
	}
	// the same network is at a distance of 0 from itself, and as far from zeros and from
	// the input as its own error; a tenth of the input is a twenty-fifth of its square
	j, err = newJudge(identity(t, 3, 0.5), TaskFidelity, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	for scale, want := range map[float32]float64{0.5: 0, 0: 100, 1: 100, 0.6: 4} {
		if points, _, err := j.graphDrop(identity(t, 3, scale), j.set.Len()); err != nil || math.Abs(points-want) > 1e-4 {
			t.Errorf("fidelity of a network that scales by %v: %v, %v; want %v", scale, points, err, want)
		}
	}
	near(t, "fidelity of the network", newMetrics(TaskFidelity, j.reference).Error, 0, 0)
	perfect, err := newJudge(g, TaskReconstruction, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := perfect.drop(perfect.losses(out)); p-p != 0 {
		t.Errorf("a perfect network gives a drop of %v", p)
	}
}

func TestTaskOf(t *testing.T) {
	labelled := openCSV(t, "a,b,label\n5,1,0\n1,5,1\n")
	wrong := openCSV(t, "a,b,label\n5,1,0\n1,5,7\n")
	two := identity(t, 2, 1)
	wide := identity(t, 2, 1)
	wide.Outputs[0].Shape = tensor.Shape{1, 3}
	one := identity(t, 2, 1)
	one.Outputs[0].Shape = tensor.Shape{1, 1}
	for _, tt := range []struct {
		name     string
		g        *graph.Graph
		set      *dataset.Set
		noLabels bool
		want     string // "": refused
	}{
		{"labels", two, labelled, false, TaskAccuracy},
		{"labels left aside, as many outputs as inputs", two, labelled, true, TaskFidelity},
		{"no labels to leave aside, as many outputs as inputs", two, labelled.WithoutLabels(), true, TaskFidelity},
		{"no labels, as many outputs as inputs", two, labelled.WithoutLabels(), false, TaskReconstruction},
		{"labels left aside", wide, labelled, true, TaskAgreement},
		{"no labels", wide, labelled.WithoutLabels(), false, TaskAgreement},
		{"one output without labels", one, labelled.WithoutLabels(), false, ""},
		{"a label out of range", two, wrong, false, ""},
		{"a label out of range, left aside", wide, wrong, true, TaskAgreement},
	} {
		if got, err := taskOf(tt.g, tt.set, tt.noLabels); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

// TestFeed: batches of any size go through all samples, show every copy,
// carry the teacher's outputs and labels, and are the same for the same seed on
// any number of threads.
//
// Complexity: a list of conditions on the same batches.
//
//gocyclo:ignore
func TestFeed(t *testing.T) {
	set := openCSV(t, "a,b,label\n1,10,0\n2,20,1\n3,30,0\n4,40,1\n5,50,0\n6,60,1\n7,70,1\n")
	g := identity(t, 2, 2)
	made := map[int]int{}
	open := func(threads int, seed uint64) *feed {
		copies := func(c int) *dataset.Set {
			made[c]++
			return set.Subset([]int{0, 1, 2, 3, 4, 5, 6})
		}
		f, err := newFeed(g, source{n: 7, copies: 3, make: copies}, TaskAccuracy, 5, threads, seed)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	draw := func(f *feed) (x []float32, labels []int) {
		for _, size := range []int{5, 1, 4, 4, 5, 2} { // three epochs of seven
			b := f.next(size)
			if !b.X.Shape.Equal(tensor.Shape{size, 2}) || len(b.Labels) != size || !b.Teacher.Shape.Equal(tensor.Shape{size, 2}) {
				t.Fatalf("a batch of %v with %d labels", b.X.Shape, len(b.Labels))
			}
			for i, v := range b.X.Data {
				if b.Teacher.Data[i] != 2*v {
					t.Fatalf("the teacher says %v of %v", b.Teacher.Data[i], v)
				}
			}
			x, labels = append(x, b.X.Data...), append(labels, b.Labels...)
		}
		return x, labels
	}
	x, labels := draw(open(1, 4))
	for epoch := 0; epoch < 3; epoch++ {
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
		t.Errorf("copies made, and how often: %v", made)
	}
	for _, threads := range []int{1, 3} {
		if again, _ := draw(open(threads, 4)); !slices.Equal(again, x) {
			t.Errorf("%d threads give other batches", threads)
		}
	}
	if other, _ := draw(open(1, 5)); slices.Equal(other, x) {
		t.Error("another seed gives the same batches")
	}
	if s := open(1, 4).samples(3); !slices.Equal(s.Data, []float32{1, 10, 2, 20, 3, 30}) {
		t.Errorf("the first samples: %v", s.Data)
	}
	if s := open(1, 4).samples(100); s.Shape[0] != 7 {
		t.Errorf("more samples than there are: %v", s.Shape)
	}
	if s := open(1, 4).manySamples(9); s.Shape[0] != 9 || s.Data[14] != 1 || s.Data[16] != 2 {
		t.Errorf("more samples than there are, of more copies: %v", s.Data)
	}
	if s := open(1, 4).manySamples(100); s.Shape[0] != 3*7 {
		t.Errorf("more samples than there are of all copies: %v", s.Shape)
	}
}

// TestFeedAsked: where the teacher is asked about the samples as they are, its
// answer stands for every copy, and is asked for once.
func TestFeedAsked(t *testing.T) {
	plain := openCSV(t, "a,b,label\n1,10,0\n2,20,1\n3,30,0\n")
	copies := []*dataset.Set{
		openCSV(t, "a,b,label\n101,10,0\n102,20,1\n103,30,0\n"),
		openCSV(t, "a,b,label\n201,10,0\n202,20,1\n203,30,0\n"),
	}
	f, err := newFeed(identity(t, 2, 2), source{n: 3, copies: 2, make: func(c int) *dataset.Set { return copies[c] }, asked: plain}, TaskAccuracy, 8, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.known) != 3 {
		t.Errorf("room for %d answers to 3 samples", len(f.known))
	}
	seen := map[float32]bool{}
	for range 3 {
		b := f.next(8) // more than two epochs
		for i := range b.Labels {
			x := b.X.Data[2*i]
			seen[x] = true
			if v := float32(int(x) % 100); b.Teacher.Data[2*i] != 2*v || b.X.Data[2*i+1] != 10*v || b.Labels[i] != plain.Labels[int(v)-1] {
				t.Fatalf("sample %v comes with label %d and the answer %v", x, b.Labels[i], b.Teacher.Data[2*i])
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d of 6 distorted samples were shown", len(seen))
	}
}

// TestFeedWithoutLabels: labels are drawn from the teacher's softmax, so that a
// network that equals its teacher has a gradient; targets of a network that
// reconstructs its input lie between the teacher's output and the input, and those of
// one that reproduces its teacher's output around that.
func TestFeedWithoutLabels(t *testing.T) {
	set := openCSV(t, "a,b\n1,2\n") // logits 2 and 4: the classes have odds of 1 to e^2
	g := identity(t, 2, 2)
	open := func(task string) *feed {
		f, err := newFeed(g, source{n: 1, copies: 1, make: func(int) *dataset.Set { return set }}, task, 1, 1, 9)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	const n = 20000
	ones, f := 0.0, open(TaskAgreement)
	for range n {
		ones += float64(f.next(1).Labels[0])
	}
	if want, got := 1/(1+math.Exp(-2)), ones/n; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/n) {
		t.Errorf("class 1 is drawn in %v of the batches, its probability is %v", got, want)
	}
	f = open(TaskFidelity)
	f.noise = 3
	var at, square [2]float64 // of the target's way from the output, and their product
	product := 0.0
	for range n {
		b := f.next(1)
		if b.Labels != nil {
			t.Fatal("labels for a distance")
		}
		e := [2]float64{float64(b.Teacher.Data[0]) - 2, float64(b.Teacher.Data[1]) - 4}
		for i, v := range e {
			at[i] += v / n
			square[i] += v * v / n
		}
		product += e[0] * e[1] / n
	}
	tol := 4 * f.noise / math.Sqrt(n) // four standard errors
	for i := range at {
		near(t, "the mean way of targets from the teacher's output", at[i], 0, tol)
		near(t, "its square", square[i], f.noise*f.noise, 1e-9)
	}
	near(t, "the product of two outputs' ways", product, 0, tol*f.noise)
	b := open(TaskReconstruction).next(1)
	if b.Labels != nil || !slices.Equal(b.Teacher.Data, []float32{1.5, 3}) {
		t.Errorf("labels %v, targets %v; want none, and the mean of 1, 2 and 2, 4", b.Labels, b.Teacher.Data)
	}
}
