package eval

import (
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/tensor"
)

// ones returns of losses, n of which are 1.
func ones(n, of int) []float64 {
	x := make([]float64, of)
	for i := range n {
		x[i] = 1
	}
	return x
}

// TestCompare compares drops and their standard errors with the textbook.
func TestCompare(t *testing.T) {
	t.Run("paired", func(t *testing.T) {
		h := &Holdout{Task: Classification{}, Paired: true, Baseline: []float64{0, 1, 0, 0, 1}}
		// differences 1, 0, 0, 1, -1: mean 0.2, variance (0.64+0.04+0.04+0.64+1.44)/4 = 0.7
		e := h.Compare([]float64{1, 1, 0, 1, 0})
		near(t, "drop", e.Drop, 20, 1e-9)
		near(t, "standard error", e.Error, 100*math.Sqrt(0.7/5), 1e-9)
		e = h.Compare(h.Baseline)
		near(t, "drop of the same", e.Drop, 0, 0)
		near(t, "its standard error, of one sample in five", e.Error, 20, 1e-9)
		e = h.Compare([]float64{0, 1, 1}) // the first samples only
		near(t, "drop on three samples", e.Drop, 100.0/3, 1e-9)
	})
	t.Run("unpaired", func(t *testing.T) {
		h := Unpaired(Classification{}, nil, ones(10, 200), 1)
		e := h.Compare(ones(30, 100))
		near(t, "drop", e.Drop, 30-5, 1e-9)
		// p (1-p) n/(n-1) of each, divided by n
		near(t, "standard error", e.Error, 100*math.Sqrt(0.3*0.7/99+0.05*0.95/199), 1e-9)
	})
	t.Run("pairs are sharper", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		base, loss := make([]float64, 1000), make([]float64, 1000)
		for i := range base {
			base[i] = float64(r.IntN(2))
			if loss[i] = base[i]; r.IntN(50) == 0 {
				loss[i] = 1
			}
		}
		paired := (&Holdout{Task: Classification{}, Paired: true, Baseline: base}).Compare(loss)
		unpaired := (&Holdout{Task: Classification{}, Baseline: base}).Compare(loss)
		near(t, "drop", paired.Drop, unpaired.Drop, 1e-9)
		if !(paired.Error < unpaired.Error/2) {
			t.Errorf("standard errors %v of pairs, %v without", paired.Error, unpaired.Error)
		}
	})
}

// fourSamples are inputs of three features in three classes.
const fourSamples = "a,b,c,label\n5,1,1,0\n1,5,1,1\n1,1,5,0\n1,2,9,2\n"

// TestHoldoutClasses counts the errors of a network and of outputs that are known exactly.
func TestHoldoutClasses(t *testing.T) {
	set := openCSV(t, fourSamples)
	out := tensor.Of([]float32{9, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 9}, 4, 3) // classes 0, 0, 2, 2
	g := identity(t, 3, 1)                                                // classes 0, 1, 2, 2
	for _, tt := range []struct {
		task  Task
		float float64 // error of the network
		file  float64 // error of out
	}{{Classification{}, 25, 50}, {Agreement{}, 0, 25}} {
		h, err := NewHoldout(g, tt.task, set, 2)
		if err != nil {
			t.Fatal(err)
		}
		near(t, tt.task.Name()+": error of the network", Summarize(tt.task, h.Baseline).Error, tt.float, 1e-9)
		near(t, tt.task.Name()+": error of the file", Summarize(tt.task, h.Losses(out)).Error, tt.file, 1e-9)
	}
}

// TestHoldoutReconstruction: where half the input comes back, the distance is a quarter of its
// square.
func TestHoldoutReconstruction(t *testing.T) {
	set, task := openCSV(t, fourSamples), Reconstruction{}
	h, err := NewHoldout(identity(t, 3, 0.5), task, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "error of the network", Summarize(task, h.Baseline).Error, 100, 1e-9)
	near(t, "error of zeros", Summarize(task, h.Losses(tensor.New(4, 3))).Error, 400, 1e-6)
	if e, err := h.Graph(identity(t, 3, 0), set.Len()); err != nil || math.Abs(e.Drop-300) > 1e-6 {
		t.Errorf("drop of a network of zeros: %v, %v", e.Drop, err)
	}
	perfect, err := NewHoldout(identity(t, 3, 1), task, set, 1)
	if err != nil {
		t.Fatal(err)
	}
	if e := perfect.Compare(perfect.Losses(tensor.New(4, 3))); math.IsNaN(e.Drop) || math.IsInf(e.Drop, 0) {
		t.Errorf("a perfect network gives a drop of %v", e.Drop)
	}
}

// TestHoldoutFidelity: the same network is at a distance of 0 from itself, and as far from zeros
// and from the input as its own error; a tenth of the input is a twenty-fifth of its square.
func TestHoldoutFidelity(t *testing.T) {
	h, err := NewHoldout(identity(t, 3, 0.5), Fidelity{}, openCSV(t, fourSamples), 1)
	if err != nil {
		t.Fatal(err)
	}
	for scale, want := range map[float32]float64{0.5: 0, 0: 100, 1: 100, 0.6: 4} {
		if e, err := h.Graph(identity(t, 3, scale), h.Set().Len()); err != nil || math.Abs(e.Drop-want) > 1e-4 {
			t.Errorf("a network that scales by %v: %v, %v; want %v", scale, e.Drop, err, want)
		}
	}
	near(t, "error of the network", Summarize(h.Task, h.Baseline).Error, 0, 0)
}
