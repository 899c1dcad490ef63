package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// DepthToSpace returns the operators that make of an image x [N,C,H,W] one of
// [N, C/b^2, H b, W b], each reading the one before it:
//
//	y[n,c,i b + p,j b + q] = x[n,(p b + q) C/b^2 + c,i,j]
//
// or, if byChannel (ONNX's CRD), x[n,c b^2 + p b + q,i,j]. They are views: the device moves
// elements at most once. It fails unless b^2 divides the channels.
func DepthToSpace(x tensor.Shape, b int, byChannel bool) ([]graph.Op, error) {
	if len(x) != 4 || b < 1 || b > 1<<15 || x[1]%(b*b) != 0 {
		return nil, fmt.Errorf("blocks of %dx%d from the channels of %v: their number has to be a multiple of the block's", b, b, x)
	}
	c, h, w := x[1]/(b*b), x[2], x[3]
	split, perm := Reshape{[]int{b, b, c, h, w}}, []int{0, 3, 4, 1, 5, 2}
	if byChannel {
		split, perm = Reshape{[]int{c, b, b, h, w}}, []int{0, 1, 4, 2, 5, 3}
	}
	return []graph.Op{split, Transpose{perm}, Reshape{[]int{c, h * b, w * b}}}, nil
}

// SpaceToDepth is the way back from DepthToSpace without byChannel: x [N,C,H,W] becomes
// [N, C b^2, H/b, W/b].
func SpaceToDepth(x tensor.Shape, b int) ([]graph.Op, error) {
	if len(x) != 4 || b < 1 || x[2]%b != 0 || x[3]%b != 0 {
		return nil, fmt.Errorf("blocks of %dx%d from the pixels of %v: rows and columns have to be multiples of them", b, b, x)
	}
	c, h, w := x[1], x[2]/b, x[3]/b
	return []graph.Op{Reshape{[]int{c, h, b, w, b}}, Transpose{[]int{0, 3, 5, 1, 2, 4}}, Reshape{[]int{c * b * b, h, w}}}, nil
}
