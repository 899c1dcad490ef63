package op

import (
	"fmt"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// commonBatch returns the number of samples of inputs of which some, such as parameters,
// have a batch of 1 that stands for all samples.
func commonBatch(in []tensor.Shape) (int, error) {
	n := 1
	for i, s := range in {
		if len(s) == 0 {
			return 0, fmt.Errorf("input %d is a scalar, without a batch", i)
		}
		n = max(n, s[0])
	}
	for i, s := range in {
		if s[0] != n && s[0] != 1 {
			return 0, fmt.Errorf("input %d of shape %v does not have the batch %d of the others", i, s, n)
		}
	}
	return n, nil
}

// sampleOf returns the elements of sample b, those of the only one where the batch is 1;
// nil for no tensor.
func sampleOf(t *tensor.Tensor, b int) []float32 {
	if t == nil {
		return nil
	}
	n := len(t.Data) / t.Shape[0]
	if t.Shape[0] == 1 {
		b = 0
	}
	return t.Data[b*n : (b+1)*n]
}

// strides returns, for each dimension, how far apart two elements along it are.
func strides(s tensor.Shape) []int {
	out, n := make([]int, len(s)), 1
	for d := len(s) - 1; d >= 0; d-- {
		out[d] = n
		n *= s[d]
	}
	return out
}

// withBatch returns the names of n's inputs for an operator that needs the batch on all of
// them: parameters are repeated for each sample.
func withBatch(w ONNX, n *graph.Node, in []string, out string) []string {
	batch := ""
	for k, v := range n.Inputs {
		if v == nil || v.Param == nil {
			continue
		}
		if batch == "" {
			batch = writeBatch(w, n, in, out)
		}
		shape, all := w.Fresh(out+"_shape"), w.Fresh(out+"_all")
		w.Emit("Concat", []string{batch, w.Int64s(out+"_sizes", v.Shape[1:])}, shape, Attr{"axis", 0})
		w.Emit("Expand", []string{in[k], shape}, all)
		in[k] = all
	}
	return in
}
