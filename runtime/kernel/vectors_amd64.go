//go:build !noasm

package kernel

// The Blocks functions compute as many leading elements as fill vectors, and return how many.

//go:noescape
func sigmoidAVX2(n int, dst, src *float32)

//go:noescape
func tanhAVX2(n int, dst, src *float32)

//go:noescape
func expAVX2(n int, dst, src *float32)

//go:noescape
func quantizeAVX2(n int, y *int8, x *float32, args *quantizeArgs)

func quantizeBlocks(y []int8, x []float32, args *quantizeArgs) int {
	n := len(y) &^ 7
	if n > 0 {
		quantizeAVX2(n, &y[0], &x[0], args)
	}
	return n
}

func sigmoidBlocks(y, x []float32) int {
	n := len(y) &^ 7
	if n > 0 {
		sigmoidAVX2(n, &y[0], &x[0])
	}
	return n
}

func tanhBlocks(y, x []float32) int {
	n := len(y) &^ 7
	if n > 0 {
		tanhAVX2(n, &y[0], &x[0])
	}
	return n
}

func expBlocks(y, x []float32) int {
	n := len(y) &^ 7
	if n > 0 {
		expAVX2(n, &y[0], &x[0])
	}
	return n
}

//go:noescape
func columnsAVX2(args *productArgs)

//go:noescape
func rowsAVX2(args *productArgs)

func columnBlocks(y, x, w []float32) int {
	n := len(y) &^ 7
	if n > 0 {
		columnsAVX2(&productArgs{&y[0], &x[0], &w[0], len(x), 4 * len(y), n})
	}
	return n
}

func rowBlocks(y, x, w []float32) int {
	n := len(y) &^ 3
	if n > 0 {
		rowsAVX2(&productArgs{&y[0], &x[0], &w[0], len(x), 4 * len(x), n})
	}
	return n
}
