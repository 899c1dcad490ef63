package op

import (
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgec/internal/deep"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// The gradient of sum(r * out) for a random r is compared with the stencil of
// fourth order (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, summed in float64.
// h is a power of two, so that inputs move by exactly h.
const (
	gradStep = 1.0 / 16
	// gradTol bounds |difference| / max(1, |gradient|): float32 forward passes
	// err by about 1e-7, divided by the step, over some tens of terms.
	gradTol = 2e-4
	// sumTol bounds |difference| / max(1, |value|) of float32 sums of some
	// hundred terms in two orders.
	sumTol = 2e-5
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// sorted ranges over m by its names, so that cases that share a generator draw
// the same numbers in every run.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

func normal(rng *rand.Rand, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	for i := range x.Data {
		x.Data[i] = float32(rng.NormFloat64())
	}
	return x
}

// spaced returns distinct values 0.5 apart in random order: no step of the
// stencil changes which one is larger, or the sign of one.
func spaced(rng *rand.Rand, shape ...int) *tensor.Tensor {
	x := tensor.New(shape...)
	for i, p := range rng.Perm(len(x.Data)) {
		x.Data[i] = float32(p-len(x.Data)/2)*0.5 + 0.25
	}
	return x
}

func shapesOf(in []*tensor.Tensor) []tensor.Shape {
	s := make([]tensor.Shape, len(in))
	for i, t := range in {
		if t != nil {
			s[i] = t.Shape
		}
	}
	return s
}

var nan = float32(math.NaN())

// dirty returns a work space full of NaN: operators must not trust it.
func dirty() *graph.Scratch {
	s := new(graph.Scratch)
	for i := 0; i < 4; i++ {
		setAll(s.Floats(i, 1<<14), nan)
	}
	return s
}

func setAll(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// forwardOf infers the shapes and runs o on an output full of NaN.
func forwardOf(t *testing.T, o graph.Op, in ...*tensor.Tensor) *tensor.Tensor {
	t.Helper()
	shapes, err := o.Infer(shapesOf(in))
	if err != nil {
		t.Fatalf("%s%+v: %v", o.Name(), o, err)
	}
	out := tensor.New(shapes[0]...)
	setAll(out.Data, nan)
	o.Forward(dirty(), []*tensor.Tensor{out}, in)
	return out
}

// gradients runs Backward on gradients that hold prior already, where wanted,
// and returns what it added.
func gradients(o graph.Differentiable, in []*tensor.Tensor, out, dout *tensor.Tensor, wanted func(i int) bool) []*tensor.Tensor {
	const prior = 0.5
	din := make([]*tensor.Tensor, len(in))
	for i, x := range in {
		if x != nil && wanted(i) {
			din[i] = tensor.New(x.Shape...)
			setAll(din[i].Data, prior)
		}
	}
	d := dout.Clone()
	o.Backward(dirty(), din, in, []*tensor.Tensor{out}, []*tensor.Tensor{d})
	for _, x := range din {
		if x != nil {
			for i := range x.Data {
				x.Data[i] -= prior
			}
		}
	}
	return din
}

// checkGradients verifies every input's gradient by finite differences, then
// that each comes out the same when it is the only one wanted. Inputs whose
// number is in fixed have none.
func checkGradients(t *testing.T, o graph.Differentiable, rng *rand.Rand, in []*tensor.Tensor, fixed ...int) {
	t.Helper()
	out := forwardOf(t, o, in...)
	r := normal(rng, out.Shape...)
	loss := func() float64 {
		y := tensor.New(out.Shape...)
		o.Forward(new(graph.Scratch), []*tensor.Tensor{y}, in)
		sum := 0.0
		for i, v := range y.Data {
			sum += float64(v) * float64(r.Data[i])
		}
		return sum
	}
	isFixed := func(i int) bool {
		for _, f := range fixed {
			if f == i {
				return true
			}
		}
		return false
	}
	din := gradients(o, in, out, r, func(int) bool { return true })
	for k, x := range in {
		if x == nil || isFixed(k) {
			continue
		}
		for i, v := range x.Data {
			at := func(steps float32) float64 {
				x.Data[i] = v + steps*gradStep
				defer func() { x.Data[i] = v }()
				return loss()
			}
			want := (at(-2) - 8*at(-1) + 8*at(1) - at(2)) / (12 * gradStep)
			got := float64(din[k].Data[i])
			if !(math.Abs(got-want) <= gradTol*math.Max(1, math.Abs(want))) {
				t.Fatalf("%s%+v: inputs %v: gradient of input %d at %d is %v, differences give %v", o.Name(), o, shapesOf(in), k, i, got, want)
			}
		}
		only := gradients(o, in, out, r, func(i int) bool { return i == k })
		equalWithin(t, only[k], din[k], 0, "%s%+v: gradient of input %d alone", o.Name(), o, k)
	}
}

// equalWithin fails unless |got-want| <= tol * max(1, |want|) everywhere.
func equalWithin(t *testing.T, got, want *tensor.Tensor, tol float64, format string, args ...any) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Fatalf(format+": shape %v, want %v", append(args, got.Shape, want.Shape)...)
	}
	for i, v := range want.Data {
		if d := math.Abs(float64(got.Data[i]) - float64(v)); !(d <= tol*math.Max(1, math.Abs(float64(v)))) {
			t.Fatalf(format+": element %d of %v is %v, want %v", append(args, i, want.Shape, got.Data[i], v)...)
		}
	}
}

// checkClamp verifies a clamped operator against the same one without: the
// output is clamped, and the gradient is that of the masked dout, exactly.
func checkClamp(t *testing.T, clamped, bare graph.Differentiable, c Clamp, rng *rand.Rand, in []*tensor.Tensor) {
	t.Helper()
	out, free := forwardOf(t, clamped, in...), forwardOf(t, bare, in...)
	r := normal(rng, out.Shape...)
	masked := r.Clone()
	cut := 0
	for i, v := range free.Data {
		if want := min(max(v, c.Lo), c.Hi); out.Data[i] != want {
			t.Fatalf("%s%+v: output %v, want %v", clamped.Name(), clamped, out.Data[i], want)
		}
		if v <= c.Lo || v >= c.Hi {
			masked.Data[i] = 0
			cut++
		}
	}
	if cut == 0 || cut == len(free.Data) {
		t.Fatalf("%s%+v: the limits cut %d of %d outputs: the test shows nothing", clamped.Name(), clamped, cut, len(free.Data))
	}
	all := func(int) bool { return true }
	got, want := gradients(clamped, in, out, r, all), gradients(bare, in, free, masked, all)
	for k := range in {
		if in[k] != nil {
			equalWithin(t, got[k], want[k], 0, "%s%+v: gradient of input %d", clamped.Name(), clamped, k)
		}
	}
}

var clamps = []Clamp{{On: true, Lo: 0, Hi: float32(math.Inf(1))}, {On: true, Lo: -0.5, Hi: 0.75}, {On: true, Lo: float32(math.Inf(-1)), Hi: 0.25}}

// checkRefusals verifies that Infer refuses each case with a message of one
// line that holds the given words.
type refusal struct {
	name string
	op   graph.Op
	in   []tensor.Shape
	says string
}

func checkRefusals(t *testing.T, cases []refusal) {
	for _, c := range cases {
		t.Run(c.op.Name()+" "+c.name, func(t *testing.T) {
			out, err := c.op.Infer(c.in)
			if err == nil {
				t.Fatalf("accepted %v, output %v", c.in, out)
			}
			if msg := err.Error(); !strings.Contains(msg, c.says) || strings.Contains(msg, "\n") {
				t.Errorf("message %q does not say %q", msg, c.says)
			}
		})
	}
}

// cases is how many random cases a test tries: n where EDGEC_DEEP is set, a third otherwise.
func cases(n int) int {
	if deep.On() {
		return n
	}
	return n / 3
}
