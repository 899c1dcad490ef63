package dataset

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNoLabels: labels and target values are left aside, whatever they are.
func TestNoLabels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte("a,y\n1,0.25\n2,0.5\n3,7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, outputs := range []int{1, 4} {
		sp, err := Open(path, Options{Classes: outputs, NoLabels: true})
		if err != nil || sp.Train.Labels != nil || sp.Train.Targets != nil || sp.Train.Len() != 3 || !sp.Train.Sample().Equal([]int{1}) {
			t.Errorf("%d outputs: %v", outputs, err)
		}
	}
	if _, err := Open(path, Options{Classes: 4}); err == nil {
		t.Error("values that are no classes were read as labels")
	}
	sp, err := Open(path, Options{Classes: 1})
	if err != nil || sp.Train.Width() != 1 || sp.Train.Target(2)[0] != 7 {
		t.Errorf("target values: %v", err)
	}
}

// TestVectorTargets: an array [n, k] beside the samples has the target values of a network of k
// outputs.
func TestVectorTargets(t *testing.T) {
	x := npy("<f4", false, []int{3, 2}, []float32{1, 2, 3, 4, 5, 6}, binary.LittleEndian, 1)
	y := npy("<f4", false, []int{3, 2}, []float32{0.5, 1, 1.5, 2, 2.5, 3}, binary.LittleEndian, 1)
	path := filepath.Join(t.TempDir(), "d.npz")
	if err := os.WriteFile(path, npz(t, map[string][]byte{"x": x, "y": y}), 0o644); err != nil {
		t.Fatal(err)
	}
	sp, err := Open(path, Options{Classes: 2})
	if err != nil || sp.Train.Width() != 2 || !slices.Equal(sp.Train.Target(1), []float32{1.5, 2}) {
		t.Fatalf("target values: %v", err)
	}
	if _, err := Open(path, Options{Classes: 3}); err == nil || !strings.Contains(err.Error(), "2 target values") {
		t.Errorf("three outputs: %v", err)
	}
}
