package format

import (
	"cmp"
	"math/bits"
	"slices"
)

// align is the alignment of tensors in the arena, in bytes.
const align = 16

// buffer is a piece of the arena: one tensor, or several that share memory.
type buffer struct {
	size        int64
	first, last int // instructions between which it is in use; -1: before the first
	number      int // that of its tensor, which decides where all else is equal
	offset      int64
	meets       []*buffer // those that are in use together with it
}

// Plan assigns each tensor of f its place in the arena and sets f.Arena. Tensors
// whose lifetimes overlap never share memory, but for a reshape and its source,
// and a table or clamp that overwrites the source that nothing else reads.
//
// Buffers are placed in order of falling size, each at the lowest offset that
// is free during its lifetime (Pisarchyk and Lee, "Efficient Memory Management
// for Deep Neural Net Inference", 2020, greedy by size). Where more than mostPairs of
// buffers may be in use together, they are placed in order of time instead, in memory of
// the next power of two bytes that earlier ones have left.
//
// Cost: n log n of the number of tensors, and of at most mostPairs pairs.
func Plan(f *File) {
	buffers, of := lifetimes(f)
	arena := int64(0)
	if pairs(buffers) <= mostPairs {
		arena = place(buffers)
	} else {
		arena = placeInTime(buffers)
	}
	f.Arena = int(min(arena, MaxArena+1)) // more is refused by every reader
	for i := range f.Tensors {
		f.Tensors[i].Offset = int(min(buffers[of[i]].offset, MaxArena+1))
	}
}

// mostPairs is the number of pairs of buffers that are compared: all of those of networks of
// up to 1,024 tensors.
const mostPairs = 1 << 19

// lifetimes returns the buffers and the buffer of each tensor.
func lifetimes(f *File) (buffers []*buffer, of []int) {
	of = make([]int, len(f.Tensors))
	all := make([]buffer, len(f.Tensors))
	for i := range f.Tensors {
		of[i] = i
		all[i] = buffer{size: bytesOf(&f.Tensors[i]), first: len(f.Instrs), last: -1, number: i}
		buffers = append(buffers, &all[i])
	}
	for _, i := range f.Inputs {
		buffers[i].first = -1
	}
	for k := range f.Instrs {
		in := &f.Instrs[k]
		for _, i := range in.In {
			buffers[i].last = max(buffers[i].last, k)
		}
		buffers[in.Out].first = min(buffers[in.Out].first, k)
		buffers[in.Out].last = max(buffers[in.Out].last, k)
	}
	for _, i := range f.Outputs {
		buffers[i].last = len(f.Instrs)
	}
	for k := range f.Instrs {
		in := &f.Instrs[k]
		m := in.Op.row().memory
		if m == apart {
			continue
		}
		src := in.In[0]
		if m == shared || buffers[of[src]].last == k && bytesOf(&f.Tensors[src]) == bytesOf(&f.Tensors[in.Out]) {
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
	number := make([]int, len(buffers)) // plus 1
	var out []*buffer
	for i, b := range of {
		if number[b] == 0 {
			out = append(out, buffers[b])
			number[b] = len(out)
		}
		of[i] = number[b] - 1
	}
	return out, of
}

// sorted returns the buffers by rising key.
func sorted(buffers []*buffer, key func(*buffer) int64) []*buffer {
	order := slices.Clone(buffers)
	slices.SortFunc(order, func(a, b *buffer) int { return cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a.number, b.number)) })
	return order
}

func byStart(buffers []*buffer) []*buffer {
	return sorted(buffers, func(b *buffer) int64 { return int64(b.first) })
}

// pairs bounds the number of pairs of buffers that are in use together: those of a buffer and
// one whose use begins during its own.
func pairs(buffers []*buffer) int64 {
	order := byStart(buffers)
	n := int64(0)
	for i, b := range order {
		end, _ := slices.BinarySearchFunc(order, b.last+1, func(x *buffer, t int) int { return cmp.Compare(x.first, t) })
		n += int64(end - i - 1)
	}
	return n
}

// meet lists for each buffer those that are in use together with it.
func meet(buffers []*buffer) {
	order := byStart(buffers)
	for i, b := range order {
		for _, x := range order[i+1:] {
			if x.first > b.last {
				break
			}
			b.meets, x.meets = append(b.meets, x), append(x.meets, b)
		}
	}
}

// place places the buffers greedily by size, and returns the bytes that they take.
func place(buffers []*buffer) (arena int64) {
	order := sorted(buffers, func(b *buffer) int64 { return -b.size })
	meet(buffers)
	for _, b := range order {
		b.offset = -1
	}
	for _, b := range order {
		placed := slices.DeleteFunc(b.meets, func(x *buffer) bool { return x.offset < 0 })
		slices.SortFunc(placed, func(a, b *buffer) int { return cmp.Compare(a.offset, b.offset) })
		at := int64(0)
		for _, p := range placed {
			if at+b.size <= p.offset {
				break
			}
			at = max(at, p.offset+p.size)
		}
		b.offset = at
		arena = max(arena, at+b.size)
	}
	return arena
}

// placeInTime places the buffers in the order in which their use begins, each where one of the
// same power of two bytes was that is not in use any more, and returns the bytes that they take.
func placeInTime(buffers []*buffer) (arena int64) {
	ends := sorted(buffers, func(b *buffer) int64 { return int64(b.last) })
	var free [64][]int64 // offsets, by the logarithm of the size
	class := func(b *buffer) int { return bits.Len64(uint64(b.size - 1)) }
	for _, b := range byStart(buffers) {
		for ; len(ends) > 0 && ends[0].last < b.first; ends = ends[1:] {
			k := class(ends[0])
			free[k] = append(free[k], ends[0].offset)
		}
		k := class(b)
		if n := len(free[k]); n > 0 {
			b.offset, free[k] = free[k][n-1], free[k][:n-1]
			continue
		}
		b.offset = arena
		arena += 1 << k
	}
	return arena
}
