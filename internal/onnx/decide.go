package onnx

import (
	"fmt"
	"slices"
	"strings"

	"edgec/internal/graph"
)

// decision is a choice on scores: which is the largest, or whether one is above a threshold.
// Files give the scores; whoever runs them decides. Outputs that only decide on others, as
// the labels of scikit-learn's classifiers do, are left out. A decision that the network
// computes itself, and may go on from, is an activation too.
type decision struct {
	by     string   // the node
	scores *operand // that it decides on
}

// passesDecision are the operators that bring a decision into another form: a class number,
// the name of a class.
var passesDecision = map[string]bool{
	"And": true, "ArrayFeatureExtractor": true, "Cast": true, "Concat": true, "Equal": true, "Flatten": true, "Gather": true, "Identity": true, "LabelEncoder": true, "Not": true, "Or": true,
	"Reshape": true, "Squeeze": true, "Transpose": true, "Unsqueeze": true, "Where": true, "Xor": true, "ZipMap": true,
}

// deciding reads an operator whose output is a decision on its first activation that the
// network can compute: where nothing goes on from it, files give the scores.
func deciding(build func(*node) error) func(*node) error {
	return func(n *node) error {
		i := slices.IndexFunc(n.in, func(o *operand) bool { return o != nil && o.act != nil })
		if i < 0 {
			return build(n)
		}
		if build(n) != nil { // no network can go on from it, but one may end with it
			return buildDecision(n)
		}
		n.r.names[n.outputs[0]].decides = n.decisionOn(i)
		return nil
	}
}

// decisionOnly are the operators that no network computes.
var decisionOnly = map[string]bool{"ArrayFeatureExtractor": true, "LabelEncoder": true, "ZipMap": true}

// buildDecision reads an operator whose outputs are a decision on its first activation.
func buildDecision(n *node) error {
	i := slices.IndexFunc(n.in, func(o *operand) bool { return o != nil && o.act != nil })
	if i < 0 {
		return n.fail("", "a constant is not supported here; only the network's activations are")
	}
	n.defineDecision(n.decisionOn(i))
	return nil
}

// decisionOn is the node's decision on input i, or what that decides on.
func (n *node) decisionOn(i int) *decision {
	if d := n.in[i].decides; d != nil {
		return d
	}
	return &decision{by: fmt.Sprintf("node %q (%s)", n.title(), n.opType), scores: n.in[i]}
}

// defineDecision binds all outputs to d.
func (n *node) defineDecision(d *decision) {
	for i := range n.outputs {
		n.define(i, &operand{decides: d})
	}
}

// passDecision says of outputs that only bring a computed decision into another form that
// they are decisions too.
func (n *node) passDecision() {
	if !passesDecision[n.opType] || n.readsActivation() {
		return
	}
	for _, in := range n.in {
		if in == nil || in.decides == nil {
			continue
		}
		for _, name := range n.outputs {
			if o := n.r.names[name]; o != nil && o.act != nil {
				o.decides = in.decides
			}
		}
		return
	}
}

// afterDecision reads a node that works on a decision that is no activation; done reports
// whether it is one.
func (n *node) afterDecision() (done bool, err error) {
	for _, name := range n.inputs {
		o := n.r.names[name]
		switch {
		case o != nil && o.refused && passesDecision[n.opType] && !isStandard(n.domain):
			return true, nil
		case o == nil || o.decides == nil:
		case o.act != nil && !decisionOnly[n.opType]:
		case passesDecision[n.opType] && !n.readsActivation():
			n.defineDecision(o.decides)
			return true, nil
		default:
			return true, n.fail(fmt.Sprintf("input %q", name), "it depends on a decision, %s, and no network can go on from one here; export the network up to the scores before that node", o.decides.by)
		}
	}
	return false, nil
}

// readsActivation reports whether an input is an activation.
func (n *node) readsActivation() bool {
	return slices.ContainsFunc(n.inputs, func(name string) bool { o := n.r.names[name]; return o != nil && o.act != nil && o.decides == nil })
}

// mostDecisions bounds the outputs that are decisions: each takes a walk through the graph.
const mostDecisions = 64

// leaveOut settles the outputs that are decisions: they are left out where other outputs give the
// scores that they decide on. Otherwise the scores are the output in their place.
func (r *reader) leaveOut(names []string) {
	if len(names) > mostDecisions {
		r.refuse(r.fail(fmt.Sprintf("output %q", names[mostDecisions]), "more than %d outputs only decide on scores; remove it from the model", mostDecisions))
		return
	}
	given := slices.Clone(r.g.Outputs)
	var taken []*graph.Value
	for _, name := range names {
		o := r.names[name]
		d := o.decides
		if r.gives(given, d.scores.act) {
			r.note("output %q is left out: it only decides on scores, by %s; files give the scores", name, d.by)
			continue
		}
		onInput := slices.Contains(r.g.Inputs, d.scores.act)
		if v := o.act; v != nil && onInput && len(given) == 0 {
			taken = append(taken, v)
			r.readable = append(r.readable, name)
			continue
		}
		if onInput {
			r.refuse(r.fail(fmt.Sprintf("output %q", name), "it only decides on an input, by %s; there is nothing to compress", d.by))
			continue
		}
		r.note("output %q only decides on scores, by %s; the scores %q are the output in its place", name, d.by, d.scores.act.Name)
		if !slices.Contains(taken, d.scores.act) {
			taken = append(taken, d.scores.act)
			r.readable = append(r.readable, name)
		}
	}
	r.g.Outputs = append(r.g.Outputs, taken...)
}

// gives reports whether one of the outputs has as much as the scores: it is made of them, or they
// of it, and has no fewer elements.
func (r *reader) gives(outputs []*graph.Value, scores *graph.Value) bool {
	near := map[*graph.Value]bool{scores: true} // made of the scores
	for _, n := range r.g.Nodes {
		spread(near, n.Inputs, n.Outputs)
	}
	before := map[*graph.Value]bool{scores: true} // what they are made of
	for _, n := range slices.Backward(r.g.Nodes) {
		spread(before, n.Outputs, n.Inputs)
	}
	return slices.ContainsFunc(outputs, func(v *graph.Value) bool {
		return v.Shape.Size() >= scores.Shape.Size() && (near[v] || before[v])
	})
}

// spread adds the values to if one of from is among those of the set.
func spread(set map[*graph.Value]bool, from, to []*graph.Value) {
	if slices.ContainsFunc(from, func(v *graph.Value) bool { return set[v] }) {
		for _, v := range to {
			set[v] = true
		}
	}
}

// note tells what was left out or read as something else.
func (r *reader) note(format string, a ...any) {
	r.g.Notes = append(r.g.Notes, oneLine(fmt.Sprintf(format, a...)))
}

// buildZipMap reads the map from classes to probabilities as the tensor of probabilities.
func buildZipMap(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	n.r.note("node %q (ZipMap): its map from classes to probabilities is read as the tensor %q of probabilities", n.title(), n.inputs[0])
	return n.alias(x)
}

// buildFeatures reads ArrayFeatureExtractor of an activation, as scikit-learn's selection of features
// and its polynomials are: constant places along the last dimension.
func buildFeatures(n *node) error {
	s := n.steps()
	x := s.activation(0)
	places, err := n.integers(1)
	if s.err != nil || err != nil {
		return cmpOr(s.err, err)
	}
	if len(s.dims(x)[0]) < 2 {
		return n.fail(n.inputName(0), "features without a batch are not supported; give an input [batch, features]")
	}
	at := make([]int, len(places))
	for i, k := range places {
		at[i] = int(k)
	}
	return s.result(0, s.call("Gather", []*operand{x, s.ints(at...)}, withInt("axis", -1)))
}

// buildScaler reads (x - offset) scale, one of each for each feature or one for all.
func buildScaler(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	width := x.act.Shape[len(x.act.Shape)-1]
	constant := func(name string, otherwise float32) (*operand, error) {
		v := []float32{otherwise}
		if a := n.attr(name); a != nil {
			v = a.floats
		}
		if len(v) != 1 && len(v) != width {
			return nil, n.fail(name, "%d values for %d features; the file is damaged", len(v), width)
		}
		a := &array{name: strings.Join([]string{n.outputs[0], name}, "_"), typ: typeFloat, dims: []int{len(v)}, f: v}
		return &operand{known: [2]*array{a, a}}, nil
	}
	offset, err := constant("offset", 0)
	if err != nil {
		return err
	}
	scale, err := constant("scale", 1)
	if err != nil {
		return err
	}
	a, b, at, err := n.broadcast(x, offset)
	if err != nil {
		return err
	}
	centered, err := n.emit(opSub(), a, b)
	if err != nil {
		return err
	}
	if a, b, at, err = n.broadcast(&operand{act: centered, batch: at}, scale); err != nil {
		return err
	}
	return n.resultAs(at, opMul(), a, b)
}

// learned has one row for each operator of the domain ai.onnx.ml that the reader knows.
var learned = map[string]*row{
	"ArrayFeatureExtractor": {name: "ArrayFeatureExtractor", since: []int{1}, minIn: 2, build: buildFeatures},
	"LinearClassifier":      {name: "LinearClassifier", since: []int{1}, minIn: 1, build: buildLinearClassifier},
	"LinearRegressor":       {name: "LinearRegressor", since: []int{1}, minIn: 1, build: buildLinearRegressor},
	"Normalizer":            {name: "Normalizer", since: []int{1}, minIn: 1, build: buildNormalizer},
	"Scaler":                {name: "Scaler", since: []int{1}, minIn: 1, build: buildScaler},
	"ZipMap":                {name: "ZipMap", since: []int{1}, minIn: 1, build: buildZipMap},
}
