package gemm

import (
	"math/rand/v2"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// fenced returns n float32 with an unreadable page right behind them, or right
// before them.
func fenced(t *testing.T, n int, behind bool) []float32 {
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skipf("no memory map for the test: %v", err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	for _, fence := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Skipf("memory cannot be protected: %v", err)
		}
	}
	at := page
	if behind {
		at += size - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[at])), n)
}

// Mul reads and writes nothing beyond its matrices: with the operands at the
// edges of memory that may not be touched.
func TestFences(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	r := rand.New(rand.NewPCG(6, 6))
	const most = 40 * 300
	for _, behind := range []bool{true, false} {
		a, b, c := fenced(t, most, behind), fenced(t, most, behind), fenced(t, most, behind)
		put := func(mem, x []float32) []float32 {
			if behind {
				mem = mem[len(mem)-len(x):]
			}
			copy(mem, x)
			return mem[:len(x)]
		}
		for trial := range 400 {
			m, n, k := 1+r.IntN(40), 1+r.IntN(40), 1+r.IntN(40)
			if trial%10 == 0 {
				k = 250 + r.IntN(50)
			}
			x := newMatrix(r, r.IntN(2) == 1, m, k, 0)
			y := newMatrix(r, r.IntN(2) == 1, k, n, 0)
			z := put(c, make([]float32, m*n))
			func() {
				defer func() {
					if err := recover(); err != nil {
						t.Fatalf("m %d n %d k %d trans %v %v: %v", m, n, k, x.trans, y.trans, err)
					}
				}()
				Mul(x.trans, y.trans, m, n, k, put(a, x.x), x.ld, put(b, y.x), y.ld, r.IntN(2) == 1, z, n)
			}()
		}
	}
}
