package lower

import (
	"errors"
	"fmt"
	"slices"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/runtime/format"
)

// Config configures Build; the zero value is the documented default.
type Config struct {
	// Meta is copied into the file: name, labels, input preprocessing.
	Meta format.Meta
	// SelfTest computes the file's self-test from the finished file; nil: none.
	SelfTest func(*format.File) (*format.SelfTest, error)
}

// Build lowers a simplified graph whose activations, weights and biases are on
// their grids (see package quantize) into the device's instructions, and plans
// the arena. The graph is not changed.
//
// Inputs and outputs that are images lie as HWC on the device. An input's
// memory is reused once its last reader has run, so it has to be written before
// every run.
//
// An error names the node, what the device cannot do and the remedy: those of all nodes
// (graph.Causes), but for nodes that only read what another could not make.
func Build(g *graph.Graph, cfg Config) (*format.File, error) {
	if err := g.Check(); err != nil {
		return nil, fmt.Errorf("lower: %w", err)
	}
	b := &builder{g: g, links: graph.NewLinks(g), f: &format.File{Meta: cfg.Meta}, at: map[*graph.Value]location{},
		luts: map[[256]int8]int{}, views: map[view]int{}, any: map[*graph.Value]bool{}, lost: map[*graph.Value]bool{}, constants: map[*graph.Param]int{}, fine: fine{parts: map[*graph.Value]int{}}}
	b.floats = op.Floats(g)
	b.grids()
	b.inputs()
	for _, n := range g.Nodes {
		b.lower(n)
		b.settle()
	}
	b.node = nil
	b.outputs()
	b.settle()
	if err := b.cause.Err(); err != nil {
		return nil, fmt.Errorf("lower: %w", err)
	}
	if n := len(b.f.Tensors); n > format.MaxTensors {
		return nil, fmt.Errorf("lower: %d tensors on the device, at most %d are possible; split the network", n, format.MaxTensors)
	}
	format.Finish(b.f)
	if cfg.SelfTest != nil {
		test, err := cfg.SelfTest(b.f)
		if err != nil {
			return nil, fmt.Errorf("lower: self-test: %w", err)
		}
		b.f.Test = test
	}
	return b.f, nil
}

// Encode returns the bytes of the file that Build makes, and where they went.
// The bytes are the same for the same graph. It fails where Build does, and
// where the format's limits are exceeded.
func Encode(g *graph.Graph, cfg Config) ([]byte, *format.Sizes, error) {
	f, err := Build(g, cfg)
	if err != nil {
		return nil, nil, err
	}
	data, sizes, err := format.Encode(f)
	if err != nil {
		return nil, nil, fmt.Errorf("lower: %w", err)
	}
	return data, sizes, nil
}

func (b *builder) inputs() {
	for k, v := range b.g.Inputs {
		if n := op.ScaledInput(b.g, v); n != nil {
			b.scaledInput(k, n)
			continue
		}
		if v.Grid == nil && b.floats[v] {
			t := b.Output(v)
			b.f.Tensors[t].Whole = v.Elem != graph.Float
			b.f.Inputs = append(b.f.Inputs, t)
			continue
		}
		if v.Grid == nil {
			b.fail(&graph.Refusal{What: fmt.Sprintf("input %q has no grid", v.Name), Remedy: noGrid})
			b.lost[v] = true
			b.settle()
			continue
		}
		b.f.Inputs = append(b.f.Inputs, b.Output(v))
	}
}

// scaledInput makes what node n computes of input k an input of the device, whose channels
// have grids of their own. Where the value is on another grid, that of values that it is
// joined with, a table brings it there when it is read.
func (b *builder) scaledInput(k int, n *graph.Node) {
	y, o := n.Outputs[0], n.Op.(op.InputScaler).ScalesInput()
	t := b.tensor(format.Int8, op.StandardShape(y.Shape), &o.Grid)
	b.f.Inputs = append(b.f.Inputs, b.define(y, t))
	b.f.Scaling = append(b.f.Scaling, o.Scaling(k, len(y.Shape)))
}

func (b *builder) outputs() {
	for k, v := range b.g.Outputs {
		if b.lost[v] {
			continue
		}
		t := 0
		if v.Grid == nil || b.g.CarriesState(k) {
			t = b.Float(v)
		} else {
			t = b.Tensor(v)
		}
		b.f.Outputs = append(b.f.Outputs, t)
	}
	for _, l := range b.g.State {
		b.f.State = append(b.f.State, format.State(l))
	}
	slices.SortFunc(b.f.State, func(x, y format.State) int { return x.Input - y.Input })
}

// lower emits the instructions of node n.
func (b *builder) lower(n *graph.Node) {
	b.node = n
	if slices.ContainsFunc(n.Inputs, func(v *graph.Value) bool { return b.lost[v] }) {
		b.lose(n)
		return
	}
	if len(n.Outputs) != 1 {
		b.fail(fmt.Errorf("an operator with %d outputs has no device code", len(n.Outputs)))
		return
	}
	if x, _, ok := op.Pointwise(n); ok {
		switch {
		case b.isFloat(x) || b.floats[n.Outputs[0]]:
			if err := op.LowerFunction(b, n); err != nil {
				b.fail(err)
			}
		case !op.Interior(b.links, n.Outputs[0]):
			b.table(n)
		}
		return
	}
	if f, ok := n.Op.(op.FloatLowerer); ok && !op.InFloat(n.Op) && (b.readsFloat(n) || b.floats[n.Outputs[0]]) {
		if err := f.LowerFloat(b, n); err != nil {
			b.fail(err)
		}
		return
	}
	if layer, ok := n.Op.(op.Layer); ok && b.inSums(n, layer) {
		b.layerInSums(n, layer)
		return
	}
	l, ok := n.Op.(op.Lowerer)
	if !ok {
		b.fail(errors.New("this operator has no device code: express it by others, or export the network up to its inputs and let the program that runs it do the rest"))
		return
	}
	if err := l.Lower(b, n); err != nil {
		b.fail(err)
	}
}

// table fuses n with the functions before it whose results nothing else reads,
// and emits one table.
func (b *builder) table(n *graph.Node) {
	y := n.Outputs[0]
	x, f, _ := op.Pointwise(n)
	for op.Interior(b.links, x) {
		before, inner, _ := op.Pointwise(b.links.Producer(x))
		outer := f
		f = func(v float64) float64 { return outer(inner(v)) }
		x = before
	}
	if x.Grid == nil || y.Grid == nil {
		b.fail(&graph.Refusal{What: fmt.Sprintf("the function reads %q and writes %q, which both need grids", x.Name, y.Name), Remedy: noGrid})
		return
	}
	w := b.onGrid(x)
	in, out := &b.f.Tensors[w.tensor], y.Grid
	lut := tableOf(f, graph.Affine{Scale: in.Scale, Zero: in.Zero}, *out)
	if lut == identity && in.Scale == out.Scale && in.Zero == out.Zero {
		b.at[y] = w
		return
	}
	t := b.tensor(format.Int8, in.Shape, out)
	b.emitTable(lut, w.tensor, t)
	b.at[y] = location{t, w.order, w.from}
}
