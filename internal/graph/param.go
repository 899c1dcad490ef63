package graph

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/tensor"
	"edgec/internal/vec"
)

// Role says what a parameter is to its operator.
type Role uint8

// The roles. Weights have the output channel as dimension 0: [out, in] for
// dense layers, [outC, inC/groups, kH, kW] for convolutions.
const (
	Weight Role = iota
	Bias
	Constant // an operand of arithmetic; never pruned
)

// Param is a trainable tensor with the constraints that the stages attached.
//
// The effective value is computed from the shadow in this order:
//
//	w' = w * mask                               mask:     1 keeps, 0 prunes
//	q  = clamp(round(w'/scale[c]), least, max)  grid:     c is the output channel;
//	                                            in multiples of 1<<Shift
//	q  = round(centroid[index])                 codebook: replaces the line above
//	effective = q * scale[c]
//
// Rounding is half away from zero. Without a grid the effective value is w'.
type Param struct {
	Name   string
	Role   Role
	Shadow *tensor.Tensor // dense float32 weights, updated by the optimizer
	Value  *tensor.Tensor // effective weights, what operators read; see Refresh
	Mask   []float32      // nil: everything kept
	Grid   *Grid          // nil: float
	Book   *Codebook      // nil: each weight has its own value; needs a Grid
	Why    string         // why weights that a file has as integers are float, for messages
	Exact  []int32        // what Quanta returns, of a file whose integers float32 cannot hold; nil: rounded shadows

	// State holds arrays parallel to Shadow that the optimizer keeps; nil until
	// training starts. Whoever narrows the parameter narrows them with it.
	State [][]float32
}

// Grid is the integer grid of a parameter, without zero point: real = Scale[c] * q with
// q in Least()..Max.
type Grid struct {
	Scale []float32 // one, or one for each output channel (dimension 0)
	Max   int       // 127 for weights; larger for biases
	Min   int       // the least q; 0: -Max. -128 for weights that another tool made so
	Shift int       // biases: q is stored without its Shift lowest bits, which are zero
}

// Least returns the least integer of the grid.
func (g *Grid) Least() int {
	if g.Min != 0 {
		return g.Min
	}
	return -g.Max
}

// Codebook shares weights: weight i has the value Centroids[Index[i]], in
// units of the grid. Centroids[0] is always 0, the value of pruned weights.
// They are float32 while they are fine-tuned; the effective value rounds them.
type Codebook struct {
	Centroids []float32
	Index     []uint8
}

// NewParam returns an unconstrained parameter whose shadow is t (not copied).
func NewParam(name string, role Role, t *tensor.Tensor) *Param {
	p := &Param{Name: name, Role: role, Shadow: t, Value: t.Clone()}
	return p
}

// Clone returns a deep copy.
func (p *Param) Clone() *Param {
	c := &Param{Name: p.Name, Role: p.Role, Shadow: p.Shadow.Clone(), Value: p.Value.Clone(), Mask: slices.Clone(p.Mask), Exact: slices.Clone(p.Exact), Why: p.Why}
	if p.Grid != nil {
		c.Grid = &Grid{Scale: slices.Clone(p.Grid.Scale), Max: p.Grid.Max, Min: p.Grid.Min, Shift: p.Grid.Shift}
	}
	if p.Book != nil {
		c.Book = &Codebook{Centroids: slices.Clone(p.Book.Centroids), Index: slices.Clone(p.Book.Index)}
	}
	for _, s := range p.State {
		c.State = append(c.State, slices.Clone(s))
	}
	return c
}

// Channels returns the number of output channels (dimension 0).
func (p *Param) Channels() int {
	if len(p.Shadow.Shape) == 0 {
		return 1
	}
	return p.Shadow.Shape[0]
}

// ScaleOf returns the grid's scale for output channel c.
func (g *Grid) ScaleOf(c int) float32 {
	if len(g.Scale) == 1 {
		return g.Scale[0]
	}
	return g.Scale[c]
}

// Refresh recomputes Value from the shadow and the constraints.
func (p *Param) Refresh() { p.RefreshRows(0, p.Channels()) }

// RefreshRows is Refresh of the output channels lo to hi-1. Calls for distinct
// channels may run at once.
func (p *Param) RefreshRows(lo, hi int) {
	row := len(p.Shadow.Data) / max(p.Channels(), 1)
	a, b := lo*row, hi*row
	dst, w := p.Value.Data[a:b], p.Shadow.Data[a:b]
	switch {
	case p.Grid != nil && p.Book != nil:
		p.refreshBook(lo, hi, row)
	case p.Grid != nil:
		if p.Mask != nil {
			vec.Mul(dst, w, p.Mask[a:b])
			w = dst
		}
		p.refreshGrid(dst, w, lo, row)
	case p.Mask != nil:
		vec.Mul(dst, w, p.Mask[a:b])
	default:
		copy(dst, w)
	}
}

// refreshGrid rounds w, the masked shadows of the channels from first on, to the
// grid: quantum for each element.
func (p *Param) refreshGrid(dst, w []float32, first, row int) {
	step := 1 << p.Grid.Shift
	least, most := float64(p.Grid.Least()/step*step), float64(p.Grid.Max/step*step)
	if len(p.Grid.Scale) == 1 {
		row = max(len(dst), 1)
	}
	for k := 0; k < len(dst); k += row {
		vec.Quantize(dst[k:k+row], w[k:k+row], p.Grid.ScaleOf(first+k/row), float64(step), least, most)
	}
}

// refreshBook looks the channels lo to hi-1 up in the codebook: quantum for each
// element.
func (p *Param) refreshBook(lo, hi, row int) {
	rounded := make([]float32, len(p.Book.Centroids))
	for k, c := range p.Book.Centroids {
		rounded[k] = float32(math.Round(float64(c)))
	}
	for c := lo; c < hi; c++ {
		scale := p.Grid.ScaleOf(c)
		dst, index := p.Value.Data[c*row:(c+1)*row], p.Book.Index[c*row:(c+1)*row]
		for i, k := range index {
			dst[i] = rounded[k] * scale
		}
		if p.Mask != nil {
			for i, m := range p.Mask[c*row : (c+1)*row] {
				if m == 0 {
					dst[i] = 0
				}
			}
		}
	}
}

// Quanta returns the integers that export writes: the effective value in units
// of the grid, or Exact. It panics without a grid.
func (p *Param) Quanta() []int32 {
	if p.Exact != nil {
		return slices.Clone(p.Exact)
	}
	q := make([]int32, len(p.Shadow.Data))
	p.each(func(i int, scale float32) { q[i] = p.quantum(i, scale) })
	return q
}

func (p *Param) each(f func(i int, scale float32)) {
	n := len(p.Shadow.Data)
	c := p.Channels()
	row := n / max(c, 1)
	for r := 0; r < c; r++ {
		scale := p.Grid.ScaleOf(r)
		for i := r * row; i < (r+1)*row; i++ {
			f(i, scale)
		}
	}
}

func (p *Param) quantum(i int, scale float32) int32 {
	if p.Mask != nil && p.Mask[i] == 0 {
		return 0
	}
	if p.Book != nil {
		return int32(math.Round(float64(p.Book.Centroids[p.Book.Index[i]])))
	}
	step := int64(1) << p.Grid.Shift
	least, most := float64(int64(p.Grid.Least())/step), float64(int64(p.Grid.Max)/step)
	q := math.Round(float64(p.Shadow.Data[i]) / (float64(scale) * float64(step)))
	return int32(math.Max(least, math.Min(most, q)) * float64(step))
}

// Kept returns how many weights the mask keeps.
func (p *Param) Kept() int {
	if p.Mask == nil {
		return len(p.Shadow.Data)
	}
	n := 0
	for _, m := range p.Mask {
		if m != 0 {
			n++
		}
	}
	return n
}

// Density returns the kept fraction, 0..1; 1 for an empty parameter.
func (p *Param) Density() float64 {
	if len(p.Shadow.Data) == 0 {
		return 1
	}
	return float64(p.Kept()) / float64(len(p.Shadow.Data))
}

// Check verifies that the constraints fit the parameter and that every
// constraint of an earlier stage still holds.
func (p *Param) Check() error {
	n := len(p.Shadow.Data)
	if p.Shadow.Shape.Size() != n || len(p.Value.Data) != n {
		return p.fail("%d shadow and %d effective values for shape %v", n, len(p.Value.Data), p.Shadow.Shape)
	}
	for k, s := range p.State {
		if len(s) != n {
			return p.fail("optimizer state %d has %d entries for %d weights", k, len(s), n)
		}
	}
	if err := p.checkMask(); err != nil {
		return err
	}
	if err := p.checkGrid(); err != nil {
		return err
	}
	return p.checkBook()
}

// fail returns an error that names the parameter.
func (p *Param) fail(format string, a ...any) error {
	return fmt.Errorf("graph: parameter %q: "+format, append([]any{p.Name}, a...)...)
}

// checkMask verifies that the mask, if there is one, has a 0 or 1 for each weight.
func (p *Param) checkMask() error {
	if n := len(p.Shadow.Data); p.Mask != nil && len(p.Mask) != n {
		return p.fail("mask has %d entries for %d weights", len(p.Mask), n)
	}
	for i, m := range p.Mask {
		if m != 0 && m != 1 {
			return p.fail("mask[%d] is %v, not 0 or 1", i, m)
		}
	}
	return nil
}

// checkGrid verifies that the grid, if there is one, has positive scales, for one
// or all channels, and a range that its shift leaves something of.
func (p *Param) checkGrid() error {
	g := p.Grid
	if g == nil {
		return nil
	}
	if len(g.Scale) != 1 && len(g.Scale) != p.Channels() {
		return p.fail("%d scales for %d channels", len(g.Scale), p.Channels())
	}
	for c, s := range g.Scale {
		if !(s > 0) || s-s != 0 {
			return p.fail("scale[%d] is %v", c, s)
		}
	}
	if g.Shift < 0 || g.Shift > 30 || g.Max < 1<<max(g.Shift, 0) || g.Max > math.MaxInt32 || g.Min > 0 || g.Min < math.MinInt32 {
		return p.fail("grid of %d..%d without its %d lowest bits", g.Least(), g.Max, g.Shift)
	}
	if n := len(p.Shadow.Data); p.Exact != nil && (len(p.Exact) != n || p.Book != nil) {
		return p.fail("%d exact integers for %d values, or beside a codebook", len(p.Exact), n)
	}
	return nil
}

// checkBook verifies that the codebook, if there is one, has centroids on the
// grid, zero first, and an index for each weight: 0 where the mask prunes.
func (p *Param) checkBook() error {
	b, n := p.Book, len(p.Shadow.Data)
	switch {
	case b == nil:
		return nil
	case p.Grid == nil:
		return p.fail("codebook without a grid")
	case len(b.Index) != n || len(b.Centroids) == 0 || len(b.Centroids) > 256:
		return p.fail("codebook of %d centroids with %d indexes for %d weights", len(b.Centroids), len(b.Index), n)
	case b.Centroids[0] != 0:
		return p.fail("centroid 0 is %v, not zero", b.Centroids[0])
	}
	for k, c := range b.Centroids {
		if q := math.Round(float64(c)); !(q >= float64(p.Grid.Least()) && q <= float64(p.Grid.Max)) {
			return p.fail("centroid %d is %v on a grid of %d..%d", k, c, p.Grid.Least(), p.Grid.Max)
		}
	}
	for i, k := range b.Index {
		if int(k) >= len(b.Centroids) {
			return p.fail("index[%d] is %d of %d centroids", i, k, len(b.Centroids))
		}
		if p.Mask != nil && p.Mask[i] == 0 && k != 0 {
			return p.fail("pruned weight %d has centroid %d", i, k)
		}
	}
	return nil
}
