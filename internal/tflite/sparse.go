package tflite

import (
	"encoding/binary"
	"fmt"
)

// A sparse constant holds its elements in the order of a tree: a level for each dimension, and
// for each dimension of a block where dimensions are divided into blocks. A dense level has all
// its indexes, a sparse one (compressed rows) those of a list between two bounds.
// Source: TFLite's schema, SparsityParameters.

// level is a level of the tree.
type level struct {
	dim    int   // of the constant
	inner  bool  // it is within a block, of size elements of the dimension
	size   int   // of a dense level
	sparse bool  // it has bounds and indexes
	bounds []int // of the children of node k: bounds[k] to bounds[k+1]-1 of indexes
	list   []int
}

// sparseLimit bounds the levels of a tree: 4 dimensions, each divided.
const sparseLimit = 16

// places returns where the stored elements of x belong, nil when all n are stored.
func (x *entry) places(n int) ([]int, error) {
	if x.sparsity.Pos == 0 {
		return nil, nil
	}
	levels, err := x.levels()
	if err != nil {
		return nil, err
	}
	w := walk{levels: levels, index: make([]int, len(x.shape)), shape: x.shape, most: n}
	if !w.visit(0, 0) {
		return nil, fmt.Errorf("constant %q has a list of elements that leads out of its shape %v: the file is damaged", x.name, x.shape)
	}
	return w.places, nil
}

// levels returns the tree of a sparse constant.
func (x *entry) levels() ([]level, error) {
	s, rank := x.sparsity, len(x.shape)
	order, blocks, described := s.ints(sparseOrder), s.ints(sparseBlocks), s.list(sparseLevels)
	if len(order) != len(described) || len(order) != rank+len(blocks) || len(order) > sparseLimit {
		return nil, fmt.Errorf("constant %q of %d dimensions and %d blocks has %d levels: the file is damaged", x.name, rank, len(blocks), len(order))
	}
	levels := make([]level, len(order))
	for i, d := range order {
		l := level{dim: d, size: int(described[i].int32(levelSize, 0))}
		if d >= rank {
			if k := d - rank; k >= len(blocks) {
				return nil, fmt.Errorf("constant %q has level %d of dimension %d: the file is damaged", x.name, i, d)
			} else {
				l.dim, l.inner = blocks[k], true
			}
		}
		if l.dim < 0 || l.dim >= rank {
			return nil, fmt.Errorf("constant %q has level %d of dimension %d: the file is damaged", x.name, i, l.dim)
		}
		if l.sparse = described[i].int8(levelFormat, 0) != 0; l.sparse {
			l.bounds, l.list = described[i].numbers(levelSegments), described[i].numbers(levelIndices)
		}
		levels[i] = l
	}
	return levels, nil
}

// numbers returns the list of a union whose kind is the field before k: 32, 16 or 8 bits.
func (t table) numbers(k int) []int {
	v, ok := t.sub(k)
	if !ok {
		return nil
	}
	switch t.int8(k-1, 0) {
	case 1:
		return v.ints(0)
	case 2:
		o := v.field(0)
		if o == 0 {
			return nil
		}
		list := make([]int, v.length(o, 2))
		at := v.Vector(o)
		for i := range list {
			list[i] = int(binary.LittleEndian.Uint16(v.Bytes[int(at)+2*i:]))
		}
		return list
	}
	b := v.bytes(0)
	list := make([]int, len(b))
	for i, n := range b {
		list[i] = int(n)
	}
	return list
}

// walk visits the leaves of a tree.
type walk struct {
	levels []level
	index  []int // of the dimensions, so far
	shape  []int
	places []int
	most   int // elements of the constant
	nodes  int // visited
}

// visit goes on at node k of level i; it is false when the tree leads out of the constant.
func (w *walk) visit(i, k int) bool {
	if w.nodes++; w.nodes > (sparseLimit+1)*(w.most+1) {
		return false
	}
	if i == len(w.levels) {
		at := 0
		for d, n := range w.shape {
			if w.index[d] >= n {
				return false
			}
			at = at*n + w.index[d]
		}
		w.places = append(w.places, at)
		return len(w.places) <= w.most
	}
	l := &w.levels[i]
	from, to := 0, l.size
	if l.sparse {
		if k < 0 || k+1 >= len(l.bounds) {
			return false
		}
		from, to = l.bounds[k], l.bounds[k+1]
		if from < 0 || to > len(l.list) {
			return false
		}
	}
	outer := w.index[l.dim]
	if !l.sparse && (to > w.shape[l.dim] || to < 0) {
		return false
	}
	for j := from; j < to; j++ {
		child, at := k*l.size+j, j
		if l.sparse {
			child, at = j, l.list[j]
		}
		if at < 0 || at >= w.shape[l.dim] {
			return false
		}
		if w.index[l.dim] = at; l.inner {
			w.index[l.dim] = outer*l.size + at
		}
		if !w.visit(i+1, child) {
			return false
		}
	}
	w.index[l.dim] = outer
	return true
}
