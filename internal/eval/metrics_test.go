package eval

import "testing"

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		task Task
		loss []float64
		want Metrics
	}{
		{Classification{}, []float64{1, 0, 0, 0}, Metrics{Task: "accuracy", N: 4, Error: 25, Accuracy: 75}},
		{Reconstruction{}, []float64{1.5, 0.5}, Metrics{Task: "reconstruction", N: 2, Error: 100}},
		{Fidelity{}, []float64{0.01, 0.03}, Metrics{Task: "fidelity", N: 2, Error: 2}},
		{Agreement{}, nil, Metrics{Task: "agreement", Accuracy: 100}},
	} {
		if got := Summarize(tt.task, tt.loss); got != tt.want {
			t.Errorf("%v: %+v, want %+v", tt.loss, got, tt.want)
		}
	}
	if _, v := meanVariance([]float64{3}); v != 0 {
		t.Errorf("variance of one value: %v", v)
	}
}
