package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"edgec/internal/graph"
	"edgec/internal/op"
	"edgec/internal/ortcheck"
	"edgec/internal/tensor"
	"edgec/internal/testnet"
)

// recurrentNet is a layer over inputs [N,5,3] with 4 units: its states and, with Cell, its
// last cell.
func recurrentNet(t *testing.T, o op.Recurrent, full bool) *graph.Graph {
	t.Helper()
	rng := rand.New(rand.NewPCG(8, 3))
	param := func(name string, role graph.Role, shape ...int) *graph.Value {
		p := tensor.New(shape...)
		for i := range p.Data {
			p.Data[i] = float32(rng.NormFloat64()) * 0.6
		}
		return &graph.Value{Name: name, Shape: p.Shape, Param: graph.NewParam(name, role, p)}
	}
	gates := map[op.RecurrentKind]int{op.RNN: 1, op.GRU: 3, op.LSTM: 4}[o.Kind]
	x := &graph.Value{Name: "x", Shape: tensor.Shape{1, 5, 3}}
	s, y := &graph.Value{Name: "s"}, &graph.Value{Name: "y"}
	in := []*graph.Value{s, param("R", graph.Weight, gates*4, 4)}
	if full {
		in = append(in, param("rb", graph.Bias, gates*4))
	}
	if full && o.Kind == op.LSTM {
		in = append(in, nil, nil, param("peep", graph.Constant, 12))
	}
	g := &graph.Graph{Inputs: []*graph.Value{x}, Outputs: []*graph.Value{y}, Nodes: []*graph.Node{
		{Name: "sums", Op: op.Dense{}, Inputs: []*graph.Value{x, param("W", graph.Weight, gates*4, 3), param("b", graph.Bias, gates*4)}, Outputs: []*graph.Value{s}},
		{Name: "layer", Op: o, Inputs: in, Outputs: []*graph.Value{y}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

var recurrentForms = []op.Recurrent{
	{Kind: op.RNN}, {Kind: op.RNN, Reverse: true, Clip: 0.5}, {Kind: op.RNN, Gates: [3]op.Gate{{Name: "LeakyRelu", Alpha: 0.2}}},
	{Kind: op.GRU}, {Kind: op.GRU, LinearBeforeReset: true}, {Kind: op.GRU, LinearBeforeReset: true, Reverse: true},
	{Kind: op.GRU, Gates: [3]op.Gate{{Name: "HardSigmoid", Alpha: 0.25, Beta: 0.5}, {Name: "Softsign"}}},
	{Kind: op.LSTM}, {Kind: op.LSTM, Cell: true}, {Kind: op.LSTM, Cell: true, Reverse: true},
}

// TestRecurrentWrites: what is written is read as the same function, as one layer of ONNX.
func TestRecurrentWrites(t *testing.T) {
	x := tensor.New(2, 5, 3)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(float64(i)))
	}
	for _, o := range recurrentForms {
		for _, full := range []bool{false, true} {
			g := recurrentNet(t, o, full)
			want, err := forward(g, x)
			if err != nil {
				t.Fatal(err)
			}
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(data), "MatMul"); n != 0 {
				t.Errorf("%v: the sums of W are a layer of their own", o)
			}
			back, err := Decode(data, "m.onnx")
			if err != nil {
				t.Fatalf("%+v: %v", o, err)
			}
			got, err := forward(back, x)
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, fmt.Sprintf("%+v", o), got[0], want[0], 1e-6)
		}
	}
}

// TestRecurrentInORT: ONNX Runtime computes the same.
func TestRecurrentInORT(t *testing.T) {
	r := ortcheck.New(t)
	x := tensor.New(2, 5, 3)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(float64(i)))
	}
	for i, o := range recurrentForms {
		data, err := Encode(recurrentNet(t, o, true))
		if err != nil {
			t.Fatal(err)
		}
		r.Add(fmt.Sprint("m", i), data, x.Data)
	}
	r.Run()
	for i, o := range recurrentForms {
		want, err := forward(recurrentNet(t, o, true), x)
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range ortcheck.Modes {
			got := tensor.Of(r.Output(fmt.Sprint("m", i), mode), want[0].Shape...)
			closeTo(t, fmt.Sprintf("%+v %s", o, mode), want[0], got, 1e-5)
		}
	}
}

// TestSilero: a voice detector of convolutions and an LSTM, whose state goes in and out and
// whose branches depend on the sampling rate, gives the outputs of ONNX Runtime.
func TestSilero(t *testing.T) {
	dir := dataDir(t)
	g, _, err := ReadWith(filepath.Join(dir, "models", "speech", "silero-vad-16k.onnx"), Options{Shapes: map[string][]int{"input": {1, 576}, "state": {2, 1, 128}}})
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join(dir, "golden", "silero-vad-16k")
	in := map[string]*tensor.Tensor{"input": testnet.Npy(t, filepath.Join(golden, "in0.npy")), "state": testnet.Npy(t, filepath.Join(golden, "in1.npy"))}
	var x []*tensor.Tensor
	for _, v := range g.Inputs {
		one := tensor.New(v.Shape...)
		if v.Name == "sr" {
			one.Data[0] = 16000
		} else {
			copy(one.Data, in[v.Name].Data)
		}
		x = append(x, one)
	}
	got, err := forward(g, x...)
	if err != nil {
		t.Fatal(err)
	}
	for k, y := range got {
		want := testnet.Npy(t, filepath.Join(golden, fmt.Sprintf("out%d.npy", k)))
		closeTo(t, fmt.Sprint("output ", k), tensor.Of(y.Data, want.Shape...), want, goldenTol)
	}
}

// TestForgottenReset: a GRU of PyTorch without PyTorch's order of reset is noted.
func TestForgottenReset(t *testing.T) {
	for _, after := range []bool{false, true} {
		data, err := Encode(recurrentNet(t, op.Recurrent{Kind: op.GRU, LinearBeforeReset: after}, true))
		if err != nil {
			t.Fatal(err)
		}
		m := message(data)
		m.str(2, "pytorch") // of two, the last counts
		g, err := Decode(m, "m.onnx")
		if err != nil {
			t.Fatal(err)
		}
		if noted := strings.Contains(strings.Join(g.Notes, "\n"), "linear_before_reset=1"); noted == after {
			t.Errorf("reset after %v: notes %q", after, g.Notes)
		}
	}
}

// TestRecurrentRefusals: what a recurrent layer cannot be is refused by name, with a way out.
func TestRecurrentRefusals(t *testing.T) {
	layer := func(dims []int, in string, attrs ...attribute) *modelBuilder {
		b := newModel(14).inputOpen("x", "batch", 1, dims...).output("y")
		b.floats("w", []int{1, 3, 2}, make([]float32, 6)...).floats("r", []int{1, 3, 1}, make([]float32, 3)...).floats("p", []int{1, 2}, 1, 1)
		b.floats("h", []int{1, 1, 1}, 1).int64s("short", 3, 4)
		return b.node("GRU", in, "y", attrs...)
	}
	for _, c := range []struct {
		name string
		b    *modelBuilder
		want []string
	}{
		{"direction", layer([]int{4, 2, 2}, "x,w,r", attribute{"direction", "sideways"}), []string{"direction", "sideways"}},
		{"hidden size", layer([]int{4, 2, 2}, "x,w,r", attribute{"hidden_size", 7}), []string{"hidden_size", "7", "the weights have 1"}},
		{"inputs", layer([]int{4, 2, 3}, "x,w,r"), []string{`input "x"`, "weights of 2 inputs"}},
		{"weights", layer([]int{4, 2, 2}, "x,w,p"), []string{`input "p"`, "[1, 3 hidden, hidden] is needed"}},
		{"activation", layer([]int{4, 2, 2}, "x,w,r", attribute{"activations", []string{"Sigmoid", "Sine"}}), []string{"activations", `"Sine"`, "use Sigmoid and Tanh"}},
		{"lengths", layer([]int{4, 2, 2}, "x,w,r,,short"), []string{`input "short"`, "a length of 3 for sequences of 4 steps", "without sequence_lens"}},
		{"cell", layer([]int{4, 2, 2}, "x,w,r,,,h,h"), []string{`input "h"`, "a GRU has no cell"}},
	} {
		_, err := Decode(c.b.bytes(), "m.onnx")
		if err == nil {
			t.Errorf("%s: it is read", c.name)
			continue
		}
		for _, w := range append(c.want, "(GRU)") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q lacks %q", c.name, err, w)
			}
		}
	}
}

// Sequences of one sample share weights, and each has biases of its own: their grids follow from
// those of the inputs.
func TestBiasesOfSequences(t *testing.T) {
	g, err := Decode(on(13, 3, 4, 2).int64s("s", -1, 4, 2).node("Reshape", "x,s", "r").node("Transpose", "r", "t", attribute{"perm", []int{1, 0, 2}}).
		floats("W", []int{1, 9, 2}, ramp(18)...).floats("R", []int{1, 9, 3}, ramp(27)...).floats("B", []int{1, 18}, ramp(18)...).
		node("GRU", "t,W,R,B", "y", attribute{"hidden_size", 3}, attribute{"linear_before_reset", 1}).node("Transpose", "y", "u", attribute{"perm", []int{2, 0, 1, 3}}).
		int64s("back", -1, 36).node("Reshape", "u,back", "z").output("z").bytes(), "sequences")
	if err != nil {
		t.Fatal(err)
	}
	weights, biases := map[*graph.Param]bool{}, map[*graph.Param]bool{}
	for _, n := range g.Nodes {
		if n.Op.Name() == "Dense" {
			weights[n.Inputs[1].Param], biases[n.Inputs[2].Param] = true, true
		}
	}
	if len(weights) != 1 || len(biases) != 3 {
		t.Errorf("%d weights and %d biases of three sequences, want 1 and 3", len(weights), len(biases))
	}
}
