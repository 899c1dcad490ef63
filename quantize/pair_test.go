package quantize

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 61)) }

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// stack is three layers in a row: a convolution [6, 2 3 3], a depthwise one [6, 3 3], and a dense
// one that reads blocks of four features of each channel, [5, 6 4].
func stack(seed uint64) (layers []*Layer, pairs []Pair) {
	r := newRand(seed)
	conv := &Layer{Weights: normal(r, 6*18), Bias: normal(r, 6), Channels: 6}
	depthwise := &Layer{Weights: normal(r, 6*9), Channels: 6}
	dense := &Layer{Weights: normal(r, 5*24), Bias: normal(r, 5), Channels: 5}
	return []*Layer{conv, depthwise, dense}, []Pair{{A: conv, B: depthwise, Depthwise: true}, {A: depthwise, B: dense}}
}

// Channels end with the same largest magnitude on both sides; products of the weights along a
// path, and with them the network's function, stay.
func TestEqualize(t *testing.T) {
	layers, pairs := stack(1)
	for c := range 6 { // of very different magnitude
		scaleAll(pairs[0].writers(c, layers[0].Weights), float32(math.Pow(10, float64(c)/2-1)))
	}
	clear(layers[1].Weights[5*9 : 6*9]) // nothing reads channel 5
	path := func(c int) float64 {       // one weight of each layer, through channel c
		return float64(layers[0].Weights[c*18+3]) * float64(layers[1].Weights[c*9+2]) * float64(layers[2].Weights[24+c*4+1])
	}
	var before []float64
	for c := range 6 {
		before = append(before, path(c))
	}
	bias := slices.Clone(layers[0].Bias)
	first := layers[0].Weights[0]
	dead := slices.Clone(layers[0].Weights[5*18:])
	Equalize(pairs)
	for c, want := range before {
		if got := path(c); math.Abs(got-want) > 1e-5*math.Abs(want) {
			t.Errorf("channel %d: the product of the weights is %v, was %v", c, got, want)
		}
	}
	if got, want := layers[0].Bias[0]/bias[0], layers[0].Weights[0]/first; math.Abs(float64(got/want)-1) > 1e-5 {
		t.Errorf("a bias is scaled by %v, the weights of its channel by %v", got, want)
	}
	if !slices.Equal(layers[0].Weights[5*18:], dead) {
		t.Error("a channel that nothing reads was scaled")
	}
	for i, p := range pairs {
		for c := range 5 {
			a, b := largest(p.writers(c, p.A.Weights)), largest(p.readers(c, p.B.Weights))
			if math.Abs(math.Log(a/b)) > 0.05 {
				t.Errorf("pair %d, channel %d: largest magnitudes %v and %v", i, c, a, b)
			}
		}
	}
}

// sensitive gives the layers of a stack random sensitivities.
func sensitive(seed uint64, layers []*Layer, pairs []Pair) (of []*Sensitivity, done []*Scaling, balanced []BalancedPair) {
	r := newRand(seed)
	random := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Exp(r.NormFloat64())
		}
		return x
	}
	for i, l := range layers {
		n := len(l.Weights)
		rows := random(l.Channels)
		s := &Sensitivity{Curvature: narrow(random(n)), OutputCurvature: rows, AbsMax: random(l.Channels)}
		for k := range s.Curvature {
			s.Curvature[k] *= float32(rows[k/(n/l.Channels)])
		}
		of = append(of, s)
		done = append(done, NewScaling(l.Channels, []int{18, 6 * 9, 24}[i]))
	}
	for i, p := range pairs {
		balanced = append(balanced, BalancedPair{Pair: p, SensitivityA: of[i], SensitivityB: of[i+1], ScalingA: done[i], ScalingB: done[i+1], Levels: 255})
	}
	return of, done, balanced
}

// balancedBits is what Balance minimises, from its definition.
func balancedBits(layers []*Layer, of []*Sensitivity, lambda float64) float64 {
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
	sum := func(x []float64) (s float64) {
		for _, v := range x {
			s += v
		}
		return s
	}
	wide := func(x []float32) (y []float64) {
		for _, v := range x {
			y = append(y, float64(v))
		}
		return y
	}
	bits := 0.0
	for i, l := range layers {
		n, c := float64(len(l.Weights)), sum(wide(of[i].Curvature))
		for _, v := range l.Weights {
			bits += math.Log2(math.Abs(float64(v)))
		}
		bits += n/2*math.Log2(c/n) + step(wide(l.Weights), c, 127)
		if i+1 < len(layers) { // read by another layer of a pair
			bits += step(of[i].AbsMax, sum(of[i].OutputCurvature), 255)
		}
	}
	return bits
}

// Weights are scaled as is reported, they cost fewer bits than before, and no channel scaled
// further makes them fewer: at a large lambda, where what int8 loses does not count, and at
// a small one, where it is all that counts.
func TestBalance(t *testing.T) {
	for _, lambda := range []float64{1e3, 1e-4, 1e-9} {
		layers, pairs := stack(2)
		of, done, balanced := sensitive(3, layers, pairs)
		var old [][]float32
		for _, l := range layers {
			old = append(old, slices.Clone(l.Weights))
		}
		first := balancedBits(layers, of, lambda)
		Balance(balanced, lambda)
		least := balancedBits(layers, of, lambda)
		if least > first-1 {
			t.Errorf("lambda %g: %.1f bits before, %.1f after", lambda, first, least)
		}
		for i, l := range layers {
			rows, row := len(done[i].Rows), len(l.Weights)/len(done[i].Rows)
			groups := len(done[i].Columns) / row
			for k, v := range l.Weights {
				r := k / row
				want := float64(old[i][k]) * done[i].Rows[r] * done[i].Columns[r/(rows/groups)*row+k%row]
				if math.Abs(float64(v)-want) > 1e-4*math.Abs(want) {
					t.Fatalf("lambda %g: weight %d of layer %d is %v, the scaling says %v", lambda, k, i, v, want)
				}
			}
		}
		for i, p := range balanced {
			for c := range p.A.Channels {
				for _, s := range []float64{0.9, 1.1} {
					p.move(c, s)
					if got := balancedBits(layers, of, lambda); got < least-2e-4*math.Abs(least) {
						t.Errorf("lambda %g: channel %d of pair %d times %v: %.3f bits, %.3f without", lambda, c, i, s, got, least)
					}
					p.move(c, 1/s)
				}
			}
		}
	}
}

// Layers whose weights, or whose outputs, cost nothing stay as they are.
func TestBalanceWithoutCurvature(t *testing.T) {
	layers, pairs := stack(4)
	of, _, balanced := sensitive(5, layers, pairs)
	clear(of[1].Curvature)
	before := slices.Clone(layers[1].Weights)
	if Balance(balanced, 1e-4); !slices.Equal(layers[1].Weights, before) {
		t.Error("a layer without curvature was scaled")
	}
}
