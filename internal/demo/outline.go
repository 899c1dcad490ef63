package demo

import (
	"fmt"
	"image"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"edgec/internal/dataset"
)

// characters draws every class in every font and height, upright and centred:
// all pictures of class 0, then of class 1, and so on.
func characters(fonts [][]byte) (*dataset.Set, error) {
	var faces []*sfnt.Font
	for _, ttf := range fonts {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("demo: font: %w", err)
		}
		faces = append(faces, f)
	}
	var bytes []uint8
	var labels []int
	for k, c := range Classes {
		for _, f := range faces {
			for height := smallest; height <= largest; height++ {
				pix, err := character(f, []rune(c)[0], height)
				if err != nil {
					return nil, fmt.Errorf("demo: font: %q: %w", c, err)
				}
				bytes = append(bytes, pix...)
				labels = append(labels, k)
			}
		}
	}
	return dataset.FromBytes(Shape, bytes, labels, Classes)
}

// character draws c, with an em square of the given height in pixels, light on
// black, the middle of its bounds in the middle of the picture.
func character(f *sfnt.Font, c rune, height int) ([]uint8, error) {
	var buf sfnt.Buffer
	glyph, err := f.GlyphIndex(&buf, c)
	if err != nil {
		return nil, err
	}
	segments, err := f.LoadGlyph(&buf, glyph, fixed.I(height), nil)
	if err != nil {
		return nil, err
	}
	b := segments.Bounds()
	middle := fixed.P(Side, Side).Sub(b.Min.Add(b.Max)).Div(fixed.I(2))
	p := pen{r: vector.NewRasterizer(Side, Side)}
	for _, s := range segments {
		a, b := s.Args[0].Add(middle), s.Args[1].Add(middle)
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			p.moveTo(a)
		case sfnt.SegmentOpLineTo:
			p.lineTo(a)
		case sfnt.SegmentOpQuadTo:
			p.quadTo(a, b)
		default:
			return nil, fmt.Errorf("a cubic curve; TrueType outlines have none")
		}
	}
	p.r.ClosePath()
	img := image.NewAlpha(image.Rect(0, 0, Side, Side))
	p.r.Draw(img, img.Rect, image.Opaque, image.Point{})
	return img.Pix, nil
}

// pen hands an outline to the rasterizer as straight lines between points that
// float32 holds exactly. The rasterizer's own curves are cut by fused
// multiplications on some CPUs and not on others, its lines are not.
type pen struct {
	r  *vector.Rasterizer
	at fixed.Point26_6
}

// pieces is the number of lines that stand for a curve.
const pieces = 8

func (p *pen) moveTo(a fixed.Point26_6) {
	p.r.ClosePath()
	p.r.MoveTo(float32(a.X)/64, float32(a.Y)/64)
	p.at = a
}

func (p *pen) lineTo(a fixed.Point26_6) {
	p.r.LineTo(float32(a.X)/64, float32(a.Y)/64)
	p.at = a
}

// quadTo draws the quadratic Bézier curve from the present point to c with
// control point b.
func (p *pen) quadTo(b, c fixed.Point26_6) {
	at := func(a, b, c fixed.Int26_6, t int) float32 {
		u := pieces - t
		sum := int(a)*u*u + 2*int(b)*u*t + int(c)*t*t
		return float32(sum) / (64 * pieces * pieces)
	}
	for t := 1; t <= pieces; t++ {
		p.r.LineTo(at(p.at.X, b.X, c.X, t), at(p.at.Y, b.Y, c.Y, t))
	}
	p.at = c
}
