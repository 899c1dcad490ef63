package kernel

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"edgec/runtime/internal/cpu"
)

// randomInt8 fills with one of: any values, extremes only, mostly zeros.
func randomInt8(r *rand.Rand, n int) []int8 {
	x := make([]int8, n)
	kind := r.IntN(4)
	for i := range x {
		switch kind {
		case 0:
			x[i] = int8(r.Uint32())
		case 1:
			x[i] = []int8{-128, 127, -127}[r.IntN(3)]
		case 2:
			x[i] = -128
		default:
			if r.IntN(12) == 0 {
				x[i] = int8(r.Uint32())
			}
		}
	}
	return x
}

// sums is the definition: bias + sum (x - zero) * w, in 64 bits.
func sums(w []int8, outC, k int, bias []int32, zero int, x []int8) []int64 {
	acc := make([]int64, outC)
	for c := range acc {
		if bias != nil {
			acc[c] = int64(bias[c])
		}
		for i := range k {
			acc[c] += (int64(x[i]) - int64(zero)) * int64(w[c*k+i])
		}
	}
	return acc
}

// packing is a form that a layer may take.
type packing struct {
	name string
	pack func(l *Layer, w []int8, run int) // nil leaves what NewLayer chose
}

// packings are all forms, whatever this machine would choose, with every micro-kernel
// that it can run.
var packings = func() []packing {
	all := []packing{
		{"chosen", nil},
		{"pairs", func(l *Layer, w []int8, _ int) { l.packPairs(w) }},
		{"quads", func(l *Layer, w []int8, _ int) { l.packQuads(w) }},
		{"sparse", func(l *Layer, w []int8, _ int) { l.packSparse(w, len(w)) }},
	}
	for i := range micros {
		if m := &micros[i]; cpu.Has(m.needs) {
			all = append(all, packing{m.name, func(l *Layer, w []int8, run int) {
				if m.form().takes(w) && l.K <= longest {
					l.tiles = newTiles(w, l, run, m)
				} else {
					l.packPairs(w)
				}
			}})
		}
	}
	return all
}()

// layer returns the layer of w in this form.
func (p packing) layer(w []int8, outC, k, run int, bias []int32, zero int) *Layer {
	l := NewLayer(w, outC, k, run, bias, zero)
	if p.pack == nil {
		return l
	}
	out := &Layer{OutC: l.OutC, K: l.K, Start: l.Start, sums: l.sums, magnitudes: l.magnitudes}
	p.pack(out, w, run)
	return out
}

func randomOutput(r *rand.Rand, outC int) Output {
	o := Output{Zero: int32(r.IntN(256) - 128), Lo: -128, Hi: 127}
	if r.IntN(2) == 0 {
		o.Lo, o.Hi = int32(r.IntN(100)-100), int32(r.IntN(100))
	}
	for range outC {
		o.Mul = append(o.Mul, NewMultiplier(0.02*r.Float64()))
	}
	return o
}

// guarded returns a slice of n elements between others that hold guard, and a
// function that reports whether those still do.
func guarded(n int) ([]int8, func() bool) {
	const fence, guard = 16, 99
	all := slices.Repeat([]int8{guard}, n+2*fence)
	return all[fence : fence+n : fence+n], func() bool {
		for i, v := range all {
			if (i < fence || i >= fence+n) && v != guard {
				return false
			}
		}
		return true
	}
}

func TestLayer(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for trial := range trials(1500) {
		outC, k := 1+r.IntN(21), 1+r.IntN(70)
		if trial%50 == 0 {
			k = 1000 + r.IntN(3000)
		}
		w, x, zero := randomInt8(r, outC*k), randomInt8(r, k+3)[:k], r.IntN(256)-128
		var bias []int32
		if r.IntN(2) == 0 {
			for range outC {
				bias = append(bias, int32(r.Uint32())>>4)
			}
		}
		want := sums(w, outC, k, bias, zero, x)
		out, scale := randomOutput(r, outC), []float32{0.25}
		if r.IntN(2) == 0 {
			scale = nil
			for range outC {
				scale = append(scale, r.Float32())
			}
		}
		check := func(name string, l *Layer) {
			t.Helper()
			d := denseConv(l)
			n, m, sums := d.Scratch()
			image, patch, acc := make([]int8, n), make([]int8, m), make([]int32, sums)
			y, intact := guarded(outC)
			real := make([]float32, outC)
			d.Run(y, nil, x, image, patch, acc)
			d.Run(nil, real, x, image, patch, acc)
			for c, v := range want {
				q := int8(min(max(bigApply(int32(v), l.Out.Mul[c])+int64(l.Out.Zero), int64(l.Out.Lo)), int64(l.Out.Hi)))
				if y[c] != q {
					t.Fatalf("%s: %dx%d: output %d is %d, want %d", name, outC, k, c, y[c], q)
				}
				if s := float32(v) * l.Scale[min(c, len(l.Scale)-1)]; real[c] != s {
					t.Fatalf("%s: %dx%d: real output %d is %v, want %v", name, outC, k, c, real[c], s)
				}
			}
			if !intact() {
				t.Fatalf("%s: %dx%d: writes outside its output", name, outC, k)
			}
		}
		for _, p := range packings {
			l := p.layer(w, outC, k, k, bias, zero)
			l.Out, l.Scale = out, scale
			check(p.name, l)
		}
	}
}

// The largest sums that lanes of 32 bits hold: 2^16 products of -128 and -128.
func TestLayerExtremes(t *testing.T) {
	const k = 1 << 16
	for _, v := range [][2]int8{{-128, -128}, {-128, 127}, {127, -127}, {127, -128}} {
		for _, outC := range []int{3, 1, 2, 8, 9} {
			if testing.Short() && outC != 3 {
				continue
			}
			w, x := slices.Repeat([]int8{v[0]}, outC*k), slices.Repeat([]int8{v[1]}, k)
			if NewLayer(w, outC, k, k, nil, 0).Sparse() {
				t.Fatal("a full layer is packed as a list")
			}
			for _, p := range packings {
				l := p.layer(w, outC, k, k, nil, 0)
				l.Scale = []float32{1}
				d := denseConv(l)
				n, m, sums := d.Scratch()
				real := make([]float32, outC)
				d.Run(nil, real, x, make([]int8, n), make([]int8, m), make([]int32, sums))
				for c, a := range real {
					if want := float32(int32(v[0]) * int32(v[1]) * k); a != want {
						t.Errorf("%s: %d times %d * %d in channel %d of %d: %v, want %v", p.name, k, v[0], v[1], c, outC, a, want)
					}
				}
			}
		}
	}
}

// Neighbours in a pair have opposite signs: the borrow of the low lane.
func TestLayerBorrow(t *testing.T) {
	for _, k := range []int{1, 2, 255, 4096} {
		w := make([]int8, 2*k)
		for i := range k {
			w[i], w[k+i] = -1, 1
		}
		x := slices.Repeat([]int8{1}, k)
		acc := make([]int32, 2)
		l := &Layer{OutC: 2, K: k, Start: make([]int32, 2)}
		l.packPairs(w)
		l.accumulate(acc, x)
		if acc[0] != int32(-k) || acc[1] != int32(k) {
			t.Errorf("%d: %v", k, acc)
		}
	}
}

// A layer is a list where that is quicker, of few weights, and where the dense form would be
// mostly padding: its memory is in proportion to the nonzero weights.
func TestLayerForm(t *testing.T) {
	for _, c := range []struct {
		outC, kept, k, run int
		sparse             bool
	}{{8, 0, 100, 100, true}, {8, 8, 100, 100, true}, {8, 720, 100, 100, false}, {8, 800, 100, 100, false}, {1, 1<<16 + 1, 1<<16 + 1, 1<<16 + 1, true},
		{1, 20, 100, 1, true}, {1, 10, 100, 100, true}} {
		w := make([]int8, c.outC*c.k)
		for i := range c.kept {
			w[i] = 1
		}
		for _, m := range []*micro{nil, best} {
			l := newLayer(w, c.outC, c.k, c.run, nil, 0, m)
			if l.Sparse() != c.sparse {
				t.Errorf("%v: %d of %d weights: sparse %v", m, c.kept, c.k, l.Sparse())
			}
			if n := l.Bytes(); n < c.kept || n > mostForWeight*c.kept+32*max(c.outC, 8) {
				t.Errorf("%v: %d weights in %d bytes", m, c.kept, n)
			}
		}
	}
}

// Layers and convolutions that share weights compute what those with weights of their own do,
// and a list for all groups what a layer for each does.
func TestShare(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	for range trials(600) {
		groups, inC, perGroup := 1+r.IntN(3), 1+r.IntN(5), 1+r.IntN(12)
		win := randomWindow(r, groups*inC)
		outC, k := groups*perGroup, win.KH*win.KW*inC
		w := randomInt8(r, outC*k)
		other, x := win, randomInt8(r, 2*win.H*win.W*win.C) // as wide, but higher
		other.H, other.OutH = 2*win.H, (2*win.H+win.PadT+win.PadB-(win.KH-1)*win.DilH-1)/win.StrideH+1
		layers := func(share *Conv, zero int) (all []*Layer) {
			for g := range groups {
				if share == nil {
					all = append(all, NewLayer(w[g*perGroup*k:(g+1)*perGroup*k], perGroup, k, win.Run(groups), nil, zero))
				} else {
					all = append(all, share.Groups[g].Share(nil, zero))
				}
			}
			return all
		}
		o := randomOutput(r, outC)
		set := func(layers []*Layer) []*Layer {
			at := 0
			for _, l := range layers {
				l.Scale, l.Out = []float32{0.5}, o
				l.Out.Mul = o.Mul[at:][:l.OutC]
				at += l.OutC
			}
			return layers
		}
		first := NewConv(win, 5, set(layers(nil, 5)))
		shared := first.Share(other, -7, set(layers(first, -7)))
		list := NewConv(other, -7, set([]*Layer{NewList(w, outC, k, groups, nil, -7)}))
		want := convolve(&other, w, outC, groups, nil, -7, x)
		for name, c := range map[string]*Conv{"shared": shared, "list": list} {
			n, m, sums := c.Scratch()
			image, patch, acc := make([]int8, n), make([]int8, m), make([]int32, sums)
			verify(t, name, want, func(y []int8, real []float32) { c.Run(y, real, x, image, patch, acc) }, outC, &o, []float32{0.5})
		}
		d := NewDepthwise(win, 5, randomInt8(r, win.C*win.KH*win.KW), win.C, nil).Share(other, -7, nil)
		d.Layer.Out, d.Layer.Scale = randomOutput(r, win.C), []float32{0.5}
		d.Finish()
		taps := make([]int8, len(d.weight))
		for i, v := range d.weight {
			taps[i%win.C*win.KH*win.KW+i/win.C] = v
		}
		n, m := d.Scratch()
		image, acc := make([]int8, n), make([]int32, m)
		verify(t, "depthwise", convolve(&other, taps, win.C, win.C, nil, -7, x),
			func(y []int8, real []float32) { d.Run(y, real, x, image, acc) }, win.C, &d.Layer.Out, d.Layer.Scale)
	}
}

// Shapes of real networks: output channels, elements of a patch, and how many
// patches an inference has.
var layerShapes = []struct {
	name    string
	outC, k int
}{
	{"LeNet-5/conv2", 50, 500},
	{"LeNet-5/fc1", 500, 800},
	{"LeNet-300-100/fc1", 300, 784},
	{"MobileNet/pointwise", 128, 64},
	{"ResNet/3x3x64", 64, 576},
	{"CIFAR/conv1", 32, 27},
}

func BenchmarkDense(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, s := range layerShapes {
		w, x := make([]int8, s.outC*s.k), make([]int8, s.k)
		for i := range w {
			w[i] = int8(1 + r.IntN(127))
		}
		for i := range x {
			x[i] = int8(r.Uint32())
		}
		out := randomOutput(r, s.outC)
		for _, p := range packings {
			l := p.layer(w, s.outC, s.k, s.k, nil, 3)
			l.Out = out
			c := denseConv(l)
			b.Run(p.name+"/"+s.name, func(b *testing.B) {
				run := runner(c)
				for b.Loop() {
					run(x)
				}
				b.ReportMetric(float64(s.outC*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
			})
		}
	}
}

// BenchmarkDensity compares the list of weights with the dense forms at falling
// densities; sparseBelow is where they cross.
func BenchmarkDensity(b *testing.B) {
	r := rand.New(rand.NewPCG(6, 6))
	const outC, k = 300, 784
	x := randomInt8(r, k)
	for _, d := range []int{8, 16, 24, 32, 40, 48, 64, 96, 128} {
		w := make([]int8, outC*k)
		for i := range w {
			if r.IntN(256) < d {
				w[i] = int8(1 + r.IntN(127))
			}
		}
		out := randomOutput(r, outC)
		for _, p := range packings {
			l := p.layer(w, outC, k, k, nil, 3)
			l.Out = out
			c := denseConv(l)
			b.Run(strconv.Itoa(d)+"of256/"+p.name, func(b *testing.B) {
				run := runner(c)
				for b.Loop() {
					run(x)
				}
			})
		}
	}
}

// denseConv is a dense layer as the runtime has it: a convolution of one pixel.
func denseConv(l *Layer) *Conv {
	one := Window{H: 1, W: 1, C: l.K, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, OutH: 1, OutW: 1}
	return NewConv(one, 3, []*Layer{l})
}

// runner returns a function that computes c, with work space of its own.
func runner(c *Conv) func(x []int8) {
	outC := 0
	for _, l := range c.Groups {
		outC += l.OutC
	}
	n, m, k := c.Scratch()
	y, image, patch, acc := make([]int8, c.OutH*c.OutW*outC), make([]int8, n), make([]int8, m), make([]int32, k)
	return func(x []int8) { c.Run(y, nil, x, image, patch, acc) }
}
