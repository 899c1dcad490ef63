package onnx

import (
	"slices"

	"edgec/internal/op"
)

// buildExpand repeats an activation along its dimensions of 1, and along new ones before
// them.
func buildExpand(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if !n.has(1) || !n.in[1].isKnown() {
		return n.fail("shape", "the target depends on the input's values; export the model with fixed shapes")
	}
	var repeats [2][]int
	for t := range repeats {
		target := n.in[1].known[t]
		if target.isFloat() {
			return n.fail("shape", "it has type %s, int64 is needed", typeName(target.typ))
		}
		dims, size := n.fileDims(x, t), make([]int, len(target.i))
		for i, d := range target.i {
			if d < 1 || d > maxActivation {
				return n.fail("shape", "size %d of target %v is empty or too large", d, target.i)
			}
			size[i] = int(d)
		}
		full, ok := broadcast(dims, size)
		if !ok {
			return n.fail("shape", "target %v does not fit an input of shape %v", target.i, dims)
		}
		missing := len(full) - len(dims)
		for k, d := range full {
			if k >= missing {
				d /= dims[k-missing]
			}
			repeats[t] = append(repeats[t], d)
		}
	}
	return n.repeat(x, repeats)
}

// buildTile repeats an activation as a whole along its dimensions.
func buildTile(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if !n.has(1) || !n.in[1].isKnown() {
		return n.fail("repeats", "they depend on the input's values; export the model with fixed shapes")
	}
	var repeats [2][]int
	for t := range repeats {
		a := n.in[1].known[t]
		if a.isFloat() || a.size() != len(n.fileDims(x, t)) {
			return n.fail("repeats", "%d of type %s for an input of %d dimensions", a.size(), typeName(a.typ), len(n.fileDims(x, t)))
		}
		for _, r := range a.i {
			if r < 1 || r > maxActivation {
				return n.fail("repeats", "%d copies of a dimension are empty or too many", r)
			}
			repeats[t] = append(repeats[t], int(r))
		}
	}
	return n.repeat(x, repeats)
}

// repeat ends the node with copies of x along each dimension of the file, of which there
// may be new ones before those of x.
func (n *node) repeat(x *operand, repeats [2][]int) error {
	missing := len(repeats[0]) - len(n.fileDims(x, 0))
	at := x.batch.at + missing
	switch {
	case x.batch.at >= 0 && !n.r.ofOne() && (repeats[0][at] != 1 || repeats[1][at] != 1):
		return n.fail("", "copies of the samples of a batch are not supported; export the network with batch 1")
	case !slices.Equal(repeats[0], repeats[1]):
		return n.fail("", "the number of copies depends on the batch; export the network with batch 1")
	case x.batch.at >= 0 && n.r.ofOne() && repeats[0][at] != 1:
		v, err := n.withoutBatch(x, 0)
		if err != nil {
			return err
		}
		x = &operand{act: v, batch: noBatch}
	}
	var out, wide [2][]int
	for t := range out {
		dims := n.fileDims(x, t)
		wide[t] = append(slices.Repeat([]int{1}, missing), dims...)
		for k, r := range repeats[t] {
			out[t] = append(out[t], wide[t][k]*r)
		}
	}
	if missing > 0 {
		var err error
		if x, err = n.reshapedTo(x, wide); err != nil {
			return err
		}
	}
	all := slices.Repeat([]int{1}, len(x.act.Shape))
	for k, v := range x.batch.valueDims(len(x.act.Shape)) {
		if len(v) > 0 && k != x.batch.at {
			all[v[0]] = repeats[0][k]
		}
	}
	if slices.Max(all) == 1 {
		return n.reshapeFile(x, out)
	}
	return n.shapedResult(x.batch, out, op.Tile{Repeats: all}, x.act)
}

// reshapedTo returns x under the file's shapes out of the two trial batches.
func (n *node) reshapedTo(x *operand, out [2][]int) (*operand, error) {
	b, sample, ok := n.r.place(x, out)
	if !ok {
		return nil, n.fail("", "the result %v splits the batch or mixes its samples; export the network with batch 1", out[0])
	}
	v, err := x.act, error(nil)
	if !slices.Equal(v.Shape[1:], sample) {
		v, err = n.emit(op.Reshape{Shape: sample}, v)
	}
	return &operand{act: v, batch: b}, err
}
