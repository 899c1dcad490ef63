package onnx

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"edgec/internal/deep"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// anyOperand is an activation, a constant or the output of a QuantizeLinear, of a random small
// shape and type.
func anyOperand(rng *rand.Rand, r *reader) *operand {
	dims := [][]int{{}, {1}, {2}, {3}, {2, 3}, {3, 3}, {1, 2, 3}, {1, 2, 4, 4}, {2, 1, 3, 3}, {1, 1, 2, 3, 4}, {0}, {2, 0}}[rng.IntN(12)]
	typ := []int64{typeFloat, typeInt64, typeBool, typeUint8, typeFloat16}[rng.IntN(5)]
	a := &array{name: "a", typ: typ, dims: dims}
	a.make(volume(dims))
	for k := range a.f {
		a.f[k] = float32(rng.IntN(7)) - 2.5
	}
	for k := range a.i {
		a.i[k] = narrow(int64(rng.IntN(5))-1, typ)
	}
	if a.size() == 0 || rng.IntN(2) == 0 {
		return constantOperand(a)
	}
	var b batchAxis
	var sample []int
	if r.fixed {
		b, sample, _ = r.place(nil, [2][]int{dims, dims})
	} else {
		if b, sample = scalar, []int{1}; len(dims) > 0 {
			b = batchAxis{at: rng.IntN(len(dims))}
			sample = slices.Delete(slices.Clone(dims), b.at, b.at+1)
		}
		if len(sample) == 0 {
			b, sample = onlyBatch, []int{1}
		}
	}
	v := &graph.Value{Name: r.unique("value", "x"), Shape: append(tensor.Shape{1}, sample...), Elem: elemOf(typ)}
	r.g.Inputs = append(r.g.Inputs, v)
	if rng.IntN(6) == 0 {
		return &operand{quant: &quantized{act: v, batch: b, grid: graph.Affine{Scale: 0.5}, typ: typeUint8, index: rng.IntN(3) == 0}}
	}
	return &operand{act: v, batch: b, typ: typ}
}

// anyAttrs are attributes that operators know, of random values.
func anyAttrs(rng *rand.Rand) (attrs []*attrProto) {
	for _, name := range []string{"axis", "keepdims", "group", "ceil_mode", "mode", "direction", "to", "blocksize", "largest", "batch_axis", "time_axis", "hidden_size", "num_heads", "kv_num_heads", "q_num_heads", "num_groups", "k", "p", "size", "allowzero", "exclusive", "inverse", "onesided", "block_size", "num_outputs", "select_last_index"} {
		if rng.IntN(6) == 0 {
			attrs = append(attrs, &attrProto{name: name, i: int64(rng.IntN(6)) - 2, s: []byte([]string{"", "reflect", "linear", "LEFT", "DCR", "reverse", "bidirectional"}[rng.IntN(7)]), f: rng.Float32()})
		}
	}
	for _, name := range []string{"axes", "pads", "kernel_shape", "strides", "dilations", "output_padding", "output_shape", "perm", "shape", "split", "steps", "starts", "ends"} {
		if rng.IntN(6) == 0 {
			a := &attrProto{name: name}
			for range rng.IntN(5) {
				a.ints = append(a.ints, int64(rng.IntN(5))-1)
			}
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// TestAnyOperands: no row of the tables, no operator on integers crashes or hangs
// on operands of any number, shape, type and kind.
func TestAnyOperands(t *testing.T) {
	tries := 40
	if deep.On() {
		tries = 3000
	}
	var names [][2]string
	for _, row := range table {
		names = append(names, [2]string{"", row.name})
	}
	for key := range integerOps {
		names = append(names, key)
	}
	for name := range ofRuntime {
		names = append(names, [2]string{"com.microsoft", name})
	}
	for name := range learned {
		names = append(names, [2]string{"ai.onnx.ml", name})
	}
	names = append(names, [2]string{"ai.onnx.preview", "FlexAttention"})
	for _, key := range names {
		rng := rand.New(rand.NewPCG(11, uint64(len(key[1]))))
		for range tries {
			r := newReader(&modelProto{graph: &graphProto{}}, "any", nil)
			r.opset, r.batch = []int{9, 13, 18, 23, 28}[rng.IntN(5)], [2]int{2, 3}
			if rng.IntN(2) == 0 {
				r.whole, r.fixed, r.batch = true, true, [2]int{1, 1}
			}
			p := &nodeProto{name: "n", opType: key[1], domain: key[0], outputs: []string{"y", "z"}[:1+rng.IntN(2)], attrs: anyAttrs(rng)}
			for i := range rng.IntN(6) {
				name := fmt.Sprint("x", i)
				if rng.IntN(8) > 0 {
					r.names[name] = anyOperand(rng, r)
					p.inputs = append(p.inputs, name)
				} else {
					p.inputs = append(p.inputs, "")
				}
			}
			start := time.Now()
			crashed := false
			func() {
				defer func() {
					if f := recover(); f != nil {
						crashed = true
						t.Errorf("%s: %v\n%s", key, f, debug.Stack())
					}
				}()
				r.readNode(p)
			}()
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("%s takes %v", key, d)
			}
			if crashed {
				break
			}
		}
	}
}
