package lower

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/simplify"
	"edgec/runtime/format"
)

// Ordering bounds the search for an order of units; see Order. Work is counted in weights
// that are coded, zeros included, of which a nonzero one counts as 16.
type Ordering struct {
	Sort  int64 // work of sorting the units of each group
	Climb int64 // work of trying moves at random, after that
	// Patience is the number of moves in a row that save nothing, after which no more are
	// tried; 0: there is no such limit.
	Patience int
}

// Order returns a file of the same network in which the units of hidden layers stand in an
// order that takes fewer bytes, with where its bytes went, or the file itself and nil if it
// finds none. Rows of one layer and the columns of all that read it move together, so that
// every output stays the same to the bit, and nothing stores the order. The coder's contexts
// look at the row above, at neighbours and at the counts of columns; so like should stand
// beside like.
//
// Each group of units gets the best of several orders by density and by similarity, twice.
// Then swaps, moves and reversals at random are kept where the file becomes shorter. The
// coder itself is the judge: its bits for all weights, not rounded to bytes.
//
// Cost: codings of the file, as many as the work allows; none begins once ctx has ended.
// Equal files and work give equal results. The error is that of a file that cannot be read.
//
// Related: matrices of bits whose rows are reordered so that those that follow each other
// differ in few columns (Johnson et al., "Compressing large boolean matrices using
// reordering techniques", VLDB 2004).
func Order(ctx context.Context, file []byte, work Ordering) ([]byte, *format.Sizes, error) {
	f, err := format.Decode(file)
	if err != nil {
		return nil, nil, fmt.Errorf("lower: %w", err)
	}
	o, err := newOrder(ctx, f)
	if err != nil || o.each == 0 || work.Sort < o.each && work.Climb < o.each {
		return file, nil, err
	}
	data, sizes, err := o.encode()
	if err != nil || !bytes.Equal(data, file) || len(o.groups) == 0 {
		return file, nil, nil // another version wrote it, or nothing can move
	}
	o.bits = weightBits(sizes)
	o.left = work.Sort
	o.sort()
	o.left = work.Climb
	o.climb(work.Patience)
	data, sizes, err = o.encode()
	if err != nil || len(data) >= len(file) {
		return file, nil, err
	}
	return data, sizes, nil
}

// Shuffle returns a file of the same network whose hidden units stand in random order, as training
// leaves them: what Order saves is measured from it. Equal files and seeds give equal results. The
// error is that of a file that cannot be read.
func Shuffle(file []byte, seed uint64) ([]byte, error) {
	f, err := format.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("lower: %w", err)
	}
	o, err := newOrder(context.Background(), f)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for _, gr := range o.groups {
		gr.Permute(random.Perm(gr.Channels))
	}
	data, _, err := o.encode()
	return data, err
}

// order is a network whose units are being moved.
type order struct {
	ctx    context.Context
	g      *graph.Graph
	f      *format.File // what the file has beside the network
	groups []*simplify.Group
	bits   float64 // of the weights, in the order so far
	each   int64   // work of coding the file
	left   int64   // work
	random *rand.Rand
}

// sortings is the number of times that each group is sorted: the order of its neighbours
// counts.
const sortings = 2

// nonzeroWork is what a nonzero weight counts.
const nonzeroWork = 16

// newOrder lifts the file into a graph.
func newOrder(ctx context.Context, f *format.File) (*order, error) {
	g, err := Lift(f, f.Meta.Name)
	if err != nil {
		return nil, err
	}
	o := &order{ctx: ctx, g: g, f: f, random: rand.New(rand.NewPCG(1, 2))}
	for _, w := range f.Weights {
		for _, v := range w.Values {
			o.each++
			if v != 0 {
				o.each += nonzeroWork
			}
		}
	}
	for _, gr := range simplify.Groups(g) {
		if gr.Exchangeable() {
			o.groups = append(o.groups, gr)
		}
	}
	return o, nil
}

// encode returns the file of the present order.
func (o *order) encode() ([]byte, *format.Sizes, error) {
	f, err := Build(o.g, Config{Meta: o.f.Meta})
	if err != nil {
		return nil, nil, err
	}
	f.Test = o.f.Test
	return format.Encode(f)
}

// weightBits returns the bits of all weights.
func weightBits(sizes *format.Sizes) (bits float64) {
	for _, w := range sizes.Weights {
		bits += w.Masks + w.Indexes + w.Biases + w.Scales + w.Codebooks
	}
	return bits
}

// spent reports whether there is no work left for another trial.
func (o *order) spent() bool { return o.left < o.each || o.ctx.Err() != nil }

// try moves the units of a group, and moves them back unless that saves bits.
func (o *order) try(gr *simplify.Group, order []int) (saved bool) {
	if o.spent() || slices.IsSorted(order) {
		return false
	}
	o.left -= o.each
	gr.Permute(order)
	if _, sizes, err := o.encode(); err == nil && weightBits(sizes) < o.bits {
		o.bits = weightBits(sizes)
		return true
	}
	gr.Permute(inverse(order))
	return false
}

func inverse(order []int) []int {
	back := make([]int, len(order))
	for i, k := range order {
		back[k] = i
	}
	return back
}

// sort gives each group the best of its orders.
func (o *order) sort() {
	for range sortings {
		for _, gr := range o.groups {
			for _, order := range []func(*simplify.Group) []int{denseRowsFirst, sparseRowsFirst, denseColumnsFirst, sparseColumnsFirst, chained} {
				if o.spent() {
					return // to find an order of many units takes time too
				}
				o.try(gr, order(gr))
			}
		}
	}
}

func denseRowsFirst(gr *simplify.Group) []int  { return byCount(gr.Out, gr.Channels, -1) }
func sparseRowsFirst(gr *simplify.Group) []int { return byCount(gr.Out, gr.Channels, 1) }

func denseColumnsFirst(gr *simplify.Group) []int  { return byCount(gr.In, gr.Channels, -1) }
func sparseColumnsFirst(gr *simplify.Group) []int { return byCount(gr.In, gr.Channels, 1) }

// byCount sorts channels by their nonzero weights, rising if sign is 1.
func byCount(list []simplify.Slices, channels, sign int) []int {
	n := simplify.Nonzero(list, channels)
	order := identityOrder(channels)
	slices.SortStableFunc(order, func(a, b int) int { return sign * cmp.Compare(n[a], n[b]) })
	return order
}

func identityOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// mostChained bounds the comparisons of values for a chain.
const mostChained = 1 << 26

// chained begins with the sparsest channel and goes on with the one, of those that are left,
// whose rows share the most nonzero places with it for their length.
func chained(gr *simplify.Group) []int {
	rows := simplify.Patterns(gr.Out, gr.Channels)
	if len(rows[0])*len(rows)*len(rows) > mostChained {
		return identityOrder(gr.Channels)
	}
	left := byCount(gr.Out, gr.Channels, 1)
	order := left[:1:1]
	left = left[1:]
	for len(left) > 0 {
		last, best, least := rows[order[len(order)-1]], 0, len(rows[0])+1
		for i, c := range left {
			if d := differing(last, rows[c]); d < least {
				best, least = i, d
			}
		}
		order = append(order, left[best])
		left = slices.Delete(left, best, best+1)
	}
	return order
}

// differing counts the places where one of two rows is zero and the other is not.
func differing(a, b []bool) (n int) {
	for i, v := range a {
		if v != b[i] {
			n++
		}
	}
	return n
}

// climb tries swaps, moves and reversals of units as long as there is work and patience left,
// each in a group that is chosen by its channels.
func (o *order) climb(patience int) {
	all, idle := 0, 0
	for _, gr := range o.groups {
		all += gr.Channels
	}
	for ; !o.spent() && (patience == 0 || idle < patience); idle++ {
		at := o.random.IntN(all)
		for _, gr := range o.groups {
			if at -= gr.Channels; at < 0 {
				if o.try(gr, o.changed(gr.Channels)) {
					idle = 0
				}
				break
			}
		}
	}
}

// changed returns the order of n channels with two swapped, one moved or some reversed.
func (o *order) changed(n int) []int {
	order := identityOrder(n)
	i, k := o.random.IntN(n), o.random.IntN(n-1)
	if k >= i {
		k++
	}
	switch o.random.IntN(3) {
	case 0:
		order[i], order[k] = order[k], order[i]
	case 1:
		c := order[i]
		order = slices.Insert(slices.Delete(order, i, i+1), k, c)
	default:
		slices.Reverse(order[min(i, k) : max(i, k)+1])
	}
	return order
}
