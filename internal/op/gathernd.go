package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// GatherND picks slices of x [N, a..., d1..dm, c...] by index [N, a..., i..., m], whose last
// dimension holds one index for each of d1..dm:
//
//	y[n, a..., i..., c...] = x[n, a..., index[n, a..., i..., 0], .., index[n, a..., i..., m-1], c...]
//
// Batch >= 1 is the number of dimensions that both have in common, N among them. Indexes are
// those of Gather. An input with a batch of 1 is the same for all samples.
type GatherND struct {
	Batch int
}

// Name implements graph.Op.
func (GatherND) Name() string { return "GatherND" }

// Elems implements graph.Typed.
func (GatherND) Elems(in []graph.Elem) []graph.Elem { return in[:1] }

// Infer implements graph.Op.
func (o GatherND) Infer(in []tensor.Shape) ([]tensor.Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	n, err := commonBatch(in)
	if err != nil {
		return nil, err
	}
	x, index := in[0], in[1]
	last := len(index) - 1
	if o.Batch < 1 || last < o.Batch || index[last] < 1 || o.Batch+index[last] > len(x) || x.Size() < 1 {
		return nil, fmt.Errorf("indexes %v of %v behind %d common dimensions", index, x, o.Batch)
	}
	for d := 1; d < o.Batch; d++ {
		if x[d] != index[d] {
			return nil, fmt.Errorf("indexes %v of %v differ in dimension %d, which they have in common", index, x, d)
		}
	}
	y := append(tensor.Shape{n}, index[1:last]...)
	return []tensor.Shape{append(y, x[o.Batch+index[last]:]...)}, nil
}

// walk calls f with the places in a sample of each run of n elements.
func (o GatherND) walk(x, index tensor.Shape, values []float32, f func(y, x, n int)) {
	m := index[len(index)-1]
	n := x[o.Batch+m:].Size()
	block := x[o.Batch:].Size()
	each := index[o.Batch : len(index)-1].Size()
	for i := 0; i*m < len(values); i++ {
		place := 0
		for k, v := range values[i*m : (i+1)*m] {
			d := x[o.Batch+k]
			place = place*d + indexOf(v, d)
		}
		f(i*n, i/each*block+place*n, n)
	}
}

// Forward implements graph.Op.
func (o GatherND) Forward(_ *graph.Scratch, out, in []*tensor.Tensor) {
	for b := range out[0].Shape[0] {
		x, y := sampleOf(in[0], b), sampleOf(out[0], b)
		o.walk(in[0].Shape, in[1].Shape, sampleOf(in[1], b), func(i, k, n int) { copy(y[i:i+n], x[k:k+n]) })
	}
}

// Backward implements graph.Differentiable.
func (o GatherND) Backward(_ *graph.Scratch, din, in, out, dout []*tensor.Tensor) {
	if din[0] == nil {
		return
	}
	for b := range out[0].Shape[0] {
		dx, dy := sampleOf(din[0], b), sampleOf(dout[0], b)
		o.walk(in[0].Shape, in[1].Shape, sampleOf(in[1], b), func(i, k, n int) { add(dx[k:k+n], dy[i:i+n]) })
	}
}

// Grids implements GridRelater.
func (GatherND) Grids() GridRelation { return InputGrid }

// WriteONNX implements ONNXWriter.
func (o GatherND) WriteONNX(w ONNX, n *graph.Node, in []string, out string) {
	w.Emit("GatherND", withBatch(w, n, in, out), out, Attr{"batch_dims", o.Batch})
}

var _ graph.Differentiable = GatherND{}
