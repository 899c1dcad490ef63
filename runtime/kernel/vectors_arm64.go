//go:build !noasm

package kernel

// The Blocks functions compute as many leading elements as fill vectors, and return how many.

//go:noescape
func sigmoidNEON(n int, dst, src *float32)

//go:noescape
func tanhNEON(n int, dst, src *float32)

//go:noescape
func expNEON(n int, dst, src *float32)

func sigmoidBlocks(y, x []float32) int {
	n := len(y) &^ 3
	if n > 0 {
		sigmoidNEON(n, &y[0], &x[0])
	}
	return n
}

func tanhBlocks(y, x []float32) int {
	n := len(y) &^ 3
	if n > 0 {
		tanhNEON(n, &y[0], &x[0])
	}
	return n
}

func expBlocks(y, x []float32) int {
	n := len(y) &^ 3
	if n > 0 {
		expNEON(n, &y[0], &x[0])
	}
	return n
}

//go:noescape
func quantizeNEON(n int, y *int8, x *float32, args *quantizeArgs)

func quantizeBlocks(y []int8, x []float32, args *quantizeArgs) int {
	n := len(y) &^ 7
	if n > 0 {
		quantizeNEON(n, &y[0], &x[0], args)
	}
	return n
}

//go:noescape
func columnsNEON(args *productArgs)

//go:noescape
func rowsNEON(args *productArgs)

func columnBlocks(y, x, w []float32) int {
	n := len(y) &^ 3
	if n > 0 {
		columnsNEON(&productArgs{&y[0], &x[0], &w[0], len(x), 4 * len(y), n})
	}
	return n
}

func rowBlocks(y, x, w []float32) int {
	n := len(y) &^ 3
	if n > 0 {
		rowsNEON(&productArgs{&y[0], &x[0], &w[0], len(x), 4 * len(x), n})
	}
	return n
}
