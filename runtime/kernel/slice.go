package kernel

// Slice writes every StrideH-th row and StrideW-th column of x, [H,W,C], beginning with row
// PadT and column PadL, to y, [OutH,OutW,C]:
//
//	y[i,j,c] = x[PadT + i StrideH, PadL + j StrideW, c]
//
// All of them lie inside x. y must not overlap x.
func Slice[T int8 | float32](y, x []T, w *Window) {
	at := 0
	for oy := 0; oy < w.OutH; oy++ {
		row := x[(w.PadT+oy*w.StrideH)*w.W*w.C:]
		if w.StrideW == 1 {
			at += copy(y[at:at+w.OutW*w.C], row[w.PadL*w.C:])
			continue
		}
		for ox := 0; ox < w.OutW; ox++ {
			at += copy(y[at:at+w.C], row[(w.PadL+ox*w.StrideW)*w.C:])
		}
	}
}
