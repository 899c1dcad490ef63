package dataset

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
)

// Augment are the ranges of random distortions of a picture; each value is
// drawn evenly from -v to v.
type Augment struct {
	Rotate  float64 // degrees
	Scale   float64 // relative, each axis
	Shear   float64 // horizontal shift for each row, in pixels a pixel
	Shift   float64 // pixels, each axis
	Elastic float64 // pixels, of each node of a smooth 4 x 4 field
}

// MildAugment suits pictures of some 28 pixels whose left and right matter.
var MildAugment = Augment{Rotate: 8, Scale: 0.07, Shear: 0.08, Shift: 1.2, Elastic: 0.5}

// CanAugment reports whether the samples are pictures of bytes, large enough
// to be distorted, and nothing else. Pictures have neighbouring pixels that are alike;
// a distortion would blur anything else.
func CanAugment(s *Set) bool {
	return s.rest == nil && s.bytes != nil && len(s.image) == 3 && s.image[1] >= 12 && s.image[2] >= 12 && s.neighbours() > leastAlike
}

const (
	leastAlike = 0.25 // correlation of neighbouring pixels; noise has 0, photographs have 0.9
	alikeOf    = 64   // samples that it is taken of
)

// neighbours returns the correlation of pixels with their right neighbours, over the first
// samples: 1 - mean (a - b)^2 / (2 variance). Pictures of one colour count as alike.
func (s *Set) neighbours() float64 {
	size, w := s.sample.Size(), s.image[2]
	var n, pairs, sum, square, differ float64
	for _, record := range s.index[:min(len(s.index), alikeOf)] {
		pix := s.bytes[record*size : (record+1)*size]
		for i, b := range pix {
			v := float64(b)
			n, sum, square = n+1, sum+v, square+v*v
			if i%w > 0 {
				d := v - float64(pix[i-1])
				pairs, differ = pairs+1, differ+d*d
			}
		}
	}
	variance := square/n - sum/n*sum/n
	if n == 0 || variance <= 0 {
		return 1
	}
	return 1 - differ/pairs/(2*variance)
}

// Augmented returns copies distorted versions of each sample: all samples of
// the first copy, then of the next. Each depends on the seed, the copy and the
// sample's number only. Samples that CanAugment refuses come back as they are.
func (s *Set) Augmented(seed uint64, copies int, a Augment, threads int) *Set {
	t, _ := s.AugmentedUntil(context.Background(), seed, copies, a, threads) // which never ends
	return t
}

// AugmentedUntil is Augmented, except that it returns the cause when ctx ends.
func (s *Set) AugmentedUntil(ctx context.Context, seed uint64, copies int, a Augment, threads int) (*Set, error) {
	if !CanAugment(s) {
		return s, nil
	}
	n, size := s.Len(), s.sample.Size()
	bytes := make([]uint8, copies*n*size)
	var wg sync.WaitGroup
	threads = max(threads, 1)
	for t := 0; t < threads; t++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := newWarp(s.image)
			for i := t; i < copies*n && ctx.Err() == nil; i += threads {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				src := s.bytes[s.index[i%n]*size : (s.index[i%n]+1)*size]
				w.draw(a, r)
				w.apply(bytes[i*size:(i+1)*size], src)
			}
		}()
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t := newSet(s.sample, s.image, bytes, nil, copies*n, s.Pre)
	t.Classes, t.ClassNames, t.width = s.Classes, s.ClassNames, s.width
	for range copies {
		t.Targets = append(t.Targets, s.Targets...)
	}
	if s.Labels != nil {
		for c := 0; c < copies; c++ {
			t.Labels = append(t.Labels, s.Labels...)
		}
	}
	return t, nil
}

// warp is a distortion: for each pixel, where it comes from.
type warp struct {
	c, h, w int
	x, y    []float32
}

func newWarp(image []int) *warp {
	c, h, w := image[0], image[1], image[2]
	return &warp{c: c, h: h, w: w, x: make([]float32, h*w), y: make([]float32, h*w)}
}

const nodes = 4 // of the elastic field, each axis

// draw chooses a distortion.
func (w *warp) draw(a Augment, r *rand.Rand) {
	u := func(v float64) float64 { return v * (2*r.Float64() - 1) }
	angle := u(a.Rotate) * math.Pi / 180
	sx, sy := 1+u(a.Scale), 1+u(a.Scale)
	shear, tx, ty := u(a.Shear), u(a.Shift), u(a.Shift)
	var field [2][nodes * nodes]float64
	for k := range field {
		for i := range field[k] {
			field[k][i] = u(a.Elastic)
		}
	}
	cos, sin := math.Cos(angle), math.Sin(angle)
	cx, cy := float64(w.w-1)/2, float64(w.h-1)/2
	for i := 0; i < w.h; i++ {
		gy := float64(i) * (nodes - 1) / float64(max(w.h-1, 1))
		for j := 0; j < w.w; j++ {
			x, y := float64(j)-cx, float64(i)-cy
			x, y = cos*x-sin*y, sin*x+cos*y
			x = (x + shear*y) * sx
			y *= sy
			gx := float64(j) * (nodes - 1) / float64(max(w.w-1, 1))
			w.x[i*w.w+j] = float32(x + cx + tx + smooth(&field[0], gx, gy))
			w.y[i*w.w+j] = float32(y + cy + ty + smooth(&field[1], gx, gy))
		}
	}
}

// smooth interpolates the field between its nodes.
func smooth(f *[nodes * nodes]float64, x, y float64) float64 {
	i, j := min(int(y), nodes-2), min(int(x), nodes-2)
	fy, fx := y-float64(i), x-float64(j)
	top := f[i*nodes+j]*(1-fx) + f[i*nodes+j+1]*fx
	low := f[(i+1)*nodes+j]*(1-fx) + f[(i+1)*nodes+j+1]*fx
	return top*(1-fy) + low*fy
}

// apply draws src distorted, by bilinear interpolation. Outside a gray picture
// lies its background, black; a coloured one repeats its edge.
func (w *warp) apply(dst, src []uint8) {
	area := w.h * w.w
	for p := 0; p < area; p++ {
		x, y := w.x[p], w.y[p]
		if w.c == 3 {
			x, y = min(max(x, 0), float32(w.w-1)), min(max(y, 0), float32(w.h-1))
		}
		fx, fy := float32(math.Floor(float64(x))), float32(math.Floor(float64(y)))
		j, i := int(fx), int(fy)
		ax, ay := x-fx, y-fy
		for c := 0; c < w.c; c++ {
			plane := src[c*area : (c+1)*area]
			at := func(i, j int) float32 {
				if i < 0 || j < 0 || i >= w.h || j >= w.w {
					return 0
				}
				return float32(plane[i*w.w+j])
			}
			var v float32 // products are rounded, never fused with a sum: every CPU draws the same bytes
			if i >= 0 && j >= 0 && i+1 < w.h && j+1 < w.w {
				q := plane[i*w.w+j:]
				v = mix(mix(float32(q[0]), float32(q[1]), ax), mix(float32(q[w.w]), float32(q[w.w+1]), ax), ay)
			} else {
				v = mix(mix(at(i, j), at(i, j+1), ax), mix(at(i+1, j), at(i+1, j+1), ax), ay)
			}
			dst[c*area+p] = uint8(v + 0.5)
		}
	}
}

// mix is a*(1-t) + b*t.
func mix(a, b, t float32) float32 { return float32(a*(1-t)) + float32(b*t) }
