package pack

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"edgec/internal/ortcheck"
	"edgec/runtime"
)

// What is packed computes what ONNX Runtime does of the file, node by node: float32 sums and
// halves to even may move an output by a step of its grid, now and then.
func TestFormsInORT(t *testing.T) {
	const samples, steps = 200, 1
	ort := ortcheck.New(t)
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 3*samples)
	for i := range x {
		x[i] = float32(3 * rng.NormFloat64())
	}
	for i, c := range forms() {
		ort.Add(fmt.Sprint(i), c.model.bytes(), x)
	}
	ort.Run()
	for i, c := range forms() {
		want := ort.Output(fmt.Sprint(i), "plain")
		m, err := runtime.Load(packed(t, c.model.write(t)))
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession(runtime.Config{})
		if err != nil {
			t.Fatal(err)
		}
		moved := 0
		for k := range samples {
			if err := s.SetInput(0, x[3*k:3*k+3]); err != nil {
				t.Fatal(err)
			}
			s.Run()
			for j, y := range s.Output(0) {
				switch d := math.Abs(float64(y-want[2*k+j])) / yScale; {
				case d > steps:
					t.Fatalf("%s: sample %d: output %d is %v, ONNX Runtime has %v", c.name, k, j, y, want[2*k+j])
				case d > 0:
					moved++
				}
			}
		}
		if moved > 2*samples/50 {
			t.Errorf("%s: %d of %d outputs differ", c.name, moved, 2*samples)
		}
	}
}
