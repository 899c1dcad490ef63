package kernel

import (
	"slices"
	"strings"
)

// Window is how a kernel moves over an image of H x W pixels of C channels.
// Position p, q of the kernel meets pixel
//
//	oy*StrideH - PadT + p*DilH, ox*StrideW - PadL + q*DilW
//
// at output pixel oy, ox. The caller has verified that it fits:
//
//	OutH = (H + PadT + PadB - (KH-1)*DilH - 1)/StrideH + 1
type Window struct {
	H, W, C                int // input [H,W,C]
	KH, KW                 int // kernel
	StrideH, StrideW       int // at least 1
	DilH, DilW             int // at least 1: distance of kernel positions
	PadT, PadL, PadB, PadR int // rows and columns around the image
	OutH, OutW             int // output [OutH,OutW,...]
}

// Conv is a convolution: a layer for each group of channels.
type Conv struct {
	Window
	Zero   int8     // of the input: what lies outside the image
	Groups []*Layer // one for each group, in order of channels

	runs, packed []int32 // of layers with tiles: offsets of runs in the image; in patches without gaps
	longest      int     // the last run's offset and its quads
}

// NewConv prepares the groups' layers, each of K = KH*KW*C/len(groups) in runs of
// Window.Run, and takes them over: sparse ones then index the padded image directly.
// Their Out or Scale has been set.
func NewConv(w Window, zero int8, groups []*Layer) *Conv {
	c := &Conv{Window: w, Zero: zero, Groups: groups}
	for g, l := range groups {
		l.locate(&w, g, w.C/len(groups))
		if l.tiles != nil {
			l.tiles.finish(l)
			c.findRuns(l.tiles)
		}
	}
	return c
}

// Geometry is all of a window that a convolution's packed weights depend on.
type Geometry struct{ Width, C, KW, DilH, DilW int }

// Geometry returns that of w, Width with what surrounds the image.
func (w *Window) Geometry() Geometry { return Geometry{w.padded(), w.C, w.KW, w.DilH, w.DilW} }

// Share returns a convolution by groups, which Share the weights of c's, over a window of the
// same Geometry. Their Out or Scale has been set.
func (c *Conv) Share(w Window, zero int8, groups []*Layer) *Conv {
	for _, l := range groups {
		if l.tiles != nil {
			l.tiles.finish(l)
		}
	}
	return &Conv{Window: w, Zero: zero, Groups: groups, runs: c.runs, packed: c.packed, longest: c.longest}
}

// locate makes the offsets of a list those of its elements in the image w, of inC channels of
// group g from the first pixel of a patch on.
func (l *Layer) locate(w *Window, g, inC int) {
	if l.located || !l.Sparse() {
		return
	}
	l.located = true
	perGroup := l.OutC
	if l.groups > 1 {
		perGroup, inC = l.OutC/l.groups, inC/l.groups
	}
	for c := range l.OutC {
		first := (g + c/perGroup) * inC
		for i := l.first[c]; i < l.first[c+1]; i++ {
			ch, p := int(l.offset[i])%inC, int(l.offset[i])/inC
			l.offset[i] = int32((p/w.KW*w.DilH*w.padded()+p%w.KW*w.DilW)*w.C + first + ch)
		}
	}
}

// Copied returns how many elements Run copies into patches at each output pixel.
func (c *Conv) Copied() int {
	n := 0
	for _, l := range c.Groups {
		if !l.Sparse() && l.tiles == nil && c.KH*c.KW > 1 {
			n += l.K
		}
	}
	return n
}

// Run returns how many elements of a patch lie together in the image, with so many
// groups of channels: those of a kernel row, or of a pixel.
func (w *Window) Run(groups int) int {
	if groups == 1 && w.DilW == 1 {
		return w.KW * w.C
	}
	return w.C / groups
}

// findRuns fills in where runs lie. It is the same for all groups.
func (c *Conv) findRuns(t *tiles) {
	if c.runs != nil {
		return
	}
	w := &c.Window
	for r := range t.runs {
		p, q := r, 0
		if t.runs > w.KH {
			p, q = r/w.KW, r%w.KW
		}
		c.runs = append(c.runs, int32((p*w.DilH*w.padded()+q*w.DilW)*w.C))
		c.packed = append(c.packed, int32(r*t.quads*4))
	}
	c.longest = int(c.runs[t.runs-1]) + t.quads*4
}

// padded returns the width of the image with what surrounds it.
func (w *Window) padded() int { return w.W + w.PadL + w.PadR }

// Surrounded returns the size of the image with what surrounds it, or 0 if nothing does.
func (w *Window) Surrounded() int {
	if w.PadT|w.PadL|w.PadB|w.PadR == 0 {
		return 0
	}
	return (w.H + w.PadT + w.PadB) * w.padded() * w.C
}

// surround returns x, copied to image and surrounded by zero where that is needed.
func (w *Window) surround(x, image []int8, zero int8) []int8 {
	n := w.Surrounded()
	if n == 0 {
		return x
	}
	Pad(image[:n], x, w.H, w.W, w.C, w.PadT, w.PadL, w.PadB, w.PadR, zero)
	return image[:n]
}

// Scratch returns the work space that Run needs: bytes for a padded image (0 without
// padding) and for patches, and sums.
func (c *Conv) Scratch() (image, patch, acc int) {
	image = c.Surrounded()
	patch = c.KH * c.KW * c.C / len(c.Groups)
	for _, l := range c.Groups {
		acc = max(acc, l.OutC)
		if l.tiles != nil {
			patch = max(patch, tilePixels*c.patchBytes(l.tiles))
			acc = max(acc, blockPixels*(panelWidth+1))
		}
	}
	return image, patch, acc
}

// Kernel names what computes the groups, as Layer.Kernel does: each name once, in order
// of the groups, as in "avx2, go".
func (c *Conv) Kernel() string {
	var names []string
	for _, l := range c.Groups {
		if name := l.Kernel(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Run computes the convolution of x, [H,W,C], with the zero point outside it.
// Exactly one of y and real, [OutH,OutW,OutC], is written: y if real is nil.
// image, patch and acc are work space of Scratch's sizes. Outputs must not overlap x.
func (c *Conv) Run(y []int8, real []float32, x, image, patch []int8, acc []int32) {
	x = c.surround(x, image, c.Zero)
	out := output{y: y, real: real}
	for _, l := range c.Groups {
		out.stride += l.OutC
	}
	for g, l := range c.Groups {
		if l.tiles != nil {
			c.tiled(out, l, g, x, patch, acc)
		} else {
			c.pixels(out, l, g, x, patch, acc)
		}
		out.first += l.OutC
	}
}

// output is where a group's outputs go: those of pixel i are from first + i*stride on.
type output struct {
	y             []int8
	real          []float32
	first, stride int
}

// pixels computes group g one pixel at a time.
func (c *Conv) pixels(out output, l *Layer, g int, x, patch []int8, acc []int32) {
	w := &c.Window
	inC := w.C / len(c.Groups)
	at := out.first
	for oy := 0; oy < w.OutH; oy++ {
		for ox := 0; ox < w.OutW; ox++ {
			base := c.offset(oy*w.OutW + ox)
			in := x[base:]
			if !l.Sparse() {
				in = c.patch(patch, x, base+g*inC, w.padded(), inC)
			}
			if out.real != nil {
				l.Real(out.real[at:], in, acc)
			} else {
				l.Quantized(out.y[at:], in, acc)
			}
			at += out.stride
		}
	}
}

// offset returns where the patch of output pixel i begins.
func (w *Window) offset(i int) int {
	return (i/w.OutW*w.StrideH*w.padded() + i%w.OutW*w.StrideW) * w.C
}

// offsets fills in where the patches of n pixels begin, from pixel at on.
func (w *Window) offsets(offsets []int32, at, n int) {
	ox := at % w.OutW
	next, step := int32(w.offset(at)), int32(w.StrideW*w.C)
	down := int32(w.StrideH*w.padded()*w.C) - int32(w.OutW)*step // from a row's end to the next row
	for left := offsets[:n]; len(left) > 0; ox = 0 {
		row := left[:min(len(left), w.OutW-ox)]
		for i := range row {
			row[i] = next
			next += step
		}
		next += down
		left = left[len(row):]
	}
	repeatLast(offsets, n)
}

// repeatLast fills the last tile up.
func repeatLast(offsets []int32, n int) {
	for i := n; i%tilePixels != 0; i++ {
		offsets[i] = offsets[n-1]
	}
}

// patch returns the elements that the kernel meets at base, together.
func (c *Conv) patch(dst, x []int8, base, wd, inC int) []int8 {
	w := &c.Window
	if w.KH == 1 && w.KW == 1 {
		return x[base : base+inC]
	}
	n := 0
	for p := 0; p < w.KH; p++ {
		row := base + p*w.DilH*wd*w.C
		if w.DilW == 1 && inC == w.C {
			n += copy(dst[n:], x[row:row+w.KW*w.C])
			continue
		}
		for q := 0; q < w.KW; q++ {
			n += copy(dst[n:], x[row+q*w.DilW*w.C:][:inC])
		}
	}
	return dst[:n]
}

// Pad writes the image x, [h,w,c], surrounded by rows and columns of value v:
// dst is [top+h+bottom, left+w+right, c] and must not overlap x.
func Pad[T int8 | float32](dst, x []T, h, w, c, top, left, bottom, right int, v T) {
	row, between := (w+left+right)*c, (left+right)*c
	border := dst[:top*row+left*c]
	fill(border, v)
	at := len(border)
	for i := range h {
		at += copy(dst[at:], x[i*w*c:(i+1)*w*c])
		switch {
		case i == h-1:
			fill(dst[at:at+right*c+bottom*row], v)
		case len(border) < between:
			border = dst[at : at+between]
			fill(border, v)
		default:
			copy(dst[at:], border[:between])
		}
		at += between
	}
}

// fill sets all elements to v, most of them by copies of those before.
func fill[T int8 | float32](dst []T, v T) {
	n := min(len(dst), 16)
	for i := range dst[:n] {
		dst[i] = v
	}
	for n < len(dst) {
		n += copy(dst[n:], dst[:n])
	}
}
