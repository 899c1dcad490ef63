package onnx

import (
	"edgec/internal/graph"
	"edgec/internal/op"
)

// The linear models of the domain ai.onnx.ml are dense layers whose weights are attributes.

// linearModel emits the dense layer of the attributes coefficients [outputs, features] and
// intercepts [outputs], all zero where absent.
func (n *node) linearModel() (x *operand, y *graph.Value, err error) {
	if x, err = n.activation(0); err != nil {
		return nil, nil, err
	}
	a := n.attr("coefficients")
	features := x.act.Shape[len(x.act.Shape)-1]
	if a == nil || len(x.act.Shape) != 2 || len(a.floats) == 0 || len(a.floats)%features != 0 {
		return nil, nil, n.fail("coefficients", "they do not fit an input of shape %v; the file is damaged", n.fileDims(x, 0))
	}
	outputs := len(a.floats) / features
	w, err := n.param(&array{name: n.outputs[0] + "_coefficients", typ: typeFloat, dims: []int{outputs, features}, f: a.floats}, graph.Weight, "", nil)
	if err != nil {
		return nil, nil, err
	}
	var b *graph.Value
	if k := n.attr("intercepts"); k != nil {
		if len(k.floats) != outputs {
			return nil, nil, n.fail("intercepts", "%d values for %d outputs; the file is damaged", len(k.floats), outputs)
		}
		if b, err = n.param(&array{name: n.outputs[0] + "_intercepts", typ: typeFloat, dims: []int{outputs}, f: k.floats}, graph.Bias, "", nil); err != nil {
			return nil, nil, err
		}
	}
	y, err = n.emit(op.Dense{}, x.act, w, b)
	return x, y, err
}

// buildLinearClassifier reads the scores, output 1, and the label, output 0, which decides on
// them.
func buildLinearClassifier(n *node) error {
	x, y, err := n.linearModel()
	if err != nil {
		return err
	}
	switch post := n.attrString("post_transform", "NONE"); {
	case y.Shape[1] == 1:
		return n.fail("coefficients", "one row of coefficients for two classes is not supported; export the model with zipmap False and a row for each class")
	case post == "SOFTMAX":
		y, err = n.emit(op.Softmax{Axis: 1}, y)
	case post == "LOGISTIC":
		y, err = n.emit(op.Sigmoid{}, y)
	case post != "NONE":
		return n.fail("post_transform", "%q is not supported, only NONE, SOFTMAX and LOGISTIC", post)
	}
	if err != nil {
		return err
	}
	scores := &operand{act: y, batch: x.batch}
	n.defineDecision(&decision{by: "node \"" + n.title() + "\" (LinearClassifier)", scores: scores})
	n.define(1, scores)
	return nil
}

// buildNormalizer reads the norm L1 of a Softmax, which is 1 already: scikit-learn's classifiers
// write it behind the probabilities of a LinearClassifier.
func buildNormalizer(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	ofSoftmax := false
	if k := len(n.r.g.Nodes); k > 0 {
		last := n.r.g.Nodes[k-1]
		ofSoftmax = last.Op == graph.Op(op.Softmax{Axis: 1}) && last.Outputs[0] == x.act && len(x.act.Shape) == 2
	}
	if norm := n.attrString("norm", "MAX"); norm != "L1" || !ofSoftmax {
		return n.fail("norm", "%s is not supported here, only L1 of the probabilities of a Softmax; keep the scores before this node as the output, or normalize the samples before", norm)
	}
	return n.alias(x)
}

// buildLinearRegressor reads the predictions.
func buildLinearRegressor(n *node) error {
	if post := n.attrString("post_transform", "NONE"); post != "NONE" {
		return n.fail("post_transform", "%q is not supported, only NONE", post)
	}
	x, y, err := n.linearModel()
	if err != nil {
		return err
	}
	n.define(0, &operand{act: y, batch: x.batch})
	return nil
}
