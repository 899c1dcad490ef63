package format

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// adding is a network of two inputs, x and h, whose outputs are x + h, the next h, and x h.
func adding() *File {
	f := float32s(Instr{Op: OpBinary, Function: BinaryAdd}, []int{3}, []int{3}, []int{3})
	f.Instrs = append(f.Instrs, Instr{Op: OpBinary, Function: BinaryMul, In: []int{0, 1}, Out: 3, Weight: -1, LUT: -1, ClampMin: -128, ClampMax: 127})
	f.Tensors = append(f.Tensors, Tensor{DType: Float32, Shape: []int{3}})
	f.Outputs, f.State = []int{3, 2}, []State{{Output: 1, Input: 1}}
	Finish(f)
	return f
}

// TestState: links come back as they were written, in a section that SPEC.md numbers 7, and in
// deltas.
func TestState(t *testing.T) {
	f := adding()
	data, sizes, err := Encode(f)
	if err != nil {
		t.Fatal(err)
	}
	if major, minor := VersionOf(data); major != 1 || minor != 3 || sizes.Total() != len(data) || !bytes.Contains(data, []byte{7, 3, 1, 1, 1}) {
		t.Errorf("version %d.%d, %d of %d bytes accounted for, % x", major, minor, sizes.Total(), len(data), data)
	}
	got, err := Decode(data)
	if err != nil || !reflect.DeepEqual(got.State, f.State) {
		t.Fatalf("%+v, %v", got, err)
	}
	without := adding()
	without.State = nil
	plain, _, err := Encode(without)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2][]byte{"linked": {plain, data}, "taken apart": {data, plain}, "as before": {data, data}} {
		delta, err := Diff(pair[0], pair[1])
		if err != nil {
			t.Fatal(name, err)
		}
		if again, err := Patch(pair[0], delta); err != nil || !bytes.Equal(again, pair[1]) {
			t.Errorf("%s: %v", name, err)
		}
		for k := range delta {
			bad := bytes.Clone(delta)
			bad[k] ^= 8
			if _, err := Patch(pair[0], bad); err == nil {
				t.Errorf("%s: a delta with byte %d changed is taken", name, k)
			}
		}
	}
}

// TestStateRefused: links that are not there or not alike are named.
func TestStateRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *File)
		says   string
	}{
		"no such output":    {func(f *File) { f.State[0].Output = 2 }, "output 2 with input 1"},
		"no such input":     {func(f *File) { f.State[0].Input = 2 }, "output 1 with input 2"},
		"two for one input": {func(f *File) { f.State = append(f.State, f.State[0]) }, "not in order"},
		"disorder":          {func(f *File) { f.State = []State{{1, 1}, {1, 0}} }, "not in order"},
		"whole numbers":     {func(f *File) { f.Tensors[1].Whole = true }, "another shape, type or grid"},
		"another shape":     {func(f *File) { f.Tensors[1].Shape = []int{1} }, "another shape, type or grid"},
		"an input of int8":  {func(f *File) { *f = *dense(); f.State = []State{{0, 0}} }, "another shape, type or grid"},
	} {
		t.Run(name, func(t *testing.T) {
			f := adding()
			c.change(f)
			if _, _, err := Encode(f); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %s", err, c.says)
			}
		})
	}
	data, _, err := Encode(adding())
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte{7, 3, 1, 1, 1})
	for _, body := range [][]byte{{0, 1, 1}, {2, 1, 1}, {1, 1, 0x80}} {
		bad := bytes.Clone(data)
		copy(bad[at+2:], body)
		if _, err := Decode(sealed(bad)); err == nil {
			t.Errorf("section % x is taken", body)
		}
	}
}
