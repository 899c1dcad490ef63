package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/internal/ortcheck"
	"edgec/internal/tensor"
)

// wander builds a random chain of operators that move, merge, split and drop dimensions. The
// sizes are those of one sample; batch is the dimension that holds the batch, -1 for none.
type wander struct {
	b     *modelBuilder
	rng   *rand.Rand
	dims  []int
	batch int
	open  bool
	last  string
	count int
}

// newWalk begins with an input of three or four dimensions, of which one is the batch: open
// by name, or the first one, of size 1.
func newWalk(rng *rand.Rand) *wander {
	w := &wander{b: newModel(18), rng: rng, open: rng.IntN(3) > 0, last: "x"}
	for range 3 + rng.IntN(2) {
		w.dims = append(w.dims, 2+rng.IntN(3))
	}
	if w.open && rng.IntN(2) == 0 {
		w.batch = rng.IntN(len(w.dims))
	}
	w.dims[w.batch] = 1
	at := -1
	if w.open {
		at = w.batch
	}
	w.b.inputOpen("x", "batch", at, w.dims...)
	return w
}

// then appends a node that reads the last result and the given initializers.
func (w *wander) then(opType, more string, attrs ...attribute) {
	w.count++
	out := fmt.Sprint("t", w.count)
	w.b.node(opType, w.last+more, out, attrs...)
	w.last = out
}

// ints adds an initializer of integers and returns its name as a further input.
func (w *wander) ints(v ...int) string {
	name := fmt.Sprint("i", w.count)
	w.b.int64s(name, v...)
	return "," + name
}

func (w *wander) floats(dims ...int) string {
	name := fmt.Sprint("f", w.count)
	v := make([]float32, volume(dims))
	for i := range v {
		v[i] = float32(w.rng.NormFloat64())
	}
	w.b.floats(name, dims, v...)
	return "," + name
}

// reshape appends a Reshape to dims, in which the batch is at batch.
func (w *wander) reshape(dims []int, batch int) {
	target := slices.Clone(dims)
	if w.open && batch >= 0 {
		target[batch] = -1
	}
	w.then("Reshape", w.ints(target...))
	w.dims, w.batch = dims, batch
}

// step appends one operator that fits the dimensions.
func (w *wander) step() {
	k := w.rng.IntN(len(w.dims))
	switch w.rng.IntN(9) {
	case 0:
		p := w.rng.Perm(len(w.dims))
		w.then("Transpose", "", attribute{"perm", p})
		dims := make([]int, len(p))
		for i, d := range p {
			dims[i] = w.dims[d]
		}
		w.dims, w.batch = dims, slices.Index(p, w.batch)
	case 1: // merge k and the next
		if k+1 < len(w.dims) {
			dims := slices.Concat(w.dims[:k], []int{w.dims[k] * w.dims[k+1]}, w.dims[k+2:])
			batch := w.batch
			if batch > k {
				batch--
			}
			w.reshape(dims, batch)
		}
	case 2: // split k in two, of which either may keep the batch
		if d := w.dims[k]; d%2 == 0 {
			dims := slices.Concat(w.dims[:k], []int{2, d / 2}, w.dims[k+1:])
			batch := w.batch
			if batch > k || batch == k && w.rng.IntN(2) == 0 {
				batch++
			}
			w.reshape(dims, batch)
		}
	case 3:
		w.then("Unsqueeze", w.ints(k))
		w.dims = slices.Insert(w.dims, k, 1)
		if w.batch >= k {
			w.batch++
		}
	case 4:
		if w.dims[k] == 1 && len(w.dims) > 2 && (k != w.batch || !w.open) {
			w.then("Squeeze", w.ints(k))
			w.dims = slices.Delete(w.dims, k, k+1)
			if w.batch == k {
				w.batch = -1
			} else if w.batch > k {
				w.batch--
			}
		}
	default:
		w.compute(k)
	}
}

// compute appends an operator that computes along dimension k.
// Complexity: a case for each operator.
//
//gocyclo:ignore
func (w *wander) compute(k int) {
	n := len(w.dims)
	switch w.rng.IntN(11) {
	case 7:
		if k != w.batch && w.dims[k] > 1 {
			w.split(k)
		}
	case 8:
		if k != w.batch {
			w.pad(k)
		}
	case 9:
		if k != w.batch {
			w.gather(k)
		}
	case 10:
		if k != w.batch {
			repeats := slices.Repeat([]int{1}, n)
			repeats[k] = 2
			w.then("Tile", w.ints(repeats...))
			w.dims[k] *= 2
		}
	case 0:
		if n > 1 && (w.batch != n-1 || !w.open) {
			w.then("MatMul", w.floats(w.dims[n-1], 3))
			w.dims[n-1] = 3
		}
	case 1:
		c := slices.Clone(w.dims[k:])
		for i := range c {
			if i+k == w.batch || w.rng.IntN(2) == 0 {
				c[i] = 1
			}
		}
		w.then([]string{"Add", "Mul", "Sub"}[w.rng.IntN(3)], w.floats(c...))
	case 2:
		if k != w.batch {
			w.then("Softmax", "", attribute{"axis", k})
		}
	case 3:
		if k != w.batch && n > 2 {
			keep := w.rng.IntN(2)
			w.then([]string{"ReduceMean", "ReduceMax"}[w.rng.IntN(2)], w.ints(k), attribute{"keepdims", keep})
			w.dims[k] = 1
			if keep == 0 {
				w.dims = slices.Delete(w.dims, k, k+1)
				if w.batch > k {
					w.batch--
				}
			}
		}
	case 4:
		if k != w.batch {
			w.then("Concat", ","+w.last, attribute{"axis", k})
			w.dims[k] *= 2
		}
	case 5:
		if k != w.batch {
			w.slice(k)
		}
	default:
		w.then("Tanh", "")
	}
}

// split joins the second part of dimension k and the first.
func (w *wander) split(k int) {
	first := 1 + w.rng.IntN(w.dims[k]-1)
	sizes := w.ints(first, w.dims[k]-first)
	w.count++
	a, b, out := fmt.Sprint("a", w.count), fmt.Sprint("b", w.count), fmt.Sprint("t", w.count)
	w.b.node("Split", w.last+sizes, a+","+b, attribute{"axis", k})
	w.b.node("Concat", b+","+a, out, attribute{"axis", k})
	w.last = out
}

// pad pads dimension k in one of the modes.
func (w *wander) pad(k int) {
	mode := []string{"constant", "edge", "reflect"}[w.rng.IntN(3)]
	pads := make([]int, 2*len(w.dims))
	pads[k], pads[k+len(w.dims)] = w.rng.IntN(min(3, w.dims[k])), w.rng.IntN(min(3, w.dims[k]))
	w.then("Pad", w.ints(pads...), attribute{"mode", mode})
	w.dims[k] += pads[k] + pads[k+len(w.dims)]
}

// gather takes one index of dimension k, which goes with it or stays, or several.
func (w *wander) gather(k int) {
	name := fmt.Sprint("g", w.count)
	switch at := w.rng.IntN(w.dims[k]); {
	case len(w.dims) > 2 && w.rng.IntN(3) == 0:
		w.b.scalarInts(name, at)
		w.then("Gather", ","+name, attribute{"axis", k})
		w.dims = slices.Delete(w.dims, k, k+1)
		if w.batch > k {
			w.batch--
		}
	case w.rng.IntN(2) == 0:
		w.b.int64s(name, at)
		w.then("Gather", ","+name, attribute{"axis", k})
		w.dims[k] = 1
	default:
		w.b.int64s(name, at, -1, 0)
		w.then("Gather", ","+name, attribute{"axis", k})
		w.dims[k] = 3
	}
}

// slice takes some of dimension k, forwards or backwards.
func (w *wander) slice(k int) {
	from, step := w.rng.IntN(w.dims[k]), 1+w.rng.IntN(2)
	first, last, by, more := from, w.dims[k], step, ""
	if w.rng.IntN(3) == 0 { // the same number of elements, from the last on
		first, last, by = -1-from, -1000, -step
	}
	for i, v := range []int{first, last, k, by} {
		name := fmt.Sprint("s", w.count, "_", i)
		w.b.int64s(name, v)
		more += "," + name
	}
	w.then("Slice", more)
	w.dims[k] = (w.dims[k] - from + step - 1) / step
}

// TestRandomWalks: chains of operators around a batch that moves, merges and vanishes give
// the outputs of ONNX Runtime, or are refused.
func TestRandomWalks(t *testing.T) {
	r := ortcheck.New(t)
	const walks, steps = 400, 9
	got := map[string]*tensor.Tensor{}
	files := map[string]*wander{}
	for i := range walks {
		rng := rand.New(rand.NewPCG(uint64(i), 17))
		w := newWalk(rng)
		for range steps {
			w.step()
		}
		w.then("Tanh", "")
		w.b.graph.bytes(12, valueInfo(w.last, typeFloat, make([]int, len(w.dims))))
		name := fmt.Sprint("walk", i)
		g, err := Decode(w.b.bytes(), name)
		if err != nil {
			t.Log(err)
			continue
		}
		x := tensor.New(g.Inputs[0].Shape.WithBatch(3)...)
		for k := range x.Data {
			x.Data[k] = float32(rng.NormFloat64())
		}
		out, err := forward(g, x)
		if err != nil {
			t.Fatal(err)
		}
		apart(t, g, []*tensor.Tensor{x}, out)
		got[name], files[name] = out[0], w
		r.AddSingle(name, w.b.bytes(), x.Data)
	}
	r.Run()
	for name, y := range got {
		want := r.Output(name, "plain")
		if len(want) != len(y.Data) {
			t.Errorf("%s: %d elements, want %d", name, len(y.Data), len(want))
			continue
		}
		closeTo(t, name, y, tensor.Of(want, y.Shape...), goldenTol)
	}
	t.Logf("%d of %d walks were read", len(got), walks)
	if len(got) < walks*3/4 {
		t.Errorf("only %d of %d walks were read", len(got), walks)
	}
}
