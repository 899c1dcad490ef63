package testnet

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
)

// Equal seeds make equal networks, and others other ones.
func TestNet(t *testing.T) {
	build := func(seed uint64) *graph.Graph {
		b, x := New(t, seed, 1, 3)
		h := b.Node(op.Dense{}, x, b.Param(graph.Weight, 0.5, 4, 3), nil)
		return b.Done(b.Node(op.Dense{}, h, b.Param(graph.Weight, 0.5, 2, 4), b.Param(graph.Bias, 0.1, 2)))
	}
	a, same, other := build(1), build(1), build(2)
	if len(a.Params()) != 3 || !slices.Equal(a.Outputs[0].Shape, []int{1, 2}) {
		t.Fatalf("%s", a)
	}
	for i, p := range a.Params() {
		if !slices.Equal(p.Shadow.Data, same.Params()[i].Shadow.Data) || slices.Equal(p.Shadow.Data, other.Params()[i].Shadow.Data) {
			t.Errorf("%s: %v, %v, %v", p.Name, p.Shadow.Data, same.Params()[i].Shadow.Data, other.Params()[i].Shadow.Data)
		}
		if i > 0 && p.Name == a.Params()[i-1].Name {
			t.Errorf("two parameters are named %s", p.Name)
		}
	}
}

func TestNpy(t *testing.T) {
	head := "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n"
	data := append([]byte("\x93NUMPY\x01\x00"+string(rune(len(head)))+"\x00"+head), 1, 2, 3, 4, 5, 6)
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	x := Npy(t, path)
	if !slices.Equal(x.Shape, []int{2, 3}) || !slices.Equal(x.Data, []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v %v", x.Shape, x.Data)
	}
}

func TestSQNR(t *testing.T) {
	if got := SQNR([]float32{3, 4}, []float32{3, 4.5}); math.Abs(got-20) > 1e-9 {
		t.Errorf("%v decibels, want 20", got)
	}
	if got := SQNR([]float32{1}, []float32{1}); got < 200 || math.IsInf(got, 0) {
		t.Errorf("%v decibels of equal values", got)
	}
}
