package gemm

import "unsafe"

// genericKernel is the micro-kernel in plain Go. It rounds after each product
// where the assembly fuses, so the two agree up to rounding.
func genericKernel(k int, a, b, c *float32, ldc int, add bool) {
	pa, pb := unsafe.Slice(a, k*mr), unsafe.Slice(b, k*nr)
	var t [mr][nr]float32
	for p := 0; p < k; p++ {
		for i := 0; i < mr; i++ {
			v := pa[p*mr+i]
			for j := 0; j < nr; j++ {
				t[i][j] += v * pb[p*nr+j]
			}
		}
	}
	pc := unsafe.Slice(c, (mr-1)*ldc+nr)
	for i := range t {
		for j, v := range t[i] {
			if add {
				v += pc[i*ldc+j]
			}
			pc[i*ldc+j] = v
		}
	}
}
