package kernel

// MatMul writes the product of a, [m,k], and b, [k,n], to y, [m,n]: sums of k products in their
// order, each operation rounded to float32. y must not overlap the factors.
func MatMul(y, a, b []float32, m, k, n int) {
	for i := range m {
		row, x := y[i*n:(i+1)*n], a[i*k:(i+1)*k]
		j := 0
		if best.hasVectors() && k > 0 {
			j = columnBlocks(row, x, b)
		}
		for ; j+4 <= n; j += 4 { // four independent sums keep the processor busy
			var s0, s1, s2, s3 float32
			at := j
			for _, v := range x {
				c := b[at : at+4 : at+4]
				s0 = float32(s0 + float32(v*c[0]))
				s1 = float32(s1 + float32(v*c[1]))
				s2 = float32(s2 + float32(v*c[2]))
				s3 = float32(s3 + float32(v*c[3]))
				at += n
			}
			row[j], row[j+1], row[j+2], row[j+3] = s0, s1, s2, s3
		}
		for ; j < n; j++ {
			s, at := float32(0), j
			for _, v := range x {
				s = float32(s + float32(v*b[at]))
				at += n
			}
			row[j] = s
		}
	}
}

// MatMulTransposed writes the product of a, [m,k], and the transposed b, [n,k], to y, [m,n]: with
// four sums s_j of the products j, j + 4, j + 8, ..., in order, (s_0 + s_1) + (s_2 + s_3). Each operation is
// rounded to float32. y must not overlap the factors.
func MatMulTransposed(y, a, b []float32, m, k, n int) {
	for i := range m {
		row, x := y[i*n:(i+1)*n], a[i*k:(i+1)*k]
		j := 0
		if best.hasVectors() && k > 0 && k%4 == 0 {
			j = rowBlocks(row, x, b)
		}
		for ; j < n; j++ {
			row[j] = dot(x, b[j*k:(j+1)*k])
		}
	}
}

// productArgs are the arguments of the assembly that multiplies x [k] by n columns of w, or by n
// of its rows.
type productArgs struct {
	y, x, w *float32
	k       int
	stride  int // bytes from one row of w to the next
	n       int
}

func dot(x, w []float32) float32 {
	var s0, s1, s2, s3 float32
	w = w[:len(x)]
	n := len(x) &^ 3
	for i := 0; i < n; i += 4 {
		a, b := (*[4]float32)(x[i:]), (*[4]float32)(w[i:])
		s0 = float32(s0 + float32(a[0]*b[0]))
		s1 = float32(s1 + float32(a[1]*b[1]))
		s2 = float32(s2 + float32(a[2]*b[2]))
		s3 = float32(s3 + float32(a[3]*b[3]))
	}
	switch x, w = x[n:], w[n:]; len(x) {
	case 3:
		s2 = float32(s2 + float32(x[2]*w[2]))
		fallthrough
	case 2:
		s1 = float32(s1 + float32(x[1]*w[1]))
		fallthrough
	case 1:
		s0 = float32(s0 + float32(x[0]*w[0]))
	}
	return float32(float32(s0+s1) + float32(s2+s3))
}

// MatMuls multiplies the matrices of batches: the leading dimensions of both factors are broadcast
// by b to those of y.
func (b *Broadcast) MatMuls(y, x, z []float32, m, k, n int, multiply func(y, a, b []float32, m, k, n int)) {
	s := b.strides[0]
	b.walk(func(o, runs int, at [3]int) {
		for e := range runs {
			i, j, out := (at[0]+e*s[0])*m*k, (at[1]+e*s[1])*k*n, (o+e)*m*n
			multiply(y[out:out+m*n], x[i:i+m*k], z[j:j+k*n], m, k, n)
		}
	})
}
