package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"edgec/export"
)

// Pictures for MLPerf Tiny's visual wake words, whose data set, people in COCO's photographs,
// is not here. Without labels a file is judged by its agreement with the float network, for
// which any pictures do that the network tells apart. These are in colour, [3, 96, 96]
// bytes, on backgrounds of three kinds in turn:
//
//	clouds    value noise of four octaves, each of half the amplitude of the one before
//	gratings  a linear gradient under two to four sinusoidal waves
//	shapes    one to eight ellipses and rectangles, turned, on a gradient
//
// Two of three pictures have one to three figures of a head, a trunk, arms and legs before
// it, from a half of the picture's height to more than twice as high. All have a contrast, a
// brightness and a grain of their own. The float network sees a person in three of ten.
const (
	pictureSide  = 96
	pictureCount = 6000
	pictureTest  = 2000 // of these
	pictureSeed  = 1
)

// canvas is a picture, [3, side, side], of about 0 to 1.
type canvas [3 * pictureSide * pictureSide]float64

// paint sets every pixel of a colour to f, of coordinates from 0 to 1.
func (c *canvas) paint(f func(ch int, x, y float64) float64) {
	for i := range c {
		at := i % (pictureSide * pictureSide)
		c[i] = f(i/(pictureSide*pictureSide), (float64(at%pictureSide)+0.5)/pictureSide, (float64(at/pictureSide)+0.5)/pictureSide)
	}
}

// cover puts a colour over the pixels that lie inside.
func (c *canvas) cover(color [3]float64, inside func(x, y float64) bool) {
	before := *c
	c.paint(func(ch int, x, y float64) float64 {
		if inside(x, y) {
			return color[ch]
		}
		px, py := int(x*pictureSide), int(y*pictureSide)
		return before[(ch*pictureSide+py)*pictureSide+px]
	})
}

// artist draws pictures by a random source.
type artist struct{ *rand.Rand }

func (a artist) color() [3]float64 { return [3]float64{a.Float64(), a.Float64(), a.Float64()} }

// between draws a number uniformly.
func (a artist) between(lo, hi float64) float64 { return lo + (hi-lo)*a.Float64() }

// clouds paints value noise: random numbers on grids, bilinear between them.
func (a artist) clouds(c *canvas) {
	const octaves, most = 4, 34
	var grids [octaves][3][most * most]float64
	for o := range grids {
		for ch := range grids[o] {
			for i := range grids[o][ch] {
				grids[o][ch][i] = a.Float64() - 0.5
			}
		}
	}
	first, gray := 2+a.IntN(3), a.Float64()
	c.paint(func(ch int, x, y float64) float64 {
		v, amplitude, cells := 0.5, 1.0, first
		for o := range grids {
			own, shared := bilinear(grids[o][ch][:], most, x*float64(cells), y*float64(cells)), bilinear(grids[o][0][:], most, x*float64(cells), y*float64(cells))
			v += amplitude * (gray*shared + (1-gray)*own)
			amplitude, cells = amplitude/2, cells*2
		}
		return v
	})
}

// bilinear returns the value of a grid of rows of width numbers between its points.
func bilinear(g []float64, width int, x, y float64) float64 {
	i, j := int(x), int(y)
	u, v := x-float64(i), y-float64(j)
	at := j*width + i
	return (1-v)*((1-u)*g[at]+u*g[at+1]) + v*((1-u)*g[at+width]+u*g[at+width+1])
}

// gradient paints a linear gradient between two colours.
func (a artist) gradient(c *canvas) {
	from, to := a.color(), a.color()
	sin, cos := math.Sincos(a.between(0, 2*math.Pi))
	c.paint(func(ch int, x, y float64) float64 {
		t := 0.5 + ((x-0.5)*cos+(y-0.5)*sin)/math.Sqrt2
		return from[ch] + t*(to[ch]-from[ch])
	})
}

// gratings adds waves.
func (a artist) gratings(c *canvas) {
	for range 2 + a.IntN(3) {
		color, phase, waves := a.color(), a.between(0, 2*math.Pi), a.between(1, 12)
		sin, cos := math.Sincos(a.between(0, 2*math.Pi))
		strength := a.between(0.1, 0.4)
		before := *c
		i := 0
		c.paint(func(ch int, x, y float64) float64 {
			i++
			return before[i-1] + strength*(color[ch]-0.5)*math.Sin(2*math.Pi*waves*(x*cos+y*sin)+phase)
		})
	}
}

// shape covers an ellipse or a rectangle, turned.
func (a artist) shape(c *canvas) {
	x0, y0, rx, ry := a.Float64(), a.Float64(), a.between(0.05, 0.4), a.between(0.05, 0.4)
	sin, cos := math.Sincos(a.between(0, math.Pi))
	round := a.IntN(2) == 0
	c.cover(a.color(), func(x, y float64) bool {
		u, v := ((x-x0)*cos+(y-y0)*sin)/rx, ((y-y0)*cos-(x-x0)*sin)/ry
		if round {
			return u*u+v*v < 1
		}
		return max(math.Abs(u), math.Abs(v)) < 1
	})
}

// figure covers a head, a trunk and limbs.
func (a artist) figure(c *canvas) {
	h := math.Exp(a.between(math.Log(0.5), math.Log(2.4))) // height
	x0, y0 := a.between(0.2, 0.8), a.between(0.02, 0.25)
	skin, hair := [3]float64{0.85, 0.62, 0.48}, [3]float64{0.25, 0.17, 0.1}
	light, dark := a.between(0.4, 1.15), a.between(0.2, 2)
	for ch := range skin {
		skin[ch] *= light
		hair[ch] *= dark
	}
	ellipse := func(color [3]float64, cx, cy, rx, ry float64) {
		c.cover(color, func(x, y float64) bool {
			u, v := (x-x0-cx*h)/(rx*h), (y-y0-cy*h)/(ry*h)
			return u*u+v*v < 1
		})
	}
	shirt, trousers := a.color(), a.color()
	for _, side := range []float64{-1, 1} {
		ellipse(trousers, side*0.06, 0.75, 0.055, 0.25)
		ellipse(shirt, side*0.14, 0.38, 0.04, 0.19)
		ellipse(skin, side*0.15, 0.58, 0.03, 0.03)
	}
	ellipse(shirt, 0, 0.38, 0.12, 0.22)
	ellipse(hair, 0, 0.07, 0.085, 0.1)
	ellipse(skin, 0, 0.1, 0.07, 0.09)
}

// draw draws picture i.
func (a artist) draw(i int) *canvas {
	c := &canvas{}
	switch i % 3 {
	case 0:
		a.clouds(c)
	case 1:
		a.gradient(c)
		a.gratings(c)
	case 2:
		a.gradient(c)
		for range 1 + a.IntN(8) {
			a.shape(c)
		}
	}
	if i/3%3 > 0 {
		for range 1 + a.IntN(3) {
			a.figure(c)
		}
	}
	contrast, brightness, grain := a.between(0.4, 1.2), a.between(-0.15, 0.15), a.between(0, 0.04)
	for k, v := range c {
		c[k] = 0.5 + contrast*(v-0.5) + brightness + grain*a.NormFloat64()
	}
	return c
}

// writePictures writes n pictures as an array of bytes [n, 3, 96, 96] in NumPy's format.
func writePictures(path string, n int) error {
	a := artist{rand.New(rand.NewPCG(pictureSeed, 3))}
	pixels := make([]byte, 0, n*len(canvas{}))
	for i := range n {
		for _, v := range a.draw(i) {
			pixels = append(pixels, byte(math.Round(255*math.Max(0, math.Min(1, v)))))
		}
	}
	return export.Write(path, append(npyBytes(n, 3, pictureSide, pictureSide), pixels...))
}

// npyBytes is the head of an array of uint8.
func npyBytes(shape ...int) []byte {
	dims := ""
	for _, d := range shape {
		dims += fmt.Sprint(d, ", ")
	}
	head := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }", dims)
	const align = 64
	for (len(head)+11)%align != 0 {
		head += " "
	}
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(head)+1))
	return append(append(b, head...), '\n')
}
