package passes

import (
	"maps"
	"math"
	"strings"
	"testing"

	"edgec/internal/graph"
)

// costs is what Balance minimises, from its definition: the bits of the layers of g, whose
// weights were scaled.
func costs(g *graph.Graph, of map[*graph.Param]Sensitivity, done map[*graph.Param]*Scaling, lambda float64) float64 {
	bits := 0.0
	norm := func(x []float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += math.Pow(math.Abs(v), peakNorm)
		}
		return math.Pow(sum, 1.0/peakNorm)
	}
	step := func(x []float64, second, levels float64) float64 {
		d := norm(x) / levels
		return d * d / 24 * second / lambda
	}
	for _, l := range layers(g) {
		s, by := of[l.w], done[l.w]
		if by == nil {
			continue
		}
		rows := len(by.Rows)
		row := len(l.w.Shadow.Data) / rows
		groups := len(by.Columns) / row
		sum := 0.0
		var w, peaks []float64
		for i, v := range l.w.Shadow.Data {
			r := i / row
			k := by.Rows[r] * by.Columns[r/(rows/groups)*row+i%row]
			sum += float64(s.Curvature[i]) / (k * k)
			w = append(w, float64(v))
			bits += math.Log2(math.Abs(float64(v)))
		}
		n := float64(len(w))
		bits += n/2*math.Log2(sum/n) + step(w, sum, 127)
		minds := 0.0
		read := false // by another layer of a pair: scaled at all
		for c, k := range by.Rows {
			minds += s.OutputCurvature[c] / (k * k)
			peaks = append(peaks, s.AbsMax[c]*k)
			read = read || k != 1
		}
		if read {
			bits += step(peaks, minds, levels(l.node))
		}
	}
	return bits
}

// TestBalance: the network stays the same function, its weights are scaled as is reported,
// they cost fewer bits, and no channel scaled further would make them fewer. At a high lambda
// of a bit what int8 loses does not count, at a low one it is all that does.
func TestBalance(t *testing.T) {
	for _, lambda := range []float64{1e3, 1e-4, 1e-9} {
		b, g := lenet(t, 31)
		before := g.Clone()
		of := map[*graph.Param]Sensitivity{}
		random := func(n int) []float64 {
			x := make([]float64, n)
			for i := range x {
				x[i] = math.Exp(b.rng.NormFloat64())
			}
			return x
		}
		none := map[*graph.Param]*Scaling{}
		for _, l := range layers(g) {
			n, channels := len(l.w.Shadow.Data), l.w.Channels()
			rows := random(channels)
			s := Sensitivity{Curvature: narrow(random(n)), OutputCurvature: rows, AbsMax: random(channels)}
			for i := range s.Curvature {
				s.Curvature[i] *= float32(rows[i/(n/channels)])
			}
			of[l.w] = s
		}
		x := b.inputs(16)
		want := run(t, g, x)
		done, err := Balance(g, of, lambda)
		if err != nil {
			t.Fatal(err)
		}
		if got := sqnr(want, run(t, g, x)); got < 90 || len(done) != 4 {
			t.Errorf("lambda %g: function changed: %.1f dB; %d parameters scaled", lambda, got, len(done))
		}
		old := before.Params()
		for i, p := range g.Params() {
			s := done[p]
			if s == nil {
				continue
			}
			none[p] = &Scaling{ones(len(s.Rows)), ones(len(s.Columns))}
			none[p].Rows[0] = 1 + 1e-12 // counted as scaled
			row := len(p.Shadow.Data) / len(s.Rows)
			groups := len(s.Columns) / row
			for k, v := range p.Shadow.Data {
				r := k / row
				want := float64(old[i].Shadow.Data[k]) * s.Rows[r] * s.Columns[r/(len(s.Rows)/groups)*row+k%row]
				if math.Abs(float64(v)-want) > 1e-4*math.Abs(want) {
					t.Fatalf("lambda %g: weight %d of %q is %v, the scaling says %v", lambda, k, p.Name, v, want)
				}
			}
		}
		// the last layer's rows are not scaled
		last := layers(g)[3].w
		none[last].Rows[0] = 1
		least := costs(g, of, done, lambda)
		params := before.Params()
		sensitivities := map[*graph.Param]Sensitivity{}
		untouched := map[*graph.Param]*Scaling{}
		for i, p := range g.Params() {
			if none[p] != nil {
				sensitivities[params[i]], untouched[params[i]] = of[p], none[p]
			}
		}
		if first := costs(before, sensitivities, untouched, lambda); least > first-1 {
			t.Errorf("lambda %g: %.1f bits before, %.1f after", lambda, first, least)
		}
		for _, p := range findPairs(g) {
			for c := range p.a.w.Channels() {
				for _, s := range []float64{0.9, 1.1} {
					h := g.Clone()
					to := maps.Clone(done)
					scaled := findPairs(h)
					for _, q := range scaled {
						if q.a.w.Name == p.a.w.Name {
							q.scale(c, float32(s))
							q.a.w.Refresh()
						}
					}
					a, r := *to[p.a.w], *to[p.b.w]
					a.Rows, r.Columns = append([]float64(nil), a.Rows...), append([]float64(nil), r.Columns...)
					a.Rows[c] /= s
					width := len(r.Columns) / p.a.w.Channels()
					for i := c * width; i < (c+1)*width; i++ {
						r.Columns[i] *= s
					}
					ofH, toH := map[*graph.Param]Sensitivity{}, map[*graph.Param]*Scaling{}
					hs := h.Params()
					for i, q := range g.Params() {
						if to[q] == nil {
							continue
						}
						ofH[hs[i]], toH[hs[i]] = of[q], to[q]
						if q == p.a.w {
							toH[hs[i]] = &a
						}
						if q == p.b.w {
							toH[hs[i]] = &r
						}
					}
					if got := costs(h, ofH, toH, lambda); got < least-0.02*math.Abs(least)/100 {
						t.Errorf("lambda %g: channel %d of %q times %v: %.3f bits, %.3f without", lambda, c, p.a.w.Name, s, got, least)
					}
				}
			}
		}
	}
}

func TestBalanceRefuses(t *testing.T) {
	_, g := lenet(t, 32)
	of := map[*graph.Param]Sensitivity{}
	for _, l := range layers(g) {
		of[l.w] = Sensitivity{make([]float32, len(l.w.Shadow.Data)), make([]float64, l.w.Channels()), make([]float64, l.w.Channels())}
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
