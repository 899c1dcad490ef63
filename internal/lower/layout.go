package lower

import (
	"fmt"
	"slices"

	"edgec/internal/tensor"
)

// layout says in which order the elements of a sample lie on the device: the
// device's dimensions, outermost first, each with the distance of its steps in
// the host's row-major order. Dimensions of size 1 are left out and dimensions
// that follow each other in the host's order too are joined, so equal orders
// have equal layouts.
type layout []axis

type axis struct{ size, stride int }

// natural is the host's own order.
func natural(n int) layout { return layout{{n, 1}}.joined() }

// standard is the order that operators expect: H, W, C for an image, otherwise
// the host's.
func standard(s tensor.Shape) layout {
	if len(s) == 4 {
		c, h, w := s[1], s[2], s[3]
		return layout{{h, w}, {w, 1}, {c, h * w}}.joined()
	}
	return natural(s.Sample().Size())
}

// joined brings l into its canonical form.
func (l layout) joined() layout {
	var out layout
	for _, a := range l {
		if a.size == 1 {
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].stride == a.size*a.stride {
			out[k] = axis{out[k].size * a.size, a.stride}
		} else {
			out = append(out, a)
		}
	}
	return out
}

func (l layout) equal(m layout) bool { return slices.Equal(l, m) }

func (l layout) elems() int {
	n := 1
	for _, a := range l {
		n *= a.size
	}
	return n
}

// indexes returns, for each element on the device, its index in the host's
// order; nil when both orders agree.
func (l layout) indexes() []int {
	if l.equal(natural(l.elems())) {
		return nil
	}
	from := []int{0}
	for _, a := range l {
		next := make([]int, 0, len(from)*a.size)
		for _, base := range from {
			for i := 0; i < a.size; i++ {
				next = append(next, base+i*a.stride)
			}
		}
		from = next
	}
	return from
}

// split cuts the axes at the given strides, so that each lies between two
// neighbouring ones.
func (l layout) split(at []int) (layout, error) {
	var out layout
	for _, a := range l {
		size, parts := a.size, layout{}
		for _, s := range at { // ascending
			if s <= a.stride || s >= a.stride*a.size {
				continue
			}
			inner := a.stride
			if len(parts) > 0 {
				inner = parts[0].stride * parts[0].size
			}
			if s%inner != 0 || size%(s/inner) != 0 {
				return nil, fmt.Errorf("elements in the order %v cannot be regrouped at every %d", l, s)
			}
			parts = slices.Insert(parts, 0, axis{s / inner, inner})
			size /= s / inner
		}
		outer := a.stride
		if len(parts) > 0 {
			outer = parts[0].stride * parts[0].size
		}
		out = append(out, slices.Insert(parts, 0, axis{size, outer})...)
	}
	return out, nil
}

// strides lists the strides of both layouts, ascending, each once.
func strides(ls ...layout) []int {
	var at []int
	for _, l := range ls {
		for _, a := range l {
			at = append(at, a.stride, a.stride*a.size)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// transposed returns the layout after the dimensions of a host sample of shape
// s have been permuted: new dimension i is old dimension perm[i].
func (l layout) transposed(s []int, perm []int) (layout, error) {
	old, now := rowMajor(s), make([]int, len(s))
	moved := make([]int, len(s))
	for i, p := range perm {
		moved[i] = s[p]
	}
	for i, stride := range rowMajor(moved) {
		now[perm[i]] = stride
	}
	parts, err := l.split(strides(layout(dims(s))))
	if err != nil {
		return nil, err
	}
	for i, a := range parts {
		for d, size := range s {
			if size > 1 && a.stride >= old[d] && a.stride < old[d]*size {
				parts[i].stride = a.stride / old[d] * now[d]
			}
		}
	}
	return parts.joined(), nil
}

func rowMajor(s []int) []int {
	st := make([]int, len(s))
	n := 1
	for i := len(s) - 1; i >= 0; i-- {
		st[i] = n
		n *= s[i]
	}
	return st
}

func dims(s []int) []axis {
	var out []axis
	for i, stride := range rowMajor(s) {
		out = append(out, axis{s[i], stride})
	}
	return out
}

// rearrange returns how to get from order l to order want: the device shape
// under which l's elements are seen, and the permutation of its dimensions.
func (l layout) rearrange(want layout) (shape, perm []int, err error) {
	at := strides(l, want)
	from, err := l.split(at)
	if err != nil {
		return nil, nil, err
	}
	to, err := want.split(at)
	if err != nil {
		return nil, nil, err
	}
	var order []int
	for _, a := range to {
		i := slices.Index(from, a)
		if i < 0 {
			return nil, nil, fmt.Errorf("elements in the order %v cannot be brought into the order %v", l, want)
		}
		order = append(order, i)
	}
	shape, perm = joinRuns(from, order)
	if len(shape) > 4 {
		return nil, nil, fmt.Errorf("bringing elements from the order %v into the order %v needs a transposition of %d dimensions, the device has 4", l, want, len(shape))
	}
	return shape, perm, nil
}

// between returns an order from which and to which one transposition leads each, on the way
// from l to want: a dimension of l is brought before the one that it precedes in want.
func (l layout) between(want layout) (mid layout, ok bool) {
	at := strides(l, want)
	from, err := l.split(at)
	if err != nil {
		return nil, false
	}
	to, err := want.split(at)
	if err != nil {
		return nil, false
	}
	for i, a := range to[:max(len(to)-1, 0)] {
		rest := slices.DeleteFunc(slices.Clone(from), func(b axis) bool { return b == a })
		k := slices.Index(rest, to[i+1])
		if k < 0 || len(rest) != len(from)-1 {
			continue
		}
		mid := layout(slices.Insert(rest, k, a)).joined()
		if _, _, err := l.rearrange(mid); err != nil || mid.equal(l) {
			continue
		}
		if _, _, err := mid.rearrange(want); err == nil {
			return mid, true
		}
	}
	return nil, false
}

// joinRuns joins dimensions that stay neighbours under the permutation.
func joinRuns(from layout, order []int) (shape, perm []int) {
	head := make([]int, len(from)) // the run that each dimension belongs to
	var starts []int
	for i, d := range order {
		if i > 0 && order[i-1]+1 == d {
			head[d] = head[d-1]
			continue
		}
		head[d] = d
		starts = append(starts, d)
	}
	rank := map[int]int{}
	for d, a := range from {
		if head[d] == d {
			rank[d] = len(shape)
			shape = append(shape, a.size)
		} else {
			shape[rank[head[d]]] *= a.size
		}
	}
	for _, d := range starts {
		perm = append(perm, rank[d])
	}
	return shape, perm
}
