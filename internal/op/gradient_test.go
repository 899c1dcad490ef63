package op

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/tensor"
)

// notDifferentiable lists the operators without a gradient, and why.
var notDifferentiable = map[string]string{
	"DeformConv": "its places come from the network itself; it is read to be run and compared, not trained",
	"RoiAlign":   "regions come from boxes of the network itself; it is read to be run and compared, not trained",
	"ArgMax":     "it is constant wherever it has a derivative",
	"Hardmax":    "it is constant wherever it has a derivative",
	"Table":      "a device's table stands only in networks read back from a file, which are not trained",
}

// gradientCase is an operator with inputs at which it is smooth; inputs whose
// number is in fixed have no gradient.
type gradientCase struct {
	op    graph.Differentiable
	in    []*tensor.Tensor
	fixed []int
}

// gradientCases has one case for every operator; the tests of each operator go
// through its forms.
func gradientCases() []gradientCase {
	rng := newRand(31)
	x := func(shape ...int) *tensor.Tensor { return normal(rng, shape...) }
	positive := func(shape ...int) *tensor.Tensor {
		p := normal(rng, shape...)
		for i, v := range p.Data {
			p.Data[i] = 1 + v*v
		}
		return p
	}
	// 0.25 apart from every multiple of 0.5, where the kinks are
	apart := func() []*tensor.Tensor { return []*tensor.Tensor{spaced(rng, 2, 7)} }
	of := func(o graph.Differentiable, in ...*tensor.Tensor) gradientCase { return gradientCase{op: o, in: in} }
	return append(mathGradients(), []gradientCase{
		of(Conv2D{PadT: 1, PadR: 1, StrideW: 2}, x(2, 3, 5, 5), x(4, 3, 3, 2), x(4)),
		of(Dense{}, x(3, 5), x(4, 5), x(4)),
		of(Add{}, x(2, 3), x(2, 3)), of(Sub{}, x(2, 3), x(3)), of(Mul{}, x(2, 3), x(2, 1)), of(Div{}, x(2, 3), positive(2, 3)),
		of(MaxPool{KH: 2, KW: 2}, spaced(rng, 2, 2, 4, 4)), of(AvgPool{KH: 2, KW: 3}, x(2, 2, 4, 4)), of(GlobalAvgPool{}, x(2, 3, 2, 2)), of(GlobalMaxPool{}, spaced(rng, 2, 3, 2, 3)),
		of(Reshape{Shape: []int{6}}, x(2, 2, 3)), of(Transpose{Perm: []int{0, 2, 1}}, x(2, 2, 3)), of(Concat{Axis: 1}, x(2, 1), x(2, 3)),
		of(Pad{Before: []int{0, 1}, After: []int{0, 2}}, x(2, 3)), of(Slice{Before: []int{0, 1, 0}, After: []int{0, 0, 2}, Step: []int{1, 2, 3}}, x(2, 6, 9)), of(Softmax{Axis: 1}, x(2, 5)),
		{BatchNorm{Epsilon: 1e-3}, []*tensor.Tensor{x(2, 3, 2), x(3), x(3), x(3), positive(3)}, []int{3, 4}},
		of(Relu{}, apart()...), of(Clip{Lo: -0.5, Hi: 1}, apart()...), of(LeakyRelu{Alpha: 0.1}, apart()...), of(Elu{}, apart()...), of(Abs{}, apart()...),
		of(HardSwish{}, apart()...), of(HardSigmoid{Alpha: 0.2, Beta: 0.5}, apart()...), of(Sigmoid{}, apart()...), of(Softsign{}, apart()...), of(Tanh{}, apart()...), of(Neg{}, apart()...),
		of(Gelu{}, apart()...), of(Erf{}, apart()...), of(Power{K: 3}, apart()...), of(LogSoftmax{Axis: 1}, x(2, 5)), of(InputScale{Axis: 1, Scale: []float32{0.5, 2, 8}, Zero: []int{1, 0, -3}, Grid: graph.Affine{Scale: 0.25, Zero: 2}}, x(2, 3, 2)),
		of(Resize{Sizes: []int{3, 7, 4}, Mode: Linear}, x(2, 3, 4, 6)), of(Stretch{2, 3}, x(2, 3, 2, 3)), of(PRelu{}, spaced(rng, 2, 3, 4), x(3, 1)),
		of(Exp{}, x(2, 3)), of(Sqrt{}, positive(2, 3)),
		of(Cast{}, x(2, 3)), of(ToGrid{}, x(2, 3)),
		of(Tile{Repeats: []int{1, 2, 3}}, x(2, 3, 2)),
		of(Recurrent{Kind: GRU}, x(2, 3, 6), x(6, 2), x(6), x(2, 2)),
		{GridSample{Mode: Linear}, []*tensor.Tensor{x(2, 2, 3, 3), tensor.Of([]float32{-0.7, 0.3, 0.9, 1.2, 0, -0.4, 0.5, 0.5}, 2, 1, 2, 2)}, []int{1}},
		{GatherElements{Axis: 1}, []*tensor.Tensor{x(2, 3, 2), tensor.Of([]float32{2, 0, 2, 1, 0, 0, -1, 2}, 2, 2, 2)}, []int{1}},
		{GatherND{Batch: 1}, []*tensor.Tensor{x(2, 3, 2), tensor.Of([]float32{2, 0, 2, 1, 0, 0, -1, 1}, 2, 2, 2)}, []int{1}},
		{OneHot{Axis: 1, Depth: 3, On: 1}, []*tensor.Tensor{tensor.Of([]float32{0.25, 1.25}, 2)}, []int{0}},
		{ReverseSequence{Time: 1}, []*tensor.Tensor{x(2, 3, 2), tensor.Of([]float32{2, 3}, 2)}, []int{1}},
		{ScatterElements{Axis: 1}, []*tensor.Tensor{x(2, 3, 2), tensor.Of([]float32{2, 0, 2, 1, 0, 0, -1, 2}, 2, 2, 2), x(2, 2, 2)}, []int{1}},
		{ScatterND{}, []*tensor.Tensor{x(2, 3, 2), tensor.Of([]float32{2, 0, 2, 0}, 2, 2, 1), x(2, 2, 2)}, []int{1}},
		{TensorScatter{Axis: 1, Circular: true}, []*tensor.Tensor{x(2, 3, 2), x(2, 2, 2), tensor.Of([]float32{0, 2}, 2)}, []int{2}},
		of(TopK{Axis: 1, K: 2}, spaced(rng, 2, 4, 2)), of(Trilu{K: 1}, x(2, 3, 3)),
		{Gather{}, []*tensor.Tensor{x(4, 3), tensor.Of([]float32{3, 0, 3, -1}, 2, 2)}, []int{1}},
	}...)
}

// TestEveryOperatorHasAGradient walks the operators of this package's source:
// each is checked by finite differences or listed as not differentiable.
func TestEveryOperatorHasAGradient(t *testing.T) {
	checked := map[string]bool{}
	for _, c := range gradientCases() {
		checked[c.op.Name()] = true
		t.Run(c.op.Name(), func(t *testing.T) { checkGradients(t, c.op, newRand(32), c.in, c.fixed...) })
	}
	names := operators(t)
	if len(names) < 20 {
		t.Errorf("found only %v: the walk does not see the operators", names)
	}
	for _, name := range names {
		switch _, excused := notDifferentiable[name]; {
		case checked[name] && excused:
			t.Errorf("%s is checked and listed as not differentiable", name)
		case !checked[name] && !excused:
			t.Errorf("%s has no gradient check; add a case, or the reason why it has no gradient", name)
		}
	}
	for name := range notDifferentiable {
		if !slices.Contains(names, name) {
			t.Errorf("%s is listed as not differentiable, but is no operator", name)
		}
	}
	if _, ok := any(Table{}).(graph.Differentiable); ok {
		t.Error("Table has a gradient now; check it")
	}
}

// operators returns the types of this package with a method Name() string.
func operators(t *testing.T) []string {
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			m, ok := d.(*ast.FuncDecl)
			if !ok || m.Recv == nil || m.Name.Name != "Name" {
				continue
			}
			recv := m.Recv.List[0].Type
			if star, ok := recv.(*ast.StarExpr); ok {
				recv = star.X
			}
			names = append(names, recv.(*ast.Ident).Name)
		}
	}
	slices.Sort(names)
	return names
}

// Gradients end at whole numbers, such as the place of the largest score, and go on behind them.
func TestGradientEndsAtWholeNumbers(t *testing.T) {
	param := func(name string, shape ...int) *graph.Value {
		p := graph.NewParam(name, graph.Weight, tensor.New(shape...))
		for i := range p.Shadow.Data {
			p.Shadow.Data[i] = float32(i%5) - 1.5
		}
		p.Refresh()
		return &graph.Value{Name: name, Shape: p.Shadow.Shape.Clone(), Param: p}
	}
	x, s, k, y := &graph.Value{Name: "x", Shape: tensor.Shape{1, 3}}, &graph.Value{Name: "s"}, &graph.Value{Name: "k"}, &graph.Value{Name: "y"}
	w, table := param("w", 4, 3), param("table", 4, 2)
	g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "scores", Op: Dense{}, Inputs: []*graph.Value{x, w}, Outputs: []*graph.Value{s}},
		{Name: "place", Op: ArgMax{Axis: 1}, Inputs: []*graph.Value{s}, Outputs: []*graph.Value{k}},
		{Name: "row", Op: Gather{}, Inputs: []*graph.Value{table, k}, Outputs: []*graph.Value{y}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	tape, err := graph.NewTape(g, 1)
	if err != nil {
		t.Fatal(err)
	}
	out := tape.Forward(tensor.Of([]float32{1, 2, 3}, 1, 3))
	d := tensor.New(out[0].Shape...)
	for i := range d.Data {
		d.Data[i] = 1
	}
	if err := tape.Backward(d); err != nil {
		t.Fatal(err)
	}
	sum := func(v *graph.Value) (sum float32) {
		for _, x := range tape.Gradient(v.Param).Data {
			sum += x
		}
		return sum
	}
	if sum(table) != 2 || sum(w) != 0 {
		t.Errorf("gradients of the table %v, of the scores %v; want 2 and 0 in all", tape.Gradient(table.Param).Data, tape.Gradient(w.Param).Data)
	}
}
