package format

import (
	"cmp"
	"slices"
)

// align is the alignment of tensors in the arena, in bytes.
const align = 16

// buffer is a piece of the arena: one tensor, or several that share memory.
type buffer struct {
	size        int64
	first, last int // instructions between which it is in use; -1: before the first
	offset      int64
}

// Plan assigns each tensor of f its place in the arena and sets f.Arena. Tensors
// whose lifetimes overlap never share memory, but for a reshape and its source,
// and a table or clamp that overwrites the source that nothing else reads.
//
// Buffers are placed in order of falling size, each at the lowest offset that
// is free during its lifetime (Pisarchyk and Lee, "Efficient Memory Management
// for Deep Neural Net Inference", 2020, greedy by size).
func Plan(f *File) {
	buffers, of := lifetimes(f)
	place(buffers)
	arena := int64(0)
	for _, b := range buffers {
		arena = max(arena, b.offset+b.size)
	}
	f.Arena = int(min(arena, MaxArena+1)) // more is refused by every reader
	for i := range f.Tensors {
		f.Tensors[i].Offset = int(min(buffers[of[i]].offset, MaxArena+1))
	}
}

// lifetimes returns the buffers and the buffer of each tensor.
func lifetimes(f *File) (buffers []*buffer, of []int) {
	of = make([]int, len(f.Tensors))
	for i := range f.Tensors {
		of[i] = i
		buffers = append(buffers, &buffer{size: bytesOf(&f.Tensors[i]), first: len(f.Instrs), last: -1})
	}
	for _, i := range f.Inputs {
		buffers[i].first = -1
	}
	for k, in := range f.Instrs {
		for _, i := range in.In {
			buffers[i].last = max(buffers[i].last, k)
		}
		buffers[in.Out].first = min(buffers[in.Out].first, k)
		buffers[in.Out].last = max(buffers[in.Out].last, k)
	}
	for _, i := range f.Outputs {
		buffers[i].last = len(f.Instrs)
	}
	for k, in := range f.Instrs {
		src, m := in.In[0], in.Op.row().memory
		if m == shared || m == overwrite && buffers[of[src]].last == k {
			merge(buffers, of, src, in.Out)
		}
	}
	return compact(buffers, of)
}

func bytesOf(t *Tensor) int64 {
	n := int64(t.Elems()) * int64(t.DType.Size())
	return (n + align - 1) / align * align
}

// merge puts tensor b into the buffer of tensor a.
func merge(buffers []*buffer, of []int, a, b int) {
	x, y := buffers[of[a]], buffers[of[b]]
	x.first, x.last, x.size = min(x.first, y.first), max(x.last, y.last), max(x.size, y.size)
	of[b] = of[a]
}

// compact drops the buffers that no tensor uses any more.
func compact(buffers []*buffer, of []int) ([]*buffer, []int) {
	number := map[int]int{}
	var out []*buffer
	for i, b := range of {
		if _, ok := number[b]; !ok {
			number[b] = len(out)
			out = append(out, buffers[b])
		}
		of[i] = number[b]
	}
	return out, of
}

func place(buffers []*buffer) {
	order := slices.Clone(buffers)
	slices.SortStableFunc(order, func(a, b *buffer) int { return cmp.Compare(b.size, a.size) })
	var placed []*buffer // by offset
	for _, b := range order {
		at := int64(0)
		for _, p := range placed {
			if p.last < b.first || b.last < p.first {
				continue
			}
			if at+b.size <= p.offset {
				break
			}
			at = max(at, p.offset+p.size)
		}
		b.offset = at
		i, _ := slices.BinarySearchFunc(placed, b, func(p, b *buffer) int { return cmp.Compare(p.offset, b.offset) })
		placed = slices.Insert(placed, i, b)
	}
}
