package op

import (
	"fmt"

	"edgec/internal/gemm"
	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// MatMul is the product of the last two dimensions of a [...,M,K] and b [...,K,P], or, with
// TransposeB, of a and b [...,P,K] transposed: y [...,M,P]. The dimensions before are
// broadcast as those of Arithmetic. Weights that do not differ between samples are Dense.
type MatMul struct {
	TransposeB bool
}

// Name implements graph.Op.
func (MatMul) Name() string { return "MatMul" }

// Infer implements graph.Op.
func (o MatMul) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	a, b := in[0], in[1]
	if len(a) < 2 || len(b) < 2 || max(len(a), len(b)) < 3 {
		return nil, fmt.Errorf("factors %v and %v; needs [N,...,M,K] and [N,...,K,P]", a, b)
	}
	k, p := dim(b, 2), dim(b, 1)
	if o.TransposeB {
		k, p = p, k
	}
	if dim(a, 1) != k {
		return nil, fmt.Errorf("factors %v and %v: rows of %d elements meet columns of %d", a, b, dim(a, 1), k)
	}
	lead, err := broadcast([]tensor.Shape{a[:len(a)-2], b[:len(b)-2]})
	if err != nil {
		return nil, fmt.Errorf("factors %v and %v cannot be broadcast to one shape", a, b)
	}
	return []tensor.Shape{append(lead[0], dim(a, 2), p)}, nil
}

// products calls f with the places of the matrices of each product in y, a and b.
func (o MatMul) products(y, a, b tensor.Shape, f func(y, a, b int)) {
	lead := func(s tensor.Shape) (l tensor.Shape, size int) { return s[:len(s)-2], dim(s, 1) * dim(s, 2) }
	ly, my := lead(y)
	la, ma := lead(a)
	lb, mb := lead(b)
	pairs(ly, la, lb, func(o, ia, ib, sa, sb, n int) {
		for i := range n {
			f((o+i)*my, (ia+i*sa)*ma, (ib+i*sb)*mb)
		}
	})
}

// Forward implements graph.Op.
func (o MatMul) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	m, p, k := dim(out[0].Shape, 2), dim(out[0].Shape, 1), dim(in[0].Shape, 1)
	o.products(out[0].Shape, in[0].Shape, in[1].Shape, func(y, a, b int) {
		gemm.Mul(false, o.TransposeB, m, p, k, in[0].Data[a:], k, in[1].Data[b:], dim(in[1].Shape, 1), false, out[0].Data[y:], p)
	})
}

// Backward implements graph.Differentiable: da = dy b^T, db = a^T dy.
func (o MatMul) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	m, p, k := dim(out[0].Shape, 2), dim(out[0].Shape, 1), dim(in[0].Shape, 1)
	ldb, dy := dim(in[1].Shape, 1), dout[0].Data
	o.products(out[0].Shape, in[0].Shape, in[1].Shape, func(y, a, b int) {
		if d := din[0]; d != nil {
			gemm.Mul(false, !o.TransposeB, m, k, p, dy[y:], p, in[1].Data[b:], ldb, true, d.Data[a:], k)
		}
		switch d := din[1]; {
		case d == nil:
		case o.TransposeB:
			gemm.Mul(true, false, p, k, m, dy[y:], p, in[0].Data[a:], k, true, d.Data[b:], ldb)
		default:
			gemm.Mul(true, false, k, p, m, in[0].Data[a:], k, dy[y:], p, true, d.Data[b:], ldb)
		}
	})
}

// InFloat implements FloatOperator.
func (MatMul) InFloat() {}

// WriteONNX implements ONNXWriter: a Transpose before it stands for TransposeB.
func (o MatMul) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	if o.TransposeB {
		rank := len(n.Inputs[1].Shape)
		perm := make([]int, rank)
		for i := range perm {
			perm[i] = i
		}
		perm[rank-2], perm[rank-1] = rank-1, rank-2
		t := w.Fresh(out + "_transposed")
		w.Emit("Transpose", []string{in[1]}, t, Attr{"perm", perm})
		in = []string{in[0], t}
	}
	w.Emit("MatMul", in, out)
}

var _ graph.Differentiable = MatMul{}
