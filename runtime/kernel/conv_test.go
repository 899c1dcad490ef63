package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"edgec/runtime/internal/cpu"
)

// at returns the element of an image [H,W,C], or outside it outside.
func (w *Window) at(x []int8, y, z, c int, outside int8) int64 {
	if y < 0 || z < 0 || y >= w.H || z >= w.W {
		return int64(outside)
	}
	return int64(x[(y*w.W+z)*w.C+c])
}

// convolve is the definition: weights [outC, kH, kW, C/groups], and the zero
// point outside the image.
func convolve(win *Window, w []int8, outC, groups int, bias []int32, zero int, x []int8) []int64 {
	inC, perGroup := win.C/groups, outC/groups
	var acc []int64
	for oy := range win.OutH {
		for ox := range win.OutW {
			for oc := range outC {
				sum := int64(0)
				if bias != nil {
					sum = int64(bias[oc])
				}
				for p := range win.KH {
					for q := range win.KW {
						for c := range inC {
							v := win.at(x, oy*win.StrideH-win.PadT+p*win.DilH, ox*win.StrideW-win.PadL+q*win.DilW, oc/perGroup*inC+c, int8(zero))
							sum += (v - int64(zero)) * int64(w[((oc*win.KH+p)*win.KW+q)*inC+c])
						}
					}
				}
				acc = append(acc, sum)
			}
		}
	}
	return acc
}

// randomWindow returns a window that fits its image.
func randomWindow(r *rand.Rand, c int) Window {
	for {
		w := Window{H: 1 + r.IntN(9), W: 1 + r.IntN(9), C: c, KH: 1 + r.IntN(4), KW: 1 + r.IntN(4), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3),
			DilH: 1 + r.IntN(3), DilW: 1 + r.IntN(3)}
		if r.IntN(2) == 0 {
			w.DilH, w.DilW = 1, 1
		}
		if r.IntN(3) > 0 {
			w.PadT, w.PadL, w.PadB, w.PadR = r.IntN(4), r.IntN(4), r.IntN(4), r.IntN(4)
		}
		roomH, roomW := w.H+w.PadT+w.PadB-(w.KH-1)*w.DilH-1, w.W+w.PadL+w.PadR-(w.KW-1)*w.DilW-1
		if roomH >= 0 && roomW >= 0 {
			w.OutH, w.OutW = roomH/w.StrideH+1, roomW/w.StrideW+1
			return w
		}
	}
}

// verify compares int8 and float32 outputs with the sums that they come from.
func verify(t *testing.T, what string, want []int64, run func(y []int8, real []float32), outC int, o *Output, scale []float32) {
	t.Helper()
	y, intact := guarded(len(want))
	real := make([]float32, len(want))
	run(y, nil)
	run(nil, real)
	for i, v := range want {
		c := i % outC
		q := int8(min(max(bigApply(int32(v), o.Mul[c])+int64(o.Zero), int64(o.Lo)), int64(o.Hi)))
		if y[i] != q {
			t.Fatalf("%s: output %d of channel %d is %d, want %d (sum %d)", what, i, c, y[i], q, v)
		}
		if s := float32(v) * scale[min(c, len(scale)-1)]; real[i] != s {
			t.Fatalf("%s: real output %d is %v, want %v", what, i, real[i], s)
		}
	}
	if !intact() {
		t.Fatalf("%s: writes outside its output", what)
	}
}

// rowWindow returns a window that micro-kernels compute by rows of outputs.
func rowWindow(r *rand.Rand, c int) Window {
	w := Window{H: 3 + r.IntN(9), W: 3 + r.IntN(9), C: c, KH: 3, KW: 3, StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(2), DilH: 1, DilW: 1,
		PadT: r.IntN(3), PadL: r.IntN(3), PadB: r.IntN(3), PadR: r.IntN(3)}
	if r.IntN(40) == 0 { // more than one call
		w.W += 300
	}
	w.DilH = 1 + r.IntN(min(3, (w.H+w.PadT+w.PadB-1)/2))
	w.OutH, w.OutW = (w.H+w.PadT+w.PadB-2*w.DilH-1)/w.StrideH+1, (w.W+w.PadL+w.PadR-3)/w.StrideW+1
	return w
}

func TestConv(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range trials(1500) {
		groups := 1 + r.IntN(3)
		inC, perGroup := 1+r.IntN(5), 1+r.IntN(9)
		if r.IntN(4) == 0 {
			perGroup += 4 * r.IntN(11)
		}
		win := randomWindow(r, groups*inC)
		outC, k := groups*perGroup, win.KH*win.KW*inC
		w, zero := randomInt8(r, outC*k), r.IntN(256)-128
		var bias []int32
		if r.IntN(2) == 0 {
			for range outC {
				bias = append(bias, int32(r.Uint32())>>8)
			}
		}
		x := randomInt8(r, win.H*win.W*win.C)
		o, scale := randomOutput(r, outC), []float32{0.5}
		want := convolve(&win, w, outC, groups, bias, zero, x)
		for _, p := range packings {
			var layers []*Layer
			for g := range groups {
				var b []int32
				if bias != nil {
					b = bias[g*perGroup : (g+1)*perGroup]
				}
				part := w[g*perGroup*k : (g+1)*perGroup*k]
				l := p.layer(part, perGroup, k, win.Run(groups), b, zero)
				l.Out = o
				l.Out.Mul = o.Mul[g*perGroup : (g+1)*perGroup]
				l.Scale = scale
				layers = append(layers, l)
			}
			c := NewConv(win, int8(zero), layers)
			n, m, sums := c.Scratch()
			image, patch, acc := make([]int8, n), make([]int8, m), make([]int32, sums)
			verify(t, fmt.Sprintf("%s: %+v, %d groups", p.name, win, groups), want,
				func(y []int8, real []float32) { c.Run(y, real, x, image, patch, acc) }, outC, &o, scale)
		}
	}
}

func TestDepthwise(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range trials(1500) {
		channels, mult := 1+r.IntN(9), 1+r.IntN(3)
		if r.IntN(3) == 0 {
			channels, mult = 8+r.IntN(40), 1
		}
		win := randomWindow(r, channels)
		if mult == 1 && r.IntN(3) == 0 {
			win = rowWindow(r, channels)
		}
		if r.IntN(30) == 0 {
			win = imageMean(1+r.IntN(30), 1+r.IntN(30), channels)
		}
		outC := channels * mult
		w, zero := randomInt8(r, outC*win.KH*win.KW), r.IntN(256)-128
		var bias []int32
		if r.IntN(2) == 0 {
			for range outC {
				bias = append(bias, int32(r.Uint32())>>8)
			}
		}
		x := randomInt8(r, win.H*win.W*win.C)
		d := NewDepthwise(win, int8(zero), w, outC, bias)
		d.Layer.Out = randomOutput(r, outC)
		d.Layer.Scale = []float32{0.5}
		if r.IntN(2) == 0 {
			d.Layer.Scale = nil
			for range outC {
				d.Layer.Scale = append(d.Layer.Scale, r.Float32())
			}
		}
		want := convolve(&win, w, outC, channels, bias, zero, x)
		verify(t, fmt.Sprintf("plain: %+v times %d", win, mult), want,
			func(y []int8, real []float32) { d.plain(y, real, x, make([]int32, outC)) }, outC, &d.Layer.Out, d.Layer.Scale)
		for i := range micros {
			if !cpu.Has(micros[i].needs) {
				continue
			}
			d.lanes = newLanes(d, &micros[i])
			d.Finish()
			n, m := d.Scratch()
			image, acc := make([]int8, n), make([]int32, m)
			verify(t, fmt.Sprintf("%s: %+v times %d", micros[i].name, win, mult), want,
				func(y []int8, real []float32) { d.Run(y, real, x, image, acc) }, outC, &d.Layer.Out, d.Layer.Scale)
		}
	}
}

// imageMean is the window of the mean of an image.
func imageMean(h, w, c int) Window {
	return Window{H: h, W: w, C: c, KH: h, KW: w, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, OutH: 1, OutW: 1}
}

// Micro-kernels compute the mean of an image too, as DS-CNN has it.
func TestDepthwiseKernel(t *testing.T) {
	win := imageMean(25, 5, 64)
	if got := NewDepthwise(win, 0, make([]int8, 25*5*64), 64, nil).Kernel(); got != best.String() {
		t.Errorf("the kernel is %s, want %s", got, best)
	}
}

func TestPad(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range trials(300) {
		win := Window{H: 1 + r.IntN(5), W: 1 + r.IntN(5), C: 1 + r.IntN(4)}
		top, left, bottom, right, v := r.IntN(4), r.IntN(4), r.IntN(4), r.IntN(4), int8(r.Uint32())
		x := randomInt8(r, win.H*win.W*win.C)
		h, w := win.H+top+bottom, win.W+left+right
		y, intact := guarded(h * w * win.C)
		Pad(y, x, win.H, win.W, win.C, top, left, bottom, right, v)
		for i, got := range y {
			if want := win.at(x, i/win.C/w-top, i/win.C%w-left, i%win.C, v); int64(got) != want {
				t.Fatalf("%+v by %d %d %d %d: element %d is %d, want %d", win, top, left, bottom, right, i, got, want)
			}
		}
		if !intact() {
			t.Fatal("writes outside its output")
		}
	}
}

// Convolutions of real networks, dense.
func BenchmarkConv(b *testing.B) {
	r := rand.New(rand.NewPCG(10, 10))
	for _, c := range []struct {
		name                     string
		h, c, outC, k, pad, step int
	}{
		{"LeNet-5/conv1-28x28x1-5x5x20", 28, 1, 20, 5, 0, 1},
		{"LeNet-5/conv2-12x12x20-5x5x50", 12, 20, 50, 5, 0, 1},
		{"ResNet/16x16x32-3x3x32", 16, 32, 32, 3, 1, 1},
		{"MobileNet/14x14x64-1x1x128", 14, 64, 128, 1, 0, 1},
		{"case-study/14x14x256-3x3x256", 14, 256, 256, 3, 1, 1},
	} {
		win := Window{H: c.h, W: c.h, C: c.c, KH: c.k, KW: c.k, StrideH: c.step, StrideW: c.step, DilH: 1, DilW: 1, PadT: c.pad, PadL: c.pad, PadB: c.pad, PadR: c.pad}
		win.OutH = (c.h+2*c.pad-c.k)/c.step + 1
		win.OutW = win.OutH
		k := c.k * c.k * c.c
		w := make([]int8, c.outC*k)
		for i := range w {
			w[i] = int8(1 + r.IntN(127))
		}
		x, out := randomInt8(r, c.h*c.h*c.c), randomOutput(r, c.outC)
		for _, p := range packings {
			l := p.layer(w, c.outC, k, win.Run(1), nil, 3)
			l.Out = out
			run := runner(NewConv(win, 3, []*Layer{l}))
			b.Run(p.name+"/"+c.name, func(b *testing.B) {
				for b.Loop() {
					run(x)
				}
				b.ReportMetric(float64(win.OutH*win.OutW*c.outC*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
			})
		}
	}
	win := Window{H: 28, W: 28, C: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadT: 1, PadL: 1, PadB: 1, PadR: 1, OutH: 28, OutW: 28}
	w := make([]int8, 64*9)
	for i := range w {
		w[i] = int8(r.IntN(255) - 127)
	}
	d := NewDepthwise(win, 3, w, 64, nil)
	d.Layer.Out = randomOutput(r, 64)
	d.Finish()
	n, m := d.Scratch()
	x, y, image, acc := randomInt8(r, 28*28*64), make([]int8, 28*28*64), make([]int8, n), make([]int32, m)
	b.Run("MobileNet/28x28x64-depthwise", func(b *testing.B) {
		for b.Loop() {
			d.Run(y, nil, x, image, acc)
		}
		b.ReportMetric(28*28*64*9*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
	})
}

func TestConvKernel(t *testing.T) {
	win := Window{H: 1, W: 1, C: 8, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, OutH: 1, OutW: 1}
	group := func(v int8) *Layer {
		w := slices.Repeat([]int8{v}, 8)
		l := newLayer(w, 2, 4, win.Run(2), nil, 0, nil)
		l.Out = Output{Mul: make([]Multiplier, 2)}
		return l
	}
	for want, groups := range map[string][]*Layer{"go": {group(1), group(1)}, "list": {group(0)}, "list, go": {group(0), group(3), group(0)}} {
		if got := (&Conv{Window: win, Groups: groups}).Kernel(); got != want {
			t.Errorf("the kernel is %q, want %q", got, want)
		}
	}
}
