package op

import (
	"fmt"
	"math"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// Resize resamples x [N,...] to the sample shape Sizes, one dimension after the other:
//
//	y[..,o,..] = sum_k weight[o,k] x[..,index[o,k],..]
//
// Element o of a dimension lies at the position of Coords in x, and Mode says which
// elements around it count how much. Elements beyond an edge are those at the edge. The sums
// are float64, each dimension's result float32. Source: ONNX, operator Resize.
type Resize struct {
	Sizes  []int     // of the output's dimensions 1 and up
	Scales []float64 // output over input, where it is not Sizes over the input's; nil: none
	Mode   Interpolation
	Coords Coordinates
	Round  Nearness  // of Nearest
	Cubic  float64   // coefficient a of Cubic; 0: -0.75
	Window []float64 // of CropAndResize: start and end of each dimension 1 and up, 0 to 1
	// Steps and Offsets, of Equidistant, are for each dimension 1 and up the distance of
	// positions and the first one.
	Steps, Offsets []float64
	// Beyond is what CropAndResize writes where a position lies outside of x.
	Beyond float32
	// ExcludeOutside leaves elements beyond an edge out, and scales the others up.
	ExcludeOutside bool
	// Antialias widens Linear and Cubic where the output is smaller.
	Antialias bool
}

// Interpolation says how elements around a position are weighted.
type Interpolation uint8

// The interpolations.
const (
	Nearest Interpolation = iota // one element; see Nearness
	Linear                       // two elements, by their distance
	Cubic                        // four elements (Keys 1981)
)

// Coordinates says where element o of a dimension of m elements lies in one of n; s is the scale.
type Coordinates uint8

// The coordinates, with ONNX's names.
const (
	HalfPixel          Coordinates = iota // (o + 0.5)/s - 0.5
	HalfPixelSymmetric                    // the same, around the middle of n where s n is not m
	PytorchHalfPixel                      // the same; -0.5 where s n is 1
	AlignCorners                          // o (n - 1)/(s n - 1); 0 where s n is 1
	Asymmetric                            // o/s
	CropAndResize                         // AlignCorners within Window
	Equidistant                           // Offsets + o Steps, down to multiples of 2^-10 for Linear, as a device has them
)

// Nearness says which element is the nearest.
type Nearness uint8

// The ways to round a position, with ONNX's names.
const (
	RoundPreferFloor Nearness = iota // halves down
	RoundPreferCeil                  // halves up
	RoundFloor
	RoundCeil
)

// Name implements graph.Op.
func (Resize) Name() string { return "Resize" }

// Elems implements graph.Typed: the nearest of whole numbers are whole.
func (o Resize) Elems(in []graph.Elem) []graph.Elem {
	if o.Mode != Nearest {
		return []graph.Elem{graph.Float}
	}
	return in[:1]
}

// Infer implements graph.Op.
func (o Resize) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	x := in[0]
	if len(x) != len(o.Sizes)+1 || o.Scales != nil && len(o.Scales) != len(o.Sizes) || o.Coords == CropAndResize && len(o.Window) != 2*len(o.Sizes) ||
		o.Coords == Equidistant && (len(o.Steps) != len(o.Sizes) || len(o.Offsets) != len(o.Sizes)) {
		return nil, fmt.Errorf("resize of %v to samples of %v with %d scales, %d steps and a window of %d: one for each dimension is needed", x, o.Sizes, len(o.Scales), len(o.Steps), len(o.Window))
	}
	for d, n := range o.Sizes {
		if n < 1 || x[d+1] < 1 || o.Scales != nil && !(o.Scales[d] > 0 && o.Scales[d] <= 1<<20) {
			return nil, fmt.Errorf("resize of %v to samples of %v by %v: sizes and scales have to be positive", x, o.Sizes, o.Scales)
		}
	}
	return []tensor.Shape{append(tensor.Shape{x[0]}, o.Sizes...)}, nil
}

// tap is an element of the input and its weight.
type tap struct {
	index  int
	weight float64
}

// scale returns the scale of sample dimension d, which has n elements in the input.
func (o Resize) scale(d, n int) float64 {
	if o.Scales != nil {
		return o.Scales[d]
	}
	return float64(o.Sizes[d]) / float64(n)
}

// position returns where element k of sample dimension d lies among n elements.
func (o Resize) position(d, k, n int) float64 {
	s := o.scale(d, n)
	x, long, last := float64(k), s*float64(n), float64(n-1)
	if o.Scales == nil {
		long = float64(o.Sizes[d])
	}
	switch o.Coords {
	case Equidistant:
		return o.Offsets[d] + x*o.Steps[d]
	case Asymmetric:
		return x / s
	case AlignCorners:
		if long == 1 {
			return 0
		}
		return x * last / (long - 1)
	case CropAndResize:
		from, to := o.Window[2*d], o.Window[2*d+1]
		if long == 1 {
			return (from + to) / 2 * last
		}
		return from*last + x*(to-from)*last/(long-1)
	case PytorchHalfPixel:
		if long == 1 {
			return -0.5
		}
	case HalfPixelSymmetric:
		return float64(n)/2*(1-float64(o.Sizes[d])/long) + (x+0.5)/s - 0.5
	}
	return (x+0.5)/s - 0.5
}

// nearest returns the index that position p is rounded to.
func (r Nearness) nearest(p float64) int {
	switch r {
	case RoundPreferCeil:
		p = math.Floor(p + 0.5)
	case RoundFloor:
		p = math.Floor(p)
	case RoundCeil:
		p = math.Ceil(p)
	default:
		p = math.Ceil(p - 0.5)
	}
	return int(p)
}

// taps returns what element k of sample dimension d is made of, among n elements; nil where
// it lies beyond them.
func (o Resize) taps(d, k, n int) []tap {
	p := o.position(d, k, n)
	if o.Coords == Equidistant && o.Mode == Linear {
		p = math.Floor(p*1024) / 1024
	}
	if o.Coords == CropAndResize && (p < 0 || p > float64(n-1)) {
		return nil
	}
	if o.Mode == Nearest {
		return []tap{{min(max(o.Round.nearest(p), 0), n-1), 1}}
	}
	base := math.Floor(p)
	reach, stretch := 1, 1.0
	if o.Mode == Cubic {
		reach = 2
	}
	if s := o.scale(d, n); o.Antialias && s < 1 {
		stretch = s
		reach = int(math.Ceil(float64(reach) / s))
	}
	var ts []tap
	sum := 0.0
	for i := 1 - reach; i <= reach; i++ {
		t := tap{int(base) + i, o.weight((float64(i) - (p - base)) * stretch)}
		if o.ExcludeOutside && (t.index < 0 || t.index >= n) || t.weight == 0 {
			continue
		}
		t.index = min(max(t.index, 0), n-1)
		ts, sum = append(ts, t), sum+t.weight
	}
	for i := range ts {
		ts[i].weight /= sum
	}
	return ts
}

// weight is the weight of an element at distance x.
func (o Resize) weight(x float64) float64 {
	x = math.Abs(x)
	if o.Mode == Linear {
		return max(1-x, 0)
	}
	a := o.Cubic
	if a == 0 {
		a = -0.75
	}
	switch {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((x-5)*x+8)*x*a - 4*a
	}
	return 0
}

// changes reports whether sample dimension d of n elements is more than copied.
func (o Resize) changes(d, n int) bool {
	if o.Sizes[d] != n || o.Coords == CropAndResize {
		return true
	}
	for k := range n {
		if ts := o.taps(d, k, n); len(ts) != 1 || ts[0].index != k {
			return true
		}
	}
	return false
}

// steps returns the sizes before each dimension that changes is resampled, and those after the
// last; dims are these dimensions of the sample, from the last to the first.
func (o Resize) steps(x tensor.Shape) (shapes []tensor.Shape, dims []int) {
	now := x.Clone()
	shapes = []tensor.Shape{now}
	for d := len(o.Sizes) - 1; d >= 0; d-- {
		if o.changes(d, x[d+1]) {
			now = now.Clone()
			now[d+1] = o.Sizes[d]
			shapes, dims = append(shapes, now), append(dims, d)
		}
	}
	return shapes, dims
}

// Forward implements graph.Op.
func (o Resize) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	shapes, dims := o.steps(in[0].Shape)
	x := in[0].Data
	for i, d := range dims {
		y := out[0].Data
		if i < len(dims)-1 {
			y = make([]float32, shapes[i+1].Size())
		}
		o.along(d, shapes[i], y, x)
		x = y
	}
	if len(dims) == 0 {
		copy(out[0].Data, x)
	}
}

// along resamples dimension d of the samples of x, of shape s.
func (o Resize) along(d int, s tensor.Shape, y, x []float32) {
	n, m := s[d+1], o.Sizes[d]
	outer, inner := s[:d+1].Size(), s[d+2:].Size()
	sum := make([]float64, inner)
	for k := range m {
		ts := o.taps(d, k, n)
		for b := range outer {
			dst := y[(b*m+k)*inner:][:inner]
			if len(ts) == 1 && ts[0].weight == 1 {
				copy(dst, x[(b*n+ts[0].index)*inner:])
				continue
			}
			clear(sum)
			for _, t := range ts {
				for i, v := range x[(b*n+t.index)*inner:][:inner] {
					sum[i] += t.weight * float64(v)
				}
			}
			for i, v := range sum {
				dst[i] = float32(v)
			}
			if ts == nil {
				for i := range dst {
					dst[i] = o.Beyond
				}
			}
		}
	}
}

// Backward implements graph.Differentiable.
func (o Resize) Backward(_ *graph.Scratch, din, in, _, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	shapes, dims := o.steps(in[0].Shape)
	dy := dout[0].Data
	for i := len(dims) - 1; i >= 0; i-- {
		dx := make([]float32, shapes[i].Size())
		o.alongBack(dims[i], shapes[i], dx, dy)
		dy = dx
	}
	add(din[0].Data, dy)
}

// alongBack adds the gradient of along's x to dx.
func (o Resize) alongBack(d int, s tensor.Shape, dx, dy []float32) {
	n, m := s[d+1], o.Sizes[d]
	outer, inner := s[:d+1].Size(), s[d+2:].Size()
	for k := range m {
		for _, t := range o.taps(d, k, n) {
			for b := range outer {
				dst := dx[(b*n+t.index)*inner:][:inner]
				for i, v := range dy[(b*m+k)*inner:][:inner] {
					dst[i] += float32(t.weight) * v
				}
			}
		}
	}
}

// Grids implements GridRelater: results lie between elements of the input, but for those of
// Cubic and of positions beyond.
func (o Resize) Grids() GridRelation {
	if o.Mode == Cubic || o.Coords == CropAndResize {
		return OwnGrid
	}
	return InputGrid
}

// Homogeneous implements Homogeneous: channels of an image that stay apart.
func (o Resize) Homogeneous(n *graph.Node) bool {
	return len(o.Sizes) == 3 && o.Coords != CropAndResize && !o.changes(0, n.Inputs[0].Shape[1])
}

// IsIdentity implements Identity.
func (o Resize) IsIdentity(n *graph.Node) bool {
	_, dims := o.steps(n.Inputs[0].Shape)
	return len(dims) == 0
}

// TraceChannels implements ChannelTracer: channels pass that are not resampled themselves.
func (o Resize) TraceChannels(c Channels, n *graph.Node) bool {
	in := c.Layout(n.Inputs[0])
	if in.Axis < 1 || o.changes(in.Axis-1, n.Inputs[0].Shape[in.Axis]) {
		return false
	}
	c.SetLayout(n.Outputs[0], in)
	return true
}

// Narrow implements Narrower.
func (o Resize) Narrow(_, out Extent) graph.Op {
	if out.Axis > 0 {
		o.Sizes = slices.Clone(o.Sizes)
		o.Sizes[out.Axis-1] = out.After
		if o.Scales != nil {
			o.Scales = slices.Clone(o.Scales)
			o.Scales[out.Axis-1] = 1
		}
	}
	return o
}

// TraceConstants implements ConstantTracer: weights add up to 1.
func (o Resize) TraceConstants(c Constants, n *graph.Node, k []float32) {
	if axis := c.Layout(n.Inputs[0]).Axis; axis > 0 && o.Coords != CropAndResize && !o.changes(axis-1, n.Inputs[0].Shape[axis]) {
		copy(k, inputConstants(c, n, k))
	}
}

var _ graph.Differentiable = Resize{}
