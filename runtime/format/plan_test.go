package format

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomFile returns instructions over random tensors; only the fields that the
// planner reads are set.
func randomFile(rng *rand.Rand) *File {
	f := &File{}
	add := func() int {
		f.Tensors = append(f.Tensors, Tensor{DType: DType(rng.IntN(2)), Shape: []int{1 + rng.IntN(200)}})
		return len(f.Tensors) - 1
	}
	for range 1 + rng.IntN(2) {
		f.Inputs = append(f.Inputs, add())
	}
	for range 1 + rng.IntN(30) {
		in := Instr{Op: OpConv2D, In: []int{rng.IntN(len(f.Tensors))}}
		switch rng.IntN(4) {
		case 0:
			in.Op = OpAdd
			in.In = append(in.In, rng.IntN(len(f.Tensors)))
		case 1:
			in.Op = OpReshape
		case 2:
			in.Op = OpLUT
		}
		src := f.Tensors[in.In[0]]
		in.Out = add()
		if in.Op == OpReshape || in.Op == OpLUT {
			f.Tensors[in.Out] = src
		}
		f.Instrs = append(f.Instrs, in)
	}
	f.Outputs = []int{len(f.Tensors) - 1}
	if rng.IntN(2) == 0 {
		f.Outputs = append(f.Outputs, rng.IntN(len(f.Tensors)))
	}
	return f
}

// oracle runs the file on an arena in which every byte remembers who wrote it,
// and reports the first instruction that reads memory of another tensor.
func oracle(f *File) (instr int, ok bool) {
	owner := make([]int, f.Arena) // the buffer's content: a number for each distinct tensor content
	content := make([]int, len(f.Tensors))
	write := func(t int) {
		x := &f.Tensors[t]
		for i := x.Offset; i < x.Offset+x.Elems()*x.DType.Size(); i++ {
			owner[i] = content[t]
		}
	}
	intact := func(t int) bool {
		x := &f.Tensors[t]
		for i := x.Offset; i < x.Offset+x.Elems()*x.DType.Size(); i++ {
			if owner[i] != content[t] {
				return false
			}
		}
		return true
	}
	for i := range content {
		content[i] = i + 1
	}
	for _, t := range f.Inputs {
		write(t)
	}
	for k, in := range f.Instrs {
		for _, t := range in.In {
			if !intact(t) {
				return k, false
			}
		}
		if in.Op == OpReshape {
			content[in.Out] = content[in.In[0]]
		}
		if in.Op != OpReshape && in.Op != OpLUT {
			// Kernels may write the output before they have read the input.
			for i := range owner {
				x := &f.Tensors[in.Out]
				if i >= x.Offset && i < x.Offset+x.Elems()*x.DType.Size() {
					owner[i] = -1
				}
			}
			for _, t := range in.In {
				if !intact(t) {
					return k, false
				}
			}
		}
		write(in.Out)
	}
	for _, t := range f.Outputs {
		if !intact(t) {
			return len(f.Instrs), false
		}
	}
	return 0, true
}

func TestPlan(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range 500 {
		f := randomFile(rng)
		Plan(f)
		sum := int64(0)
		for k := range f.Tensors {
			x := &f.Tensors[k]
			sum += bytesOf(x)
			if x.Offset%align != 0 || x.Offset < 0 || x.Offset+x.Elems()*x.DType.Size() > f.Arena {
				t.Fatalf("case %d: tensor %d at %d of %d bytes, arena %d", i, k, x.Offset, x.Elems()*x.DType.Size(), f.Arena)
			}
		}
		if int64(f.Arena) > sum {
			t.Errorf("case %d: arena %d, all tensors apart need %d", i, f.Arena, sum)
		}
		if k, ok := oracle(f); !ok {
			t.Fatalf("case %d: instruction %d reads memory that was overwritten: %+v", i, k, f)
		}
	}
}

// A chain needs its two largest neighbours at once, and a table works in place.
func TestPlanChain(t *testing.T) {
	f := &File{Inputs: []int{0}, Outputs: []int{4}}
	for _, n := range []int{64, 160, 160, 32, 32} {
		f.Tensors = append(f.Tensors, Tensor{Shape: []int{n}})
	}
	for i, op := range []Opcode{OpConv2D, OpLUT, OpDense, OpReshape} {
		f.Instrs = append(f.Instrs, Instr{Op: op, In: []int{i}, Out: i + 1})
	}
	Plan(f)
	if f.Arena != 64+160 {
		t.Errorf("arena %d, want %d", f.Arena, 64+160)
	}
	if f.Tensors[1].Offset != f.Tensors[2].Offset || f.Tensors[3].Offset != f.Tensors[4].Offset {
		t.Error("table or reshape does not work in place")
	}
}

// placeOne is the definition of the greedy plan: every buffer is compared with all.
func placeOne(buffers []*buffer) {
	order := slices.Clone(buffers)
	slices.SortStableFunc(order, func(a, b *buffer) int { return cmp.Compare(b.size, a.size) })
	for i, b := range order {
		placed := slices.Clone(order[:i])
		slices.SortStableFunc(placed, func(a, b *buffer) int { return cmp.Compare(a.offset, b.offset) })
		b.offset = 0
		for _, p := range placed {
			if p.last < b.first || b.last < p.first {
				continue
			}
			if b.offset+b.size <= p.offset {
				break
			}
			b.offset = max(b.offset, p.offset+p.size)
		}
	}
}

func TestPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range 300 {
		f := randomFile(rng)
		got, _ := lifetimes(f)
		want, _ := lifetimes(f)
		place(got)
		placeOne(want)
		for k := range got {
			if got[k].offset != want[k].offset {
				t.Fatalf("case %d: buffer %d at %d, want %d", i, k, got[k].offset, want[k].offset)
			}
		}
	}
}

// Of many tensors that live together no pairs are compared; they keep apart all the same.
func TestPlanMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	f := &File{Tensors: []Tensor{{Shape: []int{1}}}, Inputs: []int{0}}
	for k := range 3000 {
		in := Instr{Op: OpConcat, In: []int{rng.IntN(k + 1), max(0, k-rng.IntN(2000))}, Out: k + 1}
		f.Instrs, f.Tensors = append(f.Instrs, in), append(f.Tensors, Tensor{Shape: []int{1 + rng.IntN(20)}})
	}
	f.Outputs = []int{3000}
	buffers, _ := lifetimes(f)
	if n := pairs(buffers); n <= mostPairs {
		t.Fatalf("%d pairs: the network is too small", n)
	}
	Plan(f)
	if k, ok := oracle(f); !ok {
		t.Errorf("instruction %d reads memory that was overwritten", k)
	}
	sum := int64(0)
	for i := range f.Tensors {
		sum += 2 * bytesOf(&f.Tensors[i])
	}
	if int64(f.Arena) > sum {
		t.Errorf("arena %d, all tensors apart need half of %d", f.Arena, sum)
	}
	for _, b := range buffers {
		b.offset = 0
	}
	few := buffers[:1000]
	n := int64(0)
	for meet(few); len(few) > 0; few = few[1:] {
		n += int64(len(few[0].meets))
	}
	if all := pairs(buffers[:1000]); n != 2*all || all > mostPairs {
		t.Errorf("1000 buffers: %d comparisons, %d pairs", n, all)
	}
}
