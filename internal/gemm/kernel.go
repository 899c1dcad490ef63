package gemm

import "unsafe"

// The tile of the micro-kernel. Every kernel computes
//
//	for i := range rows {          // 1..mr
//		for j := range nr {
//			sum := 0
//			for p := range k {     // in this order; k > 0
//				sum += a[i*ars+p*acs] * b[p*bs+j]
//			}
//			c[i*ldc+j] = sum       // += with add
//		}
//	}
//
// The assembly fuses multiplication and addition, plain Go rounds between them.
const (
	mr = 6
	nr = 16
)

// plainKernel is the kernel in plain Go, on tiles of 2 x 4 that fit into
// registers.
func plainKernel(rows, k int, a *float32, ars, acs int, b *float32, bs int, c *float32, ldc int, add bool) {
	pa := unsafe.Slice(a, (rows-1)*ars+(k-1)*acs+1)
	pb := unsafe.Slice(b, (k-1)*bs+nr)
	pc := unsafe.Slice(c, (rows-1)*ldc+nr)
	for i := 0; i < rows; i += 2 {
		i1 := min(i+1, rows-1)
		for j := 0; j < nr; j += 4 {
			var s [2][4]float32
			s[0][0], s[0][1], s[0][2], s[0][3], s[1][0], s[1][1], s[1][2], s[1][3] =
				plainTile(k, pa[i*ars:], pa[i1*ars:], acs, pb[j:], bs)
			for r := i; r <= i1; r++ {
				line := pc[r*ldc+j : r*ldc+j+4]
				for x, v := range s[r-i] {
					if add {
						v += line[x]
					}
					line[x] = v
				}
			}
		}
	}
}

// plainTile returns the sums over p < k of two elements of A's column p times
// four elements of B's row p.
func plainTile(k int, a0, a1 []float32, acs int, b []float32, bs int) (s0, s1, s2, s3, t0, t1, t2, t3 float32) {
	for p := 0; p < k; p++ {
		x, y := a0[p*acs], a1[p*acs]
		r := b[p*bs : p*bs+4 : p*bs+4]
		s0 += float32(x * r[0])
		s1 += float32(x * r[1])
		s2 += float32(x * r[2])
		s3 += float32(x * r[3])
		t0 += float32(y * r[0])
		t1 += float32(y * r[1])
		t2 += float32(y * r[2])
		t3 += float32(y * r[3])
	}
	return
}
