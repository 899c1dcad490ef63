package onnx

import (
	"fmt"
	"slices"
)

// readAsOthers are the operators whose build reads other ONNX operators in their place, which
// compute what is constant: a body, or the few that an operator is made of.
var readAsOthers = map[string]bool{"DFT": true, "Einsum": true, "If": true, "Loop": true, "Scan": true, "STFT": true}

const dataDependent = "it depends on what the network is given, and control flow that depends on data is not supported; export with fixed sizes (torch.onnx.export without dynamic_axes), give open ones with --shape, or export the part behind it alone"

// truthOf returns the value of an operand that is one known number.
func (n *node) truthOf(o *operand, what string) (bool, error) {
	a := o.constant()
	switch {
	case a == nil:
		return false, n.fail(what, dataDependent)
	case a.isFloat() || a.size() != 1:
		return false, n.fail(what, "%v of %s is no condition; the file is damaged", a.dims, typeName(a.typ))
	}
	return a.i[0] != 0, nil
}

// readIf reads the branch that is taken, where the condition is known.
func readIf(n *node) error {
	yes, err := n.truthOf(n.in[0], "condition")
	if err != nil {
		return err
	}
	branch := "else_branch"
	if yes {
		branch = "then_branch"
	}
	b, err := n.subgraph(branch)
	if err != nil {
		return err
	}
	out, err := n.readBody(b, branch, nil, n.outputs)
	if err == nil {
		n.bind(out)
	}
	return err
}

// readLoop unrolls a Loop whose conditions are known: as often as its trip count says, and
// until its condition is false.
func readLoop(n *node) error {
	b, err := n.subgraph("body")
	if err != nil {
		return err
	}
	trips, err := n.trips()
	if err != nil {
		return err
	}
	var more *operand
	if n.has(1) {
		more = n.in[1]
	}
	state := slices.Clone(n.in[min(2, len(n.in)):])
	if len(b.inputs) != 2+len(state) || len(b.outputs) < 1+len(state) {
		return n.fail("body", "%d inputs and %d outputs for %d values; the file is damaged", len(b.inputs), len(b.outputs), len(state))
	}
	if trips < maxNodes && trips*len(b.nodes) > maxNodes {
		return n.fail("body", "%d times %d nodes are too many to be unrolled, which is not supported; at most %d are read", trips, len(b.nodes), maxNodes)
	}
	stacks := make([][]*operand, len(b.outputs)-1-len(state))
	for i := 0; i < trips; i++ {
		if more != nil {
			if yes, err := n.truthOf(more, "condition"); err != nil {
				return err
			} else if !yes {
				break
			}
		}
		in := append([]*operand{constantOperand(&array{typ: typeInt64, dims: []int{}, i: []int64{int64(i)}}), more}, state...)
		if more == nil {
			in[1] = constantOperand(&array{typ: typeBool, dims: []int{}, i: []int64{1}})
		}
		out, err := n.readBody(b, fmt.Sprintf("trip_%d", i), in, nil)
		if err != nil || slices.ContainsFunc(out, func(o *operand) bool { return o.refused }) {
			return err
		}
		state = slices.Clone(out[1 : 1+len(state)])
		for k, o := range out[1+len(state):] {
			stacks[k] = append(stacks[k], o)
		}
		more = out[0]
		if err := n.r.count(1); err != nil { // an empty body takes time too
			return n.fail("", "%v", err)
		}
	}
	return n.finish(state, stacks, nil, nil)
}

// trips returns how often a Loop runs at most.
func (n *node) trips() (int, error) {
	if !n.has(0) {
		return maxNodes, nil
	}
	a := n.in[0].constant()
	switch {
	case a == nil:
		return 0, n.fail("trip count", dataDependent)
	case a.isFloat() || a.size() != 1:
		return 0, n.fail("trip count", "%v of %s is no count; the file is damaged", a.dims, typeName(a.typ))
	}
	return int(max(0, min(a.i[0], maxNodes))), nil
}

// finish defines the outputs of a Loop or Scan: the final state, then each list of values
// stacked along its axis (0 where there is none), from the last to the first where reverse
// says so.
func (n *node) finish(state []*operand, stacks [][]*operand, axes []int64, reverse []int64) error {
	all := slices.Clone(state)
	for k, list := range stacks {
		if len(state)+k >= len(n.outputs) || n.outputs[len(state)+k] == "" {
			all = append(all, &operand{missing: fmt.Sprintf("node %q (%s)", n.title(), n.opType)})
			continue
		}
		if len(list) == 0 {
			return n.fail(fmt.Sprintf("output %d", len(state)+k), "it is empty since the loop does not run, which is not supported")
		}
		if k < len(reverse) && reverse[k] != 0 {
			slices.Reverse(list)
		}
		axis := int64(0)
		if k < len(axes) {
			axis = axes[k]
		}
		o, err := n.stack(list, axis)
		if err != nil {
			return err
		}
		all = append(all, o)
	}
	n.bind(all)
	return nil
}

// stack joins operands along a new axis.
func (n *node) stack(list []*operand, axis int64) (*operand, error) {
	for i, o := range list {
		var err error
		if list[i], err = n.withAxes("Unsqueeze", o, axis); err != nil {
			return nil, err
		}
	}
	return n.step("Concat", []*attrProto{intAttr("axis", axis)}, list...)
}

// withAxes reads a Squeeze or Unsqueeze, whose axes are an input since operator set 13.
func (n *node) withAxes(opType string, o *operand, axis int64) (*operand, error) {
	if n.r.opset < 13 {
		return n.step(opType, []*attrProto{intsAttr("axes", axis)}, o)
	}
	return n.step(opType, nil, o, constantOperand(ints(axis)))
}

// readScan unrolls a Scan over the elements of its inputs.
func readScan(n *node) error {
	if n.r.opset < 9 {
		return n.fail("", "of operator set 8 it is not supported; export with a newer one")
	}
	b, err := n.subgraph("body")
	if err != nil {
		return err
	}
	count := n.attrInt("num_scan_inputs", 0)
	states := len(n.in) - count
	if count < 1 || states < 0 || len(b.inputs) != len(n.in) || len(b.outputs) < states {
		return n.fail("body", "%d inputs and %d outputs for %d values and %d lists; the file is damaged", len(b.inputs), len(b.outputs), states, count)
	}
	list := func(name string) []int64 {
		if a := n.attr(name); a != nil {
			return a.ints
		}
		return nil
	}
	axes, trips, err := n.scanned(states, list("scan_input_axes"))
	if err != nil {
		return err
	}
	if trips*len(b.nodes) > maxNodes {
		return n.fail("body", "%d times %d nodes are too many to be unrolled, which is not supported; at most %d are read", trips, len(b.nodes), maxNodes)
	}
	state, backward := slices.Clone(n.in[:states]), list("scan_input_directions")
	stacks := make([][]*operand, len(b.outputs)-states)
	for i := range trips {
		in := slices.Clone(state)
		for k, axis := range axes {
			at := i
			if k < len(backward) && backward[k] != 0 {
				at = trips - 1 - i
			}
			o, err := n.element(n.in[states+k], axis, at)
			if err != nil {
				return err
			}
			in = append(in, o)
		}
		out, err := n.readBody(b, fmt.Sprintf("step_%d", i), in, nil)
		if err != nil || slices.ContainsFunc(out, func(o *operand) bool { return o.refused }) {
			return err
		}
		state = slices.Clone(out[:states])
		for k, o := range out[states:] {
			stacks[k] = append(stacks[k], o)
		}
	}
	return n.finish(state, stacks, list("scan_output_axes"), list("scan_output_directions"))
}

// scanned returns the axes that a Scan takes its inputs apart along, and their common size.
func (n *node) scanned(states int, given []int64) (axes []int, trips int, err error) {
	for k, o := range n.in[states:] {
		if o == nil {
			return nil, 0, n.fail("", "input %d is missing; the file is damaged", states+k)
		}
		dims := n.dimsOf(o)
		axis := 0
		if k < len(given) {
			axis = int(max(-100, min(given[k], 100)))
		}
		if axis, err = n.axis(axis, len(dims)); err != nil {
			return nil, 0, err
		}
		if o.act != nil && axis == o.batch.at && !n.r.ofOne() {
			return nil, 0, n.fail("scan_input_axes", "axis %d of %v is the batch, along which samples cannot be combined", axis, dims)
		}
		if k > 0 && dims[axis] != trips {
			return nil, 0, n.fail("", "the lists have %d and %d elements; the file is damaged", trips, dims[axis])
		}
		axes, trips = append(axes, axis), dims[axis]
	}
	return axes, trips, nil
}

// dimsOf returns the file's shape of an operand, at the first trial batch.
func (n *node) dimsOf(o *operand) []int {
	if o.act == nil {
		return o.known[0].dims
	}
	return n.fileDims(o, 0)
}

// element returns one element of o along an axis, which goes.
func (n *node) element(o *operand, axis, at int) (*operand, error) {
	var part *operand
	var err error
	if n.r.opset < 10 {
		part, err = n.step("Slice", []*attrProto{intsAttr("starts", int64(at)), intsAttr("ends", int64(at+1)), intsAttr("axes", int64(axis))}, o)
	} else {
		part, err = n.step("Slice", nil, o, constantOperand(ints(int64(at))), constantOperand(ints(int64(at+1))), constantOperand(ints(int64(axis))))
	}
	if err != nil {
		return nil, err
	}
	return n.withAxes("Squeeze", part, int64(axis))
}
