package passes

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/tensor"
)

// perceptron is two dense layers that read one picture [2,4,8] side by side, and the sum of both.
func perceptron(r *rand.Rand) *graph.Graph {
	value := func(name string, shape ...int) *graph.Value { return &graph.Value{Name: name, Shape: shape} }
	random := func(name string, role graph.Role, shape ...int) *graph.Value {
		t := tensor.New(shape...)
		for i := range t.Data {
			t.Data[i] = float32(r.NormFloat64())
		}
		return &graph.Value{Name: name, Shape: t.Shape, Param: graph.NewParam(name, role, t)}
	}
	x, flat, a, b, sum := value("x", 1, 2, 4, 8), value("flat", 1, 64), value("a", 1, 5), value("b", 1, 5), value("sum", 1, 5)
	return &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{sum}, Nodes: []*graph.Node{
		{Name: "flatten", Op: op.Reshape{Shape: []int{64}}, Inputs: []*graph.Value{x}, Outputs: []*graph.Value{flat}},
		{Name: "a", Op: op.Dense{}, Inputs: []*graph.Value{flat, random("wa", graph.Weight, 5, 64), random("ba", graph.Bias, 5)}, Outputs: []*graph.Value{a}},
		{Name: "b", Op: op.Dense{}, Inputs: []*graph.Value{flat, random("wb", graph.Weight, 5, 64)}, Outputs: []*graph.Value{b}},
		{Name: "sum", Op: op.Add{}, Inputs: []*graph.Value{a, b}, Outputs: []*graph.Value{sum}},
	}}
}

func runOne(t *testing.T, g *graph.Graph, x *tensor.Tensor) []float32 {
	t.Helper()
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	tape, err := graph.NewTape(g, 1)
	if err != nil {
		t.Fatal(err)
	}
	return tape.Forward(x)[0].Data
}

// On pictures that are alike within blocks nothing changes; twice, within blocks of four.
func TestPoolInput(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	g := perceptron(r)
	for block, weights := 2, 10*16; block <= 4; block, weights = 2*block, weights/4 {
		x := tensor.New(1, 2, 4, 8)
		for c := range 2 {
			for y := 0; y < 4; y += block {
				for z := 0; z < 8; z += block {
					v := float32(r.NormFloat64())
					for k := range block * block {
						x.Data[(c*4+y+k/block)*8+z+k%block] = v
					}
				}
			}
		}
		want := append([]float32(nil), runOne(t, g, x)...)
		shared, err := PoolInput(g)
		if err != nil || !shared {
			t.Fatalf("blocks of %d: %v, %v", block, shared, err)
		}
		for i, got := range runOne(t, g, x) {
			if math.Abs(float64(got-want[i])) > 1e-4 {
				t.Errorf("blocks of %d: output %d is %v, was %v", block, i, got, want[i])
			}
		}
		n := 0
		for _, p := range g.Params() {
			if p.Role == graph.Weight {
				n += len(p.Shadow.Data)
			}
		}
		if n != weights || len(g.Nodes) != 5 {
			t.Errorf("blocks of %d: %d weights in %d nodes, want %d in 5", block, n, len(g.Nodes), weights)
		}
	}
	if shared, err := PoolInput(g); shared || err != nil { // 1 x 2 blocks are left
		t.Errorf("blocks of 8: %v, %v", shared, err)
	}
}

// Where something else reads the picture, or weights have another use, all stays.
func TestPoolInputRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for name, change := range map[string]func(g *graph.Graph){
		"an odd side":         func(g *graph.Graph) { g.Inputs[0].Shape = tensor.Shape{1, 2, 1, 32} },
		"no picture":          func(g *graph.Graph) { g.Inputs[0].Shape = tensor.Shape{1, 64} },
		"another reader":      func(g *graph.Graph) { g.Nodes[3].Inputs[1] = g.Nodes[0].Outputs[0] },
		"an output":           func(g *graph.Graph) { g.Outputs = append(g.Outputs, g.Inputs[0]) },
		"a flat output":       func(g *graph.Graph) { g.Outputs = append(g.Outputs, g.Nodes[0].Outputs[0]) },
		"weights used twice":  func(g *graph.Graph) { g.Nodes[2].Inputs[1] = g.Nodes[1].Inputs[1] },
		"computed weights":    func(g *graph.Graph) { g.Nodes[1].Inputs[1] = &graph.Value{Name: "w", Shape: tensor.Shape{5, 64}} },
		"features of a layer": func(g *graph.Graph) { g.Inputs[0] = &graph.Value{Name: "z", Shape: tensor.Shape{1, 2, 4, 8}} },
	} {
		g := perceptron(r)
		change(g)
		if shared, err := PoolInput(g); shared || err != nil || len(g.Nodes) != 4 {
			t.Errorf("%s: %v, %v, %d nodes", name, shared, err, len(g.Nodes))
		}
	}
	g := perceptron(r)
	p := g.Nodes[2].Inputs[1].Param
	p.Mask = make([]float32, len(p.Shadow.Data))
	if _, err := PoolInput(g); err == nil || !strings.Contains(err.Error(), `"wb" is pruned or quantized`) {
		t.Errorf("pruned weights: %v", err)
	}
}
