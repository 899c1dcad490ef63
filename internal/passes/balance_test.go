package passes

import (
	"math"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/testnet"
)

// The network stays the same function, and its weights are scaled as is reported.
func TestBalance(t *testing.T) {
	for _, lambda := range []float64{1e3, 1e-4, 1e-9} {
		b, g := lenet(t, 31)
		before := g.Clone()
		random := func(n int) []float64 {
			x := make([]float64, n)
			for i := range x {
				x[i] = math.Exp(b.Rand.NormFloat64())
			}
			return x
		}
		of := map[*graph.Param]Sensitivity{}
		for _, l := range layers(g) {
			s := Sensitivity{OutputCurvature: random(l.w.Channels()), AbsMax: random(l.w.Channels())}
			for _, c := range random(len(l.w.Shadow.Data)) {
				s.Curvature = append(s.Curvature, float32(c))
			}
			of[l.w] = s
		}
		x := b.Inputs(16)
		want := run(t, g, x)
		done, err := Balance(g, of, lambda)
		if err != nil {
			t.Fatal(err)
		}
		if got := testnet.SQNR(want, run(t, g, x)); got < 90 || len(done) != 4 {
			t.Errorf("lambda %g: function changed: %.1f dB; %d parameters scaled", lambda, got, len(done))
		}
		moved := 0.0
		old := before.Params()
		for i, p := range g.Params() {
			s := done[p]
			if s == nil {
				continue
			}
			row := len(p.Shadow.Data) / len(s.Rows)
			groups := len(s.Columns) / row
			for k, v := range p.Shadow.Data {
				r := k / row
				by := s.Rows[r] * s.Columns[r/(len(s.Rows)/groups)*row+k%row]
				moved = max(moved, math.Abs(math.Log(by)))
				if want := float64(old[i].Shadow.Data[k]) * by; math.Abs(float64(v)-want) > 1e-4*math.Abs(want) {
					t.Fatalf("lambda %g: weight %d of %q is %v, the scaling says %v", lambda, k, p.Name, v, want)
				}
			}
		}
		if moved < 0.1 {
			t.Errorf("lambda %g: nothing was scaled", lambda)
		}
	}
}

func TestBalanceRefuses(t *testing.T) {
	_, g := lenet(t, 32)
	of := map[*graph.Param]Sensitivity{}
	for _, l := range layers(g) {
		of[l.w] = Sensitivity{Curvature: make([]float32, len(l.w.Shadow.Data)), OutputCurvature: make([]float64, l.w.Channels()), AbsMax: make([]float64, l.w.Channels())}
	}
	w := layers(g)[1].w
	short := of[w]
	short.OutputCurvature = short.OutputCurvature[1:]
	of[w] = short
	if _, err := Balance(g, of, 1); err == nil || !strings.Contains(err.Error(), w.Name) {
		t.Errorf("other shapes: %v", err)
	}
	w.Grid = &graph.Grid{Scale: []float32{1}, Max: 127}
	if _, err := Balance(g, nil, 1); err == nil || !strings.Contains(err.Error(), "grid") {
		t.Errorf("with a grid: %v", err)
	}
}
