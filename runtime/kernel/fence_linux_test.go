package kernel

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// fenced returns n bytes right before memory that must not be read or written: a
// micro-kernel that goes beyond its operands ends the test by a signal.
func fenced(t *testing.T, n int) []int8 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (n+page-1)/page*page + page
	memory, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mprotect(memory[size-page:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(memory) })
	x := make([]int8, 0)
	if n > 0 {
		x = unsafe.Slice((*int8)(unsafe.Pointer(&memory[size-page-n])), n)
	}
	return x
}

// TestFences runs convolutions, dense layers and pools on operands that end where memory
// ends.
func TestFences(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 14))
	for range trials(300) {
		inC, outC := 1+r.IntN(20), 1+r.IntN(40)
		win := randomWindow(r, inC)
		if r.IntN(2) == 0 {
			win.PadT, win.PadL, win.PadB, win.PadR = 0, 0, 0, 0
			if win.H < (win.KH-1)*win.DilH+1 || win.W < (win.KW-1)*win.DilW+1 {
				continue
			}
			win.OutH, win.OutW = (win.H-(win.KH-1)*win.DilH-1)/win.StrideH+1, (win.W-(win.KW-1)*win.DilW-1)/win.StrideW+1
		}
		k := win.KH * win.KW * inC
		w := randomInt8(r, outC*k)
		x := fenced(t, win.H*win.W*inC)
		copy(x, randomInt8(r, len(x)))
		o := randomOutput(r, outC)
		want := convolve(&win, w, outC, 1, nil, 3, x)
		for _, p := range packings {
			l := p.layer(w, outC, k, win.Run(1), nil, 3)
			l.Out = o
			c := NewConv(win, 3, []*Layer{l})
			n, m, sums := c.Scratch()
			y, image, patch, acc := fenced(t, win.OutH*win.OutW*outC), fenced(t, n), fenced(t, m), make([]int32, sums)
			c.Run(y, nil, x, image, patch, acc)
			for i, v := range want {
				if q := o.quantize(i%outC, int32(v)); y[i] != q {
					t.Fatalf("%s: %+v: output %d is %d, want %d", p.name, win, i, y[i], q)
				}
			}
		}
		y := fenced(t, win.OutH*win.OutW*inC)
		MaxPool(y, x, &win)
		if got, want := fmt.Sprint(y), fmt.Sprint(pool(&win, x, 0, false, false)); got != want {
			t.Fatalf("largest of %+v: %s, want %s", win, got, want)
		}
		depthwiseFences(t, r, win, x)
		if win = rowWindow(r, 8+r.IntN(20)); r.IntN(2) == 0 {
			win.PadT, win.PadL, win.PadB, win.PadR = 0, 0, 0, 0
			win.DilH, win.OutH, win.OutW = 1, (win.H-3)/win.StrideH+1, (win.W-3)/win.StrideW+1
		}
		x = fenced(t, win.H*win.W*win.C)
		copy(x, randomInt8(r, len(x)))
		depthwiseFences(t, r, win, x)
	}
}

func depthwiseFences(t *testing.T, r *rand.Rand, win Window, x []int8) {
	t.Helper()
	w := randomInt8(r, win.C*win.KH*win.KW)
	d := NewDepthwise(win, 5, w, win.C, nil)
	d.Layer.Out = randomOutput(r, win.C)
	d.Finish()
	n, m := d.Scratch()
	y := fenced(t, win.OutH*win.OutW*win.C)
	d.Run(y, nil, x, fenced(t, n), make([]int32, m))
	for i, v := range convolve(&win, w, win.C, win.C, nil, 5, x) {
		if q := d.Layer.Out.quantize(i%win.C, int32(v)); y[i] != q {
			t.Fatalf("depthwise: %+v: output %d is %d, want %d", win, i, y[i], q)
		}
	}
}

func TestBinaryFences(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 15))
	for range trials(200) {
		n := 1 + r.IntN(1500)
		a, b, y := fenced(t, n), fenced(t, n), fenced(t, n)
		copy(a, randomInt8(r, n))
		copy(b, randomInt8(r, n))
		o := NewAdd(0.5, 0.3, 0.7, false)
		o.Lo, o.Hi = -128, 127
		o.Finish()
		o.Run(y, a, b)
		for i := range y {
			if want := bigBinary(&o, false, a[i], b[i]); y[i] != want {
				t.Fatalf("sum %d of %d is %d, want %d", i, n, y[i], want)
			}
		}
	}
}

// fencedFloats is fenced for n float32 of random numbers.
func fencedFloats(t *testing.T, r *rand.Rand, n int) []float32 {
	t.Helper()
	x := make([]float32, 0)
	if n > 0 {
		x = unsafe.Slice((*float32)(unsafe.Pointer(&fenced(t, 4*n)[0])), n)
	}
	for i := range x {
		x[i] = 8 * (r.Float32() - 0.5)
	}
	return x
}

// TestFloatFences runs the vector forms of functions, products and rounding on operands that end
// where memory ends.
func TestFloatFences(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 16))
	for n := 1; n < 70; n += 1 + n/20 {
		x, y := fencedFloats(t, r, n), fencedFloats(t, r, n)
		for _, f := range []func(y, x []float32){Sigmoids, Tanhs, silus, geluTanhs, func(y, x []float32) { Softmax(y, x, n) }} {
			f(y, x)
		}
		Quantize(fenced(t, n), x, 0.1, 3)
		k := 1 + r.IntN(20)
		a, b := fencedFloats(t, r, k), fencedFloats(t, r, k*n)
		MatMul(y, a, b, 1, k, n)
		MatMulTransposed(y, a, b, 1, k, n)
	}
}
