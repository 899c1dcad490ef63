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
